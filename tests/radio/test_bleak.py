"""An operating system's own stack through bleak: the contract, and how it is opened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, ClassVar

import pytest
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
)
from tests.radio.bleak_place import SERVER, BleakPlace
from tests.radio.bumble_controllers import ExtendedController, MeshController
from tests.radio.gatt_contract import DEVICE, NETWORK, Desk, GattContract
from tests.radio.waiting import until

from meshwright.core.discovery.service_data import MeshService
from meshwright.core.errors import InputError
from meshwright.radio.bleak.gatt import BleakPeer, open_on, open_station
from meshwright.radio.bleak.spec import parse
from meshwright.radio.bleak.stack import UUIDS, Stack
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import GattClient, GattServer, ServiceReport

REASONS = BleakBluetoothNotAvailableReason


class TestBleakGatt(GattContract):
    """Bleak's public interface as client, Bumble's own server."""

    @pytest.fixture(
        params=[(MeshController, False), (ExtendedController, True)],
        ids=["loop", "threads"],
        autouse=True,
    )
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        kind, threads = request.param
        self.place = BleakPlace(kind, threads=threads)
        yield
        self.place.close()

    def client(self, number: int) -> GattClient:
        return self.place.client(number)

    def server(self) -> GattServer:
        return self.place.server()

    def nobody(self) -> ServiceReport:
        return self.place.nobody()

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        return self.place.until(condition, seconds)

    def test_a_report_says_who_and_how_strong_in_the_thread_of_the_loop(self) -> None:
        threads = []
        self.serve()
        self.client(1).watch(lambda *_: threads.append(current_thread()))
        self.wait(lambda: threads)
        assert set(threads) == {main_thread()}
        report = self.find()
        radio = self.place.station(SERVER).radio
        assert radio is not None
        assert report.address == radio.address
        assert report.rssi is not None
        assert -127 < report.rssi < 20


# Names.


def test_an_adapter_can_be_named_on_linux() -> None:
    assert parse("bleak", "linux") is None
    assert parse("bleak", "darwin") is None
    assert parse("bleak:hci1", "linux") == "hci1"


@pytest.mark.parametrize(
    ("spec", "platform"),
    [
        ("bleak:hci1", "darwin"),
        ("bleak:hci1", "win32"),
        ("bleak:", "linux"),
        ("bleak:hci", "linux"),
        ("bleak:hci1?timeout=3", "linux"),
        ("bleak:../hci1", "linux"),
        ("bleak?x", "linux"),
        ("usb:0", "linux"),
        ("", "linux"),
    ],
)
def test_a_name_that_means_nothing_is_refused(spec: str, platform: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(spec, platform)
    assert caught.value.code == "bad-radio"


# Opening.


def test_a_station_is_a_client_and_nothing_else() -> None:
    place = BleakPlace()
    station = place.station(1)
    assert station.gatt_client is not None
    assert (station.radio, station.gatt_server) == (None, None)
    assert place.system(1).asked == ["start", "stop"]
    assert station.lost is not None
    assert not station.lost.done()
    place.loop.run_until_complete(station.close())
    place.close()


def refused(place: BleakPlace, error: BaseException) -> RadioError:
    """Open a station where a scan raises `error`."""
    place.system(1).trouble["start"] = error
    with pytest.raises(RadioError) as caught:
        place.station(1)
    place.close()
    return caught.value


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (FileNotFoundError(2, "No such file or directory"), "no-system-bus", "dbus"),
        (ConnectionRefusedError(), "no-system-bus", "dbus"),
        (
            BleakDBusError(
                "org.freedesktop.DBus.Error.Spawn.ChildExited", ["Launch helper exited"]
            ),
            "no-bluetooth-service",
            "systemctl start bluetooth",
        ),
        (
            BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", []),
            "no-bluetooth-service",
            "BlueZ",
        ),
        (
            BleakDBusError("org.freedesktop.DBus.Error.AccessDenied", ["Rejected send message"]),
            "radio-permission",
            "group bluetooth",
        ),
        (PermissionError(13, "Permission denied"), "radio-permission", "group bluetooth"),
        (BleakDBusError("org.bluez.Error.NotReady", []), "bluetooth-off", "power on"),
        (BleakDBusError("org.bluez.Error.InProgress", []), "controller-in-use", "another program"),
        (BleakError("adapter 'hci7' not found"), "radio-not-found", "bleak 1"),
        (
            BleakBluetoothNotAvailableError("none", REASONS.NO_BLUETOOTH),
            "radio-not-found",
            "plug one in",
        ),
        (
            BleakBluetoothNotAvailableError("off", REASONS.POWERED_OFF),
            "bluetooth-off",
            "settings",
        ),
        (
            BleakBluetoothNotAvailableError("no", REASONS.DENIED_BY_USER),
            "radio-permission",
            "privacy settings",
        ),
        (
            BleakBluetoothNotAvailableError("no", REASONS.NO_BLE_CENTRAL_ROLE),
            "radio-unsupported",
            "another adapter",
        ),
        (
            BleakBluetoothNotAvailableError("?", REASONS.UNKNOWN),
            "radio-open",
            "refuses",
        ),
        (TimeoutError(), "radio-silent", "allow it"),
        (ImportError("No module named 'dbus_fast'"), "missing-library", "dbus_fast"),
        (RuntimeError("nobody\n expected this."), "radio-open", "(nobody expected this)"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_who_cannot_listen_is_told_why(error: Exception, code: str, says: str) -> None:
    caught = refused(BleakPlace(), error)
    assert caught.code == code
    assert says in str(caught)
    assert str(caught).endswith(".")
    assert caught.__suppress_context__


def test_a_system_that_does_not_answer_is_not_waited_for() -> None:
    place = BleakPlace()
    place.system(1).silent.add("start")
    begun = place.loop.time()
    with pytest.raises(RadioError) as caught:
        place.station(1)
    assert caught.value.code == "radio-silent"
    assert place.loop.time() - begun < 15
    place.close()


def test_without_a_system_bus_there_is_no_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path / 'none'}")

    async def main() -> None:
        async with asyncio.timeout(5):
            await open_station("bleak")

    with pytest.raises(RadioError) as caught:
        asyncio.run(main())
    assert caught.value.code == "no-system-bus"
    assert "usb:0" in str(caught.value)


# What a system is told, and what it tells.


class ToldScanner(BaseBleakScanner):
    """Knows what it was told, and hears what a test wants."""

    options: ClassVar[dict[str, object]] = {}
    heard: ClassVar[list[tuple[str, int, dict[str, bytes]]]] = []

    def __init__(self, detected: Any, uuids: list[str], mode: str, **options: object) -> None:  # noqa: ANN401 - as bleak has it
        super().__init__(detected, uuids)
        ToldScanner.options = {**options, "uuids": uuids, "mode": mode}

    async def start(self) -> None:
        for address, rssi, services in self.heard:
            told = AdvertisementData(None, {}, services, list(services), None, rssi, ())
            self.call_detection_callbacks(BLEDevice(address, None, None), told)

    async def stop(self) -> None:
        pass


def reports(heard: list[tuple[str, int, dict[str, bytes]]]) -> list[ServiceReport]:
    """Return what is reported when a system hears so much."""
    found: list[ServiceReport] = []

    async def main() -> None:
        station = await open_on("bleak", Stack("hci3", scanner_backend=ToldScanner))
        assert station.gatt_client is not None
        station.gatt_client.watch(lambda report, _now: found.append(report))
        await until(lambda: found)
        await station.close()

    ToldScanner.heard = heard
    asyncio.run(main())
    return found


ONE_SERVICE = {UUIDS[MeshService.PROVISIONING]: DEVICE}


def test_what_has_no_address_and_no_strength_is_reported_all_the_same() -> None:
    mac = "6E2C5A6B-2F3C-4B4E-9A0C-0D9C6C6C7E10"  # so macOS hides addresses
    (report,) = reports([(mac, -127, ONE_SERVICE)])
    assert (report.service, report.data) == (MeshService.PROVISIONING, DEVICE)
    assert (report.address, report.rssi) == (None, None)


def test_only_the_mesh_services_are_reported_and_each_of_them() -> None:
    both = {**ONE_SERVICE, UUIDS[MeshService.PROXY]: NETWORK, "0000180f-" + "0" * 27: b"\x64"}
    found = reports([("c0:00:00:00:00:0A", -40, {}), ("c0:00:00:00:00:0A", -40, both)])
    assert [(each.service, each.data) for each in found] == [
        (MeshService.PROVISIONING, DEVICE),
        (MeshService.PROXY, NETWORK),
    ]
    assert found[0].address == bytes.fromhex("c0000000000a")
    assert found[0].rssi == -40


def test_the_same_device_is_the_same_peer_whatever_the_scan() -> None:
    first, second = reports([("C0:00:00:00:00:0A", -40, ONE_SERVICE)] * 2)
    assert isinstance(first.peer, BleakPeer)
    assert isinstance(second.peer, BleakPeer)
    assert first.peer.device is not second.peer.device
    assert first.peer == second.peer
    assert hash(first.peer) == hash(second.peer)


def test_the_system_is_told_what_to_listen_for() -> None:
    reports([("C0:00:00:00:00:0A", -40, ONE_SERVICE)])
    bluez = {"adapter": "hci3", "filters": {"DuplicateData": True}}
    uuids = [f"0000{number}-0000-1000-8000-00805f9b34fb" for number in (1827, 1828)]
    assert ToldScanner.options["bluez"] == bluez
    assert ToldScanner.options["uuids"] == uuids


# Listening.


def test_a_scan_that_hears_nothing_is_begun_anew() -> None:
    place = BleakPlace()
    place.client().watch(lambda *_: None)
    place.run(100.0)
    assert place.system(1).asked == ["start", "stop"] + ["start", "stop"] * 3 + ["start"]
    place.close()
    assert place.system(1).asked[-1] == "stop"


def test_a_scan_that_hears_somebody_goes_on() -> None:
    place = BleakPlace()
    seen: list[ServiceReport] = []
    place.client().watch(lambda report, _now: seen.append(report))
    place.server().serve(MeshService.PROXY, lambda: NETWORK, Desk().accept, interval=5.0)
    place.run(100.0)
    assert len(seen) > 15
    assert place.system(1).asked == ["start", "stop", "start"]
    place.close()


def test_a_short_trouble_is_no_loss() -> None:
    place = BleakPlace()
    place.client()
    place.system(1).trouble["start"] = BleakDBusError("org.bluez.Error.InProgress", [])
    place.client().watch(lambda *_: None)
    place.run(0.5)
    del place.system(1).trouble["start"]
    place.run(5.0)
    lost = place.station(1).lost
    assert lost is not None
    assert not lost.done()
    assert place.system(1).asked == ["start", "stop", "start", "start"]
    place.close()


def test_a_bluetooth_that_is_switched_off_is_a_loss_until_it_is_on_again() -> None:
    place = BleakPlace()
    place.client().watch(lambda *_: None)
    place.run(5.0)
    trouble = BleakBluetoothNotAvailableError("It is off.", REASONS.POWERED_OFF)
    place.system(1).trouble["start"] = trouble
    lost = place.station(1).lost
    assert lost is not None
    assert place.until(lost.done, 60.0)
    assert lost.result().code == "radio-lost"
    assert "It is off" in str(lost.result())
    del place.system(1).trouble["start"]
    seen: list[ServiceReport] = []
    place.server().serve(MeshService.PROXY, lambda: NETWORK, Desk().accept, interval=0.1)
    place.client().watch(lambda report, _now: seen.append(report))
    assert place.until(lambda: seen, 5.0)
    place.close()


def test_a_wish_that_changes_quickly_ends_as_it_was_last() -> None:
    place = BleakPlace()
    place.client()
    for wish in (True, False, True):
        place.client().watch((lambda *_: None) if wish else None)
    place.run(5.0)
    assert place.system(1).asked == ["start", "stop", "start"]
    place.client().watch(None)
    place.client().watch(lambda *_: None)
    place.client().watch(None)
    place.run(5.0)
    assert place.system(1).asked == ["start", "stop", "start", "stop"]
    place.close()
