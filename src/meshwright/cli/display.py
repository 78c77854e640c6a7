"""Showing progress: bars on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from meshwright.cli.output import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Observer(Protocol):
    """Whoever is told how far a command is."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of so many steps."""
        ...

    def step(self, name: str, text: str) -> None:
        """Do one step of a stage."""
        ...

    def busy(self, name: str, text: str) -> None:
        """Say what a stage is at, worth a glance and no line."""
        ...

    def note(self, text: str) -> None:
        """Say something worth a line."""
        ...


class Quiet:
    """Says nothing."""

    def stage(self, name: str, total: int) -> None:
        del name, total

    def step(self, name: str, text: str) -> None:
        del name, text

    def busy(self, name: str, text: str) -> None:
        del name, text

    def note(self, text: str) -> None:
        del text


class PlainLines:
    """A line for each step; what is not a terminal gets this."""

    def __init__(self) -> None:
        self._done: dict[str, int] = {}
        self._totals: dict[str, int] = {}

    def stage(self, name: str, total: int) -> None:
        self._done[name], self._totals[name] = 0, total

    def step(self, name: str, text: str) -> None:
        self._done[name] += 1
        say(f"{name} {self._done[name]}/{self._totals[name]}: {text}")

    def busy(self, name: str, text: str) -> None:
        del name, text

    def note(self, text: str) -> None:
        say(text)


class Bars:
    """A bar for each stage, the latest step beside it, notes above."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}

    def stage(self, name: str, total: int) -> None:
        self._tasks[name] = self._progress.add_task(name, total=total, text="")

    def step(self, name: str, text: str) -> None:
        self._progress.update(self._tasks[name], advance=1, text=text)

    def busy(self, name: str, text: str) -> None:
        self._progress.update(self._tasks[name], text=text)

    def note(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)


@contextmanager
def observer(*, quiet: bool) -> Iterator[Observer]:
    """Show progress for as long as the block runs."""
    if quiet:
        yield Quiet()
    elif not sys.stdout.isatty():
        yield PlainLines()
    else:
        with _bars() as progress:
            yield Bars(progress)


def _bars() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description:8}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}", markup=False),
    )
