"""What a radio that was opened can do, in one form for every kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshwright.radio.findings import Finding, Level
from meshwright.radio.station import Station


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is known; `key` is stable, `value` is for programs, the rest for people."""

    key: str
    name: str
    value: object
    text: str


@dataclass(frozen=True, slots=True)
class Examined:
    """An opened station, and what was found out about it beyond what every station says."""

    station: Station
    facts: tuple[Fact, ...] = ()


def bearers(station: Station) -> tuple[str, ...]:
    """Return the bearers over which `station` can provision."""
    return tuple(
        name
        for name, part in (("PB-ADV", station.radio), ("PB-GATT", station.gatt_client))
        if part is not None
    )


def facts_of(station: Station) -> tuple[Fact, ...]:
    """Return what every station says about itself."""
    can = bearers(station)
    facts = [Fact("bearers", "provisions over", list(can), ", ".join(can) or "nothing")]
    radio = station.radio
    if radio is not None:
        rate = 1 / radio.pacing.mean if radio.pacing.mean else None
        facts += [
            Fact("address", "advertises as", radio.address.hex(":"), radio.address.hex(":")),
            Fact(
                "packets_a_second",
                "packets a second",
                None if rate is None else round(rate, 1),
                "as many as it is given" if rate is None else f"{rate:.0f} at most",
            ),
        ]
    return tuple(facts)


_Check = Callable[[Station], bool]

_LIMITS: tuple[tuple[_Check, Finding], ...] = (
    (
        lambda station: station.radio is None,
        Finding(
            Level.NOTE,
            "no-pb-adv",
            "This kind of radio cannot advertise packets of its own, so there is no PB-ADV: it "
            "reaches devices with PB-GATT only, and it cannot sniff links.",
            "For PB-ADV open a controller directly, such as usb:0.",
        ),
    ),
    (
        lambda station: station.gatt_client is None,
        Finding(
            Level.NOTE,
            "no-pb-gatt",
            "This kind of radio has no connections, so there is no PB-GATT.",
            "",
        ),
    ),
    (
        lambda station: station.gatt_client is not None and station.gatt_server is None,
        Finding(
            Level.NOTE,
            "no-gatt-server",
            "This kind of radio cannot offer a service, so no device can be run on it.",
            "",
        ),
    ),
    (
        lambda station: station.radio is None and station.gatt_client is None,
        Finding(
            Level.FAULT,
            "no-bearer",
            "This radio can do neither PB-ADV nor PB-GATT.",
            "Use another radio.",
        ),
    ),
)


def limits_of(station: Station) -> tuple[Finding, ...]:
    """Return what `station` cannot do because of its kind."""
    return tuple(finding for applies, finding in _LIMITS if applies(station))
