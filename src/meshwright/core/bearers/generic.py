"""Generic Provisioning PDUs (5.3.1): how one provisioning PDU becomes PB-ADV packets.

A PB-ADV packet is `Link ID 4 | Transaction Number 1 | Generic Provisioning PDU 1..24` (5.2.1).
"""

from __future__ import annotations

from enum import IntEnum
from functools import reduce
from struct import unpack_from
from typing import NamedTuple

from meshwright.core.errors import MalformedError

HEADER_SIZE = 5
START_DATA = 20
CONTINUATION_DATA = 23
LAST_SEGMENT_LIMIT = 63
MAXIMUM_PDU = START_DATA + CONTINUATION_DATA * LAST_SEGMENT_LIMIT
_MTU = 24
_START_HEADER = 4


class Gpcf(IntEnum):
    """Generic Provisioning Control Format, the low two bits of the first octet."""

    START = 0
    ACK = 1
    CONTINUATION = 2
    CONTROL = 3


class ControlOpcode(IntEnum):
    """Bearer control (5.3.1.4)."""

    LINK_OPEN = 0
    LINK_ACK = 1
    LINK_CLOSE = 2


def _crc_table() -> bytes:
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (0xE0 if crc & 1 else 0)
        table[value] = crc
    return bytes(table)


def _pair_table(table: bytes) -> bytes:
    """Return the table of two steps at once, by the little-endian value of two octets."""
    twice = int.from_bytes(table.translate(table), "big")  # a step of a step is linear
    rows = (twice ^ int.from_bytes(bytes([step]) * 256, "big") for step in table)
    return b"".join(row.to_bytes(256, "big") for row in rows)


_CRC = _crc_table()
_CRC_PAIRS = _pair_table(_CRC)
_ROW = 64
_CRC_ROW = reduce(lambda row, _: row.translate(_CRC), range(_ROW), bytes(range(256)))


def frame_check(pdu: bytes) -> int:
    """Return the FCS of a provisioning PDU: CRC-8 of 3GPP TS 27.010 (5.3.1.1)."""
    crc = 0xFF
    if len(pdu) > 2 * _ROW:
        pdu, crc = _folded(pdu), 0
    for pair in unpack_from(f"<{len(pdu) // 2}H", pdu):
        crc = _CRC_PAIRS[crc ^ pair]
    if len(pdu) % 2:
        crc = _CRC[crc ^ pdu[-1]]
    return 0xFF - crc


def _folded(pdu: bytes) -> bytes:
    """Return one row of octets with the CRC of the whole, whose register begins with zero.

    A CRC is linear: a row, stepped on by its length, may be added to the next one. Records are long
    and are checked at both ends, so this pays.
    """
    padded = bytes(-len(pdu) % _ROW) + bytes([pdu[0] ^ 0xFF]) + pdu[1:]
    row = padded[:_ROW]
    for at in range(_ROW, len(padded), _ROW):
        stepped = int.from_bytes(row.translate(_CRC_ROW))
        row = (stepped ^ int.from_bytes(padded[at : at + _ROW])).to_bytes(_ROW)
    return row


class Start(NamedTuple):
    """Transaction Start: the first segment and what is to come."""

    last_segment: int
    total_length: int
    fcs: int
    data: bytes


class Ack(NamedTuple):
    """Transaction Acknowledgment."""


class Continuation(NamedTuple):
    """A further segment; `segment_index` is 1 ... 63."""

    segment_index: int
    data: bytes


class Control(NamedTuple):
    """Bearer control: open, acknowledge or close a link."""

    opcode: int
    parameters: bytes


Generic = Start | Ack | Continuation | Control


def decode(pdu: bytes) -> Generic:
    """Decode one Generic Provisioning PDU; raises `MalformedError`."""
    if not 1 <= len(pdu) <= _MTU:
        raise MalformedError(f"a Generic Provisioning PDU has 1 to 24 octets, not {len(pdu)}")
    first = pdu[0]
    return _DECODERS[first & 3](pdu, first >> 2)


def _decode_start(pdu: bytes, last_segment: int) -> Start:
    if len(pdu) <= _START_HEADER:
        raise MalformedError("Transaction Start without data")
    total, data = pdu[1] << 8 | pdu[2], pdu[_START_HEADER:]
    if last_segment != last_segment_of(total) or len(data) != min(total, START_DATA):
        raise MalformedError("Transaction Start disagrees with its TotalLength")
    return Start(last_segment, total, pdu[3], data)


def _decode_ack(pdu: bytes, padding: int) -> Ack:
    if padding or len(pdu) != 1:
        raise MalformedError("Transaction Acknowledgment with padding or data")
    return _ACK


def _decode_continuation(pdu: bytes, index: int) -> Continuation:
    if index == 0 or len(pdu) == 1:
        raise MalformedError("Transaction Continuation without index or data")
    return Continuation(index, pdu[1:])


_CONTROL_SIZES: dict[int, int] = {
    ControlOpcode.LINK_OPEN: 16,
    ControlOpcode.LINK_ACK: 0,
    ControlOpcode.LINK_CLOSE: 1,
}


def _decode_control(pdu: bytes, opcode: int) -> Control:
    if _CONTROL_SIZES.get(opcode) != len(pdu) - 1:
        raise MalformedError(f"unknown or misshapen bearer control 0x{opcode:02x}")
    return Control(opcode, pdu[1:])


_DECODERS = (_decode_start, _decode_ack, _decode_continuation, _decode_control)
_ACK = Ack()

ACK = bytes([Gpcf.ACK])
LINK_ACK = bytes([ControlOpcode.LINK_ACK << 2 | Gpcf.CONTROL])


def link_open(uuid: bytes) -> bytes:
    """Link Open for the device with `uuid` (16 octets)."""
    return bytes([ControlOpcode.LINK_OPEN << 2 | Gpcf.CONTROL]) + uuid


def link_close(reason: int) -> bytes:
    """Link Close with a reason octet."""
    return bytes([ControlOpcode.LINK_CLOSE << 2 | Gpcf.CONTROL, reason])


def last_segment_of(total_length: int) -> int:
    """Return SegN of a PDU with so many octets."""
    return max(0, -(-(total_length - START_DATA) // CONTINUATION_DATA))


_CONTINUATIONS = [
    bytes([index << 2 | Gpcf.CONTINUATION]) for index in range(1 + LAST_SEGMENT_LIMIT)
]


def segment(pdu: bytes, head: bytes = b"") -> list[bytes]:
    """Cut a provisioning PDU of 1 ... 1469 octets into Generic Provisioning PDUs after `head`."""
    size = len(pdu)
    if not 0 < size <= MAXIMUM_PDU:
        raise ValueError(f"PB-ADV carries PDUs of 1 to {MAXIMUM_PDU} octets, not {size}")
    last = last_segment_of(size)
    start = bytes([last << 2 | Gpcf.START, size >> 8, size & 0xFF, frame_check(pdu)])
    rest = enumerate(range(START_DATA, size, CONTINUATION_DATA), 1)
    return [
        head + start + pdu[:START_DATA],
        *[head + _CONTINUATIONS[i] + pdu[at : at + CONTINUATION_DATA] for i, at in rest],
    ]
