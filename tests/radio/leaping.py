"""An asyncio loop that does not wait for its own timers: real sockets in leaping time.

What is sent on this machine arrives within the call that sends it, or nearly so. When nothing has
arrived after a moment, nothing will before the next timer, and the clock leaps there.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

MOMENT = 0.0005
"""Seconds; those that a packet could take on the way through this machine are microseconds."""


class _LeapingSelector(selectors.DefaultSelector):
    """Waits a moment where it should wait longer, and tells how much it left out."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= MOMENT:
            return super().select(timeout)
        events = super().select(MOMENT)
        if not events:
            self._leap(timeout - MOMENT)
        return events


class LeapingLoop(asyncio.SelectorEventLoop):
    """Only for a loop whose packets all come from itself."""

    def __init__(self) -> None:
        self._leapt = 0.0
        super().__init__(_LeapingSelector(self._leap))

    def time(self) -> float:
        return super().time() + self._leapt

    def run(self, seconds: float) -> None:
        """Let so many seconds of its time pass."""
        self.call_at(self.time() + seconds, self.stop)
        self.run_forever()

    def _leap(self, seconds: float) -> None:
        self._leapt += seconds
