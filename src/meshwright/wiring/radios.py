"""Radios by name: which adapter opens what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module

from meshwright.core.errors import InputError, MachineError
from meshwright.radio.station import Station

_DATAGRAMS = "meshwright.radio.datagrams.radio"
_BUMBLE = "meshwright.radio.bumble.radio"
_BLEAK = "meshwright.radio.bleak.gatt"

# An adapter is imported when it is needed: most commands need none, and the libraries are optional.
_ADAPTERS = {
    "unix": _DATAGRAMS,
    "udp": _DATAGRAMS,
    "bleak": _BLEAK,
    "usb": _BUMBLE,
    "pyusb": _BUMBLE,
    "serial": _BUMBLE,
    "hci-socket": _BUMBLE,
    "vhci": _BUMBLE,
    "tcp-client": _BUMBLE,
    "tcp-server": _BUMBLE,
    "ws-client": _BUMBLE,
    "ws-server": _BUMBLE,
    "unix-client": _BUMBLE,
    "unix-server": _BUMBLE,
    "pty": _BUMBLE,
    "file": _BUMBLE,
    "android-emulator": _BUMBLE,
    "android-netsim": _BUMBLE,
}
EXAMPLES = (
    "usb:0",
    "serial:/dev/ttyACM0,1000000",
    "hci-socket:0",
    "tcp-client:127.0.0.1:6402",
    "bleak",
    "unix:LOCAL,REMOTE",
    "udp:HOST:PORT,HOST:PORT",
)


async def open_station(spec: str) -> Station:
    """Open the radio called `spec`, such as `usb:0` or `unix:LOCAL,REMOTE`.

    Raises `InputError` (`unknown-radio`) for a kind of radio that does not exist, `MachineError`
    (`missing-library`) when what it needs is not installed, and what its adapter raises.
    """
    adapter = _ADAPTERS.get(spec.partition(":")[0])
    if adapter is None:
        examples = ", ".join(EXAMPLES)
        raise InputError(
            f"There is no radio of the kind {spec!r}; there are: {examples}.", code="unknown-radio"
        )
    try:
        opener: Callable[[str], Awaitable[Station]] = import_module(adapter).open_station
        return await opener(spec)
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "meshwright":
            raise
        raise MachineError(
            f"{spec} needs the library {missing.name}; install it with: "
            "pip install 'meshwright[radio]'.",
            code="missing-library",
        ) from None


@asynccontextmanager
async def opened_station(spec: str) -> AsyncIterator[Station]:
    """Open the radio called `spec` and close it at the end; raises what `open_station` does."""
    station = await open_station(spec)
    try:
        yield station
    finally:
        await station.close()
