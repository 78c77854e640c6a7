"""An operating system for bleak: Bumble's own host on an emulated controller.

As systems do, it has one link to a device, shared by all clients for it, and lets a link end when
any of them disconnects.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Thread
from typing import Any, NoReturn

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError
from bleak.uuids import normalize_uuid_16, normalize_uuid_str
from bumble import hci
from bumble.core import BaseBumbleError
from bumble.device import Advertisement, Connection, Device
from bumble.gatt import Characteristic
from bumble.gatt_client import CharacteristicProxy
from bumble.transport.common import Transport

from meshwright.radio.bleak.stack import Stack

_MTU = 517
_UUIDS, _DATA = 0x03, 0x16
_PROPERTIES: dict[int, CharacteristicPropertyName] = {
    Characteristic.Properties.WRITE_WITHOUT_RESPONSE: "write-without-response",
    Characteristic.Properties.NOTIFY: "notify",
}


@dataclass
class System:
    """The host, its links, what was asked of it, and what makes it refuse."""

    host: Device
    links: dict[hci.Address, Connection] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    trouble: dict[str, BaseException] = field(default_factory=dict)
    """What is raised when `start`, `connect`, `notify`, `write` or `disconnect` is asked for."""
    silent: set[str] = field(default_factory=set)
    """What never ends when it is asked for."""
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds that `write` takes before anything is sent, and `notify` when all is done."""
    threads: bool = False
    """Whether it calls back from threads of its own, as some do."""

    @classmethod
    async def boot(cls, name: str, transport: Transport) -> System:
        """Power on the adapter behind `transport`."""
        address = hci.Address(name.encode().ljust(6, b"\xc0")[:6])
        system = cls(Device.with_hci(name, address, transport.source, transport.sink))
        await system.host.power_on()
        return system

    def stack(self) -> Stack:
        """Return bleak on this system."""
        scanner = type("BumbleScanner", (BumbleScanner,), {"system": self})
        client = type("BumbleClient", (BumbleClient,), {"system": self})
        return Stack(scanner_backend=scanner, client_backend=client)

    async def ask(self, what: str) -> None:
        """Do what is asked for, or raise, or keep silent."""
        self.asked.append(what)
        if what in self.silent:
            await asyncio.get_running_loop().create_future()
        if what in self.trouble:
            raise self.trouble[what]

    async def pause(self, what: str) -> None:
        await asyncio.sleep(self.slow.get(what, 0.0))

    def call(self, function: Callable[..., object], *arguments: object) -> None:
        """Call back."""
        if self.threads:
            thread = Thread(target=function, args=arguments)
            thread.start()
            thread.join()
        else:
            function(*arguments)

    async def link(self, address: hci.Address) -> Connection:
        if address not in self.links:
            try:
                link = await self.host.connect(address, timeout=None)
            except asyncio.CancelledError:
                await self.host.send_sync_command(hci.HCI_LE_Create_Connection_Cancel_Command())
                raise
            await link.gatt_client.request_mtu(_MTU)
            self.links[address] = link
            link.on(link.EVENT_DISCONNECTION, lambda _reason: self.links.pop(address, None))
        return self.links[address]

    async def drain(self, link: Connection) -> None:
        """Let leave what was written: BlueZ, for one, gives it two seconds."""
        queue = self.host.host.le_acl_packet_queue
        assert queue is not None
        await queue.drain(link.handle)


class BumbleScanner(BaseBleakScanner):
    """Hears what Bumble hears."""

    system: System

    def __init__(
        self,
        detection_callback: Any,  # noqa: ANN401 - as bleak has it
        service_uuids: list[str] | None,
        scanning_mode: str,
        **_options: object,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        assert scanning_mode == "active"

    async def start(self) -> None:
        await self.system.ask("start")
        self.seen_devices = {}
        self.system.host.on(Device.EVENT_ADVERTISEMENT, self._heard)
        await self.system.host.start_scanning(active=False)

    async def stop(self) -> None:
        await self.system.ask("stop")
        self.system.host.remove_listener(Device.EVENT_ADVERTISEMENT, self._heard)
        await self.system.host.stop_scanning()

    def _heard(self, heard: Advertisement) -> None:
        parts = heard.data.ad_structures
        uuids = [_name(part) for kind, part in parts if kind == _UUIDS]  # the mesh has one
        told = AdvertisementData(
            local_name=None,
            manufacturer_data={},
            service_data={_name(part[:2]): part[2:] for kind, part in parts if kind == _DATA},
            service_uuids=uuids,
            tx_power=None,
            rssi=heard.rssi,
            platform_data=(),
        )
        if self.is_allowed_uuid(told.service_uuids):
            address = heard.address.to_string(with_type_qualifier=False)
            device = self.create_or_update_device(address, address, None, heard.address, told)
            self.system.call(self.call_detection_callbacks, device, told)


class BumbleClient(BaseBleakClient):
    """One of the clients that share a link."""

    system: System
    mtu_size = 23  # as BlueZ says, whatever was agreed

    def __init__(
        self,
        device: BLEDevice,
        *,
        services: set[str],
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_options: object,
    ) -> None:
        super().__init__(device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._address: hci.Address = device.details
        self._wanted = services
        self._link: Connection | None = None

    @property
    def is_connected(self) -> bool:
        return self._link is not None

    async def connect(self, pair: bool, **_options: object) -> None:
        assert not pair
        await self.system.ask("connect")
        with _translated():
            link = await self.system.link(self._address)
            link.once(link.EVENT_DISCONNECTION, self._gone)
            self._link = link
            self.services = await self._discover(link)

    async def disconnect(self) -> None:
        await self.system.ask("disconnect")
        link = self._link
        if link is not None:
            with _translated():
                await self.system.drain(link)
                await link.disconnect()

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: Callable[[bytearray], None],
        **_options: object,
    ) -> None:
        await self.system.ask("notify")
        assert self._link is not None
        with _translated():
            await self._link.gatt_client.subscribe(
                characteristic.obj, lambda value: self.system.call(callback, bytearray(value))
            )
        await self.system.pause("notify")

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        await self.system.ask("write")
        await self.system.pause("write")
        assert not response
        if self._link is None:
            raise BleakError("Not connected")
        with _translated():
            await self._link.gatt_client.write_value(characteristic.obj, bytes(data))

    async def _discover(self, link: Connection) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for service in await link.gatt_client.discover_services():
            name = normalize_uuid_str(service.uuid.to_hex_str("-"))
            if name in self._wanted:
                found = BleakGATTService(service, service.handle, name)
                collection.add_service(found)
                for each in await service.discover_characteristics():
                    collection.add_characteristic(_characteristic(link, each, found))
        return collection

    def _gone(self, _reason: int) -> None:
        self._link, self.services = None, None
        if self._disconnected_callback is not None:
            self.system.call(self._disconnected_callback)

    # What a mesh has no use for.

    async def pair(self, *_arguments: object, **_options: object) -> NoReturn:
        raise NotImplementedError

    async def unpair(self) -> NoReturn:
        raise NotImplementedError

    async def read_gatt_char(self, *_arguments: object, **_options: object) -> NoReturn:
        raise NotImplementedError

    async def read_gatt_descriptor(self, *_arguments: object, **_options: object) -> NoReturn:
        raise NotImplementedError

    async def write_gatt_descriptor(self, *_arguments: object) -> NoReturn:
        raise NotImplementedError

    async def stop_notify(self, *_arguments: object) -> NoReturn:
        raise NotImplementedError


def _characteristic(
    link: Connection, proxy: CharacteristicProxy[Any], service: BleakGATTService
) -> BleakGATTCharacteristic:
    return BleakGATTCharacteristic(
        proxy,
        proxy.handle,
        normalize_uuid_str(proxy.uuid.to_hex_str("-")),
        [name for bit, name in _PROPERTIES.items() if proxy.properties & bit],
        lambda: link.att_mtu - 3,
        service,
    )


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Raise what bleak's own backends raise."""
    try:
        yield
    except (BaseBumbleError, asyncio.InvalidStateError) as error:
        raise BleakError(str(error)) from error


def _name(octets: bytes) -> str:
    return normalize_uuid_16(int.from_bytes(octets, "little"))
