"""Where the stores work: one database, one keyring, one clock, and who is acting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert

from meshwright.clock import Clock
from meshwright.core.errors import InputError
from meshwright.registry.database import Database
from meshwright.registry.keyring import Keyring
from meshwright.registry.store.chain import Note, append

T = TypeVar("T")
_LONGEST_NAME = 200
_CHUNK = 500  # values in one IN (...), well below SQLite's limit


class Work:
    """One write: a connection, one instant, and the audit lines that belong to it."""

    __slots__ = ("connection", "notes", "now")

    def __init__(self, connection: Connection, now: datetime) -> None:
        self.connection = connection
        self.now = now
        self.notes: list[Note] = []

    def note(self, action: str, subject: object, **details: str | int | None) -> None:
        """Add an audit line; it is written with everything else or not at all."""
        self.notes.append(Note(action, str(subject), details))


@dataclass(frozen=True, slots=True)
class Desk:
    """What every store shares."""

    database: Database
    keyring: Keyring
    clock: Clock
    actor: str

    @contextmanager
    def write(self, name: str) -> Iterator[Work]:
        """Run one named transaction; its audit lines are appended at the end."""
        with self.database.transaction(name) as connection:
            work = Work(connection, self.clock.now())
            yield work
            append(connection, self.actor, work.now, work.notes)


class Store:
    """A store works at a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk


def inserted_id(connection: Connection, query: Insert, values: Mapping[str, Any]) -> int:
    """Insert one row and return its number."""
    key = connection.execute(query, values).inserted_primary_key
    assert key is not None  # noqa: S101 - a single-row insert always tells it
    return int(key[0])


def checked_name(text: str, what: str) -> str:
    """Return a name that can be shown; raises `InputError` (`bad-name`) for any other."""
    if not 0 < len(text) <= _LONGEST_NAME or not text.isprintable() or text.isspace():
        raise InputError(
            f"The name of {what} must have 1 to {_LONGEST_NAME} printable characters.",
            code="bad-name",
        )
    return text


def chunks(items: Iterable[T]) -> Iterator[Sequence[T]]:
    """Cut into pieces that fit one statement."""
    iterator = iter(items)
    while piece := list(islice(iterator, _CHUNK)):
        yield piece
