"""Key indexes of 12 bits in a message (Mesh Protocol 1.1, 4.3.1.1), low octet first."""

from __future__ import annotations

from meshwright.core.errors import InputError
from meshwright.core.octets import Reader

LARGEST = 0xFFF


def pack_two(first: int, second: int) -> bytes:
    """Return three octets: `first` in the low 12 bits, `second` in the high ones."""
    for index in (first, second):
        if not 0 <= index <= LARGEST:
            raise InputError(f"key index {index} does not fit 12 bits", code="bad-key-index")
    return (second << 12 | first).to_bytes(3, "little")


def take_two(reader: Reader) -> tuple[int, int]:
    """Undo `pack_two`."""
    number = reader.unsigned_le(3)
    return number & LARGEST, number >> 12
