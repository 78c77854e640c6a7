"""Feeds one radio from the transmit queue and counts what that costs."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable

from meshwright.core.effects import Priority
from meshwright.radio.counters import Counters
from meshwright.radio.port import Radio
from meshwright.radio.queue import Packet, Sent, TransmitQueue


class Outbox:
    """Everything that waits for `radio` or is on the air at present."""

    def __init__(self, radio: Radio, counters: Counters) -> None:
        self._radio = radio
        self._counters = counters
        self._queue = TransmitQueue()
        self._on_air: deque[tuple[Packet, float]] = deque()

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
        """Let `payload` wait for the radio, instead of what waits under `key`.

        `sent` learns that it has left, unless it was replaced or withdrawn before its end: then
        its sender has something else in mind already.
        """
        self._forget(key)
        self._queue.put(key, payload, priority, now, progress=progress, sent=sent)

    def withdraw(self, key: Hashable) -> None:
        """Forget what waits under `key`."""
        self._forget(key)
        self._queue.withdraw(key)

    def _forget(self, key: Hashable) -> None:
        for packet, _ in self._on_air:
            if packet.key == key:
                packet.sent = None

    def pump(self, now: float) -> None:
        """Give the radio what it can take."""
        while self._radio.ready:
            packet = self._queue.take()
            if packet is None:
                return
            self._counters.sent += 1
            self._counters.waited += now - packet.since
            self._on_air.append((packet, now))
            self._radio.transmit(packet.payload)

    def transmitted(self, now: float) -> None:
        """Learn that the first packet on the air has left."""
        packet, began = self._on_air.popleft()
        self._counters.on_air += now - began
        if packet.sent is not None:
            packet.sent(now)
