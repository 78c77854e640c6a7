"""Time that passes only when told, from one event to the next: hours take seconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

_Event = tuple[float, int, Callable[[Any], object], Any]  # when, serial number, function, argument


class VirtualTimer:
    """A call to come."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callable[[], object]) -> None:
        self._callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        """Make the call, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class VirtualTime:
    """A timebase whose clock jumps to the next event; simultaneous events keep their order."""

    def __init__(self) -> None:
        self._now = 0.0
        self._events: list[_Event] = []
        self._serials = count()

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[[], object], /) -> VirtualTimer:
        timer = VirtualTimer(callback)
        self.schedule(max(self._now, when), VirtualTimer.fire, timer)
        return timer

    def schedule(self, when: float, function: Callable[[Any], object], argument: object) -> None:
        """Call `function(argument)` at `when`, without a handle."""
        heappush(self._events, (when, next(self._serials), function, argument))

    def run_until(self, goal: float | Callable[[], bool], *, limit: float = math.inf) -> bool:
        """Let time pass until `goal`: a time, or a condition looked at after every event.

        Returns whether the goal was reached before `limit` and before nothing more could happen.
        """
        if callable(goal):
            return self._run_while(lambda: not goal(), limit)
        self._run_to(min(goal, limit))
        return self._now >= goal

    def _run_to(self, until: float) -> None:
        events = self._events
        while events and events[0][0] <= until:
            self._now, _, function, argument = heappop(events)
            function(argument)
        if until < math.inf:
            self._now = max(self._now, until)

    def _run_while(self, condition: Callable[[], bool], limit: float) -> bool:
        events = self._events
        while condition():
            if not events or events[0][0] > limit:
                self._run_to(limit)
                return False
            self._now, _, function, argument = heappop(events)
            function(argument)
        return True
