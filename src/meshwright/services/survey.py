"""Which kinds of radios a machine could use, seen without opening any of them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata

from meshwright.radio.examine.facts import Fact
from meshwright.radio.examine.kinds import KINDS, Kind
from meshwright.radio.examine.surroundings import NET_ADMIN, Machine
from meshwright.radio.findings import Finding, Level

_LIBRARIES = ("bumble", "bleak")


@dataclass(frozen=True, slots=True)
class KindReport:
    """One kind of radio; `specs` are what could be opened, as far as that can be seen."""

    kind: Kind
    specs: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Tell whether nothing is known to be in the way, and there is something to open."""
        there = bool(self.specs) or self.kind.always
        return there and not any(finding.level is Level.FAULT for finding in self.findings)


def survey(machine: Machine) -> tuple[KindReport, ...]:
    """Return what is known about every kind of radio."""
    return tuple(_look(kind, machine) for kind in KINDS)


def _look(kind: Kind, machine: Machine) -> KindReport:
    places = kind.places(machine)
    found = [each for place in places or [""] for each in _about(kind, machine, place, places)]
    scheme = kind.schemes[0]
    specs = tuple(f"{scheme}:{place}" if place else scheme for place in places)
    return KindReport(kind, specs, tuple(dict.fromkeys(found)))


def _about(kind: Kind, machine: Machine, place: str, places: list[str]) -> list[Finding]:
    found = kind.suspicions(machine, place)
    # That nothing is there is said by an empty list already.
    return [each for each in found if places or each.code != "radio-not-found"]


def facts_of(machine: Machine) -> tuple[Fact, ...]:
    """Return what is known about the machine itself."""
    sockets = machine.bluetooth_sockets
    net_admin = machine.has_capability(NET_ADMIN)
    return (
        Fact("user", "user", machine.user(), machine.user()),
        Fact("python", "Python", machine.python, machine.python),
        Fact("bluetooth_sockets", "AF_BLUETOOTH", sockets, _word(sockets)),
        Fact("net_admin", "CAP_NET_ADMIN", net_admin, _word(net_admin)),
        *(_library(machine, name) for name in _LIBRARIES),
    )


def _library(machine: Machine, name: str) -> Fact:
    version = metadata.version(name) if machine.installed(name) else None
    return Fact(name, name, version, version or "not installed")


def _word(value: bool) -> str:
    return "yes" if value else "no"
