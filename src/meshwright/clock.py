"""Time as a port: nobody reads a clock but through here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time for certificates, audit lines and UUIDs."""

    def now(self) -> datetime:
        """Return the present as an aware UTC time."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the port itself


@dataclass
class ManualClock:
    """A clock that moves only when told; simulations and tests are reproducible with it."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`, which may be negative: clocks do step back."""
        self.instant += timedelta(seconds=seconds)
