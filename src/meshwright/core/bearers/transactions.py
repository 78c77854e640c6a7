"""What waits to be sent and what is to come, by transaction numbers (Table 5.5)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from meshwright.core.bearers.generic import Continuation, Start
from meshwright.core.bearers.lanes import Outgoing
from meshwright.core.bearers.reassembly import Reassembly

QUEUE_LIMIT = 4
"""PDUs that may wait before nothing more is taken from the peer, which then has to repeat."""


@dataclass(frozen=True, slots=True)
class Half:
    """One side's half of the numbers."""

    first: int

    def following(self, number: int) -> int:
        return self.first | (number + 1) & 0x7F


PROVISIONER_HALF = Half(0x00)
DEVICE_HALF = Half(0x80)


class Outbox:
    """Our PDUs that wait for their turn; each gets the next number then."""

    __slots__ = ("_half", "_link_id", "_next", "_pdus", "full")

    def __init__(self, half: Half, link_id: bytes) -> None:
        self._half, self._link_id = half, link_id
        self._next = half.first
        self._pdus: deque[bytes] = deque()
        self.full = False
        """So much waits that nothing should be added to it."""

    def put(self, pdu: bytes) -> None:
        self._pdus.append(pdu)
        self.full = len(self._pdus) > QUEUE_LIMIT

    def take(self) -> Outgoing | None:
        """Return the next transaction, if any."""
        if not self._pdus:
            return None
        number, self._next = self._next, self._half.following(self._next)
        outgoing = Outgoing.transaction(self._link_id, self._pdus.popleft(), number)
        self.full = len(self._pdus) > QUEUE_LIMIT
        return outgoing

    def newest(self) -> Outgoing | None:
        """Return what was put last, if any; everything else is forgotten."""
        while len(self._pdus) > 1:
            self._pdus.popleft()
        return self.take()


class Incoming:
    """The peer's transactions, one after the other.

    `due` is the number of the next one, `done` that of the last one that was received whole.
    """

    __slots__ = ("_half", "_reassembly", "done", "due")

    def __init__(self, half: Half) -> None:
        self._half = half
        self._reassembly = Reassembly()
        self.due = half.first
        self.done: int | None = None

    def add(self, part: Start | Continuation) -> bytes | None:
        """Take a segment of the transaction that is due; return its PDU when it is whole."""
        pdu = self._reassembly.add(part)
        if pdu is not None:
            self._reassembly.clear()
            self.done, self.due = self.due, self._half.following(self.due)
        return pdu
