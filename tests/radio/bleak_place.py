"""Systems under bleak and servers on Bumble, on one link and in virtual time."""

from __future__ import annotations

from bleak.backends.device import BLEDevice
from bumble import hci
from tests.radio.bleak_bumble import System
from tests.radio.bumble_controllers import MeshController, piped
from tests.radio.bumble_place import BumblePlace, Kind
from tests.radio.gatt_contract import DEVICE

from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.bleak.gatt import BleakPeer, open_on
from meshwright.radio.gatt import GattClient, GattServer, ServiceReport
from meshwright.radio.station import Station

SERVER = 100


class BleakPlace(BumblePlace):
    """Stations under 100 are systems under bleak; with `threads` they call back from threads."""

    def __init__(self, kind: Kind = MeshController, *, threads: bool = False) -> None:
        super().__init__(kind)
        self.threads = threads
        self.loop.set_debug(threads)  # then it refuses what does not come from its own thread
        self.systems: dict[int, System] = {}

    def system(self, number: int) -> System:
        """Return system `number`; asked again, the same one."""
        if number not in self.systems:
            self.systems[number] = self.loop.run_until_complete(self._boot(number))
        return self.systems[number]

    async def open(self, number: int) -> Station:
        if number >= SERVER:
            return await super().open(number)
        if number not in self.systems:
            self.systems[number] = await self._boot(number)
        return await open_on(f"bleak {number}", self.systems[number].stack())

    def client(self, number: int = 1) -> GattClient:
        client = self.station(number).gatt_client
        assert client is not None
        return client

    def server(self) -> GattServer:
        server = self.station(SERVER).gatt_server
        assert server is not None
        return server

    def nobody(self) -> ServiceReport:
        """Return a report of a server that is not there."""
        address = hci.Address("C0:00:00:00:00:01")
        device = BLEDevice(str(address), None, address)
        return ServiceReport(MeshService.PROVISIONING, DEVICE, BleakPeer(str(address), device))

    async def _boot(self, number: int) -> System:
        system = await System.boot(f"c{number}", piped(await self.controller(number)))
        system.threads = self.threads
        return system
