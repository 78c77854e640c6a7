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
from typing import Any, Literal, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event

from meshwright.core.errors import InputError, MachineError
from meshwright.registry.errors import DamagedDatabaseError, NewerDatabaseError, translated
from meshwright.registry.tables import APPLICATION_ID, REVISIONS

CommitHook = Callable[[str, Literal["before", "after"]], None]
"""Told the name of a transaction just before and just after its commit."""

_OLDEST_SQLITE = (3, 37, 0)  # the first with strict tables
_BUSY_SECONDS = 10.0
_BEGIN = {
    "read": ("BEGIN",),
    "write": ("BEGIN IMMEDIATE",),
    # Rebuilding a table drops it for a moment; the references are checked before the commit.
    "migrate": ("PRAGMA foreign_keys=OFF", "BEGIN IMMEDIATE"),
}


def _no_hook(name: str, moment: Literal["before", "after"]) -> None:
    del name, moment


class Database:
    """One open database file; may be shared by threads."""

    def __init__(self, path: Path, on_commit: CommitHook = _no_hook) -> None:
        self.path = path
        self.engine = _engine(path)
        self._on_commit = on_commit
        self._readers = self.engine.execution_options(begin="read")
        self._writers = self.engine.execution_options(begin="write")

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
            database._bring_up_to_date()
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
            with self._writers.begin() as connection:
                yield connection
                self._on_commit(name, "before")
            self._on_commit(name, "after")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Read: one consistent view for the whole block."""
        with translated(self.path), self._readers.connect() as connection:
            yield connection

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            revision = _revision(connection, self.path)
        with translated(self.path):
            self._use_log()
            if revision != REVISIONS[-1]:
                self._migrate()

    def _use_log(self) -> None:
        """Switch to WAL once; the file remembers it."""
        with _driver_connection(self.engine) as connection:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode=WAL")

    def _migrate(self) -> None:
        # Alembic takes most of a second to import and is needed once in the life of a release.
        from meshwright.registry.migrations.runner import upgrade  # noqa: PLC0415

        with self.engine.execution_options(begin="migrate").begin() as connection:
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
    if path.exists() and path.stat().st_size:
        return
    if not create:
        raise InputError(
            f"There is no database {path}; create one, or restore it from a backup.",
            code="no-database",
        )
    # Private from the start; SQLite gives its log the same mode.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))


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
    event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: sqlite3.Connection, record: object) -> None:
    del record
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=FULL")


def _on_begin(connection: Connection) -> None:
    for statement in _BEGIN[connection.get_execution_options().get("begin", "read")]:
        connection.exec_driver_sql(statement)


@contextmanager
def _driver_connection(engine: Engine) -> Iterator[sqlite3.Connection]:
    pooled = engine.raw_connection()
    try:
        driver: Any = pooled.driver_connection
        yield driver
    finally:
        pooled.close()


def _revision(connection: Connection, path: Path) -> str | None:
    """Tell the stored revision, None for an empty file; refuse what is not ours."""
    names = connection.exec_driver_sql("SELECT name FROM sqlite_schema LIMIT 1").first()
    if names is None:
        return None
    if connection.exec_driver_sql("PRAGMA application_id").scalar() != APPLICATION_ID:
        raise DamagedDatabaseError(
            f"{path} is not a meshwright database; name another file, or restore a backup."
        )
    revision = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if revision is None:
        raise DamagedDatabaseError(f"{path} has lost its revision; restore it from a backup.")
    if revision not in REVISIONS:
        raise NewerDatabaseError(
            f"A newer release wrote {path} (revision {revision}); use that release or a later one."
        )
    return str(revision)
