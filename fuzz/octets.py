"""Decisions out of the fuzzer's octets: the same octets always decide the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Decisions:
    """Reads an input from the front; when it is used up every decision is zero or empty."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def left(self) -> bool:
        """Tell whether anything is left to read."""
        return self._position < len(self._data)

    def octet(self) -> int:
        """Return the next octet."""
        return self.take(1)[0] if self.left else 0

    def take(self, count: int) -> bytes:
        """Return up to `count` octets."""
        start = self._position
        self._position = min(start + count, len(self._data))
        return self._data[start : self._position]

    def sized(self) -> bytes:
        """Return octets behind a length of one octet."""
        return self.take(self.octet())

    def long(self) -> bytes:
        """Return octets behind a length of two octets."""
        return self.take(self.octet() << 8 | self.octet())

    def rest(self) -> bytes:
        """Return everything that is left."""
        return self.take(len(self._data))

    def one_of(self, choices: Sequence[T]) -> T:
        """Choose by the next octet."""
        return choices[self.octet() % len(choices)]


def sized(octets: bytes) -> bytes:
    """Write what `Decisions.sized` reads."""
    return bytes([len(octets)]) + octets


def long(octets: bytes) -> bytes:
    """Write what `Decisions.long` reads."""
    return len(octets).to_bytes(2, "big") + octets
