"""Controllers on USB, as Linux lists them; nothing is opened."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from meshwright.radio.examine.surroundings import Machine, read

_HCI = ("e0", "01", "01")  # wireless controller, radio frequency, Bluetooth (USB class codes)
_BY_INDEX = re.compile(r"\d+")
_BY_NUMBERS = re.compile(r"([0-9a-f]{1,4}):([0-9a-f]{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UsbDevice:
    """One USB device; `driver` is the kernel's that has it, or empty."""

    vendor: str
    product: str
    name: str
    node: Path
    driver: str
    is_controller: bool

    @property
    def numbers(self) -> str:
        """Vendor and product, as in the name of a radio."""
        return f"{self.vendor}:{self.product}"


def usb_devices(machine: Machine) -> list[UsbDevice]:
    """Return all USB devices, in the order of buses and numbers."""
    folders = machine.matching("/sys/bus/usb/devices/*")
    devices = [folder for folder in folders if read(folder / "idVendor")]
    devices.sort(key=lambda folder: (_number(folder, "busnum"), _number(folder, "devnum")))
    return [_device(machine, folder) for folder in devices]


def controllers(machine: Machine) -> list[UsbDevice]:
    """Return the USB devices that say they are Bluetooth controllers."""
    return [device for device in usb_devices(machine) if device.is_controller]


def chosen(machine: Machine, place: str) -> list[UsbDevice]:
    """Return the devices that `place`, what follows `usb:`, may mean.

    An index counts controllers in an order that only libusb knows, so it may mean any of them.
    """
    if _BY_INDEX.fullmatch(place):
        found = controllers(machine)
        return found if int(place) < len(found) else []
    numbers = _BY_NUMBERS.match(place)
    if numbers is None:
        return []
    wanted = [int(each, 16) for each in numbers.groups()]
    every = usb_devices(machine)
    return [each for each in every if [int(each.vendor, 16), int(each.product, 16)] == wanted]


def _device(machine: Machine, folder: Path) -> UsbDevice:
    interfaces = machine.matching(f"/sys/bus/usb/devices/{folder.name}:*")
    hci = [each for each in interfaces if _classes(each, "bInterface") == _HCI]
    drivers = [each / "driver" for each in hci]
    numbers = (_number(folder, name) for name in ("busnum", "devnum"))
    return UsbDevice(
        vendor=read(folder / "idVendor"),
        product=read(folder / "idProduct"),
        name=read(folder / "product"),
        node=machine.path("/dev/bus/usb/" + "/".join(f"{each:03}" for each in numbers)),
        driver=next((each.resolve().name for each in drivers if each.exists()), ""),
        is_controller=bool(hci) or _classes(folder, "bDevice") == _HCI,
    )


def _classes(folder: Path, prefix: str) -> tuple[str, ...]:
    return tuple(read(folder / f"{prefix}{name}") for name in ("Class", "SubClass", "Protocol"))


def _number(folder: Path, name: str) -> int:
    text = read(folder / name)
    return int(text) if text.isdigit() else 0
