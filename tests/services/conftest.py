"""A factory for worlds; the CA's certificates are made once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.pki.forging import Site, make_site
from tests.services.site_world import World

from meshwright.registry.database import Database

Worlds = Callable[..., World]


@pytest.fixture(scope="session")
def site() -> Site:
    """Return the manufacturer that is trusted."""
    return make_site()


@pytest.fixture(scope="session")
def other_site() -> Site:
    """Return another manufacturer, with the same names but its own keys."""
    return make_site("other")


@pytest.fixture(scope="session")
def empty_register(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database without content, to be copied: migrating takes a while."""
    path = tmp_path_factory.mktemp("template") / "register.db"
    Database.open(path).close()
    return path


@pytest.fixture
def worlds(tmp_path: Path, site: Site, empty_register: Path) -> Iterator[Worlds]:
    """Return what makes worlds; what must always be true is checked at the end."""
    made: list[World] = []

    def make(seed: int = 1, **options: Any) -> World:  # noqa: ANN401
        folder = tmp_path / f"world-{len(made)}"
        folder.mkdir()
        shutil.copy(empty_register, folder)
        made.append(World(folder, site, seed, **options))
        return made[-1]

    yield make
    for world in made:
        world.check()
        world.register._desk.database.close()


@pytest.fixture
def world(worlds: Worlds) -> World:
    """Return one world without faults on its air."""
    return worlds()
