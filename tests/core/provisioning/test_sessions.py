"""Whole sessions on every kind of air (S18, S19): both agree, or it ends with a stable code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.core.provisioning.pair import DATA, OPTIONS
from tests.core.provisioning.site import UUID, Site
from tests.core.wire import ON_TIME, bad_air

from meshwright.core.bearers import generic
from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.crypto import KeyPair
from meshwright.core.effects import CloseReason, LinkClosed, LinkOpened
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.events import BecameNode, SessionFailed, SessionRefused
from meshwright.core.provisioning.fields import ErrorCode
from meshwright.randomness import SeededRandomness


def site_with(seed: int, *, loss: float, doubling: float = 0.0, lateness: float = 0.0) -> Site:
    uniform = SeededRandomness(seed).uniform("air")
    return Site(seed, bad_air(uniform, loss=loss, doubling=doubling, lateness=lateness))


def test_on_perfect_air_nothing_is_sent_twice() -> None:
    site = Site(1).start().run()
    site.check_ended()
    assert site.provisioned
    assert site.link.statistics.retransmissions == 0
    assert site.device_link.statistics.retransmissions == 0
    assert site.wire.right.told(BecameNode)[0].data == DATA
    sent = [packet for _, _, packet in site.wire.packets]
    assert len(set(sent)) == len(sent) - 3  # of the four Link Closes


@pytest.mark.parametrize("loss", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_s19_loss_is_made_good(seed: int, loss: float) -> None:
    site = site_with(seed, loss=loss).start().run()
    site.check_ended()
    assert site.provisioned


@pytest.mark.parametrize("seed", range(30))
def test_s19_half_of_all_packets_lost(seed: int) -> None:
    site_with(seed, loss=0.5).start().run().check_ended()


@pytest.mark.parametrize("lateness", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("seed", range(10))
def test_s19_late_and_doubled_packets(seed: int, lateness: float) -> None:
    site = site_with(seed, loss=0.1, doubling=0.3, lateness=lateness).start().run()
    site.check()
    assert site.session.finished


def test_s19_a_lost_link_open_is_sent_again_at_once() -> None:
    site = Site(1)
    opens = [0]

    def fate(payload: bytes) -> tuple[float, ...]:
        opens[0] += payload[5] == generic.link_open(bytes(16))[0]
        return () if opens[0] == 1 else ON_TIME

    site.wire.fate = fate
    site.start().run()
    assert site.provisioned
    opened = next(when for when, address, _ in site.wire.packets if address == b"DEVICE")
    assert opened < LinkTiming().open_retransmit + 0.2


@pytest.mark.parametrize("packet", range(66))
def test_s19_any_one_packet_may_be_lost(packet: int) -> None:
    site = Site(1)
    count = [0]

    def fate(_payload: bytes) -> tuple[float, ...]:
        count[0] += 1
        return () if count[0] == packet + 1 else ON_TIME

    site.wire.fate = fate
    site.start().run().check_ended()
    assert site.provisioned


@pytest.mark.parametrize("packet", range(0, 66, 3))
def test_a_device_that_dies_at_any_packet(packet: int) -> None:
    site = Site(1)
    site.wire.fate = lambda _payload: ON_TIME if len(site.wire.packets) <= packet else ()
    site.start().run().check_ended()
    (closed,) = site.wire.left.told(LinkClosed)
    if closed.opened and not site.provisioned:
        assert site.wire.left.told(SessionFailed)[0].code in ("link-lost", "provisioning-timeout")


def test_a_device_can_be_provisioned_after_sessions_that_died() -> None:
    first = Site(1)
    for packets in range(5, 50, 9):
        site = Site(packets, device=first.device)
        site.wire.fate = lambda _payload, site=site, packets=packets: (  # type: ignore[misc]
            ON_TIME if len(site.wire.packets) <= packets else ()
        )
        site.start().run().check_ended()
        assert not site.provisioned
    last = Site(99, device=first.device).start().run()
    last.check_ended()
    assert last.provisioned


# S18.


def test_s18_a_second_link_open_during_a_session_changes_nothing() -> None:
    site = Site(1).start()
    other = b"\xff\xff\xff\xff\x00" + generic.link_open(UUID)
    while site.wire.step(600.0) and not site.provisioned:
        if site.device_link.is_open:
            site.wire.deliver(site.wire.right, other, b"STRANG")
    site.run().check_ended()
    assert site.provisioned
    assert site.wire.right.told(LinkOpened) == [LinkOpened(b"PROVIS")]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(
    "forged",
    [
        generic.segment(b"\x09\x07")[0],
        generic.segment(b"\x08")[0],
        generic.segment(b"\x00\x00")[0],
        generic.link_close(2),
        generic.ACK,
        generic.segment(bytes(60))[0],
    ],
    ids=["failed", "complete", "invite", "close", "ack", "start"],
)
def test_s18_a_third_radio_with_a_stolen_link_id_is_not_heard(side: str, forged: bytes) -> None:
    site = Site(1).start()
    end = getattr(site.wire, side)
    steps = 0
    while site.wire.step(600.0):
        steps += 1
        if steps > 40:  # both know each other by now
            number = bytes([steps & 0xFF])
            site.wire.deliver(end, site.link.link_id + number + forged, b"STRANG")
    site.check_ended()
    assert site.provisioned


@pytest.mark.parametrize("seed", range(20))
def test_s18_a_third_radio_under_the_same_address_cannot_mix_anything(seed: int) -> None:
    """The worst case: nothing but the link's numbers and the cryptography stands against it."""
    site = Site(seed).start()
    random = SeededRandomness(seed).stream("forger")
    pdus = [b"\x09\x07", b"\x00\x00", b"\x0c", b"\x06" + bytes(32), b"\x05" + bytes(32)]
    while site.wire.step(600.0):
        choice, number, side = random(3)
        if choice < 16:
            end, sender = (site.wire.left, b"DEVICE") if side & 1 else (site.wire.right, b"PROVIS")
            for segment in generic.segment(pdus[choice % len(pdus)]):
                octet = bytes([number % 16 | (0x80 if side & 1 else 0)])
                site.wire.deliver(end, site.link.link_id + octet + segment, sender)
    site.check()
    assert site.session.finished


def test_s18_a_node_is_not_provisioned_again() -> None:
    site = Site(1).start().run()
    again = Site(2, device=site.device).start().run()
    again.check()
    assert not again.provisioned
    assert again.wire.right.told(BecameNode) == []
    (closed,) = again.wire.left.told(LinkClosed)
    assert (closed.reason, closed.by_peer) == (CloseReason.FAIL, True)


def test_a_device_without_the_certified_key_is_told_apart_on_the_air() -> None:
    options = replace(OPTIONS, key_pair=KeyPair(5))
    rogue = DeviceMachine(options, SeededRandomness(1).stream("rogue"))
    site = Site(1, device=rogue).start().run()
    (failed,) = site.wire.left.told(SessionFailed)
    assert (failed.code, failed.error) == ("refused-by-device", ErrorCode.CONFIRMATION_FAILED)
    assert site.wire.right.told(SessionRefused) == [SessionRefused(ErrorCode.CONFIRMATION_FAILED)]
    assert site.wire.right.told(LinkClosed) == [LinkClosed(CloseReason.FAIL, by_peer=True)]
    assert not site.wire.right.told(BecameNode)


class Interleavings(RuleBasedStateMachine):
    """Packets wait in a pool until a rule delivers, doubles, damages or loses them."""

    def __init__(self) -> None:
        super().__init__()
        self.pool: list[tuple[bool, bytes]] = []
        self.site: Site | None = None

    @precondition(lambda self: self.site is None)
    @rule(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.site = Site(seed, self._keep).start()

    def _keep(self, payload: bytes) -> tuple[float, ...]:
        assert self.site is not None
        _, sender, _ = self.site.wire.packets[-1]
        self.pool.append((sender == b"PROVIS", payload))
        return ()

    def _deliver(self, to_device: bool, payload: bytes) -> None:
        assert self.site is not None
        wire = self.site.wire
        end, sender = (wire.right, b"PROVIS") if to_device else (wire.left, b"DEVICE")
        wire.deliver(end, payload, sender)

    @precondition(lambda self: self.site is not None)
    @rule(steps=st.integers(1, 8))
    def go_on(self, steps: int) -> None:
        assert self.site is not None
        for _ in range(steps):
            self.site.wire.step()

    @precondition(lambda self: self.pool)
    @rule()
    def deliver_in_order(self) -> None:
        while self.pool:
            self._deliver(*self.pool.pop(0))

    @precondition(lambda self: self.pool)
    @rule(data=st.data(), keep=st.booleans())
    def deliver_any(self, data: st.DataObject, keep: bool) -> None:
        index = data.draw(st.integers(0, len(self.pool) - 1))
        chosen = self.pool[index] if keep else self.pool.pop(index)
        self._deliver(*chosen)

    @precondition(lambda self: self.pool)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        self.pool.pop(data.draw(st.integers(0, len(self.pool) - 1)))

    @precondition(lambda self: self.pool)
    @rule(data=st.data(), position=st.integers(0, 28 * 8 - 1))
    def damage(self, data: st.DataObject, position: int) -> None:
        index = data.draw(st.integers(0, len(self.pool) - 1))
        to_device, payload = self.pool.pop(index)
        damaged = bytearray(payload)
        damaged[position // 8 % len(damaged)] ^= 1 << position % 8
        self._deliver(to_device, bytes(damaged))

    @precondition(lambda self: self.site is not None)
    @rule(seconds=st.sampled_from([0.05, 0.3, 2.0, 31.0]))
    def silence(self, seconds: float) -> None:
        assert self.site is not None
        self.pool.clear()
        self.site.wire.run(seconds)

    @invariant()
    def both_agree(self) -> None:
        if self.site is not None:
            self.site.check()

    def teardown(self) -> None:
        if self.site is not None:
            self.site.wire.fate = lambda _payload: ON_TIME
            while self.pool:
                self._deliver(*self.pool.pop(0))
            self.site.run()
            self.site.check_ended()


Interleavings.TestCase.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
TestInterleavings = Interleavings.TestCase
