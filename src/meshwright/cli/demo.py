"""`meshwright demo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from meshwright.cli.common import (
    HOME_VARIABLE,
    chosen_home,
    example,
    json_option,
    links_option,
    loss_option,
)
from meshwright.cli.display import observer
from meshwright.cli.exits import ExitStatus
from meshwright.cli.output import counted, emit, say, table

if TYPE_CHECKING:
    from meshwright.wiring.demo_result import DemoResult, Row


@click.command(
    "demo",
    short_help="Take virtual devices the whole way, once.",
    epilog=example(
        "meshwright demo --devices 10 --seed 1",
        "meshwright demo --devices 50 --seed 2 --json",
        "meshwright demo --home trial      # again: goes on after an interruption",
    ),
)
@click.option("--devices", type=click.IntRange(1, 1000), default=10, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same run.")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"The folder to use; without one a new temporary one.  [env: {HOME_VARIABLE}]",
)
@links_option
@loss_option
@click.option(
    "--pcap",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Record the simulated air in this new file, for meshwright sniff or tshark.",
)
@json_option
def command(
    devices: int,
    seed: int,
    home: Path | None,
    links: int | None,
    loss: float,
    pcap: Path | None,
    as_json: bool,
) -> None:
    """Take virtual devices the whole way: factory, labels, asset list, site, network.

    Besides the devices on the list there are two that must not get in: a stranger with a valid
    certificate, and a rogue that copies the UUID of another device. Exit status 0 says that every
    device on the list became a node and nobody else did.
    """
    from meshwright.wiring.demo import DemoOptions, run_demo

    options = DemoOptions(devices, seed, chosen_home(home), loss, links, pcap)
    with observer(quiet=as_json) as shown:
        result = run_demo(options, shown)
    if as_json:
        emit(result.to_json())
    else:
        _print(result)
    if not result.complete:
        click.get_current_context().exit(ExitStatus.INCOMPLETE)


def _print(result: DemoResult) -> None:
    columns = ["device", "outcome", "address", "seconds", "retries", "reason"]
    table("", columns, [_cells(row) for row in result.devices])
    nodes = sum(row.outcome == "node" for row in result.devices)
    say(
        f"{counted(nodes, 'node')} in {result.simulated_seconds:.1f} simulated seconds; "
        f"unaccounted assets: {result.unaccounted}."
    )
    say(f"Network, register and keys: {result.home}")
    say(f"Labels: {result.home}/labels")


def _cells(row: Row) -> list[str]:
    return [
        row.name,
        row.outcome,
        "" if row.address is None else f"0x{row.address:04x}",
        "" if row.seconds_on_air is None else f"{row.seconds_on_air:.1f}",
        str(row.retransmissions),
        row.reason or "",
    ]
