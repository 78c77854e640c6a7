"""Who a device is: the common name of its certificate, and how UUIDs are made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from meshwright.core.errors import InputError
from meshwright.pki.errors import IdentityError

_CANONICAL_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_VENDOR_TOKEN = re.compile(r"(BCID|BPID):([0-9a-f]{4})", re.IGNORECASE | re.ASCII)
_WHITE_SPACE = re.compile(r"[ \t\r\n\v\f]+")
_MAX_COMMON_NAME = 256


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What the common name says (Mesh Protocol 1.1, 5.5.1.1)."""

    uuid: UUID
    company_id: int | None = None
    product_id: int | None = None

    def __post_init__(self) -> None:
        check_vendor(self.company_id, self.product_id)

    @property
    def common_name(self) -> str:
        """The common name as our authority writes it."""
        if self.company_id is None or self.product_id is None:
            return str(self.uuid)
        return f"{self.uuid} BCID:{self.company_id:04x} BPID:{self.product_id:04x}"


def check_vendor(company_id: int | None, product_id: int | None) -> None:
    """Raise `InputError` unless both identifiers or neither are given, 16 bits each."""
    if (company_id is None) != (product_id is None):
        raise InputError("Give both a company ID and a product ID, or neither.", code="bad-vendor")
    for value in (company_id, product_id):
        if value is not None and not 0 <= value <= 0xFFFF:
            raise InputError(
                "A company or product ID has 16 bits; give one of 0000 to ffff.", code="bad-vendor"
            )


@lru_cache(maxsize=64)
def parse_common_name(text: str) -> DeviceIdentity:
    """Read a common name: UUID of either case, then both vendor tokens in any order, or neither."""
    if len(text) > _MAX_COMMON_NAME:
        raise IdentityError("the common name is too long")
    first, *tokens = _WHITE_SPACE.split(text.strip(" \t\r\n\v\f"))
    if not _CANONICAL_UUID.fullmatch(first):
        raise IdentityError("the common name does not start with a UUID in canonical form")
    vendor = _vendor(tokens)
    return DeviceIdentity(UUID(first), vendor.get("BCID"), vendor.get("BPID"))


def _vendor(tokens: list[str]) -> dict[str, int]:
    values: dict[str, int] = {}
    for token in tokens:
        match = _VENDOR_TOKEN.fullmatch(token)
        if match is None or match[1].upper() in values:
            raise IdentityError("the common name holds more than a UUID, one BCID and one BPID")
        values[match[1].upper()] = int(match[2], 16)
    if len(values) == 1:
        raise IdentityError("the common name holds only one of BCID and BPID")
    return values


_GREGORIAN = datetime(1582, 10, 15, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_MAX_TICKS = (1 << 60) - 1
_MAX_CLOCK_SEQUENCE = (1 << 14) - 1


def ticks_of(instant: datetime) -> int:
    """Count the 100 ns steps from 15 October 1582 to the aware time `instant` (RFC 9562, 5.1)."""
    if instant.tzinfo is None:
        raise InputError("The time needs a time zone.", code="bad-time")
    return (instant - _GREGORIAN) // _TICK * 10


def make_uuid(mac: bytes, clock_sequence: int, ticks: int) -> UUID:
    """Make a version 1 UUID (RFC 9562, 5.1); unique as long as the three never repeat together."""
    if len(mac) != 6:
        raise InputError("A MAC address has 6 octets.", code="bad-mac")
    if not 0 <= clock_sequence <= _MAX_CLOCK_SEQUENCE or not 0 <= ticks <= _MAX_TICKS:
        raise InputError("The clock sequence has 14 bits, and the time stamp 60.", code="bad-time")
    fields = (
        ticks & 0xFFFFFFFF,
        ticks >> 32 & 0xFFFF,
        ticks >> 48 | 0x1000,
        clock_sequence >> 8 | 0x80,
        clock_sequence & 0xFF,
        int.from_bytes(mac, "big"),
    )
    return UUID(fields=fields)
