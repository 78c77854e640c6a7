"""The database file: opening, migrating, transactions.

SQLite in WAL mode with full synchronization: what a transaction wrote is durable when it ends.
A writer takes the lock at its start (BEGIN IMMEDIATE), so that what it reads stays true.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, Self, cast

from sqlalchemy import URL, Connection, Engine, create_engine, event

from meshwright.core.errors import InputError, MachineError
from meshwright.registry.errors import (
    DamagedDatabaseError,
    NewerDatabaseError,
    StoreUnavailableError,
    translated,
)
from meshwright.registry.tables import APPLICATION_ID, REVISIONS

CommitHook = Callable[[str, Literal["before", "after"]], None]
"""Told the name of a transaction just before and just after its commit."""

_OLDEST_SQLITE = (3, 37, 0)  # the first with strict tables
_MAGIC = b"SQLite format 3\0"
_BUSY_SECONDS = 10.0
_READ = ("BEGIN",)
_WRITE = ("BEGIN IMMEDIATE",)
# Rebuilding a table drops it for a moment; the references are checked before the commit.
_MIGRATE = ("PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE")


def _no_hook(name: str, moment: Literal["before", "after"]) -> None:
    del name, moment


class Database:
    """One open database file; may be shared by threads."""

    def __init__(self, path: Path, on_commit: CommitHook = _no_hook) -> None:
        self.path = path
        self.engine = _engine(path)
        self._on_commit = on_commit
        self._place = _place(path)

    @classmethod
    def open(cls, path: Path, *, create: bool = True, on_commit: CommitHook = _no_hook) -> Database:
        """Open a database and bring it up to date; a missing or empty one becomes a new one.

        Without `create` a missing or empty file raises `InputError` (`no-database`). A newer
        database and one that is damaged or not ours are refused and left as they are.
        """
        _require_sqlite()
        path = path.absolute()
        with translated(path):
            _ensure_file(path, create=create)
            database = cls(path, on_commit)
        try:
            database._bring_up_to_date(create=create)
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Let go of the file; the last one to do so folds the log into it."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @contextmanager
    def transaction(self, name: str) -> Iterator[Connection]:
        """Write: all of the block is durable when it ends, or nothing of it happened."""
        with translated(self.path):
            with _begun(self.engine, _WRITE) as connection:
                yield connection
                self._require_place()
                self._on_commit(name, "before")
            self._on_commit(name, "after")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read: one consistent view for the whole block."""
        with translated(self.path), _begun(self.engine, _READ) as connection:
            yield connection

    def _bring_up_to_date(self, *, create: bool) -> None:
        with self.reading() as connection:
            revision = _revision(connection, self.path)
        if revision is None and not create:
            raise _no_database(self.path)
        with translated(self.path):
            self._use_log()
            if revision != REVISIONS[-1]:
                self._migrate()

    def _require_place(self) -> None:
        """Refuse to write into a file that was moved away: whoever looks would not find it."""
        if _place(self.path) != self._place:
            raise StoreUnavailableError(
                f"{self.path} was replaced by another file; stop, and put the right one back."
            )

    def _use_log(self) -> None:
        """Switch to WAL once; the file remembers it."""
        with self.engine.connect() as connection:
            if _driver(connection).execute("PRAGMA journal_mode").fetchone() != ("wal",):
                _driver(connection).execute("PRAGMA journal_mode=WAL")

    def _migrate(self) -> None:
        # Alembic takes most of a second to import and is needed once in the life of a release.
        from meshwright.registry.migrations.runner import upgrade  # noqa: PLC0415 - see above

        with _begun(self.engine, _MIGRATE) as connection:
            upgrade(connection)
            if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
                raise DamagedDatabaseError(
                    f"Rows of {self.path} point nowhere; restore it from a backup."
                )
            self._on_commit("migrate", "before")
        self._on_commit("migrate", "after")
        self.engine.dispose()  # the connection that ran without foreign keys goes


def _require_sqlite() -> None:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise MachineError(
            f"SQLite {sqlite3.sqlite_version} is too old; install Python with 3.37 or later.",
            code="sqlite-too-old",
        )


def _ensure_file(path: Path, *, create: bool) -> None:
    if not path.exists():
        if not create:
            raise _no_database(path)
        # Private from the start; SQLite gives its log the same mode.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    with path.open("rb") as stream:
        # SQLite takes a file of a few octets for an empty one.
        if stream.read(len(_MAGIC)) not in (b"", _MAGIC):
            raise _foreign(path)


def _place(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _no_database(path: Path) -> InputError:
    return InputError(
        f"There is no database {path}; create one, or restore it from a backup.",
        code="no-database",
    )


def _foreign(path: Path) -> DamagedDatabaseError:
    return DamagedDatabaseError(
        f"{path} is not a meshwright database; name another file, or restore a backup."
    )


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        # The driver begins no transactions of its own: it would leave DDL outside of them.
        connect_args={
            "isolation_level": None,
            "timeout": _BUSY_SECONDS,
            "check_same_thread": False,
        },
        hide_parameters=True,
    )
    event.listen(engine, "connect", _on_connect)
    return engine


def _on_connect(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


@contextmanager
def _begun(engine: Engine, statements: tuple[str, ...]) -> Iterator[Connection]:
    """Open a transaction ourselves, below the toolkit, and let the toolkit end it."""
    with engine.begin() as connection:
        for statement in statements:
            _driver(connection).execute(statement)
        yield connection


def _driver(connection: Connection) -> sqlite3.Connection:
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _revision(connection: Connection, path: Path) -> str | None:
    """Tell the stored revision, None for an empty file; refuse what is not ours."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_schema LIMIT 1").first()
    if names is None:
        return None
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
        raise _foreign(path)
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision is None:
        raise DamagedDatabaseError(f"{path} has lost its revision; restore it from a backup.")
    if revision not in REVISIONS:
        raise NewerDatabaseError(
            f"A newer release wrote {path} (revision {revision}); use that release or a later one."
        )
    return str(revision)
