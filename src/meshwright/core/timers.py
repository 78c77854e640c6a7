"""Named deadlines. `now` is monotonic seconds; an early or repeated call is harmless.

Names are `IntEnum`s, whose hash costs nothing.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=IntEnum)


class Timers(Generic[Name]):
    """The timers of one machine, by name."""

    __slots__ = ("_deadlines", "next")

    def __init__(self) -> None:
        self._deadlines: dict[Name, float] = {}
        self.next: float | None = None
        """The earliest deadline; None when no timer runs."""

    def set(self, name: Name, deadline: float) -> None:
        """Start or restart `name`."""
        deadlines = self._deadlines
        if self.next is None or deadline <= self.next:
            deadlines[name] = self.next = deadline
            return
        first = deadlines.get(name) == self.next
        deadlines[name] = deadline
        if first:
            self.next = min(deadlines.values())

    def stop(self, name: Name) -> None:
        before = self._deadlines.pop(name, None)
        if before is not None and before == self.next:
            self.next = min(self._deadlines.values(), default=None)

    def stop_all(self) -> None:
        self._deadlines.clear()
        self.next = None

    def running(self, name: Name) -> bool:
        return name in self._deadlines

    def pop(self) -> Name:
        """Stop and return the earliest timer, which the caller has seen to be due.

        One at a time: handling one timer may stop the next.
        """
        deadlines = self._deadlines
        name = min(deadlines, key=deadlines.__getitem__)
        del deadlines[name]
        self.next = min(deadlines.values(), default=None)
        return name

    def pop_due(self, now: float) -> Name | None:
        """Stop and return the earliest timer that is due; None when none is."""
        return self.pop() if self.next is not None and self.next <= now else None
