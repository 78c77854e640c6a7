"""Bounds-checked reading of octets; integers are big-endian unless the name says otherwise."""

from __future__ import annotations

from meshwright.core.errors import MalformedError


class Reader:
    """Reads an octet string from the front and never past its end.

    Raises `MalformedError` when octets are missing or, in `end`, left over.
    """

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def remaining(self) -> int:
        """Octets not read yet."""
        return len(self._data) - self._position

    def take(self, count: int) -> bytes:
        start, end = self._position, self._position + count
        if count < 0 or end > len(self._data):
            raise MalformedError(f"{count} octets wanted, {self.remaining} left")
        self._position = end
        return self._data[start:end]

    def rest(self) -> bytes:
        return self.take(self.remaining)

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def unsigned_le(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def end(self) -> None:
        if self.remaining:
            raise MalformedError(f"{self.remaining} octets too many")
