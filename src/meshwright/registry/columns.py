"""Column types that mean the same on every database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, Text
from sqlalchemy.types import TypeDecorator

from meshwright.core.provisioning.authentication import Authentication
from meshwright.registry.errors import DamagedDatabaseError

# SQLite's INTEGER has 64 bits, and its strict tables know no BIGINT.
Long = BigInteger().with_variant(Integer(), "sqlite")


class UuidOctets(TypeDecorator[UUID]):
    """A UUID as its 16 octets."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:
        del dialect
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> UUID | None:
        del dialect
        if value is None:
            return None
        if len(value) != 16:
            raise _unreadable("UUID")
        return UUID(bytes=value)


class UtcTime(TypeDecorator[datetime]):
    """An aware time as text in UTC; the text sorts as the time does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        del dialect
        return None if value is None else _parse_time(value)


class Words(TypeDecorator[str]):
    """Text that is stored whatever it holds: octets that were no UTF-8 show as escapes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else value.encode("utf-8", "backslashreplace").decode()


class Choice(TypeDecorator[StrEnum]):
    """A member of an enumeration as its text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        del dialect
        if value is None:
            return None
        try:
            return self.kind(value)
        except ValueError:
            raise _unreadable(self.kind.__name__.lower()) from None


class Serial(TypeDecorator[int]):
    """A certificate's serial number as 20 octets, the most that RFC 5280 (4.1.2.2) allows."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Dialect) -> bytes | None:
        del dialect
        return None if value is None else value.to_bytes(20, "big")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> int | None:
        del dialect
        return None if value is None else int.from_bytes(value, "big")


class AuthenticationText(TypeDecorator[Authentication]):
    """What was chosen for a session, as JSON with the sentence for whoever reads the file."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Authentication | None, dialect: Dialect) -> str | None:
        del dialect
        return None if value is None else json.dumps(value.to_json(), sort_keys=True)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Authentication | None:
        del dialect
        if value is None:
            return None
        try:
            return Authentication.from_json(json.loads(value))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _unreadable("authentication") from None


def utc_text(value: datetime) -> str:
    """Write a time as 2026-01-31T12:00:00.000000Z; raises ValueError for a naive one."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _parse_time(text: str) -> datetime:
    try:
        value = datetime.fromisoformat(text)
        if utc_text(value) == text:
            return value
    except ValueError:
        pass
    raise _unreadable("time")


def _unreadable(what: str) -> DamagedDatabaseError:
    return DamagedDatabaseError(
        f"The database holds a {what} that cannot be read; restore it from a backup."
    )
