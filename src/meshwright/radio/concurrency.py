"""How many links one radio should hold at once.

The adaptive rule reads only our own radio: how long packets wait for it and how much of the time it
transmits. Retransmissions would be a poor guide, because plain packet loss raises them as well and
then fewer links make nothing better.
"""

from __future__ import annotations

from typing import Protocol

from meshwright.radio.counters import Counters, Load
from meshwright.radio.port import Pacing

REVIEW_INTERVAL = 3.0
FEWEST, MOST = 4, 32
LONGEST_TRANSACTION = 15.0
"""Half the time after which a link gives a transaction up (5.3.3)."""

_SHARE_TO_GROW, _SHARE_TO_SHRINK = 0.28, 0.33
"""Of the time, the radio's turning from listening to sending included."""

_OWN_TIMING = 0.005
"""A radio that is faster than this sends when it is told to; slower ones keep packets waiting."""


def retransmit_after(pacing: Pacing) -> float:
    """Return the wait for an acknowledgment that was found best for a radio with this pacing."""
    return 0.15 if pacing.mean <= _OWN_TIMING else 0.3


class Concurrency(Protocol):
    """Says how many links may be open."""

    def limit(self, now: float, oldest_transaction: float = 0.0) -> int:
        """Return the most links that should be open at `now`."""
        ...


class FixedLinks:
    """Always the same number."""

    def __init__(self, links: int) -> None:
        self._links = links

    def limit(self, now: float, oldest_transaction: float = 0.0) -> int:
        del now, oldest_transaction
        return self._links


class AdaptiveLinks:
    """Two links more while the radio keeps up, a sixth fewer when it does not."""

    def __init__(self, counters: Counters, pacing: Pacing, *, links: int = FEWEST) -> None:
        self._counters = counters
        self._interval = pacing.mean
        self._links = float(links)
        self._before = counters.copy()
        self._reviewed_at: float | None = None

    def limit(self, now: float, oldest_transaction: float = 0.0) -> int:
        """Return the limit, after a review when one is due.

        `oldest_transaction` is how many seconds the longest transaction has waited for its end.
        """
        if self._reviewed_at is None:
            self._reviewed_at = now
        elif now - self._reviewed_at >= REVIEW_INTERVAL:
            load = Load.between(self._before, self._counters, now - self._reviewed_at)
            self._review(load, oldest_transaction)
            self._before = self._counters.copy()
            self._reviewed_at = now
        return round(self._links)

    def _review(self, load: Load, oldest_transaction: float) -> None:
        if self._overloaded(load) or oldest_transaction > LONGEST_TRANSACTION:
            self._links = max(FEWEST, self._links * 0.85)
        elif load.wait < 0.015 + self._interval and load.share < _SHARE_TO_GROW:
            self._links = min(MOST, self._links + 2)

    def _overloaded(self, load: Load) -> bool:
        return load.wait > 0.030 + 2 * self._interval or load.share > _SHARE_TO_SHRINK
