"""S7: broken segments, numbers and lengths (CVE-2022-24893, CVE-2022-1042 and their kin).

Every row is heard by an open link of either role. What it breaks is dropped, nothing of it is
delivered or answered, what is kept stays small, and the link still works.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from fuzz.invariant import weight
from tests.core.bearers.packets import LINK, open_device, open_provisioner, received, transaction
from tests.core.wire import Alone

from meshwright.core.bearers import generic, proxy_sar
from meshwright.core.bearers.pb_gatt import DeviceGattLink, GattLink, ProvisionerGattLink
from meshwright.core.bearers.proxy_sar import MessageType
from meshwright.core.effects import CloseReason, Disconnect, LinkClosed, PduReceived

PDU = bytes(range(60))
FIRST, SECOND, THIRD = generic.segment(PDU)
SMALL = 16 * 1024
"""Octets that one link may hold, whatever it has heard."""


@dataclass(frozen=True)
class Role:
    """One end of a link, and the numbers of its peer."""

    name: str
    opened: Callable[[], Alone]
    first: int


ROLES = (Role("Provisioner", open_provisioner, 0x80), Role("device", open_device, 0x00))


@pytest.fixture(params=ROLES, ids=lambda each: each.name)
def role(request: pytest.FixtureRequest) -> Role:
    """Return one role after the other."""
    chosen: Role = request.param
    return chosen


def start(last: int, total: int, fcs: int, data: bytes) -> bytes:
    return bytes([last << 2, total >> 8, total & 0xFF, fcs]) + data


def part(index: int, data: bytes) -> bytes:
    return bytes([index << 2 | 2]) + data


def with_its_fcs(second: bytes, third: bytes) -> list[bytes]:
    """Return segments of other lengths than they should have, under the FCS of what they make."""
    made = PDU[:20] + second + third
    return [start(2, 60, generic.frame_check(made), PDU[:20]), part(1, second), part(2, third)]


FCS = generic.frame_check(PDU)
DROPPED: dict[str, list[bytes]] = {
    "TotalLength of zero": [start(0, 0, 0xFF, b"\x01")],
    "TotalLength of zero without data": [start(0, 0, 0xFF, b"")],
    "TotalLength beyond the format": [start(63, 1470, FCS, bytes(20)), part(63, bytes(23))],
    "TotalLength of 65535": [start(63, 65_535, FCS, bytes(20))],
    "TotalLength longer than the data": [start(0, 19, FCS, bytes(5))],
    "TotalLength shorter than the data": [start(0, 1, FCS, bytes(5))],
    "SegN too small": [start(1, 60, FCS, PDU[:20]), SECOND],
    "SegN too large": [start(3, 60, FCS, PDU[:20]), SECOND, THIRD],
    "index above SegN": [FIRST, SECOND, part(3, bytes(23)), part(63, bytes(23))],
    "index zero": [FIRST, SECOND, part(0, bytes(17))],
    "duplicate segments": [FIRST, SECOND, SECOND, SECOND, FIRST],
    "a missing segment": [FIRST, THIRD],
    "no start": [SECOND, THIRD],
    "last segment too short": [FIRST, SECOND, THIRD[:-1]],
    "last segment too long": [FIRST, SECOND, THIRD + b"\0"],
    "middle segment too short": [FIRST, SECOND[:-1], THIRD],
    "middle segment too short, right FCS": with_its_fcs(PDU[20:42], PDU[43:]),
    "last segment too short, right FCS": with_its_fcs(PDU[20:43], PDU[43:59]),
    "last segment too long, right FCS": with_its_fcs(PDU[20:43], PDU[43:] + bytes(6)),
    "wrong FCS": [start(2, 60, FCS ^ 1, PDU[:20]), SECOND, THIRD],
    "a damaged segment": [FIRST, SECOND[:-1] + b"\xff", THIRD],
    "unknown control opcode": [bytes([opcode << 2 | 3]) + bytes(16) for opcode in range(3, 64)],
    "acknowledgment with padding": [b"\x05", b"\xfd"],
    "acknowledgment with data": [b"\x01\x00"],
    "acknowledgment for nothing": [generic.ACK],
    "a packet without content": [b""],
    "an oversize structure": [bytes(25), b"\x02" * 251],
    "every start there is": [start(n, 21 + 23 * n, n, bytes(20)) for n in range(63)],
    "every index there is": [part(index, bytes(23)) for index in range(1, 64)],
}


@pytest.mark.parametrize("packets", DROPPED.values(), ids=DROPPED)
def test_s7_it_is_dropped_and_the_link_works_on(role: Role, packets: list[bytes]) -> None:
    alone = role.opened()
    for _ in range(3):
        alone.hear(*(LINK + bytes([role.first]) + packet for packet in packets))
    assert alone.run(1.0) == []
    assert received(alone.told) == []
    assert not alone.events(LinkClosed)
    assert weight(alone.machine) < SMALL
    works_on(alone, role.first)


def works_on(alone: Alone, number: int) -> None:
    """Repeat the PDU as it should have been: twice, as after a wrong FCS."""
    for _ in range(2):
        alone.hear(*transaction(number, PDU))
    assert received(alone.told) == [PDU]
    assert LINK + bytes([number]) + generic.ACK in alone.run(0.1)


@pytest.mark.parametrize("offset", [1, 2, 0x40, 0x7F, 0x80, 0xFF], ids=hex)
def test_s7_skipped_numbers_and_those_of_the_other_half(role: Role, offset: int) -> None:
    alone = role.opened()
    alone.hear(*transaction((role.first + offset) & 0xFF, b"\x0c"))
    assert alone.run(1.0) == []
    assert received(alone.told) == []
    works_on(alone, role.first)


def test_s7_replayed_numbers(role: Role) -> None:
    alone = role.opened()
    works_on(alone, role.first)
    alone.hear(*transaction(role.first, b"\x0c" * 30))
    assert alone.run(0.1) == [LINK + bytes([role.first]) + generic.ACK]
    assert received(alone.told) == [PDU]


def test_s7_the_longest_pdu_is_the_most_that_is_kept(role: Role) -> None:
    alone = role.opened()
    segments = transaction(role.first, bytes(generic.MAXIMUM_PDU))
    alone.hear(*segments[:-1] * 3)
    assert weight(alone.machine) < SMALL
    assert received(alone.told) == []
    alone.hear(segments[-1])
    assert received(alone.told) == [bytes(generic.MAXIMUM_PDU)]


# Over GATT the same mistakes end the connection (6.3.2.2).

FIRST_PART, NEXT_PART, LAST_PART = 0x43, 0x83, 0xC3
BROKEN: dict[str, list[bytes]] = {
    "continuation without a first": [bytes([NEXT_PART]) + b"x"],
    "last without a first": [bytes([LAST_PART]) + b"x"],
    "first within a message": [bytes([FIRST_PART]) + b"x"] * 2,
    "complete within a message": [bytes([FIRST_PART]) + b"x", b"\x03\x0c"],
    "a message without end": [
        bytes([FIRST_PART]) + bytes(500),
        *[bytes([NEXT_PART]) + bytes(500)] * 20,
    ],
}
IGNORED: dict[str, list[bytes]] = {
    "nothing": [b""],
    "another type": [b"\x00" + bytes(20), b"\x01", b"\x02\x01", b"\x3f"],
    "segments of another type": [b"\x40x", b"\x80x", b"\xc0x"],
    "an empty PDU": [],
}


@pytest.fixture(params=[ProvisionerGattLink, DeviceGattLink])
def link(request: pytest.FixtureRequest) -> GattLink:
    """Return a connected link of either role."""
    made: GattLink = request.param()
    made.connected(69, 0.0)
    return made


@pytest.mark.parametrize("values", BROKEN.values(), ids=BROKEN)
def test_s7_broken_proxy_segments_end_the_connection(link: GattLink, values: list[bytes]) -> None:
    effects = [effect for value in values for effect in link.receive(value, 1.0)]
    closed = LinkClosed(CloseReason.FAIL, by_peer=False)
    assert effects == [Disconnect(), closed]
    assert weight(link) < SMALL
    assert link.next_deadline() is None


@pytest.mark.parametrize("values", IGNORED.values(), ids=IGNORED)
def test_s7_what_is_not_for_this_service_is_ignored(link: GattLink, values: list[bytes]) -> None:
    for value in values * 3:
        assert link.receive(value, 1.0) == []
    for value in proxy_sar.encode(MessageType.PROVISIONING, PDU, 69)[:-1]:
        assert link.receive(value, 1.0) == []
    (last,) = proxy_sar.encode(MessageType.PROVISIONING, PDU, 69)[-1:]
    assert link.receive(last, 1.0) == [PduReceived(PDU)]


def test_s7_a_message_that_never_ends_ends_after_twenty_seconds(link: GattLink) -> None:
    link.receive(bytes([FIRST_PART]) + b"x", 1.0)
    assert link.handle_deadline(20.9) == []
    assert Disconnect() in link.handle_deadline(21.0)
