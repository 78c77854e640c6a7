"""The history of the schema leads to the tables of today, whole or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine
from tests.registry.registry_world import open_register, run_killed

from meshwright.registry.database import Database
from meshwright.registry.migrations.runner import configuration
from meshwright.registry.tables import REVISIONS, metadata


@pytest.fixture
def fresh() -> Connection:
    """Make an empty database without the migrations."""
    connection = create_engine("sqlite://").connect()
    metadata.create_all(connection)
    return connection


def schema(connection: Connection) -> dict[str, set[str]]:
    """Tell each table and index as the set of its lines: their order does not matter."""
    rows = connection.exec_driver_sql(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
        " AND type IN ('table', 'index') AND name <> 'alembic_version'"
    )
    return {name: {line.strip(" ,\t") for line in sql.splitlines()} for name, sql in rows}


def test_migrated_and_designed_are_the_same(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_every_check_and_index_is_the_same(database: Database, fresh: Connection) -> None:
    # Alembic compares no CHECK constraints.
    with database.reading() as connection, closing(fresh):
        assert schema(connection) == schema(fresh)


def test_the_known_revisions_are_those_that_exist(database: Database) -> None:
    with database.reading() as connection:
        scripts = ScriptDirectory.from_config(configuration(connection))
    found = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS
    assert scripts.get_heads() == [REVISIONS[-1]]


KILLED_WHILE_MIGRATING = """
import os, signal, sys
from pathlib import Path
from meshwright.registry.database import Database

def stop(name, moment):
    if (name, moment) == ("migrate", sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)

Database.open(Path(sys.argv[1]), on_commit=stop)
"""


@pytest.mark.parametrize(("moment", "tables"), [("before", 0), ("after", 13)])
def test_a_kill_while_migrating_leaves_old_or_new(path: Path, moment: str, tables: int) -> None:
    run_killed(KILLED_WHILE_MIGRATING, path, moment)
    with closing(sqlite3.connect(path)) as connection:
        count = connection.execute("SELECT count(*) FROM sqlite_schema WHERE type = 'table'")
        assert count.fetchone() == (tables,)
    assert open_register(path).verify_audit() == 0
