"""Making virtual devices: flash files through the factory line to certificate and label."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from meshwright.core.errors import InputError
from meshwright.factory.line import Step
from meshwright.services.enrollment import Enrollment
from meshwright.sim.flash import FlashFile
from meshwright.sim.line_device import VirtualLineDevice
from meshwright.wiring.home import Home

_RANDOM_STATIC = 0xC0  # the two high bits of a random static device address
_NAME = re.compile(r"device-[0-9]{4,9}")
MOST_DEVICES = 10_000


@dataclass(frozen=True, slots=True)
class MadeDevice:
    """A device that has left the line."""

    name: str
    uuid: UUID
    flash: Path
    label: Path


OnStep = Callable[[str, Step], None]
"""Told the name of a device and the step it has done."""


def device_names(home: Home) -> list[str]:
    """List the names of all devices that were begun, in order."""
    names = (path.stem for path in home.flash.glob("device-*.json"))
    return sorted(name for name in names if _NAME.fullmatch(name))


def device_name(number: int) -> str:
    """Return the name of the device with this number on the line."""
    return f"device-{number:04d}"


def names_due(home: Home, count: int) -> list[str]:
    """Name the devices that an interrupted line has left, and `count` more."""
    if not 0 < count <= MOST_DEVICES:
        raise InputError(f"Make 1 to {MOST_DEVICES} devices at once.", code="bad-count")
    begun = device_names(home)
    unfinished = [name for name in begun if not label_of(home, name).exists()]
    first = 1 + max((int(name.rpartition("-")[2]) for name in begun), default=0)
    return unfinished + [device_name(number) for number in range(first, first + count)]


def make_devices(
    home: Home, names: Iterable[str], on_step: OnStep = lambda _name, _step: None
) -> list[MadeDevice]:
    """Carry devices to their labels from wherever they stand, making those that are not there."""
    enrollment = _enrollment(home)
    return [_finish(home, enrollment, name, on_step) for name in names]


def label_of(home: Home, name: str) -> Path:
    """Return where the label of a device is printed."""
    return home.labels / f"{name}.png"


def flash_of(home: Home, name: str) -> FlashFile:
    """Open the flash of a device, making a blank device if there is none."""
    path = home.flash / f"{name}.json"
    if path.exists():
        return FlashFile.open(path)
    digest = hashlib.sha256(f"{home.settings.uuid_mac}/{name}".encode()).digest()
    return FlashFile.create(path, bytes([digest[0] | _RANDOM_STATIC]) + digest[1:6])


def _enrollment(home: Home) -> Enrollment:
    manufacturer = home.settings.manufacturer
    return Enrollment(
        home.register,
        home.authorities.open(manufacturer),
        base_uri=manufacturer.label_base,
        uuid_mac=bytes.fromhex(home.settings.uuid_mac),
        clock=home.clock,
        randomness=home.randomness,
    )


def _finish(home: Home, enrollment: Enrollment, name: str, on_step: OnStep) -> MadeDevice:
    flash, label = flash_of(home, name), label_of(home, name)
    if not label.exists():
        device = VirtualLineDevice(flash, home.randomness.stream("device key", name))
        enrollment.enroll(device, label, name=name, on_step=lambda step: on_step(name, step))
    uuid = flash.content.uuid
    if uuid is None:
        raise InputError(f"{label} is there, but its device is blank; delete the label.")
    return MadeDevice(name, uuid, flash.path, label)
