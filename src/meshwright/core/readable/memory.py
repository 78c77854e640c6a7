"""What a listener remembers: so many things and no more, the oldest forgotten."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key, at most `limit`; what was asked for longest ago is forgotten first."""

    __slots__ = ("_limit", "_values")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Key) -> Value | None:
        """Return what is remembered under `key`."""
        if key not in self._values:
            return None
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: Key, value: Value) -> None:
        """Remember `value`."""
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > self._limit:
            self._values.popitem(last=False)

    def get_or_make(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return what is remembered under `key`, or else remember what `make` returns."""
        value = self.get(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value


class Seen(Generic[Key]):
    """Tells what comes again."""

    __slots__ = ("_recent",)

    def __init__(self, limit: int) -> None:
        self._recent: Recent[Key, bool] = Recent(limit)

    def __len__(self) -> int:
        return len(self._recent)

    def again(self, key: Key) -> bool:
        """Tell whether `key` was there before, and remember it."""
        if self._recent.get(key):
            return True
        self._recent.put(key, True)
        return False
