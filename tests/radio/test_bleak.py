"""An operating system's own stack: bleak on an emulated one, and where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from bleak.backends.device import BLEDevice
from bumble import hci
from tests.radio.bleak_bumble import System
from tests.radio.bumble_controllers import ExtendedController, MeshController, piped
from tests.radio.bumble_place import BumblePlace, Kind
from tests.radio.gatt_contract import DEVICE, GattContract

from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.bleak_gatt import BleakPeer, open_on
from meshwright.radio.gatt import GattClient, GattServer, ServiceReport
from meshwright.radio.station import Station

SERVER = 100


class BleakPlace(BumblePlace):
    """Stations with low numbers are systems under bleak; Bumble's own GATT serves them."""

    def __init__(self, kind: Kind = MeshController) -> None:
        super().__init__(kind)
        self.systems: dict[int, System] = {}

    async def open(self, number: int) -> Station:
        if number >= SERVER:
            return await super().open(number)
        controller = await self.controller(number)
        self.systems[number] = await System.boot(f"c{number}", piped(controller))
        return await open_on(f"bleak {number}", self.systems[number].stack())

    def client(self, number: int) -> GattClient:
        client = self.station(number).gatt_client
        assert client is not None
        return client

    def server(self) -> GattServer:
        server = self.station(SERVER).gatt_server
        assert server is not None
        return server


class TestBleakGatt(GattContract):
    """Bleak's public interface as client, Bumble's own server."""

    @pytest.fixture(params=[MeshController, ExtendedController], autouse=True)
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.place = BleakPlace(request.param)
        yield
        self.place.close()

    def client(self, number: int) -> GattClient:
        return self.place.client(number)

    def server(self) -> GattServer:
        return self.place.server()

    def nobody(self) -> ServiceReport:
        address = hci.Address("C0:00:00:00:00:01")
        device = BLEDevice(str(address), None, address)
        return ServiceReport(MeshService.PROVISIONING, DEVICE, BleakPeer(str(address), device))

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        return self.place.until(condition, seconds)
