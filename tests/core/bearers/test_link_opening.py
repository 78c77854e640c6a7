"""Opening a PB-ADV link (5.3.2), both roles."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.core.bearers.packets import (
    LINK,
    LINK_ACK,
    OTHER_LINK,
    UUID,
    ack,
    control,
    latest,
    link_close,
    link_of,
    link_open,
    open_device,
    open_provisioner,
    received,
    send,
    soonest,
    transaction,
)
from tests.core.wire import Alone

from meshwright.core.bearers import generic
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.effects import CloseReason, LinkClosed, LinkOpened, PduReceived
from meshwright.randomness import SeededRandomness

Role = Callable[[], Alone]

# The Provisioner.


def opening() -> Alone:
    link = ProvisionerLink(UUID, LINK, soonest)
    alone = Alone(link)
    alone.act(link.open(0.0))
    return alone


def test_link_open_is_repeated_until_it_is_acknowledged() -> None:
    alone = opening()
    assert alone.run(5.0) == [link_open()] * 7
    assert alone.times(link_open()) == [0.02, 0.24, 0.46, 0.68, 2.0, 3.32, 4.64]
    alone.hear(LINK_ACK)
    assert alone.told == [LinkOpened(None)]
    assert alone.run(50.0) == []


def test_a_peer_that_begins_its_link_ack_anew_at_each_link_open_gets_the_time_for_it() -> None:
    # BlueZ 5.66 does so, and needs a second of silence; a lost Link Open may cost 1.5 s.
    alone = opening()
    alone.run(50.0)
    waits = [after - before for before, after in pairwise(alone.times(link_open()))]
    assert max(waits[:3]) < 0.3
    assert 1.25 < min(waits[3:]) <= max(waits[3:]) < 1.5


def test_establishment_takes_sixty_seconds_from_before_the_first_link_open() -> None:
    alone = opening()
    alone.run(59.999)
    assert alone.told == []
    alone.run(0.001)
    assert alone.told == [LinkClosed(CloseReason.TIMEOUT, by_peer=False, opened=False)]
    sent = alone.run(10.0)
    assert sent == [link_close(1)] * 4
    assert alone.machine.finished
    assert alone.machine.next_deadline() is None


def test_giving_up_while_opening_says_so() -> None:
    alone = opening()
    alone.run(0.1)
    alone.act(link_of(alone).close(CloseReason.FAIL, alone.now))
    assert alone.told == [LinkClosed(CloseReason.FAIL, by_peer=False, opened=False)]
    assert alone.run(1.0) == [link_close(2)] * 4
    assert alone.machine.finished


def test_a_link_close_instead_of_a_link_ack_ends_it_unopened() -> None:
    alone = opening()
    alone.run(0.1)
    alone.hear(link_close(0))
    assert alone.told == [LinkClosed(0, by_peer=True, opened=False)]
    assert alone.machine.finished
    assert alone.run(100.0) == []


@pytest.mark.parametrize(
    "payload",
    [
        control(generic.LINK_ACK, OTHER_LINK),
        link_close(0, OTHER_LINK),
        link_open(),
        ack(0x00),
        transaction(0x80, b"\x08")[0],
        LINK + b"\0",
        LINK[:3],
        b"",
        control(b"\x0f"),
    ],
    ids=["other link", "close of another", "open", "ack", "pdu", "short", "shorter", "none", "rfu"],
)
def test_nothing_else_opens_a_link(payload: bytes) -> None:
    alone = opening()
    alone.run(0.1)
    alone.hear(payload)
    assert alone.told == []
    assert set(alone.run(1.0)) == {link_open()}


def test_link_ack_is_accepted_under_any_transaction_number_and_only_once() -> None:
    alone = opening()
    alone.run(0.1)
    alone.hear(LINK + b"\x85" + generic.LINK_ACK, LINK_ACK)
    assert alone.told == [LinkOpened(None)]


def test_a_link_that_is_not_opened_hears_nothing() -> None:
    alone = Alone(ProvisionerLink(UUID, LINK, soonest))
    alone.hear(LINK_ACK, link_close(0), transaction(0x80, b"\x08")[0])
    assert alone.told == []
    assert alone.machine.next_deadline() is None


# The device.


def idle_device() -> Alone:
    return Alone(DeviceLink(UUID, soonest))


def test_a_device_acknowledges_under_the_same_link_id() -> None:
    alone = idle_device()
    alone.hear(link_open(), sender=b"PROVIS")
    assert alone.told == [LinkOpened(b"PROVIS")]
    assert alone.run(1.0) == [LINK_ACK]
    assert alone.times(LINK_ACK) == [0.02]
    assert link_of(alone).link_id == LINK


def test_link_open_is_accepted_under_any_transaction_number() -> None:
    alone = idle_device()
    alone.hear(LINK + b"\x55" + generic.link_open(UUID))
    assert alone.told == [LinkOpened(None)]


@pytest.mark.parametrize(
    "payload",
    [
        link_open(uuid=bytes(16)),
        link_open()[:-1],
        link_open() + b"\0",
        LINK_ACK,
        link_close(0),
        ack(0),
        transaction(0, b"\0\0")[0],
        b"",
        LINK,
    ],
    ids=["other uuid", "short", "long", "ack", "close", "ta", "pdu", "none", "id only"],
)
def test_nothing_else_opens_a_device(payload: bytes) -> None:
    alone = idle_device()
    alone.hear(payload)
    assert alone.told == []
    assert alone.machine.next_deadline() is None


def test_link_open_is_acknowledged_again_until_the_first_pdu() -> None:
    alone = open_device()
    for _ in range(3):
        alone.hear(link_open())
        assert alone.run(0.05) == [LINK_ACK]
    assert alone.told == [LinkOpened(None)]
    alone.hear(*transaction(0x00, b"\0\0"))
    assert alone.run(0.05) == [ack(0x00)]
    alone.hear(link_open())
    assert alone.run(0.05) == []


def test_part_of_a_pdu_is_no_pdu() -> None:
    alone = open_device()
    alone.hear(transaction(0x00, bytes(30))[0], link_open())
    assert alone.run(0.05) == [LINK_ACK]


def test_one_link_ack_waits_at_most() -> None:
    alone = idle_device()
    alone.hear(*[link_open()] * 5)
    assert alone.run(1.0) == [LINK_ACK]


@pytest.mark.parametrize(
    "payload",
    [
        link_open(OTHER_LINK),
        link_close(0, OTHER_LINK),
        *transaction(0x00, b"\x0c", OTHER_LINK),
        ack(0x80, OTHER_LINK),
    ],
    ids=["open", "close", "pdu", "ack"],
)
def test_s18_while_open_another_link_id_is_ignored(payload: bytes) -> None:
    alone = open_device()
    send(alone, b"\x08")
    alone.run(0.05)
    alone.told.clear()
    alone.hear(payload)
    assert alone.told == []
    assert link_of(alone).link_id == LINK
    assert ack(0x00, OTHER_LINK) not in alone.run(1.0)


def test_link_open_for_another_uuid_is_not_acknowledged_within_the_link() -> None:
    alone = open_device()
    alone.hear(link_open(uuid=bytes(16)))
    assert alone.run(1.0) == []


# The link timer (5.2.1).


@pytest.mark.parametrize("role", [open_provisioner, open_device])
def test_a_link_without_a_pdu_is_closed_after_sixty_seconds(role: Role) -> None:
    alone = role()
    opened_at = 0.1 if role is open_provisioner else 0.0
    alone.told.clear()
    alone.run(opened_at + 60.0 - alone.now - 0.001)
    assert alone.told == []
    alone.run(0.001)
    assert alone.told == [LinkClosed(CloseReason.TIMEOUT, by_peer=False)]
    assert alone.run(1.0) == [link_close(1)] * 4


def test_sending_does_not_stop_the_provisioners_link_timer() -> None:
    alone = open_provisioner()
    alone.run(59.0)
    send(alone, b"\0\0")
    alone.run(0.5)
    alone.hear(ack(0x00))
    alone.run(0.5)
    assert alone.events(LinkClosed) == [LinkClosed(CloseReason.TIMEOUT, by_peer=False)]


@pytest.mark.parametrize(
    ("role", "number"), [(open_provisioner, 0x80), (open_device, 0x00)], ids=["P", "D"]
)
def test_a_received_pdu_stops_the_link_timer(role: Role, number: int) -> None:
    alone = role()
    alone.run(59.0)
    alone.hear(*transaction(number, b"\x0c"))
    alone.run(1000.0)
    assert received(alone.told) == [b"\x0c"]
    assert not alone.events(LinkClosed)


def test_part_of_a_pdu_does_not_stop_the_link_timer() -> None:
    alone = open_device()
    alone.hear(transaction(0x00, bytes(30))[0])
    alone.run(60.0)
    assert alone.events(LinkClosed) == [LinkClosed(CloseReason.TIMEOUT, by_peer=False)]


# One link after the other.


def ended_by_close() -> Alone:
    alone = open_device()
    alone.hear(link_close(0))
    return alone


def ended_by_link_timer() -> Alone:
    alone = open_device()
    alone.run(61.0)
    return alone


def ended_by_machine() -> Alone:
    alone = open_device()
    alone.act(link_of(alone).close(CloseReason.TIMEOUT, alone.now))
    alone.run(1.0)
    return alone


def ended_by_silence() -> Alone:
    alone = open_device()
    alone.hear(*transaction(0, b"\x0c"))
    send(alone, bytes(66), bytes(30))
    alone.run(31.0)
    return alone


ENDS = [ended_by_close, ended_by_link_timer, ended_by_machine, ended_by_silence]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("link", [OTHER_LINK, LINK], ids=["new", "same"])
def test_a_device_can_be_opened_again_after_any_end(end: Role, link: bytes) -> None:
    alone = end()
    assert len(alone.events(LinkClosed)) == 1
    assert not alone.machine.finished
    assert alone.machine.next_deadline() is None
    alone.sent.clear()
    alone.told.clear()
    alone.hear(link_open(link))
    assert alone.run(0.05) == [control(generic.LINK_ACK, link)]
    alone.hear(*transaction(0x00, b"\x0c", link))
    send(alone, b"\x08")
    assert alone.run(0.05) == [ack(0x00, link), *transaction(0x80, b"\x08", link)]
    assert received(alone.told) == [b"\x0c"]


def test_s19_late_packets_of_an_old_link_change_nothing() -> None:
    alone = ended_by_close()
    alone.hear(link_open(OTHER_LINK))
    alone.run(0.05)
    alone.told.clear()
    late = [*transaction(0x00, b"\x0c"), ack(0x80), link_open(), link_close(0)]
    alone.hear(*late)
    assert alone.told == []
    alone.hear(*transaction(0x00, b"\x0a", OTHER_LINK))
    assert received(alone.told) == [b"\x0a"]


def test_segments_of_an_old_link_are_forgotten() -> None:
    alone = open_device()
    first, second = transaction(0x00, bytes(30))
    alone.hear(first, link_close(0), link_open(), second)
    assert received(alone.told) == []


def test_an_acknowledgment_that_waited_when_the_link_ended_is_not_sent() -> None:
    alone = open_device()
    alone.hear(*transaction(0x00, b"\x0c"), link_close(0))
    assert alone.run(1.0) == []


def test_every_packet_waits_a_random_20_to_50_milliseconds() -> None:
    uniform = SeededRandomness(5).uniform("delays")
    delays = []
    for _ in range(50):
        alone = idle_device()
        alone.machine = DeviceLink(UUID, uniform)
        alone.hear(link_open())
        alone.run(1.0)
        delays += alone.times(LINK_ACK)
    assert all(0.020 <= delay <= 0.050 for delay in delays)
    assert len(set(delays)) == 50
    assert max(delays) - min(delays) > 0.02


def test_the_longest_delay() -> None:
    alone = Alone(DeviceLink(UUID, latest))
    alone.hear(link_open())
    alone.run(1.0)
    assert alone.times(LINK_ACK) == [0.05]


def test_s18_a_stranger_who_knows_the_link_id_is_not_heard() -> None:
    alone = open_device(sender=b"PROVIS")
    alone.hear(*transaction(0x00, b"\x0c"), sender=b"PROVIS")
    alone.hear(*transaction(0x01, b"\x0c"), link_close(0), sender=b"STRANG")
    assert len(alone.events(PduReceived)) == 1
    assert not alone.events(LinkClosed)
