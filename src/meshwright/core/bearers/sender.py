"""Which advertiser a PB-ADV link listens to.

A Link Open names only a UUID, so the genuine device and somebody who copies its UUID both answer
it under the same Link ID. The packets of two answers must not be mixed, so a link stays with one
advertiser address for as long as that address stays the same. An address is never an identity:
devices may change it at any time, so nothing is concluded from it but whom to hear.
"""

from __future__ import annotations

from collections import deque

SILENCE = 5.0
"""Seconds without a word after which another address may take over."""

_REMEMBERED = 16


class SenderBinding:
    """Admits the packets of one sender.

    An address heard twice is stable: the link stays with it until it has been silent for
    `SILENCE`. Until then the newest address is followed, so that a device with a new address for
    every packet is heard too; but nobody returns to an address that was left: who does is another
    device. Packets without an address (bearers that show none) are admitted.
    """

    __slots__ = ("_heard_at", "_left", "_refused", "_stable", "current")

    def __init__(self, refused: frozenset[bytes] = frozenset()) -> None:
        self.current: bytes | None = None
        self._refused = refused
        self._left: deque[bytes] = deque(maxlen=_REMEMBERED)
        self._stable = False
        self._heard_at = 0.0

    def admits(self, sender: bytes | None, now: float) -> bool:
        """Tell whether a packet of `sender` belongs to this link, and remember it if so."""
        if sender is None:
            return True
        if sender == self.current:
            self._stable = True
        elif sender in self._refused or self._held_against(sender, now):
            return False
        else:
            self._follow(sender)
        self._heard_at = now
        return True

    def _held_against(self, sender: bytes, now: float) -> bool:
        if self.current is None or now - self._heard_at >= SILENCE:
            return False
        return self._stable or sender in self._left

    def _follow(self, sender: bytes) -> None:
        if self.current is not None:
            self._left.append(self.current)
        self.current, self._stable = sender, False
