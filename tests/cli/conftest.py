"""Homes to work on; each is made once and copied for every test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.cli.commands import meshwright, prepare


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home that is ready to commission; do not change it."""
    home = tmp_path_factory.mktemp("prepared") / "plant"
    prepare(home)
    return home


@pytest.fixture(scope="session")
def commissioned(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home whose devices are nodes; do not change it."""
    home = tmp_path_factory.mktemp("commissioned") / "plant"
    shutil.copytree(prepared, home)
    assert meshwright("commission", "--home", home).status == 0
    return home


@pytest.fixture
def plant(prepared: Path, tmp_path: Path) -> Path:
    """Return a home of one's own that is ready to commission."""
    return Path(shutil.copytree(prepared, tmp_path / "plant"))


@pytest.fixture
def site(commissioned: Path, tmp_path: Path) -> Path:
    """Return a home of one's own whose devices are nodes."""
    return Path(shutil.copytree(commissioned, tmp_path / "site"))
