"""What every test with bluetooth-meshd needs."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

RUNS = "MESHWRIGHT_INTEROP_RUNS"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test as often as the environment says; chance and timing differ each time."""
    runs = int(os.environ.get(RUNS, "1"))
    if runs > 1:
        metafunc.fixturenames.append("_run")
        metafunc.parametrize("_run", range(runs))


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the library that is preloaded into the daemon."""
    built = tmp_path_factory.mktemp("shim") / "afalg_shim.so"
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o", str(built)]
    source = Path(__file__).with_name("afalg_shim.c")
    subprocess.run([*command, str(source), "-lcrypto"], check=True, timeout=120)
    return built
