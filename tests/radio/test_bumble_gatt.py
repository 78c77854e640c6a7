"""GATT on Bumble: the contract, and what is particular to controllers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.radio.bumble_controllers import (
    ExtendedController,
    LonelyController,
    MeshController,
    stock_controller,
)
from tests.radio.bumble_place import BumblePlace
from tests.radio.gatt_contract import DEVICE, GattContract

from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.bumble.gatt import BumblePeer
from meshwright.radio.gatt import GattClient, GattServer, ServiceReport

SERVER = 100


class TestBumbleGatt(GattContract):
    """On controllers of several kinds, Bumble's own among them."""

    @pytest.fixture(
        params=[MeshController, ExtendedController, LonelyController, stock_controller],
        autouse=True,
    )
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.place = BumblePlace(request.param)
        yield
        self.place.close()

    def client(self, number: int) -> GattClient:
        client = self.place.station(number).gatt_client
        assert client is not None
        return client

    def server(self) -> GattServer:
        server = self.place.station(SERVER).gatt_server
        assert server is not None
        return server

    def nobody(self) -> ServiceReport:
        return ServiceReport(MeshService.PROVISIONING, DEVICE, BumblePeer(1, b"NOBODY"))

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        return self.place.until(condition, seconds)
