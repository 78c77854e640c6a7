"""`meshwright scan`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

import click

from meshwright.cli.common import chosen_home, example, home_command, open_home
from meshwright.cli.live import seconds_option, ticks
from meshwright.cli.output import counted, emit, printing, say
from meshwright.cli.radios import radio_option

if TYPE_CHECKING:
    from rich.live import Live

    from meshwright.services.assets import Standing
    from meshwright.services.scanning import Found

_TICK = 0.25
_COLUMNS = ("device", "rssi", "OOB", "bearers", "URI", "age", "asset")


@click.command(
    "scan",
    short_help="Show which devices wait to be provisioned.",
    epilog=example(
        "meshwright scan --radio usb:0",
        "meshwright scan --radio usb:0 --home plant --seconds 10 --json",
    ),
)
@radio_option
@seconds_option
@click.option("--full", is_flag=True, help="Show whole UUIDs.")
@home_command
def command(
    radio: str,
    seconds: float | None,
    full: bool,
    home: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Show which devices wait to be provisioned, until Ctrl-C.

    With a home, those on its list are named. Nothing that is heard proves who sent it.
    """
    known: Mapping[UUID, Standing] = {}
    if chosen_home(home) is not None:
        from meshwright.services.scanning import known_assets

        with open_home(home, key_file) as opened:  # and closed: scanning holds up nobody
            known = known_assets(opened.register)
    with _view(as_json=as_json, full=full) as view:
        found = asyncio.run(_scan(radio, seconds, known, view))
    if as_json:
        emit({"devices": [_to_json(each) for each in found]})
        return
    listed = sum(each.standing is not None for each in found)
    of_home = f", {listed} on the list" if known else ""
    say(f"{counted(len(found), 'device')}{of_home}.")


async def _scan(
    spec: str, seconds: float | None, known: Mapping[UUID, Standing], view: _View
) -> list[Found]:
    from meshwright.roles.discovery import Discovery
    from meshwright.services.scanning import found_among
    from meshwright.wiring.radios import opened_station

    async with opened_station(spec) as station:
        discovery = Discovery(station).start()
        click.echo("Listening; Ctrl-C ends.", err=True)
        async for _ in ticks(station, _TICK, seconds):
            view.show(found_among(discovery.devices, known), station.timebase.time())
        discovery.stop()
        return found_among(discovery.devices, known)


# What is shown meanwhile.


class _View(Protocol):
    def show(self, found: Sequence[Found], now: float) -> None: ...


class _Nothing:
    def show(self, found: Sequence[Found], now: float) -> None:
        del found, now


class _Lines:
    """A line for a device that is new, or says something else than before."""

    def __init__(self, *, full: bool) -> None:
        self._full = full
        self._said: dict[UUID, list[str]] = {}

    def show(self, found: Sequence[Found], now: float) -> None:
        del now
        for each, name in _named(found, full=self._full):
            lasting = [_oob(each), _bearers(each), each.device.uri or "", each.asset]
            if self._said.get(each.device.uuid) != lasting:
                self._said[each.device.uuid] = lasting
                say("  ".join(filter(None, [name, _rssi(each), *lasting])))


class _Table:
    """A table that is drawn anew all the while."""

    def __init__(self, live: Live, *, full: bool) -> None:
        self._live = live
        self._full = full

    def show(self, found: Sequence[Found], now: float) -> None:
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        drawn = Table(*_COLUMNS, box=SIMPLE_HEAD, pad_edge=False)
        for each, name in _named(found, full=self._full):
            age = f"{max(0.0, now - each.device.last_heard):.0f} s"
            uri = each.device.uri or ""
            row = [name, _rssi(each), _oob(each), _bearers(each), uri, age, each.asset]
            drawn.add_row(*map(Text, row))  # what was heard is no markup
        with printing():
            self._live.update(drawn, refresh=True)


@contextmanager
def _view(*, as_json: bool, full: bool) -> Iterator[_View]:
    if as_json:
        yield _Nothing()
    elif not sys.stdout.isatty():
        yield _Lines(full=full)
    else:
        from rich.live import Live

        with Live(auto_refresh=False) as live:
            yield _Table(live, full=full)


def _named(found: Sequence[Found], *, full: bool) -> Iterator[tuple[Found, str]]:
    from meshwright.services.scanning import short_names

    short = short_names(each.device.uuid for each in found)
    for each in found:
        uuid = each.device.uuid
        yield each, str(uuid) if full else short[uuid]


def _rssi(found: Found) -> str:
    return "" if found.device.rssi is None else f"{found.device.rssi} dBm"


def _oob(found: Found) -> str:
    return ", ".join(found.oob_names) or "no OOB"


def _bearers(found: Found) -> str:
    return ", ".join(found.bearer_names)


def _to_json(found: Found) -> dict[str, Any]:
    device, standing = found.device, found.standing
    network = None if standing is None else standing.network
    return {
        "uuid": str(device.uuid),
        "rssi": device.rssi,
        "address": device.address.hex(":") if device.address else None,
        "oob": int(device.oob),
        "oob_names": found.oob_names,
        "bearers": found.bearer_names,
        "uri": device.uri,
        "uri_hash": device.uri_hash.hex() if device.uri_hash else None,
        "heard": device.count,
        "asset": None if standing is None else standing.asset.name,
        "network": None if network is None else network.name,
        "node": None if standing is None else standing.node is not None,
    }
