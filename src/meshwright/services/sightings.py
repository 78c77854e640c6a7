"""Who was heard, and who is not listened to for a while.

An address is not an identity: a refusal skips a sender for a bounded time and nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

_MOST = 1024
"""Strangers and refusals kept at most; somebody may invent UUIDs without end."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a sender was refused under a UUID; times are those of the air, in seconds."""

    uuid: UUID
    sender: bytes | None
    code: str
    reason: str
    at: float
    seconds_on_air: float | None = None
    retransmissions: int = 0


@dataclass(frozen=True, slots=True)
class Stranger:
    """A device that beacons and is not on the list of this network."""

    uuid: UUID
    sender: bytes | None
    first_heard: float


class Sightings:
    """Strangers and refusals of one run; `skip` is how many seconds a refusal lasts."""

    def __init__(self, skip: float) -> None:
        self._skip = skip
        self._refusals: dict[tuple[UUID, bytes | None], Refusal] = {}
        self._strangers: dict[tuple[bytes, bytes | None], Stranger] = {}
        self.overflowed = False

    @property
    def refusals(self) -> list[Refusal]:
        """The last refusal of each sender under each UUID."""
        return list(self._refusals.values())

    @property
    def strangers(self) -> list[Stranger]:
        """Everybody who is not on the list, in the order of appearance."""
        return list(self._strangers.values())

    def stranger(self, uuid: bytes, sender: bytes | None, now: float) -> bool:
        """Note somebody who is not on the list; True when it is the first time."""
        key = (uuid, sender)
        if key in self._strangers:
            return False
        if len(self._strangers) >= _MOST:
            self.overflowed = True
            return False
        self._strangers[key] = Stranger(UUID(bytes=uuid), sender, now)
        return True

    def refuse(self, refusal: Refusal) -> None:
        """Skip this sender under this UUID for a while."""
        key = (refusal.uuid, refusal.sender)
        if key not in self._refusals and len(self._refusals) >= _MOST:
            del self._refusals[next(iter(self._refusals))]
        self._refusals[key] = refusal

    def skipped(self, uuid: UUID, sender: bytes | None, now: float) -> bool:
        """Tell whether this sender is not to be tried under this UUID now."""
        refusal = self._refusals.get((uuid, sender))
        return refusal is not None and now - refusal.at < self._skip

    def skipped_senders(self, uuid: UUID, now: float) -> frozenset[bytes]:
        """Return the addresses that a link to `uuid` shall not listen to."""
        return frozenset(
            refusal.sender
            for refusal in self._refusals.values()
            if refusal.sender is not None and refusal.uuid == uuid and now - refusal.at < self._skip
        )
