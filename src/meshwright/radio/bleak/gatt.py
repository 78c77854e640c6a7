"""PB-GATT on the operating system's own stack, through bleak: BlueZ, macOS and Windows.

A system's stack sends no packets of a program's own and lets bleak be no server. So there is no
PB-ADV here, neither bearer nor beacons, and no device role: a Provisioner on PB-GATT, and the
client of a proxy. It was proven on Bumble's emulated controllers and on a stand-in for BlueZ, and
on no system with an adapter; nothing was run on macOS or Windows.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from meshwright.radio.bleak.connection import BleakConnection
from meshwright.radio.bleak.errors import explained
from meshwright.radio.bleak.scanning import Listening
from meshwright.radio.bleak.spec import parse
from meshwright.radio.bleak.stack import UUIDS, Stack
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import GattConnection, GattListener, ServiceReport
from meshwright.radio.station import Station

_MAC = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}", re.IGNORECASE)
_NO_RSSI = -127  # Core 6.0, Vol 4, Part E, 7.7.65.2 says 127; bleak stands in with this


@dataclass(frozen=True, slots=True)
class BleakPeer:
    """Whom to connect to: on macOS `address` is a UUID that means something to that Mac only."""

    address: str
    device: BLEDevice = field(compare=False, repr=False)


class BleakGatt:
    """The client of one adapter; `on_lost` learns when the system's Bluetooth is gone."""

    def __init__(self, stack: Stack, on_lost: Callable[[RadioError], object]) -> None:
        self._stack = stack
        self._loop = asyncio.get_running_loop()
        self._turn = asyncio.Lock()
        self._watcher: Callable[[ServiceReport, float], object] | None = None
        self._listening = Listening(stack, self._heard, on_lost)
        self._connections: set[BleakConnection] = set()
        self._closed = False

    async def probe(self) -> None:
        """See whether the system lets us listen; raises whatever it raises."""
        await self._listening.probe()

    def watch(self, on_report: Callable[[ServiceReport, float], object] | None) -> None:
        self._watcher = on_report
        self._listening.want(on_report is not None and not self._closed)

    def connect(self, report: ServiceReport, listener: GattListener) -> GattConnection:
        peer = report.peer
        if not isinstance(peer, BleakPeer):
            raise TypeError("this report comes from another radio")
        connection = BleakConnection(
            self._stack, peer.device, report.service, self._loop, self._turn
        )
        connection.listen(listener)
        connection.on_gone = self._connections.discard
        self._connections.add(connection)
        if self._closed:
            connection.fail("This radio was closed; open it again.")
        else:
            connection.connect()
        return connection

    async def close(self) -> None:
        """Listen no more and disconnect everybody; never raises."""
        self._closed = True
        self.watch(None)
        for connection in tuple(self._connections):
            await connection.finish()
        await self._listening.close()

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        for service, uuid in UUIDS.items():
            octets = data.service_data.get(uuid)
            if octets is None or self._watcher is None:
                continue
            report = ServiceReport(
                service,
                bytes(octets),
                BleakPeer(device.address, device),
                _octets(device.address),
                None if data.rssi == _NO_RSSI else data.rssi,
            )
            self._watcher(report, self._loop.time())


def _octets(address: str) -> bytes | None:
    return bytes.fromhex(address.replace(":", "")) if _MAC.fullmatch(address) else None


async def open_station(spec: str) -> Station:
    """Open the system's own stack: `bleak`, or on Linux `bleak:ADAPTER` such as `bleak:hci1`.

    The station has a GATT client and nothing else. Raises `InputError` (`bad-radio`), and
    `RadioError` with what to do, such as `no-bluetooth-service` or `bluetooth-off`, when nobody can
    listen now.
    """
    return await open_on(spec, Stack(parse(spec)))


async def open_on(name: str, stack: Stack) -> Station:
    """Open `stack`; raises `RadioError`."""
    loop = asyncio.get_running_loop()
    gone: asyncio.Future[RadioError] = loop.create_future()

    def on_lost(error: RadioError) -> None:
        if not gone.done():
            gone.set_result(error)

    gatt = BleakGatt(stack, on_lost)
    try:
        await gatt.probe()
    except Exception as error:  # noqa: BLE001 - systems raise what their libraries raise
        raise explained(name, error) from None
    return Station(name=name, timebase=loop, close=gatt.close, gatt_client=gatt, lost=gone)
