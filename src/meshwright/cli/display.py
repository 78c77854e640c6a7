"""Showing progress: bars on a terminal, plain lines elsewhere, nothing when asked to be quiet."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from meshwright.cli.output import say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from meshwright.wiring.progress import Observer, Stage


class Quiet:
    """Says nothing."""

    def stage(self, stage: Stage, total: int) -> None:
        del stage, total

    def step(self, stage: Stage, text: str) -> None:
        del stage, text

    def busy(self, stage: Stage, text: str) -> None:
        del stage, text

    def note(self, text: str) -> None:
        del text


class PlainLines:
    """A line for each step; what is not a terminal gets this."""

    def __init__(self) -> None:
        self._done: dict[Stage, int] = {}
        self._totals: dict[Stage, int] = {}

    def stage(self, stage: Stage, total: int) -> None:
        self._done[stage], self._totals[stage] = 0, total

    def step(self, stage: Stage, text: str) -> None:
        self._done[stage] += 1
        say(f"{stage} {self._done[stage]}/{self._totals[stage]}: {text}")

    def busy(self, stage: Stage, text: str) -> None:
        del stage, text

    def note(self, text: str) -> None:
        say(text)


class Bars:
    """A bar for each stage, the latest step beside it, notes above."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Stage, TaskID] = {}

    def stage(self, stage: Stage, total: int) -> None:
        self._tasks[stage] = self._progress.add_task(stage, total=total, text="")

    def step(self, stage: Stage, text: str) -> None:
        self._progress.update(self._tasks[stage], advance=1, text=text)

    def busy(self, stage: Stage, text: str) -> None:
        self._progress.update(self._tasks[stage], text=text)

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
