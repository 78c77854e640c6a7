"""What a runner counts, and the difference between two moments of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Everything since the start; times in seconds."""

    heard: int = 0
    sent: int = 0
    waited: float = 0.0
    on_air: float = 0.0

    def copy(self) -> Counters:
        return Counters(self.heard, self.sent, self.waited, self.on_air)


@dataclass(frozen=True, slots=True)
class Load:
    """How busy a radio was over some time.

    `wait` is the mean time from "may be sent" to "on the air", `share` the part of the time that
    it transmitted. Both are about our own radio alone: loss on the way cannot fool them.
    """

    wait: float
    share: float

    @classmethod
    def between(cls, before: Counters, after: Counters, seconds: float) -> Load:
        """Return the load of the `seconds` between two readings."""
        sent = after.sent - before.sent
        wait = (after.waited - before.waited) / sent if sent else 0.0
        return cls(wait, (after.on_air - before.on_air) / seconds)
