"""Who wants which advertisements: one index for the radios of an air and the links of a runner.

A pattern is what controllers can filter by, too: so many octets at a place in the structure of one
AD type. Looking up a packet costs as much as there are shapes of patterns, not members.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain
from typing import Generic, TypeVar

from meshwright.core.bearers import generic
from meshwright.core.discovery.ad import AdType

Member = TypeVar("Member")
_Piece = tuple[int, int]
_Index = dict[bytes, tuple[Member, ...]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """Structures of type `ad_type` with `content` at `offset` of their data."""

    ad_type: int
    offset: int = 0
    content: bytes = b""

    @property
    def piece(self) -> _Piece:
        """Where the content begins and ends in the data of a structure."""
        return self.offset, self.offset + len(self.content)


def link_pattern(link_id: bytes) -> Pattern:
    """Every packet of one PB-ADV link."""
    return Pattern(AdType.PB_ADV, 0, link_id)


def open_pattern(uuid: bytes) -> Pattern:
    """Link Opens for one device: all that concerns it while nobody holds it."""
    return Pattern(AdType.PB_ADV, generic.HEADER_SIZE, generic.link_open(uuid))


class Interests(Generic[Member]):
    """Members and what they want, in the order of their arrival.

    What `lookup` returns does not change afterwards, so members may come and go while it is walked.
    """

    def __init__(self) -> None:
        self._patterns: dict[Member, tuple[Pattern, ...] | None] = {}
        self._all: tuple[Member, ...] = ()
        self._greedy: tuple[Member, ...] = ()
        self._types: dict[int, dict[_Piece, _Index[Member]]] = {}

    def __contains__(self, member: Member) -> bool:
        return member in self._patterns

    @property
    def members(self) -> tuple[Member, ...]:
        return self._all

    def wanted(self, most: int) -> tuple[Pattern, ...] | None:
        """Return what anybody wants; None when somebody wants everything.

        For more than `most` members it is the AD types only: filters have room for few patterns.
        """
        if self._greedy:
            return None
        if len(self._patterns) > most:
            return tuple(Pattern(ad_type) for ad_type in self._types)
        each = (patterns or () for patterns in self._patterns.values())
        return tuple(dict.fromkeys(chain.from_iterable(each)))

    def set(self, member: Member, patterns: Collection[Pattern] | None) -> None:
        """Give `member` what matches one of `patterns`, or everything (None)."""
        self.discard(member)
        self._all = (*self._all, member)
        if patterns is None:
            self._patterns[member] = None
            self._greedy = (*self._greedy, member)
            return
        self._patterns[member] = own = tuple(dict.fromkeys(patterns))
        for pattern in own:
            index = self._types.setdefault(pattern.ad_type, {}).setdefault(pattern.piece, {})
            index[pattern.content] = (*index.get(pattern.content, ()), member)

    def discard(self, member: Member) -> None:
        """Forget `member`, which may be unknown."""
        if member not in self._patterns:
            return
        self._all = _without(self._all, member)
        self._greedy = _without(self._greedy, member)
        for pattern in self._patterns.pop(member) or ():
            self._remove(pattern, member)

    def _remove(self, pattern: Pattern, member: Member) -> None:
        pieces = self._types[pattern.ad_type]
        index = pieces[pattern.piece]
        left = _without(index.pop(pattern.content), member)
        if left:
            index[pattern.content] = left
        if not index:
            del pieces[pattern.piece]
        if not pieces:
            del self._types[pattern.ad_type]

    def lookup(self, ad_type: int, data: bytes) -> tuple[Member, ...]:
        """Return who wants a structure of `ad_type` with `data`."""
        found = self._greedy
        pieces = self._types.get(ad_type)
        if pieces is None:
            return found
        for (begin, end), index in pieces.items():
            more = index.get(data[begin:end])
            if more:
                found = (*found, *(one for one in more if one not in found)) if found else more
        return found


def _without(members: tuple[Member, ...], leaving: Member) -> tuple[Member, ...]:
    return tuple(member for member in members if member is not leaving)
