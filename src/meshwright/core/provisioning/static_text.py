"""Static OOB values as text: what a person gives, and what is kept, such as `binary:00ff`.

binary         1 to 32 octets in hex; blanks, colons and hyphens between them do not matter
alphanumeric   1 to 32 printable ASCII characters without blanks
numeric        a decimal number that fits 16 octets, so that both algorithms can use it
"""

from __future__ import annotations

import re
from collections.abc import Callable

from meshwright.core.errors import InputError
from meshwright.core.provisioning.values import OobKind, StaticOob

_LONGEST = 32
_NUMBER_BITS = 128
_BETWEEN = str.maketrans("", "", " :-\t")
_HEX = re.compile(rf"([0-9A-Fa-f]{{2}}){{1,{_LONGEST}}}")
_CHARACTERS = re.compile(rf"[!-~]{{1,{_LONGEST}}}")
_DIGITS = re.compile(r"[0-9]{1,39}")  # 2 ** 128 has 39 of them


def parse_static(kind: OobKind, text: str) -> StaticOob:
    """Read a value that somebody gives; raises `InputError` (`bad-static-oob`).

    The message never shows the text.
    """
    value = _READERS[kind](text.strip())
    if value is None:
        raise InputError(
            f"This is no static OOB value: {_WANTED[kind]} is needed.", code="bad-static-oob"
        )
    return StaticOob(kind, value)


def static_text(static: StaticOob) -> str:
    """Write a value, its kind in front; `parse_static_text` reads it."""
    return f"{static.kind.name.lower()}:{_WRITERS[static.kind](static.value)}"


def parse_static_text(text: str) -> StaticOob:
    """Undo `static_text`; raises `InputError` (`bad-static-oob`) for anything else."""
    name, colon, value = text.partition(":")
    kind = KINDS.get(name)
    if kind is None or not colon:
        raise InputError("A static OOB value needs its kind in front.", code="bad-static-oob")
    return parse_static(kind, value)


def _octets(text: str) -> bytes | None:
    digits = text.translate(_BETWEEN)
    return bytes.fromhex(digits) if _HEX.fullmatch(digits) else None


def _characters(text: str) -> str | None:
    return text if _CHARACTERS.fullmatch(text) else None


def _number(text: str) -> int | None:
    fits = _DIGITS.fullmatch(text) is not None and int(text).bit_length() <= _NUMBER_BITS
    return int(text) if fits else None


def _hex(value: bytes | str | int) -> str:
    return value.encode("ascii").hex() if isinstance(value, str) else bytes(value).hex()


def _text(value: bytes | str | int) -> str:
    return value.decode("ascii") if isinstance(value, bytes) else str(value)


def _decimal(value: bytes | str | int) -> str:
    return str(int.from_bytes(value, "big") if isinstance(value, bytes) else int(value))


KINDS = {kind.name.lower(): kind for kind in OobKind}
"""The kinds by the names that people use."""

_READERS: dict[OobKind, Callable[[str], bytes | str | int | None]] = {
    OobKind.BINARY: _octets,
    OobKind.ALPHANUMERIC: _characters,
    OobKind.NUMERIC: _number,
}
_WRITERS: dict[OobKind, Callable[[bytes | str | int], str]] = {
    OobKind.BINARY: _hex,
    OobKind.ALPHANUMERIC: _text,
    OobKind.NUMERIC: _decimal,
}
_WANTED = {
    OobKind.BINARY: f"1 to {_LONGEST} octets in hex",
    OobKind.ALPHANUMERIC: f"1 to {_LONGEST} printable ASCII characters without blanks",
    OobKind.NUMERIC: "a decimal number of up to 128 bits",
}
