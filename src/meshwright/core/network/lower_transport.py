"""Lower transport PDUs (Mesh Protocol 1.1, 3.5.2).

Segments are told apart and taken apart here; nobody puts them together yet. Reserved bits are
ignored when read and zero when written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from meshwright.core.errors import MalformedError
from meshwright.core.octets import Reader

SEGMENT_ACK = 0x00
"""Opcode of the control message that acknowledges segments."""

_SEGMENTED = 0x80
_SEGMENT_SIZE = 12
_CONTROL_SEGMENT_SIZE = 8


@dataclass(frozen=True, slots=True)
class Segment:
    """The place of one segment: SeqZero, SegO and SegN (3.5.2.2)."""

    seq_zero: int
    offset: int
    last: int

    @classmethod
    def decode(cls, octets: int) -> Self:
        place = cls(octets >> 10 & 0x1FFF, octets >> 5 & 0x1F, octets & 0x1F)
        if place.offset > place.last:
            raise MalformedError(f"segment {place.offset} of {place.last + 1} does not exist")
        return place

    def encode(self, top: int = 0) -> bytes:
        """Return three octets; `top` is the bit above SeqZero."""
        number = top << 23 | self.seq_zero << 10 | self.offset << 5 | self.last
        return number.to_bytes(3, "big")


@dataclass(frozen=True, slots=True)
class AccessPdu:
    """An access message, or one segment of it; `aid` is None under a device key."""

    aid: int | None
    upper: bytes
    segment: Segment | None = None
    long_mic: bool = False

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        reader = Reader(octets)
        first = reader.unsigned(1)
        aid = _aid(first & 0x7F)
        if not first & _SEGMENTED:
            return cls(aid, _sized(reader.rest(), 5, 15))
        place = reader.unsigned(3)
        upper = _sized(reader.rest(), 1, _SEGMENT_SIZE)
        return cls(aid, upper, Segment.decode(place), bool(place >> 23))

    def encode(self) -> bytes:
        first = 0 if self.aid is None else 0x40 | self.aid
        if self.segment is None:
            return bytes([first]) + self.upper
        return bytes([_SEGMENTED | first]) + self.segment.encode(self.long_mic) + self.upper


@dataclass(frozen=True, slots=True)
class ControlPdu:
    """A control message, or one segment of it."""

    opcode: int
    parameters: bytes
    segment: Segment | None = None

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        reader = Reader(octets)
        first = reader.unsigned(1)
        opcode = first & 0x7F
        if not first & _SEGMENTED:
            return cls(opcode, _sized(reader.rest(), 0, 11))
        place = Segment.decode(reader.unsigned(3))
        return cls(opcode, _sized(reader.rest(), 1, _CONTROL_SEGMENT_SIZE), place)

    def encode(self) -> bytes:
        if self.segment is None:
            return bytes([self.opcode]) + self.parameters
        return bytes([_SEGMENTED | self.opcode]) + self.segment.encode() + self.parameters


@dataclass(frozen=True, slots=True)
class SegmentAck:
    """Parameters of a Segment Acknowledgment (3.5.2.3.1); bit n of `block` is segment n."""

    on_behalf: bool
    seq_zero: int
    block: int

    @classmethod
    def decode(cls, parameters: bytes) -> Self:
        reader = Reader(parameters)
        first, block = reader.unsigned(2), reader.unsigned(4)
        reader.end()
        return cls(bool(first >> 15), first >> 2 & 0x1FFF, block)

    def encode(self) -> bytes:
        first = self.on_behalf << 15 | self.seq_zero << 2
        return first.to_bytes(2, "big") + self.block.to_bytes(4, "big")


def segment_access(aid: int | None, upper: bytes, seq: int, *, long_mic: bool) -> list[AccessPdu]:
    """Cut `upper` into segments; `seq` is the sequence number of the first (3.5.3.1)."""
    pieces = [upper[at : at + _SEGMENT_SIZE] for at in range(0, len(upper), _SEGMENT_SIZE)]
    return [
        AccessPdu(aid, piece, Segment(seq & 0x1FFF, offset, len(pieces) - 1), long_mic)
        for offset, piece in enumerate(pieces)
    ]


def first_sequence(seq: int, seq_zero: int) -> int:
    """Return the sequence number of the first segment, seen from any segment (3.5.3.1)."""
    first = seq - ((seq - seq_zero) & 0x1FFF)
    if first < 0:
        raise MalformedError("the first segment would be older than sequence number 0")
    return first


def _aid(bits: int) -> int | None:
    if bits & 0x40:
        return bits & 0x3F
    if bits:
        raise MalformedError("a message under a device key has no AID")
    return None


def _sized(octets: bytes, shortest: int, longest: int) -> bytes:
    if not shortest <= len(octets) <= longest:
        raise MalformedError(f"{shortest} to {longest} octets expected, {len(octets)} came")
    return octets
