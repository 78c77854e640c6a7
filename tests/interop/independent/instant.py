"""An asyncio loop without waiting: what a Unix socket is sent, it holds when the call returns.

So when nothing can be read, nothing will be before the next timer, and the clock leaps there. It
stands still in between, so what is computed takes no time, however busy the machine is.
"""

from __future__ import annotations

import asyncio
import selectors


class _InstantSelector(selectors.DefaultSelector):
    """Adds up what it should have waited."""

    now = 1000.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            return super().select()
        events = super().select(0)
        if not events:
            self.now += max(timeout, 0.0)
        return events


class InstantLoop(asyncio.SelectorEventLoop):
    """Only for a loop whose packets all come from itself."""

    def __init__(self) -> None:
        self._instant = _InstantSelector()
        super().__init__(self._instant)

    def time(self) -> float:
        return self._instant.now
