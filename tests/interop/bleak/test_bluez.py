"""Bleak's own BlueZ backend under our radio, against a stand-in for bluetoothd."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.bleak.bluetoothd import Bluetoothd, bluetoothd, system_bus
from tests.radio.gatt_contract import DEVICE, GattEnd
from tests.radio.waiting import until

from meshwright.radio.bleak.gatt import open_station
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import MeshService, ServiceReport
from meshwright.radio.station import Station

pytestmark = pytest.mark.system("dbus-daemon")

Program = Callable[[Bluetoothd], Coroutine[Any, Any, None]]


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with system_bus(tmp_path) as address:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield address


def run(address: str, program: Program) -> None:
    """Run `program` beside the stand-in."""

    async def main() -> None:
        async with asyncio.timeout(60), bluetoothd(address) as daemon:
            await program(daemon)

    asyncio.run(main())


async def refusal(spec: str = "bleak") -> str:
    with pytest.raises(RadioError) as caught:
        await open_station(spec)
    return caught.value.code


def test_without_bluetoothd_nobody_waits(address: str) -> None:
    del address
    assert asyncio.run(refusal()) == "no-bluetooth-service"


def test_an_adapter_is_needed(address: str) -> None:
    async def program(_daemon: Bluetoothd) -> None:
        assert await refusal() == "radio-not-found"

    run(address, program)


def test_an_adapter_is_needed_that_is_on(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        daemon.plug_in(powered=False)
        assert await refusal() == "bluetooth-off"

    run(address, program)


def test_an_adapter_is_needed_that_can_connect(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        daemon.plug_in(roles=("peripheral",))
        assert await refusal() == "radio-unsupported"

    run(address, program)


def test_the_adapter_that_is_named_is_needed(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        daemon.plug_in()
        assert await refusal("bleak:hci7") == "radio-not-found"
        await (await open_station("bleak:hci0")).close()

    run(address, program)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("org.bluez.Error.NotReady", "bluetooth-off"),
        ("org.bluez.Error.InProgress", "controller-in-use"),
        ("org.bluez.Error.NotAuthorized", "radio-permission"),
        ("org.freedesktop.DBus.Error.AccessDenied", "radio-permission"),
        ("org.bluez.Error.Failed", "radio-open"),
    ],
)
def test_a_refusal_is_explained(address: str, error: str, code: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        daemon.plug_in()
        daemon.refuses["StartDiscovery"] = error
        assert await refusal() == code

    run(address, program)


async def found(daemon: Bluetoothd) -> tuple[Station, ServiceReport]:
    """Open the radio, and find the device."""
    daemon.plug_in()
    await daemon.advertise(DEVICE)
    station = await open_station("bleak")
    reports: list[ServiceReport] = []
    assert station.gatt_client is not None
    station.gatt_client.watch(lambda report, _now: reports.append(report))
    await until(lambda: reports)
    return station, reports[0]


async def connected(daemon: Bluetoothd) -> tuple[Station, GattEnd]:
    """Connect to the device."""
    station, report = await found(daemon)
    assert station.gatt_client is not None
    end = GattEnd()
    end.connection = station.gatt_client.connect(report, end)
    await until(lambda: end.is_open)
    return station, end


def test_a_device_is_found(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        station, report = await found(daemon)
        assert (report.service, report.data) == (MeshService.PROVISIONING, DEVICE)
        assert (report.address, report.rssi) == (bytes.fromhex("c00000000001"), -60)
        await station.close()
        assert daemon.calls[-2:] == ["StopDiscovery", "SetDiscoveryFilter"]
        scan = next(each for each in daemon.filters if each)
        assert scan["DuplicateData"] is True
        assert scan["Transport"] == "le"
        assert len(scan["UUIDs"]) == 2

    run(address, program)


def test_values_pass_both_ways_and_bluez_says_how_long_they_may_be(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        before = await daemon.others()
        station, end = await connected(daemon)
        assert end.mtus == [247]
        end.to_send = [bytes([number]) + bytes(243) for number in range(20)]
        end.pump()
        await until(lambda: len(end.values) == 20)
        assert end.values == [bytes(243) + bytes([number]) for number in range(20)]
        end.open_connection.disconnect()
        await until(lambda: end.reasons)
        assert end.reasons == ["The connection was closed here."]
        await station.close()
        assert daemon.calls.count("Connect") == daemon.calls.count("Disconnect") == 1
        assert await daemon.others() - before == 1  # bleak keeps one to listen with

    run(address, program)


def test_a_link_that_breaks_is_told(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        before = await daemon.others()
        station, end = await connected(daemon)
        await daemon.lose()
        await until(lambda: end.reasons)
        assert end.reasons == ["The other end closed the connection, or is out of range."]
        await station.close()
        assert daemon.calls.count("Disconnect") == 0
        assert await daemon.others() - before == 1

    run(address, program)


def test_the_proxy_service_is_found_on_the_link_that_there_is(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        before = await daemon.others()
        station, end = await connected(daemon)
        end.open_connection.switch(MeshService.PROXY)
        await asyncio.sleep(0)  # the first look finds the old service only
        await daemon.expose(MeshService.PROXY)
        await until(lambda: len(end.mtus) == 2)
        end.open_connection.send(b"\x00network")
        await until(lambda: end.values)
        assert end.values == [b"krowten\x00"]
        await station.close()
        assert daemon.calls.count("Connect") == daemon.calls.count("Disconnect") == 1
        assert await daemon.others() - before == 1

    run(address, program)


def test_connecting_ends_when_it_is_no_longer_wanted(address: str) -> None:
    async def program(daemon: Bluetoothd) -> None:
        station, report = await found(daemon)
        daemon.silent.add("Connect")
        assert station.gatt_client is not None
        end = GattEnd()
        end.connection = station.gatt_client.connect(report, end)
        await until(lambda: "Connect" in daemon.calls)
        end.open_connection.disconnect()
        await until(lambda: end.reasons)
        assert "Disconnect" in daemon.calls  # so BlueZ stops connecting
        await station.close()

    run(address, program)
