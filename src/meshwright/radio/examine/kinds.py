"""The kinds of radios, by the word that their names begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from meshwright.radio.examine.surroundings import Machine
from meshwright.radio.examine.suspicions import (
    about_bleak,
    about_hci_socket,
    about_library,
    about_nothing,
    about_serial,
    about_unix,
    about_usb,
    about_vhci,
    serial_ports,
)
from meshwright.radio.examine.usb_devices import controllers
from meshwright.radio.findings import Finding

Places = Callable[[Machine], list[str]]
About = Callable[[Machine, str], Iterator[Finding]]

BUMBLE = "bumble"
BLEAK = "bleak"


def _nowhere(machine: Machine) -> list[str]:
    del machine
    return []


def _ports(machine: Machine) -> list[str]:
    return [f"/{path.relative_to(machine.root)}" for path in serial_ports(machine)]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of radio.

    `schemes` are the words its names begin with, `form` is how a name looks, `purpose` what it
    is good for. `places` finds what could be opened, `about` what would be in the way. `always`
    tells that nothing has to be found first.
    """

    schemes: tuple[str, ...]
    form: str
    purpose: str
    library: str = ""
    places: Places = _nowhere
    about: About = about_nothing
    always: bool = False

    def suspicions(self, machine: Machine, place: str) -> list[Finding]:
        """Return what is likely to go wrong at `place`, what follows the scheme."""
        missing = list(about_library(machine, self.library)) if self.library else []
        return [*missing, *self.about(machine, place)]


KINDS = (
    Kind(
        ("usb", "pyusb"),
        "usb:0",
        "a controller on USB",
        BUMBLE,
        lambda machine: [str(index) for index, _ in enumerate(controllers(machine))],
        about_usb,
    ),
    Kind(
        ("serial",),
        "serial:/dev/ttyACM0,1000000",
        "a controller on a serial port (HCI over UART)",
        BUMBLE,
        _ports,
        about_serial,
    ),
    Kind(
        ("hci-socket",),
        "hci-socket:0",
        "a controller that the kernel drives",
        BUMBLE,
        lambda machine: [each.removeprefix("hci") for each in machine.adapters()],
        about_hci_socket,
    ),
    Kind(
        ("bleak",),
        "bleak",
        "the system's own Bluetooth; PB-GATT only",
        BLEAK,
        lambda machine: [""] if machine.adapters() or not machine.is_linux else [],
        about_bleak,
    ),
    Kind(
        (
            "tcp-client",
            "tcp-server",
            "ws-client",
            "ws-server",
            "unix-client",
            "unix-server",
            "pty",
            "file",
            "android-emulator",
            "android-netsim",
        ),
        "tcp-client:HOST:PORT",
        "a controller elsewhere, or an emulated one",
        BUMBLE,
        always=True,
    ),
    Kind(("vhci",), "vhci", "a virtual controller for the kernel", BUMBLE, about=about_vhci),
    Kind(
        ("unix",),
        "unix:LOCAL,REMOTE",
        "a stack or simulator on this machine; PB-ADV only",
        about=about_unix,
        always=True,
    ),
    Kind(
        ("udp",),
        "udp:HOST:PORT,HOST:PORT",
        "the same over a network; PB-ADV only",
        always=True,
    ),
)

_BY_SCHEME = {scheme: kind for kind in KINDS for scheme in kind.schemes}


def kind_of(spec: str) -> Kind | None:
    """Return the kind of the radio called `spec`; None when there is no such kind."""
    return _BY_SCHEME.get(spec.partition(":")[0].partition("?")[0])


def suspicions(spec: str, machine: Machine) -> tuple[Finding, ...]:
    """Return what is likely to go wrong when `spec` is opened on `machine`."""
    kind = kind_of(spec)
    place = spec.partition("?")[0].partition(":")[2]
    return tuple(kind.suspicions(machine, place)) if kind else ()
