"""Everything that one opened transceiver offers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from meshwright.radio.errors import RadioError
from meshwright.radio.findings import Finding
from meshwright.radio.gatt import GattClient, GattServer
from meshwright.radio.port import Radio, Timebase


@dataclass(frozen=True, slots=True)
class Station:
    """An opened transceiver; a part is None when it cannot do that.

    `name` is what it was opened by. `close` ends everything it does; it may be called twice.
    `lost` gets the reason when the transceiver goes away by itself; it stays pending after
    `close`, and is None where nothing can go away. `findings` are what was seen while opening.
    """

    name: str
    timebase: Timebase
    close: Callable[[], Awaitable[None]]
    radio: Radio | None = None
    gatt_client: GattClient | None = None
    gatt_server: GattServer | None = None
    lost: asyncio.Future[RadioError] | None = None
    findings: tuple[Finding, ...] = ()
