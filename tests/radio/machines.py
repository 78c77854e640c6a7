"""Machines made of files, for looking at them before anything is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meshwright.radio.examine.kinds import suspicions
from meshwright.radio.examine.surroundings import NET_ADMIN, Machine
from meshwright.radio.findings import Finding

NOBODY = 65534
ADMIN = f"CapEff:\t{1 << NET_ADMIN:016x}"
NOT_ADMIN = f"CapEff:\t{0:016x}"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Have no rights: root may do everything, whatever a file says."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(before)


class Place:
    """A machine below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.machine = Machine(
            root=root,
            platform="linux",
            python="/usr/bin/python3.11",
            bluetooth_sockets=True,
            installed=lambda _library: True,
            user=lambda: "someone",
        )

    def write(self, name: str, text: str = "") -> Path:
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    def runs(self, program: str) -> None:
        self.write("/proc/77/comm", program)

    def usb(self, number: int, numbers: str, *, hci: bool = True, driver: str = "") -> Path:
        """Plug a device in and return its node."""
        vendor, product = numbers.split(":")
        device = f"/sys/bus/usb/devices/1-{number}"
        for name, text in {
            "idVendor": vendor,
            "idProduct": product,
            "product": "Dongle",
            "busnum": "1",
            "devnum": str(number),
            "bDeviceClass": "ef",
        }.items():
            self.write(f"{device}/{name}", text)
        codes = ("e0", "01", "01") if hci else ("08", "06", "50")
        for name, text in zip(("Class", "SubClass", "Protocol"), codes, strict=True):
            self.write(f"{device}:1.0/bInterface{name}", text)
        if driver:
            (self.root / "drivers" / driver).mkdir(parents=True, exist_ok=True)
            (self.root / f"{device[1:]}:1.0" / "driver").symlink_to(self.root / "drivers" / driver)
        return self.write(f"/dev/bus/usb/001/{number:03}")

    def adapter(self, name: str, *, soft: str = "0", hard: str = "0") -> None:
        self.write(f"/sys/class/bluetooth/{name}/rfkill3/soft", soft)
        self.write(f"/sys/class/bluetooth/{name}/rfkill3/hard", hard)

    def look(self, spec: str) -> list[Finding]:
        return list(suspicions(spec, self.machine))

    def codes(self, spec: str) -> list[str]:
        return [finding.code for finding in self.look(spec)]
