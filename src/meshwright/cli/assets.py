"""`meshwright assets`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.output import cell, counted, emit, say, table

if TYPE_CHECKING:
    from meshwright.registry.entities import Asset, Network
    from meshwright.services.assets import Standing
    from meshwright.wiring.home import Home

_network_option = click.option("--network", help="The network they belong to.")


@click.group("assets")
def command() -> None:
    """Keep the list of devices that may join."""


@command.command(
    "add",
    epilog=example(
        "meshwright assets add plant/labels/*.png --home plant",
        "meshwright assets add photo.jpg --name 'hall lamp 3' --network hall",
        "meshwright assets add --uuid 3f0c1d2e-0000-11f0-8000-0123456789ab",
    ),
)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option("--uuid", "uuids", multiple=True, help="A device UUID instead of a label.")
@click.option("--name", help="What the device is called; with several, a number is added.")
@_network_option
@home_command
def add(
    images: tuple[Path, ...],
    uuids: tuple[str, ...],
    name: str | None,
    network: str | None,
    home: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Enter devices, from pictures of their labels or by UUID. All are entered, or none."""
    from meshwright.services.assets import enter_assets, named, scan_labels, typed
    from meshwright.services.networks import choose_network

    if not images and not uuids:
        raise click.UsageError("Give pictures of labels, or --uuid.")
    candidates = named([*scan_labels(images), *typed(uuids)], name)
    with open_home(home, key_file) as found:
        place = choose_network(found.register, network)
        added = enter_assets(found.register, candidates, place)
    if as_json:
        emit({"assets": [_describe(asset, place) for asset in added]})
        return
    for asset in added:
        say(f"{asset.name}  {asset.uuid}")
    say(f"{counted(len(added), 'device')} may join the network {place.name}.")


@command.command("list", epilog=example("meshwright assets list --home plant"))
@_network_option
@home_command
def list_(network: str | None, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """List every device and what it is now."""
    with open_home(home, key_file) as found:
        rows = _rows(found, network)
    columns = ["name", "uuid", "network", "state"]
    _print("Assets", columns, rows, as_json, empty="No device is on the list yet.")


@command.command("unaccounted", epilog=example("meshwright assets unaccounted --home plant"))
@_network_option
@home_command
def unaccounted(
    network: str | None, home: Path | None, key_file: Path | None, as_json: bool
) -> None:
    """List the devices that are no nodes yet.

    Says when each was last tried, and why it is not in.
    """
    with open_home(home, key_file) as found:
        rows = [row for row in _rows(found, network) if row["state"] != "node"]
    columns = ["name", "network", "last seen", "reason"]
    _print("Unaccounted", columns, rows, as_json, empty="Every device on the list is a node.")


def _rows(home: Home, network: str | None) -> list[dict[str, Any]]:
    from meshwright.services.assets import standings

    return [_row(each) for each in standings(home.register, network)]


def _row(standing: Standing) -> dict[str, Any]:
    node, last = standing.node, standing.last
    return {
        **_describe(standing.asset, standing.network),
        "state": "unaccounted" if node is None else "node",
        "address": None if node is None else node.address,
        "last_seen": None if last is None else last.started.isoformat(timespec="seconds"),
        "code": None if last is None else last.code,
        "reason": None if last is None else last.reason,
    }


def _describe(asset: Asset, network: Network | None) -> dict[str, Any]:
    return {
        "uuid": str(asset.uuid),
        "name": asset.name,
        "network": None if network is None else network.name,
        "source": asset.source,
    }


def _print(
    title: str, columns: list[str], rows: list[dict[str, Any]], as_json: bool, *, empty: str
) -> None:
    if as_json:
        emit({"assets": rows})
        return
    table(title, columns, [[_cell(row, column) for column in columns] for row in rows], empty=empty)


def _cell(row: dict[str, Any], column: str) -> str:
    if column == "state" and row["address"] is not None:
        return f"node 0x{row['address']:04x}"
    if column == "last seen" and row["last_seen"] is not None:
        return str(row["last_seen"])[:16].replace("T", " ") + " UTC"
    return cell(row[column.replace(" ", "_")], column)
