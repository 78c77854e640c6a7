"""The D-Bus application that bluetooth-meshd talks back to (doc/mesh-api.txt of BlueZ).

Adapted from the BlueZ interop kit of this project's brief. What the daemon calls is put on
`Application.events` as a tuple: `("JoinComplete",)`, `("ScanResult", data)`.
"""

# Annotations are not postponed here: dbus-fast cannot read a postponed None.
import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from dbus_fast import PropertyAccess, Variant
from dbus_fast.annotations import (
    DBusByte,
    DBusBytes,
    DBusDict,
    DBusInt16,
    DBusSignature,
    DBusStr,
    DBusUInt16,
    DBusUInt64,
)
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property
from tests.interop.bluez.meshd import ROOT, Meshd
from tests.radio.waiting import until

PATH = "/app"
NETWORK, MANAGEMENT = "org.bluez.mesh.Network1", "org.bluez.mesh.Management1"
CONFIGURATION_CLIENT, GENERIC_ON_OFF_SERVER = 0x0001, 0x1000

Texts = Annotated[list[str], DBusSignature("as")]
Models = Annotated[list[list[Any]], DBusSignature("a(qa{sv})")]
VendorModels = Annotated[list[list[Any]], DBusSignature("a(qqa{sv})")]
TwoNumbers = Annotated[list[int], DBusSignature("qq")]

LIMIT = 30.0


@dataclass(frozen=True, slots=True)
class Agent:
    """What the daemon's owner offers and knows: capabilities by their names in BlueZ."""

    capabilities: tuple[str, ...] = ()
    oob_information: tuple[str, ...] = ()
    static_oob: bytes = field(default=b"", repr=False)
    private_key: bytes = field(default=b"", repr=False)
    public_key: bytes = b""


class Application:
    """One element, an agent and a provisioner on the daemon's bus.

    `start_heard` tells whether the device has got Start; until then the agent keeps its key.
    """

    def __init__(self, meshd: Meshd, agent: Agent | None = None, *, address: int = 0x0100) -> None:
        self.start_heard: Callable[[], bool] = lambda: True
        self.meshd = meshd
        self.events: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.token = 0
        self.address = address
        self._node = ""
        for path, interface in (
            ("application", _Application(self)),
            ("application", _Provisioner(self)),
            ("agent", _Agent(self, agent or Agent())),
            ("element", _Element()),
        ):
            meshd.bus.export(f"{PATH}/{path}", interface)

    async def event(self, *names: str) -> tuple[Any, ...]:
        """Return the next event with one of these names; others are skipped."""
        async with asyncio.timeout(LIMIT):
            while (event := await self.events.get())[0] not in names:
                pass
        return event

    async def join(self, uuid: bytes) -> None:
        """Become an unprovisioned device; ends in `JoinComplete` or `JoinFailed`."""
        await self.meshd.call(ROOT, NETWORK, "Join", "oay", PATH, uuid)

    async def create_network(self, uuid: bytes) -> None:
        """Become the Provisioner of a network of its own."""
        await self.meshd.call(ROOT, NETWORK, "CreateNetwork", "oay", PATH, uuid)
        await self.event("JoinComplete")
        self._node, _ = await self.meshd.call(ROOT, NETWORK, "Attach", "ot", PATH, self.token)

    async def scan(self) -> None:
        """Report unprovisioned devices as `ScanResult` from now on."""
        options = {"Seconds": Variant("q", 0)}
        await self._manage("UnprovisionedScan", "a{sv}", options)

    async def add_node(self, uuid: bytes) -> None:
        """Provision a device; ends in `AddNodeComplete` or `AddNodeFailed`."""
        await self._manage("AddNode", "aya{sv}", uuid, {})

    async def exported_keys(self) -> tuple[bytes, dict[int, bytes]]:
        """Return the NetKey, and the DevKey of each node by its address."""
        (keys,) = await self._manage("ExportKeys")
        ((_, net_key, *_),) = keys["NetKeys"].value
        return bytes(net_key), {address: bytes(key) for address, key in keys["DevKeys"].value}

    async def _manage(self, member: str, signature: str = "", *body: object) -> list[Any]:
        return await self.meshd.call(self._node, MANAGEMENT, member, signature, *body)


class _Application(ServiceInterface):
    def __init__(self, owner: Application) -> None:
        super().__init__("org.bluez.mesh.Application1")
        self._owner = owner

    @dbus_method("JoinComplete")
    def join_complete(self, token: DBusUInt64) -> None:
        self._owner.token = token
        self._owner.events.put_nowait(("JoinComplete",))

    @dbus_method("JoinFailed")
    def join_failed(self, reason: DBusStr) -> None:
        self._owner.events.put_nowait(("JoinFailed", reason))

    @dbus_property(PropertyAccess.READ, "CompanyID")
    def company(self) -> DBusUInt16:
        return 0x05F1

    @dbus_property(PropertyAccess.READ, "ProductID")
    def product(self) -> DBusUInt16:
        return 0x0001

    @dbus_property(PropertyAccess.READ, "VersionID")
    def version(self) -> DBusUInt16:
        return 0x0001


class _Element(ServiceInterface):
    def __init__(self) -> None:
        super().__init__("org.bluez.mesh.Element1")

    @dbus_property(PropertyAccess.READ, "Index")
    def index(self) -> DBusByte:
        return 0

    @dbus_property(PropertyAccess.READ, "Models")
    def models(self) -> Models:
        return [[CONFIGURATION_CLIENT, {}], [GENERIC_ON_OFF_SERVER, {}]]

    @dbus_property(PropertyAccess.READ, "VendorModels")
    def vendor_models(self) -> VendorModels:
        return []


class _Agent(ServiceInterface):
    def __init__(self, owner: Application, agent: Agent) -> None:
        super().__init__("org.bluez.mesh.ProvisionAgent1")
        self._owner, self._agent = owner, agent

    @dbus_property(PropertyAccess.READ, "Capabilities")
    def capabilities(self) -> Texts:
        return list(self._agent.capabilities)

    @dbus_property(PropertyAccess.READ, "OutOfBandInfo")
    def oob_information(self) -> Texts:
        return list(self._agent.oob_information)

    @dbus_method("PrivateKey")
    def private_key(self) -> DBusBytes:
        self._owner.events.put_nowait(("PrivateKey",))
        return self._agent.private_key

    @dbus_method("PublicKey")
    async def public_key(self) -> DBusBytes:
        # An answer that comes before Start has left takes its place on the air: Start is lost.
        await until(self._owner.start_heard)
        self._owner.events.put_nowait(("PublicKey",))
        return self._agent.public_key

    @dbus_method("PromptStatic")
    def prompt_static(self, kind: DBusStr) -> DBusBytes:
        self._owner.events.put_nowait(("PromptStatic", kind))
        return self._agent.static_oob

    @dbus_method("Cancel")
    def cancel(self) -> None:
        self._owner.events.put_nowait(("Cancel",))


class _Provisioner(ServiceInterface):
    def __init__(self, owner: Application) -> None:
        super().__init__("org.bluez.mesh.Provisioner1")
        self._owner = owner

    @dbus_method("ScanResult")
    def scan_result(self, rssi: DBusInt16, data: DBusBytes, options: DBusDict) -> None:
        del rssi, options
        self._owner.events.put_nowait(("ScanResult", bytes(data)))

    @dbus_method("RequestProvData")
    def request_data(self, count: DBusByte) -> TwoNumbers:
        self._owner.events.put_nowait(("RequestProvData", count))
        return [0, self._owner.address]

    @dbus_method("AddNodeComplete")
    def add_node_complete(self, uuid: DBusBytes, unicast: DBusUInt16, count: DBusByte) -> None:
        self._owner.events.put_nowait(("AddNodeComplete", bytes(uuid), unicast, count))

    @dbus_method("AddNodeFailed")
    def add_node_failed(self, uuid: DBusBytes, reason: DBusStr) -> None:
        self._owner.events.put_nowait(("AddNodeFailed", bytes(uuid), reason))
