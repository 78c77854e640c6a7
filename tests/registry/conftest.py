"""A real register on a real file for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.registry.registry_world import APP_KEY, NET_KEY, NETWORK_UUID

from meshwright.clock import ManualClock
from meshwright.randomness import RandomBytes, SeededRandomness
from meshwright.registry.database import Database
from meshwright.registry.entities import Network
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register


@pytest.fixture
def random() -> RandomBytes:
    return SeededRandomness(1).stream("registry tests")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))


@pytest.fixture
def keyring() -> Keyring:
    return Keyring(bytes(range(32)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "register.db"


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate once; every test works on a copy of the file."""
    path = tmp_path_factory.mktemp("empty") / "register.db"
    Database.open(path).close()
    return path


@pytest.fixture
def database(empty: Path, path: Path) -> Iterator[Database]:
    shutil.copy(empty, path)
    with Database.open(path) as database:
        yield database


@pytest.fixture
def register(database: Database, keyring: Keyring, clock: ManualClock) -> Register:
    return Register(database, keyring, clock, actor="tester")


@pytest.fixture
def network(register: Register) -> Network:
    return register.create_network("home", uuid=NETWORK_UUID, net_key=NET_KEY, app_key=APP_KEY)
