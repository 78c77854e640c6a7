"""Runs BlueZ's bluetooth-meshd as a peer, without Bluetooth hardware.

Adapted from the BlueZ interop kit of this project's brief. Everything lives in one temporary
folder: a private D-Bus daemon, the mesh daemon with its unit-test socket, its storage and its log.
`afalg_shim.c`, preloaded, gives it the kernel's cryptography and repairs that socket.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus

PROGRAM = "/usr/libexec/bluetooth/bluetooth-meshd"
SERVICE, ROOT = "org.bluez.mesh", "/org/bluez/mesh"
TIMER_DIVISOR = 10
"""All timers of the daemon run so many times faster; its limits as well."""

_BUS_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC
 "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*"/><allow receive_sender="*"/>
  </policy>
</busconfig>
"""


@dataclass(frozen=True, slots=True)
class Membership:
    """What the daemon has stored about itself as a node."""

    device_key: bytes
    net_key: bytes
    address: int


@dataclass(frozen=True, slots=True)
class Meshd:
    """A running daemon; `bus` is connected to its private D-Bus."""

    folder: Path
    bus: MessageBus

    @property
    def radio(self) -> str:
        """How a radio is opened that shares an air with the daemon."""
        return f"unix:{self.folder / 'unit.air'},{self.folder / 'unit'}?length=no"

    @property
    def log(self) -> str:
        """All that the daemon has printed."""
        return (self.folder / "meshd.log").read_text(errors="replace")

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: object
    ) -> list[Any]:
        """Call a method of the daemon; raises `DBusError`."""
        reply = await self.bus.call(
            Message(
                destination=SERVICE,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=list(body),
            )
        )
        if reply.message_type is MessageType.ERROR:
            raise DBusError(reply.error_name or "", str(reply.body))
        return reply.body

    def stored(self, uuid: bytes) -> Membership | None:
        """Return what the daemon keeps about the node that it has become."""
        path = self.folder / "storage" / uuid.hex() / "node.json"
        if not path.exists():
            return None
        node = json.loads(path.read_text())
        return Membership(
            bytes.fromhex(node["deviceKey"]),
            bytes.fromhex(node["netKeys"][0]["key"]),
            int(node["unicastAddress"], 16),
        )


@asynccontextmanager
async def running_meshd(shim: Path, divisor: int = TIMER_DIVISOR) -> AsyncIterator[Meshd]:
    """Start D-Bus and the daemon, and end them."""
    # Short, because the path of a socket holds 107 octets.
    with tempfile.TemporaryDirectory(prefix="meshd-") as name:
        folder = Path(name)
        address = f"unix:path={folder / 'bus'}"
        with _dbus(folder), _daemon(folder, address, shim, divisor) as daemon:
            bus = await MessageBus(address, bus_type=BusType.SESSION).connect()
            meshd = Meshd(folder, bus)
            try:
                await _serving(meshd, daemon)
                yield meshd
            finally:
                bus.disconnect()


async def _serving(meshd: Meshd, daemon: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(30):
        while not await _has_network(meshd):
            if daemon.poll() is not None:
                raise RuntimeError(f"bluetooth-meshd has ended:\n{meshd.log}")
            await asyncio.sleep(0.01)


async def _has_network(meshd: Meshd) -> bool:
    try:
        reply = await meshd.call(ROOT, "org.freedesktop.DBus.Introspectable", "Introspect")
    except DBusError:  # it is not there yet
        return False
    return "org.bluez.mesh.Network1" in reply[0]


@contextmanager
def _dbus(folder: Path) -> Iterator[None]:
    configuration = folder / "bus.conf"
    configuration.write_text(_BUS_CONFIGURATION.format(path=folder / "bus"))
    command = ["dbus-daemon", "--nofork", "--nopidfile", "--print-address"]
    with (
        (folder / "bus.log").open("wb") as log,
        _process(
            [*command, f"--config-file={configuration}"], stdout=subprocess.PIPE, stderr=log
        ) as daemon,
    ):
        assert daemon.stdout is not None
        assert daemon.stdout.readline(), "dbus-daemon has ended"  # its address: it is ready
        yield


@contextmanager
def _daemon(
    folder: Path, address: str, shim: Path, divisor: int
) -> Iterator[subprocess.Popen[bytes]]:
    storage = folder / "storage"
    storage.mkdir()
    environment = {
        **os.environ,
        "LD_PRELOAD": str(shim),
        "DBUS_SESSION_BUS_ADDRESS": address,
        "DBUS_SYSTEM_BUS_ADDRESS": address,
        "MESHD_TIMER_DIV": str(divisor),
    }
    command = [PROGRAM, "--io", f"unit:{folder / 'unit'}", "--storage", str(storage)]
    with (
        (folder / "meshd.log").open("wb") as log,
        _process(
            [*command, "--nodetach", "--debug"], stdout=log, stderr=log, env=environment
        ) as daemon,
    ):
        yield daemon


@contextmanager
def _process(
    command: list[str],
    stdout: IO[bytes] | int,
    stderr: IO[bytes] | None = None,
    env: dict[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        env=env,
        preexec_fn=_end_with_parent,  # noqa: PLW1509 - tests start it from their only thread
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()


def _end_with_parent() -> None:
    """Ask for SIGTERM when whoever started us is killed (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
