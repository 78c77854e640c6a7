"""What is seen before a radio is opened, on machines made of files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.radio.machines import ADMIN, NOT_ADMIN, Place, as_nobody

from meshwright.radio.examine.kinds import KINDS, kind_of, suspicions
from meshwright.radio.examine.surroundings import Machine
from meshwright.radio.examine.usb_devices import controllers
from meshwright.radio.findings import Level


@pytest.fixture
def place() -> Iterator[Place]:
    """Return a machine whose folders anybody may enter; those of pytest only their owner may."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Place(Path(folder))


@pytest.fixture
def admin(place: Place) -> Place:
    """Return a machine on which nothing but a controller is missing."""
    place.write("/proc/self/status", f"Name:\tpython\n{ADMIN}\nCapBnd:\t0")
    return place


# USB.


def test_no_usb_at_all(place: Place) -> None:
    assert place.codes("usb:0") == ["usb-unavailable"]


@pytest.mark.parametrize("spec", ["usb:0", "usb:0a12:0001", "pyusb:3", "usb:0?repeats=2"])
def test_no_such_usb_device(place: Place, spec: str) -> None:
    place.usb(4, "0951:1666", hci=False)
    (finding,) = place.look(spec)
    assert (finding.level, finding.code) == (Level.FAULT, "radio-not-found")
    assert "lsusb" in finding.remedy


@pytest.mark.parametrize("spec", ["usb:0", "usb:0A12:0001", "usb:a12:1/serial", "usb:0a12:0001#0"])
def test_a_usb_device_that_may_be_used(place: Place, spec: str) -> None:
    place.usb(4, "0951:1666", hci=False)
    place.usb(5, "0a12:0001").chmod(0o666)
    with as_nobody():
        assert place.look(spec) == []


def test_a_usb_device_that_may_not_be_used(place: Place) -> None:
    node = place.usb(5, "0a12:0001")
    node.chmod(0o400)
    with as_nobody():
        (finding,) = place.look("usb:0")
    assert (finding.level, finding.code) == (Level.FAULT, "radio-permission")
    assert f"someone may not use the USB device 0a12:0001 ({node})" in finding.sentence
    rule = finding.remedy.splitlines()[1]
    assert rule == (
        'SUBSYSTEM=="usb", ATTR{idVendor}=="0a12", ATTR{idProduct}=="0001", MODE="0660", '
        'GROUP="plugdev", TAG+="uaccess"'
    )


def test_the_kernels_driver_is_told(place: Place) -> None:
    place.usb(5, "0a12:0001", driver="btusb")
    (finding,) = place.look("usb:0")
    assert (finding.level, finding.code) == (Level.NOTE, "kernel-driver")
    assert "btusb" in finding.sentence
    assert finding.remedy.endswith("sudo rmmod btusb")


def test_controllers_are_told_from_other_devices(place: Place) -> None:
    place.usb(4, "0951:1666", hci=False)
    place.usb(12, "2fe3:000b")
    place.usb(5, "0a12:0001")
    assert [device.numbers for device in controllers(place.machine)] == ["0a12:0001", "2fe3:000b"]
    assert place.codes("usb:1") == []
    assert place.codes("usb:2") == ["radio-not-found"]
    assert place.codes("usb:0951:1666!") == []  # what somebody insists on


# Serial ports.


def test_no_such_serial_port(place: Place) -> None:
    (finding,) = place.look("serial:/dev/ttyACM0,1000000")
    assert finding.code == "radio-not-found"
    assert finding.remedy == "Plug it in; no serial port is here."
    place.write("/dev/ttyACM1")
    place.write("/dev/ttyUSB0")
    (finding,) = place.look("serial:/dev/ttyACM0,1000000")
    assert finding.remedy == "There are: /dev/ttyACM1, /dev/ttyUSB0."


def test_a_serial_port_that_may_not_be_used(place: Place) -> None:
    place.write("/dev/ttyACM0").chmod(0o000)
    with as_nobody():
        (finding,) = place.look("serial:/dev/ttyACM0,1000000")
    assert finding.code == "radio-permission"
    group = (place.root / "dev/ttyACM0").group()
    assert finding.remedy.splitlines()[1] == f"sudo usermod -aG {group} someone"


def test_a_real_serial_port() -> None:
    ours, theirs = os.openpty()
    try:
        assert suspicions(f"serial:{os.ttyname(theirs)}", Machine()) == ()
    finally:
        os.close(ours)
        os.close(theirs)


# The kernel's controllers.


def test_a_controller_of_the_kernel_that_can_be_opened(admin: Place) -> None:
    admin.adapter("hci0")
    assert admin.look("hci-socket:0") == []
    assert admin.look("hci-socket") == []


def test_everything_that_is_in_the_way_of_a_socket(place: Place) -> None:
    place.write("/proc/self/status", NOT_ADMIN)
    place.adapter("hci0")
    place.adapter("hci2", soft="1", hard="1")
    place.runs("bluetoothd")
    place.machine = Machine(
        root=place.root,
        platform="linux",
        python="/opt/python",
        bluetooth_sockets=False,
        user=lambda: "someone",
    )
    found = place.look("hci-socket:2")
    assert [(each.level, each.code) for each in found] == [
        (Level.FAULT, "no-bluetooth-sockets"),
        (Level.FAULT, "bluetooth-off"),
        (Level.FAULT, "bluetooth-off"),
        (Level.FAULT, "radio-permission"),
        (Level.WARNING, "controller-in-use"),
    ]
    remedies = "\n".join(each.remedy for each in found)
    for command in (
        "/usr/bin/python3 -m venv",
        "rfkill unblock bluetooth",
        "sudo setcap cap_net_admin+ep /opt/python",
        "sudo systemctl stop bluetooth; sudo hciconfig hci2 down",
    ):
        assert command in remedies
    (missing,) = (each for each in place.look("hci-socket:1") if each.code == "radio-not-found")
    assert missing.remedy == "Plug it in. There are: hci0, hci2."


def test_a_virtual_controller_of_the_kernel(place: Place) -> None:
    assert place.codes("vhci") == ["radio-not-found"]
    node = place.write("/dev/vhci")
    assert place.codes("vhci") == []
    node.chmod(0o000)
    with as_nobody():
        assert place.codes("vhci") == ["radio-permission"]


# The system's own Bluetooth.


def test_the_systems_own_bluetooth(place: Place) -> None:
    assert place.codes("bleak") == ["no-system-bus", "radio-not-found"]
    place.write("/run/dbus/system_bus_socket")
    place.adapter("hci0", soft="1")
    assert place.codes("bleak") == ["no-bluetooth-service", "bluetooth-off"]
    place.runs("bluetoothd")
    place.adapter("hci0")
    assert place.look("bleak") == []
    assert place.codes("bleak:hci1") == ["radio-not-found"]


def test_other_systems_are_not_guessed_at(tmp_path: Path) -> None:
    mac = Machine(root=tmp_path, platform="darwin", installed=lambda _library: True)
    assert [suspicions(spec, mac) for spec in ("bleak", "usb:0")] == [(), ()]


# Every kind.


def test_a_missing_library(place: Place) -> None:
    place.machine = Machine(root=place.root, installed=lambda _library: False)
    for spec, library in (("usb:0", "bumble"), ("tcp-client:h:1", "bumble"), ("bleak", "bleak")):
        finding = place.look(spec)[0]
        assert finding.code == "missing-library"
        assert f"The library {library} is not installed" in finding.sentence
        assert finding.remedy.endswith("pip install 'meshwright[radio]'")
    assert place.codes("udp:h:1,h:2") == []


def test_libraries_are_looked_for_in_this_python() -> None:
    assert Machine().installed("click")
    assert not Machine().installed("no_such_library")


def test_nobody_at_the_other_end(place: Place) -> None:
    remote = place.write("/there")
    (finding,) = place.look("unix:/here,/there,/nowhere?length=no")
    assert (finding.level, finding.code) == (Level.NOTE, "nobody-there")
    assert "/nowhere" in finding.sentence
    assert remote.exists()


def test_what_nothing_is_known_about(place: Place) -> None:
    for spec in ("tcp-client:h:1", "udp:h:1,h:2", "nonsense", "", "usb", "serial", "serial:x"):
        assert all(finding.level is not Level.WARNING for finding in place.look(spec))
    assert kind_of("nonsense") is None


def test_every_finding_is_a_sentence_with_a_remedy(place: Place) -> None:
    place.write("/dev/bus/usb/none")
    specs = [kind.form for kind in KINDS]
    found = [finding for spec in specs for finding in place.look(spec)]
    assert len(found) > 5
    for finding in found:
        assert finding.sentence.endswith(".")
        assert finding.remedy
