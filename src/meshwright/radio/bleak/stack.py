"""The system's own stack as bleak shows it, with the settings that a mesh needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bleak import BleakClient, BleakScanner
from bleak.args.bluez import BlueZClientArgs, BlueZScannerArgs
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.uuids import normalize_uuid_16

from meshwright.radio.gatt import MeshService

CONNECT_LIMIT = 25.0
"""Seconds in which whoever was heard must be connected and have told its services."""

Detected = Callable[[BLEDevice, AdvertisementData], None]
UUIDS = {service: normalize_uuid_16(service) for service in MeshService}


@dataclass(frozen=True, slots=True)
class Stack:
    """Makes scanners and clients.

    `adapter` is a name such as hci1, None for the system's choice. `scanner_backend` and
    `client_backend` stand in for the system.
    """

    adapter: str | None = None
    scanner_backend: type[BaseBleakScanner] | None = None
    client_backend: type[BaseBleakClient] | None = None

    def scanner(self, detected: Detected) -> BleakScanner:
        """Return a scanner for the mesh services, not started."""
        # BlueZ only tells of changes unless it is told to repeat, and only then forgets the
        # Service Data that a device no longer advertises.
        bluez: BlueZScannerArgs = {"filters": {"DuplicateData": True}}
        if self.adapter is not None:
            bluez["adapter"] = self.adapter
        return BleakScanner(
            detected, list(UUIDS.values()), bluez=bluez, backend=self.scanner_backend
        )

    def client(self, device: BLEDevice, disconnected: Callable[[], object]) -> BleakClient:
        """Return a client for `device`, not connected; `disconnected` may come from any thread."""
        bluez: BlueZClientArgs = {} if self.adapter is None else {"adapter": self.adapter}
        return BleakClient(
            device,
            lambda _client: _ignore(disconnected()),
            list(UUIDS.values()),
            timeout=CONNECT_LIMIT,
            bluez=bluez,
            winrt={"use_cached_services": False},  # a device has others once it is a node
            backend=self.client_backend,
        )


def _ignore(_result: object) -> None:
    """Return nothing, as bleak wants it."""
