"""Failed authentications of assets, across runs: who has to wait, and who needs a person.

Where the device's key is known beforehand, a peer without that key learns nothing of the OOB value
by failing, so only its sender waits: whoever copies a UUID and a certificate does not keep the
device out. A key in band proves nothing, so there the asset waits, whoever sends.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from meshwright.core.provisioning.attempts import Attempts, BackOff
from meshwright.core.provisioning.authentication import KeySource
from meshwright.registry.entities import FailedTry

MOST_FAILURES = 10
"""So many failed authentications in a row, and a person has to look."""

_ANYBODY = ""
LOCKED, WAITING = "locked-out", "backing-off"


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a device is not tried; `until` is a time of the air, infinite for `locked-out`."""

    until: float
    code: str
    reason: str


class Tries:
    """Counts for each asset, or each sender under its UUID."""

    def __init__(self, rule: BackOff | None = None, most: int = MOST_FAILURES) -> None:
        self._rule = rule or BackOff()
        self._most = most
        self._counts: dict[tuple[UUID, str], Attempts] = {}

    def load(self, failed: Iterable[FailedTry], wall: datetime, now: float) -> None:
        """Take over what earlier runs have stored; `wall` and `now` are the same moment."""
        for each in failed:
            ago = max(0.0, (wall - each.at).total_seconds())  # a clock may have been set back
            self._count(each.uuid, each.sender, each.key, now - ago)

    def count(self, failed: Iterable[FailedTry]) -> None:
        """Take over how many there were, where the time does not matter."""
        for each in failed:
            self._count(each.uuid, each.sender, each.key, 0.0)

    def fail(self, uuid: UUID, sender: bytes | None, key: KeySource, now: float) -> None:
        """Count a failure."""
        self._count(uuid, _text(sender), key, now)

    def _count(self, uuid: UUID, sender: str, key: KeySource, now: float) -> None:
        place = (uuid, _ANYBODY if key is KeySource.IN_BAND else sender)
        self._counts.setdefault(place, Attempts(self._rule)).fail(now)

    def hold(self, uuid: UUID, sender: bytes | None, now: float) -> Hold | None:
        """Tell why this sender is not to be tried under this UUID now; None if it may be."""
        for place in dict.fromkeys([(uuid, _ANYBODY), (uuid, _text(sender))]):
            attempts = self._counts.get(place)
            found = None if attempts is None else self._hold(uuid, attempts, now)
            if found is not None:
                return found
        return None

    def locked_out(self) -> frozenset[UUID]:
        """Return the assets that somebody is locked out of."""
        counts = self._counts.items()
        return frozenset(uuid for (uuid, _), each in counts if each.failures >= self._most)

    def _hold(self, uuid: UUID, attempts: Attempts, now: float) -> Hold | None:
        failures = attempts.failures
        if failures >= self._most:
            return Hold(math.inf, LOCKED, f"{_failed(failures)} {locked_advice(uuid)}")
        wait = attempts.waiting(now)
        if not wait:
            return None
        reason = f"{_failed(failures)} It is tried again in {math.ceil(wait)} seconds."
        return Hold(now + wait, WAITING, reason)


def _failed(failures: int) -> str:
    return f"Its OOB value was not proven {failures} times in a row."


def locked_advice(uuid: UUID) -> str:
    """Say what a person can do."""
    return (
        "It is not tried any more: compare the value on the device with the list, then say "
        f"`meshwright assets retry {uuid}`."
    )


def _text(sender: bytes | None) -> str:
    return sender.hex() if sender else _ANYBODY
