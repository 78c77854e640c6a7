"""AuthValues: how an OOB value becomes 16 or 32 octets (5.4.2.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from meshwright.core.errors import InputError

_SMALLER = 16
"""Octets of an AuthValue under CMAC; under HMAC there are twice as many."""


class OobKind(Enum):
    """How an OOB value is written into an AuthValue (5.4.2.4.1)."""

    BINARY = auto()
    ALPHANUMERIC = auto()
    NUMERIC = auto()


_LAYOUTS: dict[OobKind, Callable[[bytes, int], bytes]] = {
    OobKind.BINARY: lambda value, size: value[:size].ljust(size, b"\0"),
    OobKind.ALPHANUMERIC: lambda value, size: value[:size].ljust(size, b"\0"),
    OobKind.NUMERIC: lambda value, size: int.from_bytes(value, "big").to_bytes(size, "big"),
}


def auth_value(kind: OobKind, value: bytes | str | int, size: int) -> bytes:
    """Write an OOB value as AuthValue of `size` octets (16 or 32).

    Octets and characters come first and are padded, or cut, on the right; numbers stand on the
    right. Raises `ValueError` for a number that does not fit.
    """
    try:
        if isinstance(value, int):
            value = value.to_bytes(size, "big")
        elif isinstance(value, str):
            value = value.encode("ascii")
        return _LAYOUTS[kind](value, size)
    except OverflowError:
        raise ValueError(f"the number does not fit an AuthValue of {size} octets") from None


def no_oob(size: int) -> bytes:
    """Return the AuthValue of No OOB."""
    return bytes(size)


@dataclass(frozen=True, slots=True)
class StaticOob:
    """A static OOB value; nothing on the air tells its kind, it has to be known with the value.

    Raises `InputError` (`bad-static-oob`) for one that cannot be written into every AuthValue: a
    peer may choose the smaller one at any time.
    """

    kind: OobKind
    value: bytes | str | int = field(repr=False)

    def __post_init__(self) -> None:
        try:
            self.auth_value(_SMALLER)
        except ValueError:
            raise InputError(
                f"A static OOB value is ASCII text or fits {_SMALLER} octets; give another one.",
                code="bad-static-oob",
            ) from None

    def auth_value(self, octets: int) -> bytes:
        """Write it into an AuthValue of 16 or 32 octets."""
        return auth_value(self.kind, self.value, octets)
