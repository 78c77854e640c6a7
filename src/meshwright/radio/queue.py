"""What waits for the radio, and who goes next.

Order: `Priority`, then the exchange that is furthest on, then whoever waits longest. A packet that
replaces one keeps its place. Link Close is second only to acknowledgments, and not even those may
pass it for long: a device whose link was not closed hangs for a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from meshwright.core.effects import Priority

PATIENCE = 8
"""So many acknowledgments in a row may pass a waiting Link Close."""

Sent = Callable[[float], object]


@dataclass(slots=True, eq=False)
class Packet:
    """One packet on its way: whole advertising data, and whom to tell when it has left."""

    key: Hashable
    payload: bytes
    priority: Priority
    since: float
    sent: Sent | None
    turn: int
    waiting: bool = True


_Place = tuple[int, int, int, int, Packet]  # priority, progress, turn, serial number, packet


class TransmitQueue:
    """One packet a key, most urgent first."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, Packet] = {}
        self._heap: list[_Place] = []
        self._closes: list[_Place] = []
        self._serials = count()
        self._passed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._waiting

    def put(
        self,
        key: Hashable,
        payload: bytes,
        priority: Priority,
        now: float,
        *,
        progress: int = 0,
        sent: Sent | None = None,
    ) -> None:
        """Let `payload` wait, instead of what waits under `key`."""
        earlier = self.withdraw(key)
        serial = next(self._serials)
        turn = serial if earlier is None else earlier.turn
        packet = Packet(key, payload, priority, now, sent, turn)
        self._waiting[key] = packet
        heap = self._closes if priority is Priority.CLOSE else self._heap
        heappush(heap, (priority, -progress, turn, serial, packet))

    def withdraw(self, key: Hashable) -> Packet | None:
        """Forget what waits under `key`."""
        packet = self._waiting.pop(key, None)
        if packet is not None:
            packet.waiting = False
        return packet

    def take(self) -> Packet | None:
        """Remove and return the packet that goes next; None when nothing waits."""
        heap = self._next_heap()
        if heap is None:
            return None
        packet = heappop(heap)[-1]
        self._passed = self._passed + 1 if heap is self._heap and self._closes else 0
        packet.waiting = False
        del self._waiting[packet.key]
        return packet

    def _next_heap(self) -> list[_Place] | None:
        first, close = _head(self._heap), _head(self._closes)
        if first is None or close is None:
            return self._heap if first else self._closes if close else None
        acks_first = first[0] < Priority.CLOSE and self._passed < PATIENCE
        return self._heap if acks_first else self._closes


def _head(heap: list[_Place]) -> _Place | None:
    """Drop what was withdrawn from the front, and return what stands there."""
    while heap and not heap[0][-1].waiting:
        heappop(heap)
    return heap[0] if heap else None
