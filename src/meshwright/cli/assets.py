"""`meshwright assets`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.output import cell, counted, emit, say, table
from meshwright.core.errors import InputError

if TYPE_CHECKING:
    from meshwright.registry.entities import Asset, Network
    from meshwright.wiring.home import Home
    from meshwright.wiring.network import Scanned

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
    from meshwright.wiring.network import enter_assets, scan_labels
    from meshwright.wiring.site import choose_network

    if not images and not uuids:
        raise click.UsageError("Give pictures of labels, or --uuid.")
    found_devices = _each_once([*scan_labels(images), *_typed(uuids)])
    with open_home(home, key_file) as found:
        place = choose_network(found, network)
        added = enter_assets(found, found_devices, _names(found_devices, name), place)
    if as_json:
        emit({"assets": [_describe(asset, place) for asset in added]})
        return
    for asset in added:
        say(f"{asset.name}  {asset.uuid}")
    say(f"{counted(len(added), 'device')} may join the network {place.name}.")


def _each_once(devices: list[Scanned]) -> list[Scanned]:
    return list({device.uuid: device for device in reversed(devices)}.values())[::-1]


def _typed(uuids: tuple[str, ...]) -> list[Scanned]:
    from meshwright.wiring.network import Scanned

    return [Scanned(_uuid(text), Path("typed")) for text in uuids]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a UUID; it has 32 hex digits.", code="bad-uuid"
        ) from None


def _names(devices: list[Scanned], name: str | None) -> list[str]:
    """Name devices as told, or after their pictures; several of one name are numbered."""
    names = [name or _default_name(device) for device in devices]
    total, numbered = Counter(names), Counter[str]()
    for place, each in enumerate(names):
        numbered[each] += 1
        if total[each] > 1:
            names[place] = f"{each} {numbered[each]}"
    return names


def _default_name(device: Scanned) -> str:
    return device.source.stem if device.source.suffix else str(device.uuid)


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


def _rows(home: Home, name: str | None) -> list[dict[str, Any]]:
    register = home.register
    network_id = None if name is None else register.network(name).id
    networks = {network.id: network for network in register.networks()}
    nodes = {(node.network_id, node.uuid): node for node in register.nodes(network_id)}
    missing = {each.asset.id: each.last for each in register.unaccounted(network_id)}
    rows = []
    for asset in register.assets(network_id):
        row = _describe(asset, networks.get(asset.network_id or 0))
        node, last = nodes.get((asset.network_id or 0, asset.uuid)), missing.get(asset.id)
        row["state"] = "unaccounted" if node is None else "node"
        row["address"] = None if node is None else node.address
        row["last_seen"] = None if last is None else last.started.isoformat(timespec="seconds")
        row["code"] = None if last is None else last.code
        row["reason"] = None if last is None else last.reason
        rows.append(row)
    return rows


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
