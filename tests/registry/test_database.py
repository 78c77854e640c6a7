"""Opening, refusing and surviving: the database file itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.registry.registry_world import (
    APP_KEY,
    DEVICE_KEY,
    NET_KEY,
    NETWORK_UUID,
    begun,
    code_of,
    device,
    open_register,
)

from meshwright.core.errors import InputError, MeshwrightError, StoreError
from meshwright.registry.database import Database
from meshwright.registry.entities import NewAsset
from meshwright.registry.errors import NewerDatabaseError, StoreFullError
from meshwright.registry.register import Register


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_database_is_private_and_durable(path: Path) -> None:
    with Database.open(path) as database, database.reading() as connection:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert values == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_every_connection_keeps_foreign_keys(database: Database) -> None:
    with database.reading() as first, database.reading() as second:
        for connection in (first, second):
            assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    Database.open(path).close()
    with Database.open(path, create=False) as database:
        assert database.path == path


@pytest.mark.parametrize("empty", [True, False])
def test_a_lost_database_is_not_silently_begun_again(path: Path, empty: bool) -> None:
    if empty:
        path.touch()
    with pytest.raises(InputError) as refused:
        Database.open(path, create=False)
    assert code_of(refused) == "no-database"


def test_a_strange_name_is_only_a_name(tmp_path: Path) -> None:
    path = tmp_path / "a?b=c&d#e %41.db"
    Database.open(path).close()
    assert path.exists()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        Database.open(tmp_path)
    assert code_of(refused) == "store-unavailable"


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        Database.open(tmp_path / "missing" / "register.db")
    assert code_of(refused) == "store-unavailable"


def test_opening_an_up_to_date_database_is_light(path: Path) -> None:
    Database.open(path).close()
    script = (
        "import sys, pathlib; from meshwright.registry.database import Database\n"
        "Database.open(pathlib.Path(sys.argv[1])).close()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script, path], check=False).returncode == 0


def test_another_programs_database_is_refused_and_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError) as refused:
        Database.open(path)
    assert code_of(refused) == "damaged-database"
    assert path.read_bytes() == before


def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    Database.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(NewerDatabaseError) as refused:
        Database.open(path)
    assert code_of(refused) == "newer-database"
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "wound",
    [
        "DELETE FROM alembic_version",
        "DROP TABLE alembic_version",
        "PRAGMA application_id = 0",
    ],
)
def test_a_database_that_lost_its_mark(path: Path, wound: str) -> None:
    Database.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(wound)
        connection.commit()
    with pytest.raises(StoreError) as refused:
        Database.open(path)
    assert code_of(refused) == "damaged-database"


def test_a_missing_table(path: Path) -> None:
    Database.open(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE authorities")
        connection.commit()
    with pytest.raises(StoreError) as refused:
        open_register(path).authorities()
    assert code_of(refused) == "damaged-database"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("filled") / "register.db"
    register = open_register(path)
    network = register.create_network("home", uuid=NETWORK_UUID, net_key=NET_KEY, app_key=APP_KEY)
    register.add_many([NewAsset(device(n), f"lamp {n}", network.id) for n in range(40)])
    for number in range(10):
        attempt = register.begin_attempt(network.id, device(number))
        register.confirm_node(register.reserve_node(attempt.id, 1, DEVICE_KEY).id)
    register._desk.database.close()
    return path


def use_everything(path: Path) -> None:
    """Open a database and ask it for all that it has."""
    register = open_register(path)
    with closing(register._desk.database):
        register.verify_audit()
        for network in register.networks():
            register.nodes(network.id)
            register.unaccounted(network.id)
        register.attempts()
        register.lease_ticks(b"\x02mesh1", 1, 1)


@pytest.mark.parametrize("size", [1, 50, 99, 100, 1000, 4096, 5000, 40_000])
def test_a_truncated_database(path: Path, filled: Path, size: int) -> None:
    path.write_bytes(filled.read_bytes()[:size])
    with pytest.raises(StoreError) as refused:
        use_everything(path)
    assert code_of(refused) == "damaged-database"


def test_garbage_is_no_database(path: Path, filled: Path) -> None:
    path.write_bytes(filled.read_bytes()[::-1])
    with pytest.raises(StoreError) as refused:
        Database.open(path)
    assert code_of(refused) == "damaged-database"


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(place=st.integers(0, 99), octet=st.integers(1, 255))
def test_a_flipped_header(filled: Path, tmp_path: Path, place: int, octet: int) -> None:
    check_damage(filled, tmp_path, [(place, octet)])


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    wounds=st.lists(
        st.tuples(st.integers(100, 140_000), st.integers(1, 255)), min_size=1, max_size=50
    )
)
def test_flipped_octets_anywhere(
    filled: Path, tmp_path: Path, wounds: list[tuple[int, int]]
) -> None:
    check_damage(filled, tmp_path, wounds)


def check_damage(filled: Path, folder: Path, wounds: list[tuple[int, int]]) -> None:
    """Use a damaged database: it may work or be refused, but only with our errors."""
    damaged = bytearray(filled.read_bytes())
    for place, octet in wounds:
        damaged[place % len(damaged)] ^= octet
    with tempfile.TemporaryDirectory(dir=folder) as place_of_its_own:
        path = Path(place_of_its_own) / "register.db"
        path.write_bytes(damaged)
        with suppress(MeshwrightError):
            use_everything(path)


def test_a_full_disk_leaves_nothing_half_done(register: Register, path: Path) -> None:
    network = register.create_network("home", uuid=NETWORK_UUID, net_key=NET_KEY, app_key=APP_KEY)
    database = register._desk.database
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    lines = register.verify_audit()
    with pytest.raises(StoreFullError) as refused:
        register.add_many([NewAsset(device(n), "lamp" * 40, network.id) for n in range(2000)])
    assert code_of(refused) == "store-full"
    assert register.assets() == []
    assert register.verify_audit() == lines
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    assert begun(register, network, 1).number == 1
    assert open_register(path).verify_audit() == lines + 2


def test_a_full_disk_takes_no_address(register: Register) -> None:
    network = register.create_network("home", uuid=NETWORK_UUID, net_key=NET_KEY, app_key=APP_KEY)
    database = register._desk.database
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    taken = []

    def reserve_until_full() -> None:
        for number in range(1, 2000):
            attempt = begun(register, network, number)
            taken.append(register.reserve_node(attempt.id, 1, DEVICE_KEY).address)

    with pytest.raises(StoreFullError):
        reserve_until_full()
    assert [node.address for node in register.reserved()] == taken
    assert register.network("home").next_address == (taken[-1] + 1 if taken else 2)
    register.verify_audit()


def test_a_busy_database(register: Register, path: Path) -> None:
    with register._desk.database.reading() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 1")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError) as refused:
            register.record_event("test", "subject")
        assert code_of(refused) == "store-busy"
        other.execute("ROLLBACK")
    register.record_event("test", "subject")


@contextmanager
def ordinary_user(*paths: Path) -> Iterator[None]:
    """Root may write everything: be somebody else for a moment."""
    if os.geteuid() != 0:
        yield
        return
    for path in paths:
        os.chown(path, 65534, 65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="meshwright-"))
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


def test_a_file_that_may_not_be_written(open_folder: Path) -> None:
    path = open_folder / "register.db"
    open_register(path)._desk.database.close()
    path.chmod(0o400)
    with ordinary_user(open_folder, path):
        register = open_register(path)
        with closing(register._desk.database), pytest.raises(StoreError) as refused:
            register.record_event("test", "subject")
    assert code_of(refused) == "store-read-only"


def test_a_folder_that_may_not_be_written(open_folder: Path) -> None:
    path = open_folder / "register.db"
    open_register(path)._desk.database.close()
    open_folder.chmod(0o500)
    with ordinary_user(open_folder, path), pytest.raises(StoreError) as refused:
        open_register(path).record_event("test", "subject")
    assert code_of(refused) == "store-read-only"


@pytest.mark.parametrize("replaced", [True, False])
def test_a_database_that_is_gone_for_a_minute(
    register: Register, path: Path, replaced: bool
) -> None:
    register.record_event("test", "before")
    away = path.rename(path.with_name("away.db"))
    if replaced:
        path.touch()
    with pytest.raises(StoreError) as refused:
        register.record_event("test", "while it is gone")
    assert code_of(refused) == "store-unavailable"
    away.replace(path)
    register.record_event("test", "after")
    assert [line.subject for line in register.audit_lines()] == ["before", "after"]


def test_a_block_that_fails_writes_nothing(database: Database) -> None:
    def fail() -> None:
        with database.transaction("test") as connection:
            connection.exec_driver_sql("INSERT INTO tick_leases VALUES (x'000000000001', 5)")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM tick_leases").scalar() == 0


def test_threads_that_open_one_new_file_at_once(path: Path) -> None:
    barrier, failures = threading.Barrier(4), []

    def work() -> None:
        barrier.wait()
        try:
            Database.open(path).close()
        except MeshwrightError as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert pragma(path, "integrity_check") == "ok"
