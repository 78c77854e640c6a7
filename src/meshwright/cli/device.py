"""`meshwright device`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example
from meshwright.cli.device_said import ALGORITHMS, INFORMATION, INPUTS, OUTPUTS, Said
from meshwright.cli.device_screen import Screen
from meshwright.cli.live import end_in_order
from meshwright.cli.radios import (
    GIVEN_FILE,
    bearer_of,
    bearer_option,
    radio_option,
    static_option,
)

if TYPE_CHECKING:
    from meshwright.radio.station import Station
    from meshwright.roles.bearers import Bearer
    from meshwright.sim.flash_device import FlashDevice

_FAREWELL = 1.0
"""Seconds in which the Link Closes of a link that we end leave."""
_LOOK = 0.05
"""Seconds between two looks at whether a link is still there; nothing tells."""


@click.group("device", short_help="Run virtual devices on any radio.")
def command() -> None:
    """Run virtual devices on any radio, to develop against."""


@command.command(
    "run",
    short_help="Run one device until Ctrl-C.",
    epilog=example(
        "meshwright device run --radio usb:0",
        "meshwright device run --radio usb:0 --state lamp.json --output numeric",
        "meshwright device run --radio usb:0 --key key.pem --chain chain.pem",
    ),
)
@radio_option
@bearer_option
@click.option(
    "--uuid",
    metavar="UUID",
    help="Its UUID; without it that of --state or --chain, or a new one.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A flash image that it starts from and keeps up to date; made if there is none.",
)
@click.option("--key", type=GIVEN_FILE, help="Its private key, PEM or DER, without a passphrase.")
@click.option(
    "--chain",
    type=GIVEN_FILE,
    multiple=True,
    help="Its certificate, then those above it, PEM or DER; may be repeated.",
)
@static_option
@click.option(
    "--algorithms",
    type=click.Choice(ALGORITHMS),
    multiple=True,
    help="What it is able to do; both without this.",
)
@click.option(
    "--output",
    type=click.Choice(OUTPUTS),
    multiple=True,
    metavar="ACTION",
    help=f"How it shows values: {', '.join(OUTPUTS)}; may be repeated.",
)
@click.option(
    "--output-size",
    type=click.IntRange(1, 8),
    default=8,
    show_default=True,
    help="The most digits or characters that it shows.",
)
@click.option(
    "--input",
    type=click.Choice(INPUTS),
    multiple=True,
    metavar="ACTION",
    help=f"How values are entered: {', '.join(INPUTS)}; may be repeated.",
)
@click.option(
    "--input-size",
    type=click.IntRange(1, 8),
    default=8,
    show_default=True,
    help="The most digits or characters that can be entered.",
)
@click.option("--only-oob", is_flag=True, help="Take no session without an OOB value.")
@click.option(
    "--elements",
    type=click.IntRange(1, 255),
    default=1,
    show_default=True,
    help="How many elements it has, and so addresses.",
)
@click.option("--uri", help="A URI that it advertises; its hash is in the beacon.")
@click.option(
    "--oob-information",
    type=click.Choice(INFORMATION),
    multiple=True,
    metavar="WHERE",
    help=f"What its beacon says of OOB data: {', '.join(INFORMATION)}; may be repeated.",
)
@click.option("--once", is_flag=True, help="End when it is a node.")
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="How long to run; without it until Ctrl-C.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def run(
    radio: str,
    bearer: str,
    once: bool,
    seconds: float | None,
    as_json: bool,
    **said: Any,  # noqa: ANN401 - the fields of Said
) -> None:
    """Run one virtual device until Ctrl-C, and show what it shows.

    Provisioners find it, it becomes a node, and answers configuration messages from then on. What
    blinks, beeps or is to be pushed is text here.
    """
    asyncio.run(
        _run(radio, bearer_of(bearer), Said(**said), Screen(as_json=as_json), once, seconds)
    )


async def _run(
    radio: str, bearers: Bearer, said: Said, screen: Screen, once: bool, seconds: float | None
) -> None:
    from meshwright.randomness import SystemRandomness
    from meshwright.sim.flash_device import Build, FlashDevice
    from meshwright.wiring.radios import opened_station

    flash = said.flash()
    options = said.options(flash)
    async with opened_station(radio) as station:
        build = Build(
            bearers=_usable(bearers, station),
            options=options,
            oob_information=said.information(),
            uri=said.uri,
            events=screen.events(),
        )
        device = FlashDevice(flash, station, SystemRandomness(), build)
        screen.attach(device)
        screen.introduce(flash.content, options)
        await _until_over(device, station, once=once, seconds=seconds)
        if device.let_go():
            await asyncio.sleep(_FAREWELL)


def _usable(bearers: Bearer, station: Station) -> Bearer:
    """Return what the radio can do, where the choice was left to us."""
    from meshwright.roles.bearers import Bearer

    if bearers != Bearer.AUTO:
        return bearers
    adv = Bearer.ADV if station.radio is not None else Bearer.NONE
    return adv | (Bearer.GATT if station.gatt_server is not None else Bearer.NONE)


async def _until_over(
    device: FlashDevice, station: Station, *, once: bool, seconds: float | None
) -> None:
    """Wait for the end that was asked for; raises `RadioError` when the radio goes away."""
    from meshwright.cli.waiting import first_of

    over = asyncio.Event()
    end_in_order(over.set, seconds)
    click.echo("Running; Ctrl-C ends.", err=True)
    ends: list[Awaitable[object]] = [over.wait()]
    if once:
        ends.append(_settled(device))
    await first_of(station, *ends)


async def _settled(device: FlashDevice) -> None:
    """Wait until the device is a node and its Provisioner has let go of it."""
    if device.device is None:
        return
    await device.device.provisioned()
    while device.device.link is not None:  # noqa: ASYNC110 - nothing tells
        await asyncio.sleep(_LOOK)
