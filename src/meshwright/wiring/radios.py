"""Radios by name: which adapter opens what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module

from meshwright.core.errors import InputError, MachineError
from meshwright.radio.examine.kinds import BLEAK, BUMBLE, KINDS, kind_of
from meshwright.radio.station import Station

# An adapter is imported when it is needed: most commands need none, and the libraries are optional.
_ADAPTERS = {
    BUMBLE: "meshwright.radio.bumble.radio",
    BLEAK: "meshwright.radio.bleak.gatt",
    "": "meshwright.radio.datagrams.radio",
}
"""Which module opens the kinds of radios that need a library; the last needs none."""


async def open_station(spec: str) -> Station:
    """Open the radio called `spec`, such as `usb:0` or `unix:LOCAL,REMOTE`.

    Raises `InputError` (`unknown-radio`) for a kind of radio that does not exist, `MachineError`
    (`missing-library`) when what it needs is not installed, and what its adapter raises.
    """
    kind = kind_of(spec)
    if kind is None:
        forms = ", ".join(kind.form for kind in KINDS)
        raise InputError(
            f"There is no radio of the kind {spec!r}; there are: {forms}.", code="unknown-radio"
        )
    try:
        module = import_module(_ADAPTERS[kind.library])
        opener: Callable[[str], Awaitable[Station]] = module.open_station
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
