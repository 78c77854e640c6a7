"""Generic Provisioning PDUs: frame check, segmentation, decoding of anything."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import Ack, Continuation, Control, Start
from meshwright.core.errors import MalformedError


def encoded(pdu: generic.Generic) -> bytes:
    match pdu:
        case Start():
            head = bytes([pdu.last_segment << 2]) + pdu.total_length.to_bytes(2, "big")
            return head + bytes([pdu.fcs]) + pdu.data
        case Ack():
            return b"\x01"
        case Continuation():
            return bytes([pdu.segment_index << 2 | 2]) + pdu.data
        case Control():
            return bytes([pdu.opcode << 2 | 3]) + pdu.parameters


@pytest.mark.parametrize(
    ("pdu", "fcs"),
    [("0000", 0x14), ("08", 0x3E), ("020000000000", 0x64), ("0d000000010002", 0xF1)],
)
def test_frame_check_values(pdu: str, fcs: int) -> None:
    assert generic.frame_check(bytes.fromhex(pdu)) == fcs


def bit_by_bit(pdu: bytes) -> int:
    """Compute the FCS as 5.3.1.1 tells it."""
    register = 0xFF
    for octet in pdu:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0xE0 if register & 1 else 0)
    return 0xFF - register


@given(st.binary(min_size=1, max_size=generic.MAXIMUM_PDU))
@example(bytes(range(128)))
@example(bytes(range(129)))
@example(bytes(range(192)))
@example(bytes(index % 251 for index in range(generic.MAXIMUM_PDU)))
def test_frame_check_of_any_length(pdu: bytes) -> None:
    assert generic.frame_check(pdu) == bit_by_bit(pdu)


@given(st.binary(min_size=1, max_size=100), st.integers(0, 799))
def test_frame_check_notices_every_flipped_bit(pdu: bytes, position: int) -> None:
    index, bit = divmod(position % (8 * len(pdu)), 8)
    damaged = bytearray(pdu)
    damaged[index] ^= 1 << bit
    assert generic.frame_check(bytes(damaged)) != generic.frame_check(pdu)


@pytest.mark.parametrize(
    ("size", "count"),
    [(1, 1), (20, 1), (21, 2), (34, 2), (43, 2), (44, 3), (66, 3), (67, 4), (1446, 63), (1469, 64)],
)
def test_number_of_segments(size: int, count: int) -> None:
    segments = generic.segment(bytes(size))
    assert len(segments) == count
    assert all(len(segment) == 24 for segment in segments[:-1])
    assert generic.last_segment_of(size) == count - 1


@pytest.mark.parametrize("size", [0, 1470, 65_535])
def test_what_does_not_fit_is_our_own_mistake(size: int) -> None:
    with pytest.raises(ValueError, match="1 to 1469"):
        generic.segment(bytes(size))


@given(st.binary(min_size=1, max_size=generic.MAXIMUM_PDU))
def test_segments_decode_to_what_was_cut(pdu: bytes) -> None:
    first, *rest = [generic.decode(segment) for segment in generic.segment(pdu)]
    assert isinstance(first, Start)
    assert (first.last_segment, first.total_length) == (len(rest), len(pdu))
    assert first.fcs == generic.frame_check(pdu)
    data = first.data
    for index, part in enumerate(rest, 1):
        assert isinstance(part, Continuation)
        assert part.segment_index == index
        data += part.data
    assert data == pdu


def test_bearer_control() -> None:
    uuid = bytes(range(16))
    assert generic.link_open(uuid) == b"\x03" + uuid
    assert generic.decode(generic.link_open(uuid)) == Control(0, uuid)
    assert generic.LINK_ACK == b"\x07"
    assert generic.decode(generic.LINK_ACK) == Control(1, b"")
    assert generic.link_close(2) == b"\x0b\x02"
    assert generic.decode(b"\x0b\xff") == Control(2, b"\xff")


def starting(segn: int, total: int, data: bytes) -> bytes:
    return bytes([segn << 2]) + total.to_bytes(2, "big") + b"\x00" + data


MALFORMED = {
    "nothing": b"",
    "too long": bytes(25),
    "start without data": starting(0, 0, b""),
    "start cut short": b"\x00\x00\x01",
    "total length zero": starting(0, 0, b"\x01"),
    "total length above the data": starting(0, 2, b"\x01"),
    "total length below the data": starting(0, 1, b"\x01\x02"),
    "last segment too small": starting(0, 21, bytes(20)),
    "last segment too large": starting(1, 20, bytes(20)),
    "first of several not full": starting(1, 30, bytes(19)),
    "total length beyond the format": starting(63, 1470, bytes(20)),
    "total length 65535": starting(63, 65_535, bytes(20)),
    "ack with padding": b"\x05",
    "ack with data": b"\x01\x00",
    "continuation of index zero": b"\x02\x00",
    "continuation without data": b"\x06",
    "link open too short": generic.link_open(bytes(15)),
    "link open too long": generic.link_open(bytes(17)),
    "link ack with parameters": b"\x07\x00",
    "link close without reason": b"\x0b",
    "link close too long": b"\x0b\x00\x00",
    "unknown control": b"\x0f",
    "last unknown control": b"\xff" + bytes(16),
}


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(octets: bytes) -> None:
    with pytest.raises(MalformedError) as caught:
        generic.decode(octets)
    assert caught.value.code == "malformed"


@given(st.binary(max_size=30))
def test_any_octets_are_a_value_or_malformed(octets: bytes) -> None:
    try:
        pdu = generic.decode(octets)
    except MalformedError:
        return
    assert encoded(pdu) == octets
