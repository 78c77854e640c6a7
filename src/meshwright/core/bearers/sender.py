"""Which advertiser a PB-ADV link listens to.

A Link Open names only a UUID, so the genuine device and somebody who copies its UUID both answer
it under the same Link ID. The packets of two answers must not be mixed, so a link stays with one
advertiser address for as long as that address stays the same. An address is never an identity:
devices may change it at any time, so nothing is concluded from it but whom to hear.
"""

from __future__ import annotations

SILENCE = 5.0
"""Seconds without a word after which another address may take over."""

_REMEMBERED = 16


class SenderBinding:
    """Admits the packets of one sender.

    An address heard twice is stable: the link stays with it until it has been silent for
    `SILENCE`. Until then the newest address is followed, so that a device with a new address for
    every packet is heard too. Packets without an address (bearers that show none) are admitted.
    """

    __slots__ = ("_counts", "_heard_at", "_refused", "current")

    def __init__(self, refused: frozenset[bytes] = frozenset()) -> None:
        self.current: bytes | None = None
        self._refused = refused
        self._counts: dict[bytes, int] = {}
        self._heard_at = 0.0

    def admits(self, sender: bytes | None, now: float) -> bool:
        """Tell whether a packet of `sender` belongs to this link, and remember it if so."""
        if sender is None:
            return True
        if sender in self._refused or (sender != self.current and self._held(now)):
            return False
        self.current = sender
        self._heard_at = now
        self._count(sender)
        return True

    def _held(self, now: float) -> bool:
        stable = self.current is not None and self._counts.get(self.current, 0) > 1
        return stable and now - self._heard_at < SILENCE

    def _count(self, sender: bytes) -> None:
        if sender not in self._counts and len(self._counts) == _REMEMBERED:
            del self._counts[next(iter(self._counts))]
        self._counts[sender] = self._counts.get(sender, 0) + 1
