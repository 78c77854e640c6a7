"""Named deadlines. `now` is monotonic seconds; an early or repeated call is harmless.

Names are `IntEnum`s, whose hash costs nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=IntEnum)


class Timers(Generic[Name]):
    """The timers of one machine, by name."""

    __slots__ = ("_deadlines",)

    def __init__(self) -> None:
        self._deadlines: dict[Name, float] = {}

    def set(self, name: Name, deadline: float) -> None:
        """Start or restart `name`."""
        self._deadlines[name] = deadline

    def stop(self, name: Name) -> None:
        self._deadlines.pop(name, None)

    def stop_all(self) -> None:
        self._deadlines.clear()

    def running(self, name: Name) -> bool:
        return name in self._deadlines

    def next_deadline(self) -> float | None:
        return min(self._deadlines.values()) if self._deadlines else None

    def pop_due(self, now: float) -> Name | None:
        """Stop and return the earliest timer that is due; None when none is.

        One at a time: handling one timer may stop the next.
        """
        deadlines = self._deadlines
        if not deadlines:
            return None
        name = min(deadlines, key=deadlines.__getitem__)
        if deadlines[name] > now:
            return None
        del deadlines[name]
        return name
