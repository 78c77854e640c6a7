"""What a link has waiting to be sent: one acknowledgment, and one transaction or bearer control."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.bearers import generic
from meshwright.core.effects import Priority


def control_packet(link_id: bytes, pdu: bytes) -> bytes:
    """Put bearer control under transaction number zero (Table 5.5)."""
    return link_id + bytes(1) + pdu


def ack_packet(link_id: bytes, number: int) -> bytes:
    """Acknowledge the transaction with `number`."""
    return link_id + _ACKS[number]


_ACKS = [bytes([number]) + generic.ACK for number in range(256)]


@dataclass(slots=True)
class Outgoing:
    """A PDU of the transaction lane: a transaction's segments, or bearer control.

    `rounds` counts how often all of its packets have been sent, `began` is when the first of them
    had left. The radio prefers those with more `progress`.
    """

    packets: list[bytes]
    priority: Priority
    number: int = 0
    progress: int = 0
    is_transaction: bool = False
    index: int = 0
    rounds: int = 0
    at_radio: bool = False
    began: float | None = None

    @classmethod
    def transaction(cls, link_id: bytes, pdu: bytes, number: int) -> Outgoing:
        """Cut a provisioning PDU into the packets of one transaction."""
        packets = generic.segment(pdu, link_id + bytes([number]))
        return cls(packets, Priority.SEGMENT, number, (number & 0x7F) + 1, is_transaction=True)

    @property
    def unsent(self) -> bool:
        """Tell whether it is a PDU of which nothing has left."""
        return self.is_transaction and not (self.index or self.rounds)


class AckLane:
    """The one acknowledgment that waits, first for its delay and then for the radio."""

    __slots__ = ("_at_radio", "_sent", "_waiting")

    def __init__(self) -> None:
        self._waiting: bytes | None = None
        self._at_radio: bytes | None = None
        self._sent: bytes | None = None

    @property
    def empty(self) -> bool:
        return self._waiting is None

    def put(self, packet: bytes) -> bool:
        """Let `packet` wait instead of another; return False when it waits already."""
        if packet == self._waiting:
            return False
        self._waiting = packet
        return True

    def clear(self) -> None:
        self._waiting = None

    def to_radio(self) -> bytes | None:
        """Return what goes to the radio now."""
        self._at_radio = self._waiting
        return self._waiting

    def left(self) -> bool:
        """Learn that the radio has sent what it had; return whether that was a repetition.

        Another acknowledgment may have come to wait meanwhile, and goes on waiting.
        """
        left, self._at_radio = self._at_radio, None
        repeated = left is not None and left == self._sent
        if left == self._waiting:
            self._waiting = None
        self._sent = left
        return repeated
