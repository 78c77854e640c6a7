"""Transactions on an open PB-ADV link (5.3.3), both roles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest
from tests.core.bearers.packets import (
    LINK,
    LINK_ACK,
    ack,
    link_close,
    link_of,
    open_device,
    open_provisioner,
    received,
    send,
    transaction,
)
from tests.core.wire import Alone

from meshwright.core.bearers import generic
from meshwright.core.bearers.transactions import QUEUE_LIMIT
from meshwright.core.effects import (
    CloseReason,
    Effect,
    Lane,
    LinkClosed,
    Priority,
    Transmit,
    Withdraw,
)
from meshwright.randomness import SeededRandomness

LONG = bytes(range(65))
LONGER = bytes(range(100))


@dataclass(frozen=True)
class Role:
    """One end of an open link, and the numbers that it and its peer use first."""

    name: str
    opened: Callable[[], Alone]
    own: int
    peer: int
    retransmit: float


ROLES = [
    Role("provisioner", open_provisioner, 0x00, 0x80, 0.2),
    Role("device", open_device, 0x80, 0x00, 0.5),
]


@pytest.fixture(params=ROLES, ids=lambda role: role.name)
def role(request: pytest.FixtureRequest) -> Role:
    assert isinstance(request.param, Role)
    return request.param


# Sending.


def test_every_segment_waits_its_own_delay(role: Role) -> None:
    alone = role.opened()
    began = alone.now
    send(alone, LONG)
    alone.run(0.1)
    assert [packet for _, packet in alone.sent] == transaction(role.own, LONG)
    assert [round(when - began, 6) for when, _ in alone.sent] == [0.02, 0.04, 0.06]


def test_without_ack_all_segments_are_sent_again_under_the_same_number(role: Role) -> None:
    alone = role.opened()
    send(alone, LONG)
    alone.run(0.061 + 3 * (role.retransmit + 0.06))
    assert [packet for _, packet in alone.sent] == transaction(role.own, LONG) * 4
    statistics = link_of(alone).statistics
    assert statistics.retransmissions == 9
    first, _, last, again = [when for when, _ in alone.sent[:4]]
    assert again - last == pytest.approx(role.retransmit + 0.02)
    assert last - first == pytest.approx(0.04)


def test_an_ack_ends_the_repetition_and_starts_the_next_transaction(role: Role) -> None:
    alone = role.opened()
    send(alone, b"\x01", b"\x02")
    assert alone.run(0.1) == transaction(role.own, b"\x01")
    alone.hear(ack(role.own))
    assert alone.run(0.1) == transaction(role.own + 1, b"\x02")
    alone.hear(ack(role.own + 1))
    assert alone.run(5.0) == []
    assert link_of(alone).statistics.retransmissions == 0


@pytest.mark.parametrize("offset", [1, -1, 0x80])
def test_an_ack_of_another_number_is_ignored(role: Role, offset: int) -> None:
    alone = role.opened()
    send(alone, b"\x01")
    alone.run(0.1)
    alone.hear(ack((role.own + offset) & 0xFF))
    assert alone.run(role.retransmit + 0.05) == transaction(role.own, b"\x01")


def test_s7_acks_for_nothing_are_ignored(role: Role) -> None:
    alone = role.opened()
    alone.hear(ack(role.own), ack(role.peer), ack(0x7F))
    send(alone, LONG)
    alone.hear(ack(role.own))
    alone.run(0.05)
    alone.hear(ack(role.own))  # two of three segments have left: nobody can have it
    alone.run(0.05)
    assert [packet for _, packet in alone.sent] == transaction(role.own, LONG)
    assert alone.run(role.retransmit + 0.06) != []


def test_numbers_wrap_within_their_half(role: Role) -> None:
    alone = role.opened()
    numbers = []
    for _ in range(130):
        send(alone, b"\x01")
        (packet,) = alone.run(0.05)
        numbers.append(packet[4])
        alone.hear(ack(packet[4]))
    half = [role.own + number for number in range(0x80)]
    assert numbers == [*half, *half[:2]]


def test_received_numbers_wrap_within_their_half(role: Role) -> None:
    alone = role.opened()
    for index in range(260):
        number = role.peer + index % 0x80
        alone.hear(*transaction(number, bytes([index & 0xFF])))
        assert alone.run(0.05) == [ack(number)]
    assert received(alone.told) == [bytes([index & 0xFF]) for index in range(260)]


def test_thirty_seconds_from_the_first_segment_without_ack_end_the_link(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, b"\x0c"))
    alone.run(5.0)
    began = alone.now
    send(alone, LONG)
    alone.run(0.02 + 30.0 - 0.001)
    assert not alone.events(LinkClosed)
    assert alone.sent[-1][0] > began + 29.0
    alone.run(0.0011)
    assert alone.events(LinkClosed) == [LinkClosed(CloseReason.TIMEOUT, by_peer=False)]
    assert alone.run(1.0) == [link_close(1)] * 4
    assert alone.run(100.0) == []


def test_each_transaction_has_its_own_thirty_seconds(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, b"\x0c"))
    for index in range(4):
        send(alone, b"\x01")
        alone.run(29.0)
        alone.hear(ack(role.own + index))
    assert not alone.events(LinkClosed)


def test_what_waited_behind_a_silent_transaction_is_never_sent(role: Role) -> None:
    alone = role.opened()
    send(alone, b"\x01", b"\x02", b"\x03")
    packets = alone.run(60.0)
    assert set(packets) == {*transaction(role.own, b"\x01"), link_close(1)}


def test_a_deadline_that_comes_late_does_not_skip_a_delay(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, b"\x0c"))
    send(alone, b"\x01")
    alone.run(29.9)
    alone.sent.clear()
    alone.now += 5.0  # the driver slept: retransmission and expiry are due at once
    alone.act(alone.machine.handle_deadline(alone.now))
    assert alone.events(LinkClosed)
    closes = [when for when, packet in alone.sent if packet == link_close(1)]
    assert closes == []
    began = alone.now
    alone.run(1.0)
    closes = [when - began for when, packet in alone.sent if packet == link_close(1)]
    assert closes == pytest.approx([0.02, 0.04, 0.06, 0.08])


# Receiving.


def test_a_whole_pdu_is_acknowledged_and_delivered(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, LONG)[::-1])
    assert received(alone.told) == [LONG]
    assert alone.run(1.0) == [ack(role.peer)]


def test_part_of_a_pdu_is_not_acknowledged(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, LONG)[:2])
    assert alone.run(1.0) == []
    assert received(alone.told) == []


def test_a_wrong_frame_check_is_not_acknowledged_and_its_repetition_is(role: Role) -> None:
    alone = role.opened()
    first, *rest = transaction(role.peer, LONG)
    wrong = first[:8] + bytes([first[8] ^ 0x01]) + first[9:]
    alone.hear(wrong, *rest)
    assert alone.run(1.0) == []
    alone.hear(first, *rest)
    assert received(alone.told) == [LONG]
    assert alone.run(1.0) == [ack(role.peer)]


def test_each_repeated_segment_is_acknowledged_again_and_never_delivered(role: Role) -> None:
    alone = role.opened()
    segments = transaction(role.peer, LONG)
    alone.hear(*segments)
    alone.run(0.05)
    for segment in segments:
        alone.hear(segment)
        assert alone.run(0.05) == [ack(role.peer)]
    assert received(alone.told) == [LONG]
    assert link_of(alone).statistics.retransmissions == 3


def test_one_ack_waits_at_most(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, LONG) * 5)
    assert alone.run(1.0) == [ack(role.peer)]


def test_repeated_segments_do_not_put_off_the_ack(role: Role) -> None:
    alone = role.opened()
    (segment,) = transaction(role.peer, b"\x0c")
    alone.hear(segment)
    for _ in range(3):
        alone.run(0.006)
        alone.hear(segment)
    assert alone.run(0.003) == [ack(role.peer)]


@pytest.mark.parametrize("offset", [1, 2, -2, 0x7F, 0x80, 0x81])
def test_s7_numbers_out_of_turn_are_dropped(role: Role, offset: int) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, b"\x01"))
    alone.run(0.05)
    alone.hear(*transaction((role.peer + 1 + offset) & 0xFF, b"\x02"))
    assert alone.run(1.0) == []
    alone.hear(*transaction(role.peer + 1, b"\x03"))
    assert received(alone.told) == [b"\x01", b"\x03"]


def test_s7_an_older_transaction_is_not_replayed(role: Role) -> None:
    alone = role.opened()
    for index in range(3):
        alone.hear(*transaction(role.peer + index, bytes([index])))
        alone.run(0.05)
    alone.hear(*transaction(role.peer, b"\x00"), *transaction(role.peer + 1, b"\x01"))
    assert alone.run(1.0) == []
    assert received(alone.told) == [b"\x00", b"\x01", b"\x02"]


MALFORMED = [b"", b"\x00\x00\x00\x00", b"\x05", b"\x02\x00", b"\x0f", b"\xff" * 24, bytes(25)]


@pytest.mark.parametrize("octets", MALFORMED, ids=bytes.hex)
def test_s7_malformed_packets_leave_the_link_usable(role: Role, octets: bytes) -> None:
    alone = role.opened()
    alone.hear(LINK + bytes([role.peer]) + octets)
    assert link_of(alone).statistics.dropped == 1
    alone.hear(*transaction(role.peer, b"\x0c"))
    assert received(alone.told) == [b"\x0c"]


# The reply as acknowledgment.


def test_a_reply_is_an_acknowledgment(role: Role) -> None:
    alone = role.opened()
    send(alone, LONG)
    alone.run(0.07)
    alone.hear(transaction(role.peer, LONGER)[0])
    assert alone.run(1.0) == []
    alone.hear(*transaction(role.peer, LONGER)[1:])
    assert received(alone.told) == [LONGER]


def test_a_pdu_before_ours_is_sent_whole_acknowledges_nothing(role: Role) -> None:
    alone = role.opened()
    send(alone, LONG)
    alone.run(0.03)
    alone.hear(*transaction(role.peer, b"\x0c"))
    assert received(alone.told) == [b"\x0c"]
    sent = alone.run(0.05 + role.retransmit)
    assert sent.count(transaction(role.own, LONG)[2]) == 1
    assert sent.count(transaction(role.own, LONG)[0]) == 1


def test_the_repetition_of_an_old_pdu_acknowledges_nothing(role: Role) -> None:
    alone = role.opened()
    old = transaction(role.peer, b"\x0c")
    alone.hear(*old)
    send(alone, LONG)
    alone.run(0.1)
    alone.hear(*old)
    assert transaction(role.own, LONG)[0] in alone.run(role.retransmit + 0.05)


def test_a_pdu_too_long_for_the_bearer_ends_the_link(role: Role) -> None:
    """A peer may ask for more than fits, of an owner that allows it on other bearers."""
    alone = role.opened()
    send(alone, bytes(generic.MAXIMUM_PDU + 1))
    (closed,) = [each for each in alone.told if isinstance(each, LinkClosed)]
    assert closed == LinkClosed(CloseReason.FAIL, by_peer=False)
    alone.run(1.0)
    assert [packet[-2:] for _, packet in alone.sent][-4:] == [
        generic.link_close(CloseReason.FAIL)
    ] * 4


# Queues are bounded.


def test_s7_a_peer_that_does_not_listen_is_not_listened_to(role: Role) -> None:
    alone = role.opened()
    accepted = 0
    for index in range(100):
        before = len(received(alone.told))
        alone.hear(*transaction(role.peer + accepted, bytes([index])))
        if len(received(alone.told)) > before:
            accepted += 1
            send(alone, bytes(1469))  # the answer
    assert accepted <= QUEUE_LIMIT + 2
    assert len(link_of(alone)._outbox._pdus) <= QUEUE_LIMIT + 1


def test_and_listened_to_again_once_it_does(role: Role) -> None:
    alone = role.opened()
    taken = 0
    for index in range(20):
        alone.hear(*transaction(role.peer + taken, bytes([index])))
        if len(received(alone.told)) > taken:
            taken += 1
            send(alone, bytes([index]))
    assert taken < 20
    for index in range(taken):
        alone.run(0.05)
        alone.hear(ack(role.own + index))
    alone.hear(*transaction(role.peer + taken, b"\x77"))
    assert received(alone.told)[-1] == b"\x77"


# Closing.


def test_link_close_is_sent_four_times_each_after_its_delay(role: Role) -> None:
    alone = role.opened()
    began = alone.now
    alone.act(link_of(alone).close(CloseReason.SUCCESS, alone.now))
    assert alone.events(LinkClosed) == [LinkClosed(CloseReason.SUCCESS, by_peer=False)]
    assert alone.run(10.0) == [link_close(0)] * 4
    assert [round(when - began, 6) for when, _ in alone.sent] == [0.02, 0.04, 0.06, 0.08]


def test_closing_twice_is_harmless(role: Role) -> None:
    alone = role.opened()
    for _ in range(3):
        alone.act(link_of(alone).close(CloseReason.FAIL, alone.now))
    assert len(alone.events(LinkClosed)) == 1
    assert alone.run(10.0) == [link_close(2)] * 4
    alone.act(link_of(alone).close(CloseReason.FAIL, alone.now))
    assert alone.run(10.0) == []


def test_a_failing_link_closes_at_once(role: Role) -> None:
    alone = role.opened()
    send(alone, b"\x01", b"\x02")
    alone.act(link_of(alone).close(CloseReason.FAIL, alone.now))
    assert alone.run(10.0) == [link_close(2)] * 4


def test_the_last_word_before_a_timeout_is_sent_once(role: Role) -> None:
    alone = role.opened()
    send(alone, LONG)
    alone.act(link_of(alone).close(CloseReason.TIMEOUT, alone.now))
    assert alone.run(10.0) == [*transaction(role.own, LONG), *[link_close(1)] * 4]


def test_the_last_word_goes_out_even_behind_a_transaction(role: Role) -> None:
    alone = role.opened()
    send(alone, LONG, b"\x09\x07")
    alone.run(0.1)
    alone.sent.clear()
    alone.act(link_of(alone).close(CloseReason.TIMEOUT, alone.now))
    assert alone.run(10.0) == [*transaction(role.own + 1, b"\x09\x07"), *[link_close(1)] * 4]


def test_what_was_sent_before_is_no_last_word(role: Role) -> None:
    alone = role.opened()
    send(alone, LONG)
    alone.run(0.03)
    alone.act(link_of(alone).close(CloseReason.TIMEOUT, alone.now))
    assert alone.run(10.0) == [link_close(1)] * 4


@pytest.mark.parametrize("reason", [0, 1, 2, 3, 0x80, 0xFF])
def test_a_link_close_is_obeyed_whatever_its_reason(role: Role, reason: int) -> None:
    alone = role.opened()
    send(alone, LONG, LONG)
    alone.run(0.03)
    alone.sent.clear()
    alone.hear(link_close(reason))
    assert alone.events(LinkClosed) == [LinkClosed(reason, by_peer=True)]
    assert alone.run(100.0) == []
    alone.hear(link_close(reason))
    assert len(alone.events(LinkClosed)) == 1


def test_a_closing_link_hears_nothing_more(role: Role) -> None:
    alone = role.opened()
    alone.act(link_of(alone).close(CloseReason.FAIL, alone.now))
    alone.told.clear()
    alone.hear(*transaction(role.peer, b"\x0c"), ack(role.own), LINK_ACK, link_close(0))
    assert alone.told == []
    assert alone.run(10.0) == [link_close(2)] * 4


def test_what_is_sent_on_a_closed_link_is_dropped(role: Role) -> None:
    alone = role.opened()
    alone.hear(link_close(0))
    send(alone, b"\x01")
    assert alone.run(100.0) == []


def test_an_ack_still_leaves_while_the_link_closes(role: Role) -> None:
    alone = role.opened()
    alone.hear(*transaction(role.peer, b"\x08"))
    alone.act(link_of(alone).close(CloseReason.SUCCESS, alone.now))
    sent = alone.run(10.0)
    assert sorted(sent) == sorted([ack(role.peer), *[link_close(0)] * 4])


def test_a_provisioners_link_is_finished_when_its_last_packet_has_left() -> None:
    alone = open_provisioner()
    alone.act(link_of(alone).close(CloseReason.SUCCESS, alone.now))
    alone.run(0.07)
    assert not alone.machine.finished
    alone.run(0.02)
    assert alone.machine.finished


# Delays and priorities.


def test_every_delay_is_random_and_between_20_and_50_milliseconds(role: Role) -> None:
    alone = role.opened()
    link_of(alone)._sending._uniform = SeededRandomness(3).uniform("delays")
    send(alone, bytes(1469))
    alone.run(10.0)
    times = [when for when, _ in alone.sent[:64]]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert all(0.0199999 <= gap <= 0.0500001 for gap in gaps)
    assert len({round(gap, 9) for gap in gaps}) == len(gaps)


# A radio that takes its time.


def radio(effects: list[Effect]) -> Transmit:
    (packet,) = [effect for effect in effects if isinstance(effect, Transmit)]
    return packet


def test_an_ack_is_not_lost_when_another_is_still_at_the_radio(role: Role) -> None:
    link = link_of(role.opened())
    hear = [link.receive(packet, 1.0, None) for packet in transaction(role.peer, b"\x01")]
    assert hear
    first = radio(link.handle_deadline(1.05))
    assert first == Transmit(Lane.ACK, ack(role.peer), Priority.ACK)
    for packet in transaction(role.peer + 1, b"\x02"):
        link.receive(packet, 1.06, None)
    link.transmitted(Lane.ACK, 1.07)  # the first one leaves only now
    second = radio(link.handle_deadline(1.12))
    assert second.payload == ack(role.peer + 1)
    link.transmitted(Lane.ACK, 1.13)
    assert link.next_deadline() is None


def test_a_packet_that_left_too_late_does_not_count_for_the_next_pdu(role: Role) -> None:
    link = link_of(role.opened())
    for pdu in (LONG, LONGER):
        link.send(pdu, 1.0)
    now = 1.0
    for _ in range(3):
        now += 0.05
        radio(link.handle_deadline(now))
        link.transmitted(Lane.TRANSACTION, now)
    now += role.retransmit + 0.05
    radio(link.handle_deadline(now))  # the second round has begun
    assert Withdraw(Lane.TRANSACTION) in link.receive(ack(role.own), now + 0.06, None)
    link.transmitted(Lane.TRANSACTION, now + 0.061)  # the radio had it on the air already
    packet = radio(link.handle_deadline(now + 0.2))
    assert packet.payload == transaction(role.own + 1, LONGER)[0]


def test_progress_grows_with_the_transactions(role: Role) -> None:
    link = link_of(role.opened())
    link.send(b"\x01", 1.0)
    first = radio(link.handle_deadline(1.05))
    link.transmitted(Lane.TRANSACTION, 1.05)
    link.receive(ack(role.own), 1.1, None)
    link.send(b"\x02", 1.1)
    second = radio(link.handle_deadline(1.15))
    assert second.progress > first.progress
    assert first.priority is second.priority is Priority.SEGMENT


def test_early_deadlines_are_harmless(role: Role) -> None:
    alone = role.opened()
    send(alone, b"\x01")
    before = alone.machine.next_deadline()
    for _ in range(3):
        alone.act(alone.machine.handle_deadline(alone.now))
    assert alone.machine.next_deadline() == before
    assert alone.sent == []
