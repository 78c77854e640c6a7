"""Generic Provisioning PDUs (5.3.1), written from the text alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

OPEN, OPENED, CLOSE = 0x03, 0x07, 0x0B
ACK = b"\x01"
IN_START, IN_NEXT = 20, 23
START, NEXT = 0, 2


class Kind(IntEnum):
    """First octet of a Provisioning PDU (5.4.1)."""

    INVITE = 0
    CAPABILITIES = 1
    START = 2
    PUBLIC_KEY = 3
    INPUT_COMPLETE = 4
    CONFIRMATION = 5
    RANDOM = 6
    DATA = 7
    COMPLETE = 8
    FAILED = 9
    RECORD_REQUEST = 10
    RECORD_RESPONSE = 11
    RECORDS_GET = 12
    RECORDS_LIST = 13


def check_octet(pdu: bytes) -> int:
    """Return the FCS (5.3.1.1)."""
    register = 0xFF
    for octet in pdu:
        register ^= octet
        for _ in range(8):
            register = register >> 1 ^ (0xE0 if register & 1 else 0)
    return register ^ 0xFF


def cut(pdu: bytes) -> list[bytes]:
    """Return the segments of a PDU (5.3.1.1, 5.3.1.3)."""
    rest = pdu[IN_START:]
    tails = [rest[at : at + IN_NEXT] for at in range(0, len(rest), IN_NEXT)]
    head = bytes([len(tails) << 2 | START, *len(pdu).to_bytes(2, "big"), check_octet(pdu)])
    nexts = [bytes([index << 2 | NEXT]) + tail for index, tail in enumerate(tails, 1)]
    return [head + pdu[:IN_START], *nexts]


@dataclass
class Collected:
    """The segments of one transaction, in any order."""

    parts: dict[int, bytes] = field(default_factory=dict)
    last: int | None = None
    total: int = 0
    check: int = 0

    def add(self, segment: bytes) -> bytes | None:
        """Take a segment; return the PDU when it is whole."""
        if segment[0] & 3 == START:
            self.last = segment[0] >> 2
            self.total = int.from_bytes(segment[1:3], "big")
            self.check = segment[3]
            self.parts[0] = segment[4:]
        else:
            self.parts[segment[0] >> 2] = segment[1:]
        if self.last is None or any(index not in self.parts for index in range(self.last + 1)):
            return None
        pdu = b"".join(self.parts[index] for index in range(self.last + 1))
        self.parts.clear()
        return pdu if len(pdu) == self.total and check_octet(pdu) == self.check else None
