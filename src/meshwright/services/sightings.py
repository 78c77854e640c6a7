"""Who was heard, and who is not listened to for a while.

An address is not an identity: whoever failed or was refused is avoided for a bounded time, and
nothing more is concluded from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from meshwright.core.provisioning.authentication import Authentication

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
    authentication: Authentication | None = None


@dataclass(frozen=True, slots=True)
class Stranger:
    """A device that beacons and is not on the list of this network."""

    uuid: UUID
    sender: bytes | None
    first_heard: float


class Sightings:
    """Strangers and refusals of one run."""

    def __init__(self) -> None:
        self._refusals: dict[tuple[UUID, bytes | None], Refusal] = {}
        self._avoided: dict[tuple[UUID, bytes | None], float] = {}
        self._strangers: dict[tuple[bytes, bytes | None], Stranger] = {}
        self.overflowed = False

    @property
    def refusals(self) -> list[Refusal]:
        """The last refusal of each sender under each UUID."""
        return list(self._refusals.values())

    def refusals_of(self, uuid: UUID) -> list[Refusal]:
        """Return the last refusal of each sender under this UUID."""
        return [refusal for refusal in self._refusals.values() if refusal.uuid == uuid]

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

    def refuse(self, refusal: Refusal) -> bool:
        """Note a refusal; True when it is the first of this sender under this UUID."""
        key = (refusal.uuid, refusal.sender)
        first = key not in self._refusals
        if first and len(self._refusals) >= _MOST:
            del self._refusals[next(iter(self._refusals))]
        self._refusals[key] = refusal
        return first

    def avoid(self, uuid: UUID, sender: bytes | None, until: float) -> None:
        """Do not try this sender under this UUID before `until`; others may be tried."""
        self._avoided.pop((uuid, sender), None)
        if len(self._avoided) >= _MOST:
            del self._avoided[next(iter(self._avoided))]
        self._avoided[uuid, sender] = until

    def avoided(self, uuid: UUID, sender: bytes | None, now: float) -> bool:
        """Tell whether this sender is not to be tried under this UUID now."""
        return self._avoided.get((uuid, sender), now) > now

    def avoided_senders(self, uuid: UUID, now: float) -> frozenset[bytes]:
        """Return the addresses that a link to `uuid` shall not listen to."""
        return frozenset(
            sender
            for (avoided, sender), until in self._avoided.items()
            if sender is not None and avoided == uuid and until > now
        )
