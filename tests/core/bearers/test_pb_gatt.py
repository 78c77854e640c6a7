"""PB-GATT links: opening, values out one at a time, every way to close, and time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.bearers.pb_gatt import DeviceGattLink, GattLink, ProvisionerGattLink
from meshwright.core.bearers.proxy_sar import MessageType, encode
from meshwright.core.bearers.timing import GattTiming
from meshwright.core.bearers.transactions import QUEUE_LIMIT
from meshwright.core.effects import (
    CloseReason,
    Disconnect,
    Effect,
    Lane,
    LinkClosed,
    LinkOpened,
    PduReceived,
    Priority,
    Transmit,
)

PDU = b"\x03" + bytes(range(64))
PROVISIONING = MessageType.PROVISIONING
CUT = Disconnect()


def values(pdu: bytes, mtu: int = 23) -> list[bytes]:
    return encode(PROVISIONING, pdu, mtu)


def value(pdu: bytes) -> bytes:
    (only,) = values(pdu, 517)
    return only


def transmit(octets: bytes) -> list[Effect]:
    return [Transmit(Lane.TRANSACTION, octets, Priority.SEGMENT)]


def closed(reason: CloseReason, *, by_peer: bool = False, opened: bool = True) -> LinkClosed:
    return LinkClosed(reason, by_peer=by_peer, opened=opened)


def receive_all(link: GattLink, pdus: list[bytes], now: float = 0.0) -> list[Effect]:
    return [effect for pdu in pdus for effect in link.receive(pdu, now)]


def drain(link: GattLink, effects: list[Effect]) -> Iterator[Effect]:
    """Let everything leave; yield what the link wants until it wants nothing."""
    while effects:
        effect = effects.pop(0)
        yield effect
        if isinstance(effect, Transmit):
            effects += link.transmitted(effect.lane, 0.0)


def payloads(effects: list[Effect]) -> list[bytes]:
    return [effect.payload for effect in effects if isinstance(effect, Transmit)]


@pytest.fixture(params=[ProvisionerGattLink, DeviceGattLink])
def link(request: pytest.FixtureRequest) -> GattLink:
    """Return a link that has just opened at an ATT_MTU of 23."""
    made: GattLink = request.param()
    assert made.connected(23, 0.0) == [LinkOpened()]
    return made


# Opening.


def test_the_provisioner_waits_a_minute_for_the_connection() -> None:
    link = ProvisionerGattLink()
    assert link.open(1.0) == []
    assert link.next_deadline() == 61.0
    assert link.handle_deadline(60.9) == []
    assert link.handle_deadline(61.0) == [CUT, closed(CloseReason.TIMEOUT, opened=False)]
    assert link.finished
    assert link.connected(23, 62.0) == []


def test_a_connection_that_is_never_made_closes_the_link() -> None:
    link = ProvisionerGattLink()
    link.open(0.0)
    assert link.disconnected(1.0) == [closed(CloseReason.FAIL, by_peer=True, opened=False)]
    assert link.finished
    assert link.disconnected(2.0) == []


def test_closing_while_connecting_stops_it() -> None:
    link = ProvisionerGattLink()
    link.open(0.0)
    assert link.close(CloseReason.FAIL, 1.0) == [CUT, closed(CloseReason.FAIL, opened=False)]
    assert link.next_deadline() is None


def test_an_unused_link_wants_nothing() -> None:
    link = DeviceGattLink()
    assert not link.is_open
    assert link.next_deadline() is None
    assert link.send(PDU, 0.0) == link.close(CloseReason.FAIL, 0.0) == []
    assert link.receive(value(PDU), 0.0) == link.disconnected(0.0) == []
    assert link.transmitted(Lane.TRANSACTION, 0.0) == []


def test_connecting_twice_changes_nothing(link: GattLink) -> None:
    assert link.connected(247, 1.0) == []
    assert payloads(link.send(PDU, 1.0)) == values(PDU)[:1]


@pytest.mark.parametrize(("mtu", "used"), [(0, 23), (23, 23), (517, 517), (1000, 517)])
def test_an_impossible_mtu_is_put_right(mtu: int, used: int) -> None:
    link = DeviceGattLink()
    link.connected(mtu, 0.0)
    assert payloads(list(drain(link, link.send(bytes(600), 0.0)))) == values(bytes(600), used)


# The link timer (5.2.2).


def test_silence_after_opening_ends_the_link(link: GattLink) -> None:
    list(drain(link, link.send(PDU, 1.0)))  # sending is not enough
    assert link.next_deadline() == 60.0
    assert link.handle_deadline(60.0) == [CUT, closed(CloseReason.TIMEOUT)]


def test_a_part_of_a_pdu_is_not_enough(link: GattLink) -> None:
    receive_all(link, values(PDU)[:-1], 59.0)
    assert link.handle_deadline(60.0) == [CUT, closed(CloseReason.TIMEOUT)]


def test_a_whole_pdu_stops_the_link_timer(link: GattLink) -> None:
    assert receive_all(link, values(PDU), 59.0) == [PduReceived(PDU)]
    assert link.next_deadline() is None


# Receiving.


@given(st.lists(st.binary(max_size=200), max_size=QUEUE_LIMIT), st.integers(23, 517))
def test_what_one_sends_the_other_receives(pdus: list[bytes], mtu: int) -> None:
    one, other = ProvisionerGattLink(), DeviceGattLink()
    one.connected(mtu, 0.0)
    other.connected(mtu, 0.0)
    wanted = [effect for pdu in pdus for effect in one.send(pdu, 0.0)]
    received = receive_all(other, payloads(list(drain(one, wanted))))
    assert received == [PduReceived(pdu) for pdu in pdus]


@pytest.mark.parametrize("mistake", [b"\x83x", b"\xc3x"])
def test_a_mistake_in_segmentation_ends_the_link(link: GattLink, mistake: bytes) -> None:
    link.send(PDU, 0.0)
    assert link.receive(mistake, 1.0) == [CUT, closed(CloseReason.FAIL)]
    assert link.next_deadline() is None
    assert link.transmitted(Lane.TRANSACTION, 1.0) == []


def test_too_long_a_pdu_ends_the_link() -> None:
    link = DeviceGattLink(pdu_limit=100)
    link.connected(69, 0.0)
    assert receive_all(link, values(bytes(100), 69)) == [PduReceived(bytes(100))]
    assert receive_all(link, values(bytes(101), 69)) == [CUT, closed(CloseReason.FAIL)]


def test_a_slow_message_ends_the_link(link: GattLink) -> None:
    first, second, *_ = values(PDU)
    link.receive(first, 10.0)
    link.receive(second, 29.0)
    assert link.next_deadline() == 30.0
    assert link.handle_deadline(30.0) == [CUT, closed(CloseReason.FAIL)]


def test_the_next_message_has_its_own_time(link: GattLink) -> None:
    receive_all(link, values(PDU), 5.0)
    link.receive(values(PDU)[0], 19.0)
    assert link.next_deadline() == 39.0


def test_other_types_are_ignored(link: GattLink) -> None:
    assert receive_all(link, [b"", b"\x00net", b"\x41beacon", b"\x3frfu"]) == []
    assert link.next_deadline() == 60.0
    assert link.is_open


def test_a_peer_that_asks_and_takes_no_answers_is_cut_off(link: GattLink) -> None:
    for _ in range(QUEUE_LIMIT + 1):
        assert link.receive(value(b"\x0a"), 0.0) == [PduReceived(b"\x0a")]
        link.send(PDU, 0.0)
    link.receive(value(b"\x0a"), 0.0)
    link.send(PDU, 0.0)
    assert link.receive(value(b"\x0a"), 0.0) == [CUT, closed(CloseReason.FAIL)]


def test_so_is_one_that_asks_for_much_at_once(link: GattLink) -> None:
    for _ in range(3):
        assert link.receive(value(b"\x0a"), 0.0) == [PduReceived(b"\x0a")]
        link.send(bytes(8200), 0.0)
    assert link.receive(value(b"\x0a"), 0.0) == [CUT, closed(CloseReason.FAIL)]


# Sending.


def test_one_value_is_out_at_a_time(link: GattLink) -> None:
    first, second, *_ = values(PDU)
    assert link.send(PDU, 0.0) == transmit(first)
    assert link.send(b"\x05", 0.0) == []
    assert link.transmitted(Lane.TRANSACTION, 0.5) == transmit(second)
    rest = list(drain(link, link.transmitted(Lane.TRANSACTION, 0.6)))
    assert payloads(rest) == [*values(PDU)[2:], *values(b"\x05")]
    assert link.statistics.packets_sent == 5
    assert link.statistics.first_sent_at == 0.5


# Closing.


def test_a_close_with_nothing_to_say_is_immediate(link: GattLink) -> None:
    assert link.close(CloseReason.FAIL, 1.0) == [CUT, closed(CloseReason.FAIL)]
    assert link.close(CloseReason.SUCCESS, 2.0) == link.disconnected(2.0) == []


def test_what_is_queued_leaves_before_we_disconnect(link: GattLink) -> None:
    wanted = [*link.send(PDU, 0.0), *link.send(b"\x09\x07", 0.0)]
    assert link.close(CloseReason.TIMEOUT, 0.0) == []
    assert link.send(b"\x00\x00", 0.0) == link.receive(value(PDU), 0.0) == []
    effects = list(drain(link, wanted))
    assert payloads(effects) == [*values(PDU), *values(b"\x09\x07")]
    assert effects[-2:] == [CUT, closed(CloseReason.TIMEOUT)]
    assert link.next_deadline() is None


def test_a_peer_that_takes_nothing_delays_a_close_by_seconds_only() -> None:
    link = DeviceGattLink(timing=GattTiming(farewell=2.0))
    link.connected(23, 0.0)
    link.send(PDU, 0.0)
    link.close(CloseReason.SUCCESS, 1.0)
    assert link.next_deadline() == 3.0
    assert link.handle_deadline(3.0) == [CUT, closed(CloseReason.SUCCESS)]


def test_a_disconnect_is_told_once(link: GattLink) -> None:
    link.send(PDU, 0.0)
    assert link.disconnected(1.0) == [closed(CloseReason.FAIL, by_peer=True)]
    assert link.disconnected(1.0) == link.transmitted(Lane.TRANSACTION, 1.0) == []
    assert link.next_deadline() is None


def test_a_disconnect_during_a_close_is_the_peers(link: GattLink) -> None:
    link.send(PDU, 0.0)
    link.close(CloseReason.TIMEOUT, 0.0)
    assert link.disconnected(1.0) == [closed(CloseReason.FAIL, by_peer=True)]


def test_only_a_provisioners_link_is_ever_finished(link: GattLink) -> None:
    link.close(CloseReason.SUCCESS, 0.0)
    assert link.finished is isinstance(link, ProvisionerGattLink)


def test_a_device_serves_one_connection_after_the_other() -> None:
    link = DeviceGattLink()
    link.connected(23, 0.0)
    link.send(PDU, 0.0)
    link.receive(values(PDU)[0], 0.0)
    link.disconnected(5.0)
    assert link.connected(69, 10.0) == [LinkOpened()]
    assert link.next_deadline() == 70.0
    assert link.send(PDU, 10.0) == transmit(value(PDU))
    assert link.receive(value(PDU), 10.0) == [PduReceived(PDU)]


# Handing the connection on.


@pytest.mark.parametrize("kind", [ProvisionerGattLink, DeviceGattLink])
def test_after_success_the_connection_can_stay(kind: type[GattLink]) -> None:
    link = kind(keep=True)
    link.connected(247, 0.0)
    wanted = link.send(b"\x08", 0.0)
    assert link.close(CloseReason.SUCCESS, 0.0) == []
    assert list(drain(link, wanted)) == [*transmit(b"\x03\x08"), closed(CloseReason.SUCCESS)]
    assert not link.is_open
    assert link.next_deadline() is None


@pytest.mark.parametrize("reason", [CloseReason.FAIL, CloseReason.TIMEOUT])
def test_after_anything_else_it_does_not(reason: CloseReason) -> None:
    link = ProvisionerGattLink(keep=True)
    link.connected(247, 0.0)
    assert link.close(reason, 0.0) == [CUT, closed(reason)]


def test_a_connection_that_takes_nothing_is_not_kept() -> None:
    link = ProvisionerGattLink(keep=True)
    link.connected(247, 0.0)
    link.send(PDU, 0.0)
    link.close(CloseReason.SUCCESS, 0.0)
    assert link.handle_deadline(5.0) == [CUT, closed(CloseReason.SUCCESS)]


# Whatever happens.

STEPS = st.one_of(
    st.tuples(st.just("connected"), st.integers(0, 600)),
    st.tuples(st.just("disconnected"), st.none()),
    st.tuples(st.just("receive"), st.binary(max_size=30)),
    st.tuples(st.just("send"), st.binary(max_size=60)),
    st.tuples(st.just("close"), st.sampled_from(CloseReason)),
    st.tuples(st.just("transmitted"), st.none()),
    st.tuples(st.just("wait"), st.floats(0, 30)),
)


@given(st.sampled_from([ProvisionerGattLink, DeviceGattLink]), st.lists(STEPS, max_size=40))
def test_every_link_that_opened_is_closed_once(
    kind: type[GattLink], steps: list[tuple[str, object]]
) -> None:
    link, now, told = kind(pdu_limit=100), 0.0, list[Effect]()
    if isinstance(link, ProvisionerGattLink):
        link.open(now)
    calls: dict[str, Callable[[Any], list[Effect]]] = {
        "connected": lambda mtu: link.connected(mtu, now),
        "disconnected": lambda _: link.disconnected(now),
        "receive": lambda octets: link.receive(octets, now),
        "send": lambda octets: link.send(octets, now),
        "close": lambda reason: link.close(reason, now),
        "transmitted": lambda _: link.transmitted(Lane.TRANSACTION, now),
        "wait": lambda _: link.handle_deadline(now),
    }
    for step, argument in steps:
        if isinstance(argument, float):
            now += argument
        told += calls[step](argument)
    told += link.disconnected(now)
    opened = sum(isinstance(effect, LinkOpened) for effect in told)
    ended = [effect for effect in told if isinstance(effect, LinkClosed) and effect.opened]
    assert len(ended) == opened
    assert link.next_deadline() is None
