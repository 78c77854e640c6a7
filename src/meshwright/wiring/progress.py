"""How far a command is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from meshwright.services.report import Progress, ResultKind


class Stage(StrEnum):
    """The stages of the whole way, in order."""

    FACTORY = "Factory"
    LABELS = "Labels"
    ASSETS = "Assets"
    SITE = "Site"


class Observer(Protocol):
    """Whoever is told how far a command is."""

    def stage(self, stage: Stage, total: int) -> None:
        """Learn that a stage of so many steps begins."""
        ...

    def step(self, stage: Stage, text: str) -> None:
        """Learn that one step of a stage is done."""
        ...

    def busy(self, stage: Stage, text: str) -> None:
        """Learn what a stage is at, worth a glance and no line."""
        ...

    def note(self, text: str) -> None:
        """Learn something worth a line."""
        ...


def site_progress(observer: Observer) -> Callable[[Progress], None]:
    """Return what shows the progress of commissioning on `observer`."""

    def on_progress(progress: Progress) -> None:
        if progress.kind is ResultKind.NODE:
            observer.step(Stage.SITE, f"{progress.name} is {progress.text}")
        elif progress.kind is ResultKind.REFUSED:
            observer.note(f"Refused {progress.name}: {progress.text}")
        else:
            observer.busy(Stage.SITE, f"{progress.name}: {progress.text}")

    return on_progress
