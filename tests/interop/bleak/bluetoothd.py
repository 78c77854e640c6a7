"""A stand-in for BlueZ's bluetoothd on a real, private D-Bus, for bleak's own BlueZ backend.

The real one needs Bluetooth sockets in the kernel. This one shows the same objects and signals
(BlueZ 5.66, doc/*-api.txt): one adapter, and one device with one mesh service, which answers every
value with the same octets turned round.
"""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from meshwright.radio.bleak.stack import UUIDS
from meshwright.radio.gatt import DATA_IN, DATA_OUT, MeshService

ADAPTER = "/org/bluez/hci0"
DEVICE = f"{ADAPTER}/dev_C0_00_00_00_00_01"
SERVICE = f"{DEVICE}/service000a"
IN, OUT = f"{SERVICE}/char000b", f"{SERVICE}/char000d"

Interfaces = dict[str, dict[str, Variant]]

_MANAGER = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"


@contextmanager
def system_bus(folder: Path) -> Iterator[str]:
    """Run a D-Bus daemon and return its address."""
    address = f"unix:path={folder / 'bus'}"
    command = ["dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address"]
    with subprocess.Popen([*command, f"--address={address}"], stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        try:
            assert daemon.stdout.readline(), "dbus-daemon has ended"
            yield address
        finally:
            daemon.kill()


@dataclass
class Bluetoothd:
    """What it knows, and what it was asked for."""

    bus: MessageBus
    objects: dict[str, Interfaces] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    filters: list[dict[str, Any]] = field(default_factory=list)
    refuses: dict[str, str] = field(default_factory=dict)
    """Methods, and the errors that they end with."""
    silent: set[str] = field(default_factory=set)
    """Methods that do not end."""

    # What there is.

    def plug_in(self, *, powered: bool = True, roles: tuple[str, ...] = ("central",)) -> None:
        """Have an adapter."""
        properties = {"Powered": Variant("b", powered), "Roles": Variant("as", list(roles))}
        self.objects[ADAPTER] = {"org.bluez.Adapter1": properties}

    async def advertise(self, data: bytes) -> None:
        """Have a device that can be provisioned, and say so."""
        address = "C0:00:00:00:00:01"
        uuid = UUIDS[MeshService.PROVISIONING]
        properties = {
            "Address": Variant("s", address),
            "Alias": Variant("s", address.replace(":", "-")),
            "Adapter": Variant("o", ADAPTER),
            "Connected": Variant("b", False),
            "ServicesResolved": Variant("b", False),
            "RSSI": Variant("n", -60),
            "UUIDs": Variant("as", [uuid]),
            "ServiceData": Variant("a{sv}", {uuid: Variant("ay", data)}),
        }
        await self._add(DEVICE, {"org.bluez.Device1": properties})

    async def expose(self, service: MeshService) -> None:
        """Have the device show `service`, and no longer what it showed."""
        for path in (OUT, IN, SERVICE):
            if path in self.objects:
                names = list(self.objects.pop(path))
                await self._signal("/", _MANAGER, "InterfacesRemoved", "oas", path, names)
        uuid = {"UUID": Variant("s", UUIDS[service]), "Device": Variant("o", DEVICE)}
        await self._add(SERVICE, {"org.bluez.GattService1": uuid})
        for path, number, flag in (
            (IN, DATA_IN[service], "write-without-response"),
            (OUT, DATA_OUT[service], "notify"),
        ):
            properties = {
                "UUID": Variant("s", f"0000{number:04x}-0000-1000-8000-00805f9b34fb"),
                "Service": Variant("o", SERVICE),
                "Flags": Variant("as", [flag]),
                "MTU": Variant("q", 247),
            }
            await self._add(path, {"org.bluez.GattCharacteristic1": properties})

    async def lose(self) -> None:
        """Have the link to the device break."""
        await self._change(DEVICE, "org.bluez.Device1", Connected=("b", False))

    async def others(self) -> int:
        """Return how many programs are on the bus besides."""
        reply = await self.bus.call(
            Message("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "ListNames")
        )
        assert reply is not None
        return len([name for name in reply.body[0] if name.startswith(":")]) - 1

    # What it is asked for.

    def handle(self, message: Message) -> Message | bool | None:
        """Answer a call."""
        if message.message_type is not MessageType.METHOD_CALL or message.member is None:
            return None
        self.calls.append(message.member)
        if message.member in self.refuses:
            return Message.new_error(message, self.refuses[message.member], "Refused")
        if message.member in self.silent:
            return True
        if message.member == "GetManagedObjects":
            return Message.new_method_return(message, "a{oa{sa{sv}}}", [self.objects])
        handler = _HANDLERS.get(message.member)
        if handler is None:
            return None
        task = self.bus._loop.create_task(self._answer(handler, message))
        task.add_done_callback(lambda done: done.result())
        return True

    async def _answer(self, handler: Handler, message: Message) -> None:
        await handler(self, message)
        await self.bus.send(Message.new_method_return(message))

    async def _on_filter(self, message: Message) -> None:
        self.filters.append({name: each.value for name, each in message.body[0].items()})

    async def _on_start(self, _message: Message) -> None:
        if DEVICE in self.objects:
            properties = self.objects[DEVICE]["org.bluez.Device1"]
            data = properties["ServiceData"]
            await self._change(DEVICE, "org.bluez.Device1", ServiceData=("a{sv}", data.value))

    async def _on_connect(self, _message: Message) -> None:
        await self._change(DEVICE, "org.bluez.Device1", Connected=("b", True))
        await self.expose(MeshService.PROVISIONING)
        await self._change(DEVICE, "org.bluez.Device1", ServicesResolved=("b", True))

    async def _on_disconnect(self, _message: Message) -> None:
        await self.lose()

    async def _on_write(self, message: Message) -> None:
        assert message.path == IN
        assert message.body[1]["type"].value == "command"
        value = bytes(message.body[0])[::-1]
        await self._change(OUT, "org.bluez.GattCharacteristic1", Value=("ay", value))

    async def _nothing(self, _message: Message) -> None:
        """Do what is asked for without a word."""

    # D-Bus.

    async def _add(self, path: str, interfaces: Interfaces) -> None:
        self.objects[path] = interfaces
        await self._signal("/", _MANAGER, "InterfacesAdded", "oa{sa{sv}}", path, interfaces)

    async def _change(self, path: str, interface: str, **changed: tuple[str, object]) -> None:
        values = {name: Variant(kind, value) for name, (kind, value) in changed.items()}
        self.objects[path][interface].update(values)
        await self._signal(
            path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, values, []
        )

    async def _signal(
        self, path: str, interface: str, member: str, signature: str, *body: object
    ) -> None:
        await self.bus.send(Message.new_signal(path, interface, member, signature, list(body)))


Handler = Callable[[Bluetoothd, Message], Any]

_HANDLERS: dict[str, Handler] = {
    "SetDiscoveryFilter": Bluetoothd._on_filter,
    "StartDiscovery": Bluetoothd._on_start,
    "StopDiscovery": Bluetoothd._nothing,
    "Connect": Bluetoothd._on_connect,
    "Disconnect": Bluetoothd._on_disconnect,
    "StartNotify": Bluetoothd._nothing,
    "WriteValue": Bluetoothd._on_write,
}


@asynccontextmanager
async def bluetoothd(address: str) -> AsyncIterator[Bluetoothd]:
    """Be org.bluez on the bus at `address`."""
    bus = await MessageBus(address, bus_type=BusType.SESSION).connect()
    daemon = Bluetoothd(bus)
    bus.add_message_handler(daemon.handle)
    await bus.request_name("org.bluez")
    try:
        yield daemon
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast forgot
