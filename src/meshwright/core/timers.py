"""Named deadlines. `now` is monotonic seconds; an early or repeated call is harmless.

Names are `IntEnum`s, whose hash costs nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=IntEnum)


class Timers(Generic[Name]):
    """The timers of one machine, by name."""

    __slots__ = ("_deadlines", "_first", "next")

    def __init__(self) -> None:
        self._deadlines: dict[Name, float] = {}
        self._first: Name | None = None
        self.next: float | None = None
        """The earliest deadline; None when no timer runs."""

    def set(self, name: Name, deadline: float) -> None:
        """Start or restart `name`."""
        self._deadlines[name] = deadline
        if self.next is None or deadline < self.next:
            self._first, self.next = name, deadline
        elif name is self._first:
            self._look()

    def stop(self, name: Name) -> None:
        if self._deadlines.pop(name, None) is not None and name is self._first:
            self._look()

    def stop_all(self) -> None:
        self._deadlines.clear()
        self._first = self.next = None

    def running(self, name: Name) -> bool:
        return name in self._deadlines

    def pop(self) -> Name:
        """Stop and return the earliest timer, which the caller has seen to be due.

        One at a time: handling one timer may stop the next.
        """
        name = self._first
        assert name is not None  # noqa: S101 - `next` is not None, the caller has seen
        del self._deadlines[name]
        self._look()
        return name

    def pop_due(self, now: float) -> Name | None:
        """Stop and return the earliest timer that is due; None when none is."""
        return self.pop() if self.next is not None and self.next <= now else None

    def _look(self) -> None:
        """Find the earliest timer again; of several the one that was started first."""
        first = earliest = None
        for name, deadline in self._deadlines.items():
            if earliest is None or deadline < earliest:
                first, earliest = name, deadline
        self._first, self.next = first, earliest
