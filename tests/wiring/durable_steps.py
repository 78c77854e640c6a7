"""Every moment at which a process can die and leave something else behind than a moment before.

Run as a program it is a demo that kills itself at such a moment, again and again:

    python durable_steps.py HOME DEVICES SEED LOG FIRST [NEXT ...]

Each number is how many steps the next life may live; the last life is not cut short. LOG gets a
line for every Provisioning Data that a life has handed over. The exit status is that of the demo.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

from meshwright.core.effects import Effect
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.registry.database import Database
from meshwright.wiring.demo import DemoOptions, run_demo
from meshwright.wiring.demo_result import DemoResult

OnStep = Callable[[str], object]
"""Told the name of a step, such as `commit reserve node` or `replace device.json`."""

OnData = Callable[[int, bytes], object]
"""Told the address and the DevKey of every Provisioning Data, before it can be on the air."""

_VARIABLE_PARTS = re.compile(r"[0-9]+|\.[a-z0-9_]{8}$")
_FILE_STEPS = ("replace", "hardlink_to", "unlink", "mkdir")


class Silent:
    """An observer that shows nothing."""

    def stage(self, name: str, total: int) -> None: ...

    def step(self, name: str, text: str) -> None: ...

    def busy(self, name: str, text: str) -> None: ...

    def note(self, text: str) -> None: ...


def demo(home: Path, devices: int, seed: int) -> DemoResult:
    """Run the demo, or finish it."""
    return run_demo(DemoOptions(devices, seed, home), Silent())


@contextmanager
def watched(home: Path, on_step: OnStep, on_data: OnData) -> Iterator[None]:
    """Tell of every durable step on `home` while the block runs; nothing else is changed."""
    with (
        _watched_database(on_step),
        _watched_files(home, on_step),
        patch.object(ProvisionerMachine, "send_data", _telling(on_data)),
    ):
        yield


@contextmanager
def _watched_database(on_step: OnStep) -> Iterator[None]:
    original = Database.open

    def on_commit(name: str, moment: str) -> None:
        on_step(f"{moment} commit {name}")

    with patch.object(Database, "open", partial(original, on_commit=on_commit)):
        yield


@contextmanager
def _watched_files(home: Path, on_step: OnStep) -> Iterator[None]:
    patches = [patch.object(Path, name, _around(name, home, on_step)) for name in _FILE_STEPS]
    synced = patch.object(os, "fsync", _after_sync(on_step))
    try:
        for each in [*patches, synced]:
            each.start()
        yield
    finally:
        for each in [*patches, synced]:
            each.stop()


def _around(name: str, home: Path, on_step: OnStep) -> Callable[..., Any]:
    original = getattr(Path, name)

    @wraps(original)
    def step(path: Path, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - as it is there
        ours = home in (path, *path.parents)
        label = f"{name} {_VARIABLE_PARTS.sub('', path.name)}"
        if ours:
            on_step(f"before {label}")
        result = original(path, *arguments, **options)
        if ours:
            on_step(f"after {label}")
        return result

    return step


def _after_sync(on_step: OnStep) -> Callable[[int], None]:
    original = os.fsync

    def step(descriptor: int) -> None:
        original(descriptor)
        on_step("after fsync any")

    return step


def _telling(on_data: OnData) -> Callable[..., list[Effect]]:
    original = ProvisionerMachine.send_data

    def send_data(machine: ProvisionerMachine, data: ProvisioningData, now: float) -> list[Effect]:
        on_data(data.address, machine._proof.session_keys.device_key)
        return original(machine, data, now)

    return send_data


# As a program.


def _live(home: Path, devices: int, seed: int, log: Path, steps: int | None) -> int:
    left = steps

    def on_step(_name: str) -> None:
        nonlocal left
        if left is not None:
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def on_data(address: int, device_key: bytes) -> None:
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(descriptor, f"{address} {device_key.hex()}\n".encode())
        os.close(descriptor)

    with watched(home, on_step, on_data):
        return 0 if demo(home, devices, seed).complete else 1


def _main(arguments: list[str]) -> int:
    home, log = Path(arguments[0]), Path(arguments[3])
    devices, seed = int(arguments[1]), int(arguments[2])
    for steps in map(int, arguments[4:]):
        child = os.fork()
        if not child:
            os._exit(_live(home, devices, seed, log, steps))
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            return os.waitstatus_to_exitcode(status)  # it was done before
    return _live(home, devices, seed, log, None)


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
