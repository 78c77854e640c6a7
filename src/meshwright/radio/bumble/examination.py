"""Opening a controller and finding out about it, with the transport opened once.

Transports that wait for their controller, such as `tcp-server`, cannot be opened twice.
"""

from __future__ import annotations

import contextlib

from bumble.transport.common import Transport

from meshwright.radio.bumble.facts import ControllerFacts
from meshwright.radio.bumble.opening import close_transport, open_controller, open_named
from meshwright.radio.bumble.radio import open_on
from meshwright.radio.bumble.spec import RadioOptions, parse
from meshwright.radio.errors import RadioError
from meshwright.radio.examine.facts import Examined, Fact
from meshwright.randomness import RandomBytes, SystemRandomness


class _Kept(Transport):
    """A transport that somebody else closes."""

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport.source, transport.sink)

    async def close(self) -> None:
        """Leave it open."""


async def open_examined(spec: str) -> Examined:
    """Open the controller called `spec` and find out about it; raises as opening does."""
    name, options = parse(spec)
    return await examine_on(spec, await open_named(name), options)


async def examine_on(
    name: str,
    transport: Transport,
    options: RadioOptions | None = None,
    *,
    random: RandomBytes | None = None,
) -> Examined:
    """Find out about the controller behind `transport` and open a station on it.

    `transport` is closed with the station or on failure; `random` draws addresses. Raises
    `RadioError`.
    """
    chosen, octets = options or RadioOptions(), random or SystemRandomness().stream("address")
    try:
        controller = await open_controller(name, _Kept(transport), chosen, octets)
        with contextlib.suppress(RadioError):  # opening it again says the same
            await controller.scanner.stop()  # not every controller does so when it is reset
        await controller.close()
    except BaseException:
        await close_transport(transport)
        raise
    station = await open_on(name, transport, chosen, random=octets)
    return Examined(station, facts(controller.facts))


def facts(found: ControllerFacts) -> tuple[Fact, ...]:
    """Return what was found out about a controller, as everybody shows it."""
    identity = found.identity
    public = identity.address.hex(":") if identity.address else None
    states = sorted(identity.states)
    return (
        _plain("hci_version", "HCI version", identity.version),
        _plain("manufacturer", "manufacturer", identity.manufacturer),
        Fact("public_address", "public address", public, public or "none"),
        _yes_or_no("extended_advertising", "extended advertising", identity.extended_advertising),
        _plain("advertising_sets", "advertising sets", max(1, identity.advertising_sets)),
        Fact("packet_sets", "sets for packets", max(1, found.sets), _sets(found)),
        Fact(
            "shortest_interval_ms",
            "shortest interval",
            found.shortest_interval,
            f"{found.shortest_interval} ms",
        ),
        Fact("states", "at the same time", states, "; ".join(states) or "it does not say"),
    )


def _plain(key: str, name: str, value: object) -> Fact:
    return Fact(key, name, value, str(value))


def _yes_or_no(key: str, name: str, value: bool) -> Fact:
    return Fact(key, name, value, "yes" if value else "no")


def _sets(found: ControllerFacts) -> str:
    if not found.sets:
        return "1, by the legacy commands"
    return f"{found.sets}, {'ended by the controller' if found.sets_end else 'stopped by hand'}"
