"""What the registry refuses, and the one place that turns library exceptions into these errors.

StoreError     damaged-database, newer-database, store-full, store-busy, store-read-only,
               store-unavailable, *-exhausted, audit-broken, damaged-keyring, conflicts
InputError     no-database, no-keyring, unknown-*, *-exists, *-taken
TrustError     wrong-secret, bad-secret, no-key-file, key-file-exposed
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from meshwright.core.errors import InputError, StoreError, TrustError


class DamagedDatabaseError(StoreError):
    """The file is no database of ours, or some of it cannot be read."""

    code = "damaged-database"


class NewerDatabaseError(StoreError):
    """A newer release wrote the database."""

    code = "newer-database"


class StoreFullError(StoreError):
    """No room is left on the disk."""

    code = "store-full"


class StoreBusyError(StoreError):
    """Another process holds the store for too long."""

    code = "store-busy"


class ReadOnlyStoreError(StoreError):
    """The store may not be written."""

    code = "store-read-only"


class StoreUnavailableError(StoreError):
    """The store cannot be opened, read or written."""

    code = "store-unavailable"


class DamagedKeyringError(StoreError):
    """The keyring file cannot be read as one."""

    code = "damaged-keyring"


class ExhaustedError(StoreError):
    """A range of numbers is used up; the code names the range."""

    code = "exhausted"


class ConflictError(StoreError):
    """The register is in a state that rules this step out; the code says which."""

    code = "conflict"


class AuditBrokenError(StoreError):
    """The audit log was changed; `sequence` is the first line that does not fit."""

    code = "audit-broken"

    def __init__(self, sequence: int, fault: str) -> None:
        super().__init__(
            f"The audit log is broken at line {sequence}: {fault}; "
            "restore it from a backup and find out who had access."
        )
        self.sequence = sequence


class NotFoundError(InputError):
    """Nothing of that name; the code says what was looked for."""

    code = "not-found"


class AlreadyExistsError(InputError):
    """The name, number or key belongs to something else; the code says to what."""

    code = "already-exists"


class SecretError(TrustError):
    """A secret that is wrong, unusable or open to others."""

    code = "wrong-secret"


_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Let nothing but our own errors out of a block that works on the file `path`."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise _translate(error, path) from error
    except UnicodeDecodeError as error:
        # The driver meets octets that are no text, even in SQLite's own complaint about them.
        raise _damaged(path) from error


def _translate(error: Exception, path: Path) -> StoreError:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(cause, OSError):
        return _of_system(cause, path)
    if isinstance(error, PoolTimeoutError):
        return _busy(path)
    return _of_sqlite(getattr(cause, "sqlite_errorcode", 0), path)


def _of_system(error: OSError, path: Path) -> StoreError:
    if error.errno in _FULL:
        return _full(path)
    if error.errno in _READ_ONLY:
        return _read_only(path)
    reason = error.strerror or type(error).__name__
    return StoreUnavailableError(f"{path} cannot be used: {reason}; check the path and the disk.")


def _of_sqlite(code: int, path: Path) -> StoreError:
    # The low octet is the primary result code, the rest only refines it.
    make = _KINDS.get(code & 0xFF, _unavailable)
    return make(path)


def _damaged(path: Path) -> StoreError:
    return DamagedDatabaseError(
        f"The database {path} is damaged or is not a meshwright database; restore it from a backup."
    )


def _full(path: Path) -> StoreError:
    return StoreFullError(f"No room is left for {path}; nothing was changed, free some space.")


def _busy(path: Path) -> StoreError:
    return StoreBusyError(f"Another process keeps {path} busy; let it finish and try again.")


def _read_only(path: Path) -> StoreError:
    return ReadOnlyStoreError(f"{path} may not be written; check its owner and permissions.")


def _cannot_open(path: Path) -> StoreError:
    if path.exists() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return _read_only(path)
    return _unavailable(path)


def _conflict(path: Path) -> StoreError:
    return ConflictError(
        f"{path} refused a change that would break its rules; nothing was changed."
    )


def _unavailable(path: Path) -> StoreError:
    return StoreUnavailableError(f"{path} cannot be used; check the path, the disk and its mount.")


_KINDS = {
    sqlite3.SQLITE_ERROR: _damaged,  # a table or column of the stored revision is missing
    sqlite3.SQLITE_CORRUPT: _damaged,
    sqlite3.SQLITE_NOTADB: _damaged,
    sqlite3.SQLITE_FULL: _full,
    sqlite3.SQLITE_BUSY: _busy,
    sqlite3.SQLITE_LOCKED: _busy,
    sqlite3.SQLITE_READONLY: _read_only,
    sqlite3.SQLITE_PERM: _read_only,
    sqlite3.SQLITE_CANTOPEN: _cannot_open,
    sqlite3.SQLITE_CONSTRAINT: _conflict,
}
