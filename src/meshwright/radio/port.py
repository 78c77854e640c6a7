"""What every radio does: put one advertising event on the air, and report what it hears.

A radio owns its pacing (how soon after one event the next may start), so that whoever feeds it
decides only what goes next. A controller with several advertising sets is `ready` while any of
them is free and reports each event when it has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from meshwright.core.discovery.ad import LEGACY_SIZE
from meshwright.radio.errors import PayloadError
from meshwright.radio.interests import Pattern


@dataclass(frozen=True, slots=True)
class Report:
    """One advertisement as heard: whole AD structures, the length octets included.

    `rssi` is in dBm. Radios report only advertisements that nobody can connect to (5.2.1).
    """

    payload: bytes
    address: bytes | None = None
    rssi: int | None = None


@dataclass(frozen=True, slots=True)
class Pacing:
    """Seconds from the start of one event to the start of the next, plus 0 to `jitter`."""

    interval: float
    jitter: float = 0.0

    @property
    def mean(self) -> float:
        return self.interval + self.jitter / 2


OWN_TIMING = Pacing(0.003)
HOST_10 = Pacing(0.010)
HOST_25 = Pacing(0.020, 0.010)
DEVICE = Pacing(0.020, 0.010)


class Listener(Protocol):
    """Whoever a radio reports to. `now` is the time of its timebase."""

    def heard(self, report: Report, now: float) -> None:
        """Take one advertisement."""
        ...

    def transmitted(self, now: float) -> None:
        """Learn that the event handed over first, of those not reported yet, has ended."""
        ...

    def ready(self, now: float) -> None:
        """Learn that the radio can take a packet again."""
        ...


class Radio(Protocol):
    """One radio that broadcasts and listens."""

    @property
    def address(self) -> bytes:
        """The six octets it advertises with, most significant first."""
        ...

    @property
    def pacing(self) -> Pacing:
        """How fast it can put out packets."""
        ...

    @property
    def predictable_allowed(self) -> bool:
        """Tell whether seeded randomness may be used on it; only a simulated radio says so."""
        ...

    @property
    def ready(self) -> bool:
        """Tell whether `transmit` may be called now."""
        ...

    def transmit(self, payload: bytes) -> None:
        """Put `payload`, whole AD structures, on the air in one advertising event, now.

        Raises `RadioBusyError` unless `ready`, `PayloadError` for a wrong size. The listener learns
        when the event has ended and when the radio is ready again, never within this call.
        """
        ...

    def listen(self, listener: Listener | None) -> None:
        """Report to `listener` from now on, or to nobody."""
        ...

    def narrow(self, wanted: Collection[Pattern] | None) -> None:
        """Learn what is wanted; None is everything.

        A radio with filters may use this to save work. It may report more, and it may miss what
        was already on the air when the filter became wider.
        """
        ...


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Forget the call; harmless when it has been made."""
        ...


class Timebase(Protocol):
    """Where a radio's time comes from and calls can be ordered; an asyncio loop is one."""

    def time(self) -> float:
        """Return monotonic seconds."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call `callback` at `when`, or soon when that is past; never within this call."""
        ...


def check_payload(payload: bytes) -> None:
    """Raise `PayloadError` unless `payload` fits one legacy advertisement."""
    if not 0 < len(payload) <= LEGACY_SIZE:
        raise PayloadError(
            f"a legacy advertisement carries 1 to {LEGACY_SIZE} octets, not {len(payload)}; "
            "send one structure a packet"
        )
