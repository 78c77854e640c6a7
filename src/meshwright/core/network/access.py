"""Access messages: an opcode of one to three octets and its parameters (3.7.3).

An opcode is a number whose octets stand on the wire as written: 0x02, 0x8008, 0xD50A00. The last
two octets of a vendor opcode are its company identifier, low octet first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from meshwright.core.errors import InputError, MalformedError

_RESERVED = 0x7F
_OPCODES = {1: range(0x7F), 2: range(0x8000, 0xC000), 3: range(0xC00000, 0x1000000)}


@dataclass(frozen=True, slots=True)
class AccessMessage:
    """An opcode and its parameters."""

    opcode: int
    parameters: bytes

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        if not octets or octets[0] == _RESERVED:
            raise MalformedError("the access message has no opcode")
        size = _opcode_size(octets[0])
        if len(octets) < size:
            raise MalformedError("the opcode of the access message is cut off")
        return cls(int.from_bytes(octets[:size], "big"), octets[size:])

    def encode(self) -> bytes:
        for size, opcodes in _OPCODES.items():
            if self.opcode in opcodes:
                return self.opcode.to_bytes(size, "big") + self.parameters
        raise InputError(f"{self.opcode:#x} is not an opcode", code="bad-opcode")

    @property
    def company_id(self) -> int | None:
        """The company of a vendor message, or None."""
        if self.opcode not in _OPCODES[3]:
            return None
        return int.from_bytes(self.opcode.to_bytes(3, "big")[1:], "little")


def _opcode_size(first: int) -> int:
    if first < 0x80:
        return 1
    return 2 if first < 0xC0 else 3
