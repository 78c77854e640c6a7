"""Reading and checking the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, select

from meshwright.registry.entities import AuditLine
from meshwright.registry.errors import AuditBrokenError, DamagedDatabaseError
from meshwright.registry.store.chain import GENESIS, head, line_hash
from meshwright.registry.store.desk import Store
from meshwright.registry.tables import audit

_ALL = select(audit).order_by(audit.c.sequence)


class AuditStore(Store):
    """Who did what, when."""

    def audit_lines(self, subject: object | None = None) -> list[AuditLine]:
        """List the lines, oldest first; of one UUID or name if `subject` is given."""
        query = _ALL if subject is None else _ALL.where(audit.c.subject == str(subject))
        with self._desk.database.reading() as connection:
            return list(_lines(connection, query))

    def record_event(self, action: str, subject: object, **details: str | int | None) -> None:
        """Write a line about something that changes no table, such as a refusal."""
        with self._desk.write("record event") as work:
            work.note(action, subject, **details)

    def verify_audit(self) -> int:
        """Check the whole chain and return its length; raises `AuditBrokenError`.

        A chain shows a change by whoever cannot rewrite all that follows. Keep the last hash
        elsewhere to notice even that.
        """
        with self._desk.database.reading() as connection:
            count, last = 0, GENESIS
            for line in _readable(_lines(connection, _ALL)):
                _check(line, count + 1, last)
                count, last = line.sequence, line.hash
            if head(connection) != (count, last):
                raise AuditBrokenError(count + 1, "lines are missing at the end")
        return count


def _lines(connection: Connection, query: Select[*tuple[Any, ...]]) -> Iterator[AuditLine]:
    # A log outgrows memory: take it in pieces.
    for row in connection.execute(query, execution_options={"yield_per": 1000}):
        yield AuditLine(*row)


def _readable(lines: Iterator[AuditLine]) -> Iterator[AuditLine]:
    sequence = 0
    while True:
        try:
            line = next(lines, None)
        except DamagedDatabaseError:
            raise AuditBrokenError(sequence + 1, "it cannot be read") from None
        if line is None:
            return
        sequence = line.sequence
        yield line


def _check(line: AuditLine, sequence: int, previous: bytes) -> None:
    if line.sequence != sequence:
        raise AuditBrokenError(sequence, "it is missing")
    if line.previous != previous:
        raise AuditBrokenError(sequence, "it does not continue the line before it")
    if line_hash(line) != line.hash:
        raise AuditBrokenError(sequence, "its content was changed")
