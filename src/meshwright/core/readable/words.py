"""Names for the numbers in PDUs; what has no name is called reserved."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, IntFlag

from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId

_ACRONYMS = {"oob", "uri", "cmac", "hmac", "2d", "nfc", "iv", "pdu"}


def words(name: str) -> str:
    """Return the name of a member as people write it."""
    parts = name.lower().split("_")
    return " ".join(part.upper() if part in _ACRONYMS else part for part in parts)


def named(kind: type[IntEnum], value: int) -> str:
    """Return the name of a value."""
    try:
        return words(kind(value).name)
    except ValueError:
        return f"reserved {value:#04x}"


def flags(kind: type[IntFlag], value: int) -> list[str]:
    """Return the names of the bits that are set; those without a name come last, together."""
    return list(_bits({flag.value: flag.name or "" for flag in kind if flag.value}, value))


def actions(kind: type[IntEnum], value: int) -> list[str]:
    """Return the names of the actions whose bits are set."""
    return list(_bits({1 << member: member.name for member in kind}, value))


def _bits(names: dict[int, str], value: int) -> Iterator[str]:
    for bit, name in names.items():
        if value & bit:
            yield words(name)
            value &= ~bit
    if value:
        yield f"reserved {value:#06x}"


def listed(names: list[str]) -> str:
    """Return names in one phrase, `none` without any."""
    return ", ".join(names) or "none"


def counted(number: int, what: str) -> str:
    """Return `1 octet`, `2 octets`."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def record_name(record_id: int) -> str:
    """Return what a provisioning record is called (Table 5.52)."""
    if record_id in INTERMEDIATES:
        return f"intermediate certificate {record_id - INTERMEDIATES[0] + 1}"
    try:
        return words(RecordId(record_id).name)
    except ValueError:
        return f"record {record_id:#06x}"
