"""Two real links on bad air (S7, S18, S19): all in order, once, or an end in bounded time."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.bearers.packets import LINK, UUID, link_close
from tests.core.wire import Alone, End, Fate, Wire, bad_air

from meshwright.core.bearers.generic import segment
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.driver import Bearer
from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened, PduReceived
from meshwright.randomness import SeededRandomness

QUESTIONS = 12
SIZES = (1, 12, 66, 33, 300)
LONGEST = 60.0 + QUESTIONS * 2 * 30.0
"""Establishment, then the acknowledgment time of every transaction."""


@dataclass
class Talk:
    """A Provisioner that asks and a device that answers, with PDUs that nobody can confuse."""

    seed: int
    fate: Fate
    asked: list[bytes] = field(default_factory=list)
    answered: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        randomness = SeededRandomness(self.seed)
        self._octets = randomness.stream("pdus")
        uniform = randomness.uniform("delays")
        self.provisioner = ProvisionerLink(UUID, LINK, uniform)
        self.device = DeviceLink(UUID, uniform)
        left = End(self.provisioner, b"PROVIS", self._lead)
        right = End(self.device, b"DEVICE", self._answer)
        self.wire = Wire(left, right, fate=self.fate)

    def run(self) -> None:
        self.wire.act(self.wire.left, self.provisioner.open(0.0))
        while not self.provisioner.finished and self.wire.step(LONGEST):
            pass
        self.wire.run(5.0)

    def _pdu(self, sent: list[bytes]) -> bytes:
        pdu = self._octets(SIZES[len(sent) % len(SIZES)])
        sent.append(pdu)
        return pdu

    def _lead(self, effect: Effect, now: float) -> list[Effect]:
        if not isinstance(effect, LinkOpened | PduReceived):
            return []
        if len(self.asked) == QUESTIONS:
            return self.provisioner.close(CloseReason.SUCCESS, now)
        return self.provisioner.send(self._pdu(self.asked), now)

    def _answer(self, effect: Effect, now: float) -> list[Effect]:
        if not isinstance(effect, PduReceived):
            return []
        return self.device.send(self._pdu(self.answered), now)

    @property
    def succeeded(self) -> bool:
        return len(self.asked) == QUESTIONS and len(self._heard(self.wire.left)) == QUESTIONS

    @staticmethod
    def _heard(end: End) -> list[bytes]:
        return [event.pdu for event in end.told(PduReceived)]

    def check(self) -> None:
        """Nothing twice, nothing out of order, nothing invented; an end in bounded time."""
        heard = self._heard(self.wire.right)
        assert heard == self.asked[: len(heard)]
        heard = self._heard(self.wire.left)
        assert heard == self.answered[: len(heard)]
        assert self.provisioner.finished
        assert len(self.wire.left.told(LinkClosed)) == 1


def test_perfect_air_needs_no_repetition() -> None:
    talk = Talk(1, lambda _payload: (0.0,))
    talk.run()
    talk.check()
    assert talk.succeeded
    assert talk.provisioner.statistics.retransmissions == 0
    assert talk.device.statistics.retransmissions == 0


@pytest.mark.parametrize("loss", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("seed", range(4))
def test_s19_loss_is_made_good(loss: float, seed: int) -> None:
    talk = Talk(seed, bad_air(SeededRandomness(seed).uniform("air"), loss=loss))
    talk.run()
    talk.check()
    assert talk.succeeded


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    loss=st.floats(0, 0.5),
    doubling=st.floats(0, 0.5),
    lateness=st.sampled_from([0.0, 0.01, 0.1, 0.5, 2.0]),
)
def test_s19_anything_may_happen_to_packets(
    seed: int, loss: float, doubling: float, lateness: float
) -> None:
    air = bad_air(
        SeededRandomness(seed).uniform("air"), loss=loss, doubling=doubling, lateness=lateness
    )
    talk = Talk(seed, air)
    talk.run()
    talk.check()


def test_no_answer_at_all() -> None:
    talk = Talk(1, lambda _payload: ())
    talk.run()
    assert talk.wire.left.told(LinkClosed) == [
        LinkClosed(CloseReason.TIMEOUT, by_peer=False, opened=False)
    ]
    assert talk.wire.right.events == []


def test_when_every_link_close_is_lost_the_device_frees_itself() -> None:
    talk = Talk(1, lambda payload: () if payload == link_close(0) else (0.0,))
    talk.run()
    talk.check()
    assert talk.device.is_open  # a provisioning machine would close it after its own time
    talk.wire.act(talk.wire.right, talk.device.close(CloseReason.TIMEOUT, talk.wire.now))
    talk.wire.run(1.0)
    assert not talk.device.is_open


def test_a_device_that_vanishes_ends_the_link_after_thirty_seconds() -> None:
    talk = Talk(1, lambda _payload: () if len(talk.asked) == 5 else (0.0,))
    talk.run()
    talk.check()
    (first,) = [when for when, _, p in talk.wire.packets if p[4] == 4 and p[5] & 3 == 0][:1]
    closed = next(when for when, _, p in talk.wire.packets if p == link_close(1))
    assert closed - first == pytest.approx(30.0, abs=0.06)


# A rogue that copies a UUID answers the same Link Open under the same Link ID.


@dataclass
class Rogue:
    """A second device with the same UUID, its own address and its own answers."""

    link: Bearer
    address: bytes = b"ROGUE!"
    answer: bytes = b"\xee" * 40

    def as_end(self) -> End:
        return End(self.link, self.address, self._on_effect)

    def _on_effect(self, effect: Effect, now: float) -> list[Effect]:
        return self.link.send(self.answer, now) if isinstance(effect, PduReceived) else []


class CrowdedWire(Wire):
    """The left end is heard by the right one and by a third one, and hears both."""

    third: End

    def deliver(self, end: End, payload: bytes, sender: bytes | None) -> None:
        super().deliver(end, payload, sender)
        if sender == self.left.address:
            super().deliver(self.third, payload, sender)

    def step(self, until: float = float("inf")) -> bool:
        if self.third.deadline() <= min(self._next(), until):
            self.now = max(self.now, self.third.deadline())
            self.act(self.third, self.third.machine.handle_deadline(self.now))
            return True
        return super().step(until)

    def _next(self) -> float:
        landing = self._flying[0][0] if self._flying else float("inf")
        return min(landing, self.left.deadline(), self.right.deadline())


def crowd(seed: int, refused: frozenset[bytes] = frozenset()) -> tuple[Talk, CrowdedWire]:
    talk = Talk(seed, lambda _payload: (0.0,))
    uniform = SeededRandomness(seed).uniform("crowd")
    talk.provisioner = ProvisionerLink(UUID, LINK, uniform, refused=refused)
    talk.wire.left.machine = talk.provisioner
    wire = CrowdedWire(talk.wire.left, talk.wire.right)
    wire.third = Rogue(DeviceLink(UUID, uniform)).as_end()
    talk.wire = wire
    return talk, wire


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(30))
def test_a_link_stays_with_one_of_two_that_answer(seed: int, loss: float) -> None:
    talk, wire = crowd(seed)
    wire.fate = bad_air(SeededRandomness(seed).uniform("air"), loss=loss)
    talk.run()
    heard = [event.pdu for event in wire.left.told(PduReceived)]
    rogue, genuine = heard.count(b"\xee" * 40), [pdu for pdu in heard if pdu != b"\xee" * 40]
    assert not (rogue and genuine), "the answers of two devices were mixed"
    assert len(heard) == QUESTIONS
    assert talk.provisioner.sender == (b"ROGUE!" if rogue else b"DEVICE")


def test_both_get_their_chance() -> None:
    winners = set()
    for seed in range(20):
        talk, _ = crowd(seed)
        talk.run()
        winners.add(talk.provisioner.sender)
    assert winners == {b"ROGUE!", b"DEVICE"}


@pytest.mark.parametrize("seed", range(10))
def test_a_refused_rogue_does_not_keep_the_genuine_device_out(seed: int) -> None:
    talk, wire = crowd(seed, frozenset({b"ROGUE!"}))
    talk.run()
    assert [event.pdu for event in wire.left.told(PduReceived)] == talk.answered
    assert len(talk.answered) == QUESTIONS


def test_a_device_with_a_new_address_for_every_packet_is_heard() -> None:
    talk = Talk(7, lambda _payload: (0.0,))
    addresses = (number.to_bytes(6, "big") for number in range(10_000))
    deliver = talk.wire.deliver

    def renamed(end: End, payload: bytes, sender: bytes | None) -> None:
        deliver(end, payload, next(addresses) if end is talk.wire.left else sender)

    talk.wire.deliver = renamed  # type: ignore[method-assign]
    talk.run()
    talk.check()
    assert talk.succeeded


def test_another_device_takes_over_from_one_that_fell_silent() -> None:
    link = ProvisionerLink(UUID, LINK, lambda: 0.0)
    alone = Alone(link)
    alone.act(link.open(0.0))
    alone.run(0.1)
    ack = LINK + b"\0\x07"
    alone.hear(ack, LINK + b"\x85\x06x", sender=b"ROGUE!")
    assert alone.events(LinkOpened) == [LinkOpened(b"ROGUE!")]
    alone.act(link.send(b"\x0c", alone.now))
    alone.run(4.0)
    alone.hear(LINK + b"\0\x01", sender=b"DEVICE")
    assert alone.run(0.3) != [], "the rogue still holds the link"
    alone.run(1.0)
    alone.hear(LINK + b"\0\x01", sender=b"DEVICE")
    assert alone.run(1.0) == []
    assert link.sender == b"DEVICE"


def test_devices_under_one_link_id_do_not_listen_to_each_other() -> None:
    link = DeviceLink(UUID, lambda: 0.0)
    alone = Alone(link)
    alone.hear(LINK + b"\0\x03" + UUID, sender=b"PROVER")
    rogue = (b"\0\x07", b"\x80\x00\x00\x01\x14\x08", b"\0\x01")
    alone.hear(*(LINK + packet for packet in rogue), sender=b"ROGUE!")
    assert link.sender == b"PROVER"
    alone.hear(LINK + b"\0" + segment(b"\x0c")[0], sender=b"PROVER")
    assert alone.events(PduReceived) == [PduReceived(b"\x0c")]


def test_a_second_answer_to_link_open_does_not_move_the_link() -> None:
    link = ProvisionerLink(UUID, LINK, lambda: 0.0)
    alone = Alone(link)
    alone.act(link.open(0.0))
    alone.run(0.1)
    alone.hear(LINK + b"\0\x07", sender=b"DEVICE")
    alone.hear(LINK + b"\0\x07", sender=b"ROGUE!")
    assert link.sender == b"DEVICE"
