"""A link to one device, which the system shares among all clients for it.

What services a device has is asked when a client connects, and bleak knows no way to ask again. So
a further client is made for that: it finds the link open and looks at the services anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTServiceCollection
from bleak.uuids import normalize_uuid_16

from meshwright.radio.bleak.stack import UUIDS, Stack
from meshwright.radio.gatt import ATT_HEADER, DATA_IN, DATA_OUT, SMALLEST_MTU, MeshService

_LARGEST_MTU = 517
_HANG_UP_LIMIT = 5.0

OnValue = Callable[[MeshService, bytes], object]


class MissingError(Exception):
    """The other end lacks what it advertises; the text is for people."""


@dataclass(frozen=True, slots=True)
class Line:
    """One service whose notifications are enabled."""

    client: BleakClient
    data_in: BleakGATTCharacteristic

    @property
    def mtu(self) -> int:
        """ATT_MTU, as far as the system tells: BlueZ before 5.62 always says the smallest."""
        told = self.data_in.max_write_without_response_size + ATT_HEADER
        return min(max(told, SMALLEST_MTU), _LARGEST_MTU)

    async def write(self, value: bytes) -> None:
        """Write without response; returns when the system has taken it."""
        await self.client.write_gatt_char(self.data_in, value, response=False)


class Link:
    """`on_value` and `on_lost` are called from the loop."""

    def __init__(
        self,
        stack: Stack,
        device: BLEDevice,
        loop: asyncio.AbstractEventLoop,
        on_value: OnValue,
        on_lost: Callable[[], object],
    ) -> None:
        self._stack = stack
        self._device = device
        self._loop = loop
        self._on_value = on_value
        self._on_lost = on_lost
        self._clients: list[BleakClient] = []

    async def connect(self) -> BleakClient:
        """Connect, or join the link that there is, and read what services there are."""
        client = self._stack.client(self._device, self._disconnected)
        self._clients.append(client)
        await client.connect()
        return client

    async def subscribe(self, client: BleakClient, service: MeshService) -> Line:
        """Enable the notifications of `service`; raises `MissingError` and what bleak raises."""
        data_in, data_out = _find(client.services, service)

        def notified(_characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
            self._loop.call_soon_threadsafe(self._on_value, service, bytes(value))

        await client.start_notify(data_out, notified)
        return Line(client, data_in)

    async def hang_up(self) -> None:
        """Disconnect, and let go of all clients; never raises."""
        while self._clients:
            client = self._clients.pop()
            with contextlib.suppress(Exception):  # it may be gone in ways of its system
                async with asyncio.timeout(_HANG_UP_LIMIT):
                    await client.disconnect()

    def _disconnected(self) -> None:
        self._loop.call_soon_threadsafe(self._on_lost)


def _find(
    services: BleakGATTServiceCollection, service: MeshService
) -> tuple[BleakGATTCharacteristic, BleakGATTCharacteristic]:
    found = services.get_service(UUIDS[service])
    if found is None:
        raise MissingError(f"The other end has no service {service:#06x}.")
    uuids = [normalize_uuid_16(kind[service]) for kind in (DATA_IN, DATA_OUT)]
    data_in, data_out = (found.get_characteristic(uuid) for uuid in uuids)
    if data_in is None or data_out is None:
        raise MissingError(f"The service {service:#06x} of the other end is not whole.")
    if "notify" not in data_out.properties:
        raise MissingError("The other end cannot notify.")
    return data_in, data_out
