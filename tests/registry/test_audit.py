"""The audit log: it agrees with the register, and a change shows."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from tests.registry.registry_world import code_of, device, open_register, reserved

from meshwright.core.errors import MeshwrightError
from meshwright.registry.entities import Network, Outcome
from meshwright.registry.errors import AuditBrokenError
from meshwright.registry.register import Register

UNLOCK = (
    "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; DROP TRIGGER audit_chain;"
    "DROP TRIGGER audit_append; DROP TRIGGER audit_head_grows;"
)


@pytest.fixture
def history(register: Register, network: Network) -> Register:
    node = reserved(register, network, 1)
    register.confirm_node(node.id)
    register.end_attempt(node.attempt_id, Outcome.NODE)
    register.record_event("device-ignored", device(9), rssi=-70)
    return register


def test_every_step_of_a_device_is_a_line(history: Register) -> None:
    assert [(line.sequence, line.action) for line in history.audit_lines()] == [
        (1, "network-created"),
        (2, "asset-added"),
        (3, "attempt-begun"),
        (4, "address-reserved"),
        (5, "node-confirmed"),
        (6, "attempt-ended"),
        (7, "device-ignored"),
    ]
    assert {line.actor for line in history.audit_lines()} == {"tester"}
    assert [line.sequence for line in history.audit_lines(device(1))] == [2, 3, 4, 5, 6]
    assert json.loads(history.audit_lines(device(9))[0].details) == {"rssi": -70}
    assert history.verify_audit() == 7


def test_an_empty_log_is_whole(register: Register) -> None:
    assert register.verify_audit() == 0


def test_anyone_can_recompute_the_chain(history: Register, path: Path) -> None:
    """The description in `store/chain.py` is enough; nothing of ours is used here."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT sequence, time, actor, action, subject, details, previous, hash"
            " FROM audit ORDER BY sequence"
        ).fetchall()
    last = bytes(32)
    for *fields, previous, stored in rows:
        assert previous == last
        text = json.dumps([*fields, previous.hex()], separators=(",", ":"))
        last = sha256(text.encode("ascii")).digest()
        assert stored == last
    assert len(rows) == history.verify_audit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET actor = 'somebody else'",
        "DELETE FROM audit WHERE sequence = 7",
        "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE sequence = 3",
        "INSERT INTO audit SELECT 9, time, actor, action, subject, details, previous, hash"
        " FROM audit WHERE sequence = 7",
        "INSERT INTO audit SELECT 8, time, actor, action, subject, details, previous, hash"
        " FROM audit WHERE sequence = 7",
        "UPDATE audit_head SET sequence = 3",
        "UPDATE audit_head SET hash = zeroblob(32)",
        "DELETE FROM audit_head",
        "INSERT INTO audit_head VALUES (2, 0, zeroblob(32))",
    ],
)
def test_the_database_itself_refuses_changes(history: Register, path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
        connection.commit()
    assert history.verify_audit() == 7


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE audit SET actor = 'somebody else' WHERE sequence = 4", 4),
        ("UPDATE audit SET details = '{}' WHERE sequence = 2", 2),
        ("UPDATE audit SET subject = action, action = subject WHERE sequence = 3", 3),
        ("UPDATE audit SET time = '2026-03-01T12:00:00.000001Z' WHERE sequence = 5", 5),
        ("UPDATE audit SET time = '2026-03-01 12:00:00.000000Z' WHERE sequence = 5", 5),
        ("UPDATE audit SET time = 'yesterday' WHERE sequence = 1", 1),
        ("UPDATE audit SET hash = zeroblob(32) WHERE sequence = 6", 6),
        ("UPDATE audit SET previous = zeroblob(32) WHERE sequence = 6", 6),
        ("UPDATE audit SET sequence = 12 WHERE sequence = 6", 6),
        ("DELETE FROM audit WHERE sequence = 1", 1),
        ("DELETE FROM audit WHERE sequence = 4", 4),
        ("DELETE FROM audit WHERE sequence = 7", 7),
        ("DELETE FROM audit", 1),
        ("UPDATE audit_head SET hash = zeroblob(32)", 8),
    ],
)
def test_whoever_gets_past_the_triggers_is_noticed(
    history: Register, path: Path, statement: str, line: int
) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(UNLOCK)
        connection.execute(statement)
        connection.commit()
    with pytest.raises(AuditBrokenError) as refused:
        history.verify_audit()
    assert code_of(refused) == "audit-broken"
    assert refused.value.sequence == line


def test_a_missing_head_is_noticed(history: Register, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TRIGGER audit_head_stays")
        connection.execute("DELETE FROM audit_head")
        connection.commit()
    with pytest.raises(AuditBrokenError):
        history.verify_audit()
    with pytest.raises(MeshwrightError):
        history.record_event("test", "subject")


def test_a_refused_write_leaves_no_line(history: Register, network: Network) -> None:
    with pytest.raises(MeshwrightError):
        history.create_network(
            "home", uuid=network.uuid, net_key=network.net_key, app_key=network.app_key
        )
    assert history.verify_audit() == 7


def test_two_writers_continue_one_chain(history: Register, path: Path) -> None:
    other = open_register(path)
    for _ in range(5):
        history.record_event("test", "first")
        other.record_event("test", "second")
    assert other.verify_audit() == 17


def test_no_secret_is_in_the_log(history: Register, network: Network) -> None:
    text = "".join(line.details for line in history.audit_lines())
    assert network.net_key.hex() not in text
    assert network.app_key.hex() not in text
