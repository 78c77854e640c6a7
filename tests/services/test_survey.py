"""Which kinds of radios a machine could use, on machines made of files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.radio.machines import ADMIN, NOT_ADMIN, Place

from meshwright.radio.examine.surroundings import Machine
from meshwright.services.survey import KindReport, facts_of, survey


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def reports(place: Place) -> dict[str, KindReport]:
    return {report.kind.schemes[0]: report for report in survey(place.machine)}


def codes(report: KindReport) -> list[str]:
    return [finding.code for finding in report.findings]


def test_a_machine_without_radios(place: Place) -> None:
    place.write("/proc/self/status", ADMIN)
    found = reports(place)
    assert {name for name, report in found.items() if report.usable} == {
        "tcp-client",
        "unix",
        "udp",
    }
    assert [report.specs for report in found.values()] == [()] * len(found)
    # That nothing is there is no finding; that something is in the way is one.
    assert codes(found["serial"]) == []
    assert codes(found["usb"]) == ["usb-unavailable"]
    assert codes(found["bleak"]) == ["no-system-bus"]


def test_a_machine_with_everything(place: Place) -> None:
    place.write("/proc/self/status", ADMIN)
    place.usb(4, "0a12:0001")
    place.usb(5, "2fe3:000b", driver="btusb")
    place.write("/dev/ttyACM1")
    place.adapter("hci0")
    place.adapter("hci1")
    place.write("/run/dbus/system_bus_socket")
    found = reports(place)
    assert found["usb"].specs == ("usb:0", "usb:1")
    assert found["serial"].specs == ("serial:/dev/ttyACM1",)
    assert found["hci-socket"].specs == ("hci-socket:0", "hci-socket:1")
    assert found["bleak"].specs == ("bleak",)
    assert [codes(found[name]) for name in ("usb", "hci-socket", "bleak")] == [
        ["kernel-driver"],
        [],
        ["no-bluetooth-service"],
    ]
    assert all(found[name].usable for name in ("usb", "serial", "hci-socket", "bleak"))


def test_what_is_in_the_way_is_said_once(place: Place) -> None:
    place.write("/proc/self/status", NOT_ADMIN)
    place.adapter("hci0")
    place.adapter("hci1")
    report = reports(place)["hci-socket"]
    assert codes(report) == ["radio-permission"]
    assert not report.usable


def test_without_libraries(place: Place) -> None:
    place.machine = replace(place.machine, installed=lambda _library: False)
    found = reports(place)
    assert {name for name, report in found.items() if report.usable} == {"unix", "udp"}
    facts = {fact.key: fact for fact in facts_of(place.machine)}
    assert (facts["bumble"].value, facts["bumble"].text) == (None, "not installed")


def test_what_is_said_of_the_machine(place: Place) -> None:
    place.write("/proc/self/status", ADMIN)
    assert {fact.key: fact.value for fact in facts_of(place.machine)} == {
        "user": "someone",
        "python": "/usr/bin/python3.11",
        "bluetooth_sockets": True,
        "net_admin": True,
        "bumble": facts_of(Machine())[-2].value,
        "bleak": facts_of(Machine())[-1].value,
    }
