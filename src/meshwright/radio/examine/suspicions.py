"""What is likely to go wrong when a radio is opened, seen before it is tried.

Each function yields what it finds about one kind of radio; `place` is what follows the kind in the
name of a radio, without options. A fault says that opening cannot work, a warning that it may not,
and a note holds either way. Lines of a remedy after the first are there to be copied as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from meshwright.radio.examine.surroundings import NET_ADMIN, Machine, group_of
from meshwright.radio.examine.usb_devices import UsbDevice, chosen
from meshwright.radio.findings import Finding, Level

RULES = "/etc/udev/rules.d/70-meshwright.rules"
SERIAL_PORTS = ("/dev/ttyACM*", "/dev/ttyUSB*")

_SYSTEM_BUS = "/run/dbus/system_bus_socket"
_SERVICE = "bluetoothd"
_SWITCH_ON = "Switch it on:\nsudo rfkill unblock bluetooth"


def about_library(machine: Machine, library: str) -> Iterator[Finding]:
    """Say that a library which a kind of radio needs is not there."""
    if not machine.installed(library):
        yield Finding(
            Level.FAULT,
            "missing-library",
            f"The library {library} is not installed for {machine.python}.",
            "Install it:\npip install 'meshwright[radio]'",
        )


def about_usb(machine: Machine, place: str) -> Iterator[Finding]:
    """Look at the USB device `place`: an index, or vendor and product."""
    if not machine.is_linux:
        return
    if not machine.path("/dev/bus/usb").exists():
        yield Finding(
            Level.FAULT,
            "usb-unavailable",
            "This machine shows no USB devices: there is no /dev/bus/usb.",
            "In a container, hand it in (docker run --device /dev/bus/usb); in a virtual machine, "
            "connect the device to it.",
        )
        return
    devices = chosen(machine, place)
    if not devices:
        yield _not_found(
            f"There is no USB controller {place} here.", "Plug it in; lsusb shows what is there."
        )
    for device in devices:
        yield from _about_device(machine, device)


def _about_device(machine: Machine, device: UsbDevice) -> Iterator[Finding]:
    if device.node.exists() and not machine.may_use(device.node):
        yield Finding(
            Level.FAULT,
            "radio-permission",
            f"{machine.user()} may not use the USB device {device.numbers} ({device.node}).",
            f"Write this line into {RULES}, run `sudo udevadm control --reload`, and plug the "
            "device in again:\n"
            f'SUBSYSTEM=="usb", ATTR{{idVendor}}=="{device.vendor}", '
            f'ATTR{{idProduct}}=="{device.product}", MODE="0660", GROUP="plugdev", TAG+="uaccess"',
        )
    if device.driver:
        yield Finding(
            Level.NOTE,
            "kernel-driver",
            f"The kernel's driver {device.driver} has the USB device {device.numbers}; opening it "
            "takes it away from the system's own Bluetooth.",
            f"If it cannot be opened:\nsudo systemctl stop bluetooth; sudo rmmod {device.driver}",
        )


def about_serial(machine: Machine, place: str) -> Iterator[Finding]:
    """Look at the port of `PORT[,SPEED[,...]]`."""
    port = place.partition(",")[0]
    path = machine.path(port)
    if not port.startswith("/"):
        return
    if not path.exists():
        others = ", ".join(f"/{each.relative_to(machine.root)}" for each in serial_ports(machine))
        yield _not_found(
            f"There is no serial port {port}.",
            f"There are: {others}." if others else "Plug it in; no serial port is here.",
        )
    elif not machine.may_use(path):
        yield Finding(
            Level.FAULT,
            "radio-permission",
            f"{machine.user()} may not use {port}, which belongs to the group {group_of(path)}.",
            f"Join the group, and log in again:\n"
            f"sudo usermod -aG {group_of(path)} {machine.user()}",
        )


def serial_ports(machine: Machine) -> list[Path]:
    """Return the serial ports of USB devices."""
    return [path for pattern in SERIAL_PORTS for path in machine.matching(pattern)]


def about_hci_socket(machine: Machine, place: str) -> Iterator[Finding]:
    """Look at the kernel's controller `place`: an index, 0 if empty."""
    if not machine.bluetooth_sockets:
        yield Finding(
            Level.FAULT,
            "no-bluetooth-sockets",
            f"{machine.python} was built without Bluetooth sockets (AF_BLUETOOTH).",
            "Open the controller with usb:0, or use another Python, such as Debian's (building one "
            "takes libbluetooth-dev):\n/usr/bin/python3 -m venv venv",
        )
    if not machine.is_linux:
        return
    yield from _about_adapter(machine, f"hci{place or '0'}")
    if not machine.has_capability(NET_ADMIN):
        yield Finding(
            Level.FAULT,
            "radio-permission",
            f"{machine.user()} lacks the capability CAP_NET_ADMIN, which hci-socket needs.",
            "Run it with sudo, or let every program of this Python do it:\n"
            f"sudo setcap cap_net_admin+ep {machine.python}",
        )
    if machine.runs(_SERVICE):
        yield Finding(
            Level.WARNING,
            "controller-in-use",
            f"{_SERVICE} runs, and most likely it uses hci{place or '0'}.",
            f"End it, and take the controller down:\nsudo systemctl stop bluetooth; "
            f"sudo hciconfig hci{place or '0'} down",
        )


def _about_adapter(machine: Machine, adapter: str) -> Iterator[Finding]:
    there = machine.adapters()
    if adapter not in there:
        others = f"There are: {', '.join(there)}." if there else "The kernel has none."
        yield _not_found(f"The kernel has no controller {adapter}.", f"Plug it in. {others}")
    for kind in machine.switched_off(adapter):
        how = _SWITCH_ON if kind == "software" else "Use its switch or key."
        yield Finding(Level.FAULT, "bluetooth-off", f"{adapter} is switched off by {kind}.", how)


def about_vhci(machine: Machine, place: str) -> Iterator[Finding]:
    """Look at the device of virtual controllers."""
    path = machine.path(place or "/dev/vhci")
    if not path.exists():
        yield _not_found(f"There is no {place or '/dev/vhci'}.", "Load it:\nsudo modprobe hci_vhci")
    elif not machine.may_use(path):
        yield Finding(
            Level.FAULT,
            "radio-permission",
            f"{machine.user()} may not use {place or '/dev/vhci'}.",
            "Run it with sudo.",
        )


def about_bleak(machine: Machine, place: str) -> Iterator[Finding]:
    """Look at the system's own Bluetooth, and at the adapter `place` if one is chosen."""
    if not machine.is_linux:
        return
    if not machine.path(_SYSTEM_BUS).exists():
        yield Finding(
            Level.FAULT,
            "no-system-bus",
            "This system has no message bus (D-Bus), which bleak needs.",
            "In a container, hand in /run/dbus; elsewhere install it:\nsudo apt install dbus bluez",
        )
    elif not machine.runs(_SERVICE):
        yield Finding(
            Level.WARNING,  # it may start when asked, or run where we cannot see it
            "no-bluetooth-service",
            f"{_SERVICE} does not run, which bleak needs.",
            "Install and start it:\nsudo apt install bluez; sudo systemctl start bluetooth",
        )
    for adapter in [place] if place else machine.adapters() or ["hci0"]:
        yield from _about_adapter(machine, adapter)


def about_unix(machine: Machine, place: str) -> Iterator[Finding]:
    """Look who is there among the remotes of `LOCAL,REMOTE[,REMOTE...]`."""
    for remote in place.split(",")[1:]:
        path = machine.path(remote) if remote.startswith("/") else Path(remote)
        if remote and not path.exists():
            yield Finding(
                Level.NOTE,
                "nobody-there",
                f"Nobody is at {remote} yet; what is sent there is lost.",
                "Start the other program; the order does not matter.",
            )


def about_nothing(machine: Machine, place: str) -> Iterator[Finding]:
    """Look at nothing: only opening tells."""
    del machine, place
    yield from ()


def _not_found(sentence: str, remedy: str) -> Finding:
    return Finding(Level.FAULT, "radio-not-found", sentence, remedy)
