"""Values and helpers that the registry's tests share."""

from __future__ import annotations

import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from meshwright.clock import ManualClock
from meshwright.core.errors import MeshwrightError
from meshwright.registry.database import CommitHook, Database
from meshwright.registry.entities import Attempt, Network, Node
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register

NET_KEY = bytes.fromhex("7dd7364cd842ad18c17c2b820c84c3d6")
APP_KEY = bytes.fromhex("63964771734fbd76e3b40519d1d94a48")
DEVICE_KEY = bytes.fromhex("9d6dd0e96eb25dc19a40ed9914f8f03f")
NETWORK_UUID = UUID("0b5f2a34-6f6e-4c1b-9d6c-000000000001")
MASTER = bytes(range(32))


def device(number: int) -> UUID:
    """Return the UUID of a device of ours."""
    return UUID(int=0xF81D4FAE7DEC11D0A76500A0C91E0000 + number)


def open_register(path: Path, on_commit: CommitHook | None = None) -> Register:
    """Open the register of a file as another process would."""
    database = Database.open(path, on_commit=on_commit) if on_commit else Database.open(path)
    clock = ManualClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    return Register(database, Keyring(MASTER), clock, actor="tester")


def begun(register: Register, network: Network, number: int) -> Attempt:
    """Authorize a device and begin an attempt at it."""
    register.add_asset(device(number), f"lamp {number}", network.id)
    return register.begin_attempt(network.id, device(number))


def reserved(register: Register, network: Network, number: int, elements: int = 2) -> Node:
    """Authorize a device and reserve a range for it."""
    return register.reserve_node(begun(register, network, number).id, elements, DEVICE_KEY)


def code_of(refused: pytest.ExceptionInfo[MeshwrightError]) -> str:
    """Return the stable code, after checking that the message is one clear sentence."""
    message = str(refused.value)
    assert message.endswith(".")
    assert "\n" not in message
    assert "sqlalche" not in message.lower()
    return refused.value.code


def run_killed(script: str, *arguments: object) -> None:
    """Run a Python script that must die by its own SIGKILL."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
