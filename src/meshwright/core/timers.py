"""Named deadlines. `now` is monotonic seconds; an early or repeated call is harmless."""

from __future__ import annotations

from enum import Enum
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Enum)


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

    def expire(self, now: float) -> list[Name]:
        """Stop and return the timers that are due, earliest first."""
        due = [name for name, deadline in self._deadlines.items() if deadline <= now]
        if len(due) > 1:
            due.sort(key=self._deadlines.__getitem__)
        for name in due:
            del self._deadlines[name]
        return due
