"""Failed authentications: how many there were, and how long to wait before the next try.

An OOB value may be as short as one digit, and each session lets a peer try one guess. HMAC and a
key known beforehand keep a peer from more than that (CVE-2020-26556, CVE-2020-26559); counting
keeps it from trying often. Only confirmations that fail in a session with an OOB value count.
"""

from __future__ import annotations

from dataclasses import dataclass

_MOST_DOUBLINGS = 32


@dataclass(frozen=True, slots=True)
class BackOff:
    """So many failures are free; then `first` seconds, doubled each time, at most `longest`."""

    free: int = 3
    first: float = 10.0
    longest: float = 600.0

    def wait(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row."""
        if failures <= self.free:
            return 0.0
        return min(self.first * 2.0 ** min(failures - self.free - 1, _MOST_DOUBLINGS), self.longest)


class Attempts:
    """Counts the failed authentications of one device.

    Give it the `failures` that were stored, and when the last one was. Without the time, as after
    a restart with another clock, the whole wait begins with the first question.
    """

    __slots__ = ("_failures", "_rule", "_since")

    def __init__(
        self, rule: BackOff | None = None, failures: int = 0, since: float | None = None
    ) -> None:
        self._rule = rule or BackOff()
        self._failures = failures
        self._since = since

    @property
    def failures(self) -> int:
        """How many have failed since one succeeded."""
        return self._failures

    def waiting(self, now: float) -> float:
        """Return how many seconds are left before the next try is allowed; 0 when it is."""
        wait = self._rule.wait(self._failures)
        if not wait:
            return 0.0
        if self._since is None:
            self._since = now
        return max(0.0, self._since + wait - now)

    def fail(self, now: float) -> None:
        """Count a failure."""
        self._failures += 1
        self._since = now

    def succeed(self) -> None:
        """Forget all failures."""
        self._failures = 0
        self._since = None
