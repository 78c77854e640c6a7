"""The audit log's chain: each line carries the hash of the line before it.

The hash of a line is SHA-256 over a JSON array without white space, in ASCII: sequence, time,
actor, action, subject, details (a string), and the previous hash in hexadecimal. Anyone can
check an exported log with these three lines of description.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, insert, select

from meshwright.registry.columns import utc_text
from meshwright.registry.entities import AuditLine
from meshwright.registry.errors import AuditBrokenError
from meshwright.registry.tables import audit, audit_head

GENESIS = bytes(32)

_HEAD = select(audit_head.c.sequence, audit_head.c.hash)
_APPEND = insert(audit)


@dataclass(frozen=True, slots=True)
class Note:
    """What a line will say."""

    action: str
    subject: str
    details: Mapping[str, str | int | None]


def append(connection: Connection, actor: str, time: datetime, notes: Sequence[Note]) -> None:
    """Continue the chain with `notes`, in the transaction that they tell about."""
    if not notes:
        return
    sequence, previous = head(connection)
    rows = []
    for offset, note in enumerate(notes, 1):
        line, previous = _line(sequence + offset, time, actor, note, previous)
        rows.append(line)
    connection.execute(_APPEND, rows)


def line_hash(line: AuditLine) -> bytes:
    """Compute the hash that a line must carry."""
    return _hash(
        line.sequence,
        line.time,
        (line.actor, line.action, line.subject, line.details),
        line.previous,
    )


def head(connection: Connection) -> tuple[int, bytes]:
    """Return the sequence number and hash of the last line."""
    row = connection.execute(_HEAD).one_or_none()
    if row is None:
        raise AuditBrokenError(1, "its end is not on record")
    return row.sequence, row.hash


def _line(
    sequence: int, time: datetime, actor: str, note: Note, previous: bytes
) -> tuple[dict[str, object], bytes]:
    """Return a row and its hash."""
    details = json.dumps(note.details, sort_keys=True, separators=(",", ":"))
    texts = (_stored(actor), note.action, _stored(note.subject), details)
    digest = _hash(sequence, time, texts, previous)
    row = {
        "sequence": sequence,
        "time": time,
        "actor": texts[0],
        "action": texts[1],
        "subject": texts[2],
        "details": texts[3],
        "previous": previous,
        "hash": digest,
    }
    return row, digest


def _hash(sequence: int, time: datetime, texts: tuple[str, ...], previous: bytes) -> bytes:
    fields = [sequence, utc_text(time), *texts, previous.hex()]
    return sha256(json.dumps(fields, separators=(",", ":")).encode()).digest()


def _stored(text: str) -> str:
    # The hash covers the text as the database keeps it (columns.Words).
    return text.encode("utf-8", "backslashreplace").decode()
