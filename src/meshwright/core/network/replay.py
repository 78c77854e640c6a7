"""Replay protection list (Mesh Protocol 1.1, 3.9.8)."""

from __future__ import annotations

from collections.abc import Mapping

from meshwright.core.errors import PeerError

Mark = tuple[int, int]
"""IV Index and sequence number of the last message from a source."""


class ReplayError(PeerError):
    """A message that was seen before, or for which the list has no room."""

    code = "replayed"


class ReplayList:
    """Remembers the last message of each source; `marks` of an earlier run may be handed in.

    Ask only about messages that are authentic: a forged sequence number would lock a source out.
    """

    __slots__ = ("_capacity", "_marks")

    def __init__(self, marks: Mapping[int, Mark] | None = None, capacity: int = 0x7FFF) -> None:
        self._marks = dict(marks or {})
        self._capacity = capacity

    @property
    def marks(self) -> dict[int, Mark]:
        """A copy, for keeping across a restart."""
        return dict(self._marks)

    def admit(self, src: int, iv_index: int, seq: int) -> None:
        """Record a message; raises `ReplayError` unless it is newer than the last from `src`."""
        last = self._marks.get(src)
        if last is None and len(self._marks) >= self._capacity:
            # 3.9.8: a message that cannot be recorded is discarded.
            raise ReplayError("the replay list is full", code="replay-list-full")
        if last is not None and (iv_index, seq) <= last:
            raise ReplayError("the message was seen before")
        self._marks[src] = (iv_index, seq)
