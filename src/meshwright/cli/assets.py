"""`meshwright assets`."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.oob_options import oob_options, public_key_of, static_oob_of
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
        "meshwright assets add lamp.png --static-oob lamp.oob",
    ),
)
@click.argument("images", nargs=-1, type=click.Path(path_type=Path))
@click.option("--uuid", "uuids", multiple=True, help="A device UUID instead of a label.")
@click.option("--name", help="What the device is called; with several, a number is added.")
@_network_option
@oob_options
@home_command
def add(
    images: tuple[Path, ...],
    uuids: tuple[str, ...],
    name: str | None,
    network: str | None,
    static_oob: IO[bytes] | None,
    static_oob_kind: str,
    public_key: str | None,
    home: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Enter devices, from pictures of their labels or by UUID. All are entered, or none."""
    from dataclasses import replace

    from meshwright.services.assets import enter_assets, named, scan_labels, typed
    from meshwright.services.networks import choose_network

    if not images and not uuids:
        raise click.UsageError("Give pictures of labels, or --uuid.")
    candidates = named([*scan_labels(images), *typed(uuids)], name)
    if public_key is not None and len(candidates) != 1:
        raise click.UsageError("A public key belongs to one device; add that one by itself.")
    value, key = static_oob_of(static_oob, static_oob_kind), public_key_of(public_key)
    candidates = [replace(each, static_oob=value, public_key=key) for each in candidates]
    with open_home(home, key_file) as found:
        place = choose_network(found.register, network)
        added = enter_assets(found.register, candidates, place)
    if as_json:
        emit({"assets": [_describe(asset, place) for asset in added]})
        return
    for asset in added:
        say(f"{asset.name}  {asset.uuid}")
    say(f"{counted(len(added), 'device')} may join the network {place.name}.")


@command.command(
    "oob",
    epilog=example(
        "meshwright assets oob 'hall lamp 3' --static-oob lamp.oob",
        "meshwright assets oob 'hall lamp 3' --static-oob - --static-oob-kind numeric",
        "meshwright assets oob 'hall lamp 3' --remove-static-oob",
    ),
)
@click.argument("device")
@oob_options
@click.option("--remove-static-oob", is_flag=True, help="Forget its static OOB value.")
@click.option("--remove-public-key", is_flag=True, help="Forget its public key.")
@home_command
def oob(
    device: str,
    static_oob: IO[bytes] | None,
    static_oob_kind: str,
    public_key: str | None,
    remove_static_oob: bool,
    remove_public_key: bool,
    home: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Keep or forget what is known of a device beforehand.

    DEVICE is its name or UUID. A static OOB value is never shown again.
    """
    if (static_oob and remove_static_oob) or (public_key and remove_public_key):
        raise click.UsageError("Give a value or remove it, not both.")
    if not (static_oob or public_key or remove_static_oob or remove_public_key):
        raise click.UsageError("Say what to keep or to remove.")
    value, key = static_oob_of(static_oob, static_oob_kind), public_key_of(public_key)
    with open_home(home, key_file) as found:
        asset = _find(found, device)
        if value is not None or remove_static_oob:
            found.register.set_static_oob(asset.uuid, value)
        if key is not None or remove_public_key:
            found.register.set_public_key(asset.uuid, key)
        changed = found.register.asset(asset.uuid)
    _print_known(changed, as_json)


@command.command("retry", epilog=example("meshwright assets retry 'hall lamp 3'"))
@click.argument("device")
@home_command
def retry(device: str, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Let a device be tried again that has failed too often.

    DEVICE is its name or UUID. Compare its static OOB value with the list first.
    """
    with open_home(home, key_file) as found:
        asset = _find(found, device)
        found.register.forgive(asset.uuid)
    if as_json:
        emit({"uuid": str(asset.uuid), "name": asset.name})
    else:
        say(f"{asset.name} is tried again by the next run.")


def _find(home: Home, device: str) -> Asset:
    from meshwright.services.assets import find_asset

    return find_asset(home.register, device)


def _print_known(asset: Asset, as_json: bool) -> None:
    if as_json:
        emit({"uuid": str(asset.uuid), "name": asset.name, **_known(asset)})
        return
    static = "a static OOB value" if asset.has_static_oob else "no static OOB value"
    key = "a public key" if asset.public_key else "no public key from the operator"
    say(f"{asset.name} has {static} and {key}.")


def _known(asset: Asset) -> dict[str, Any]:
    """Tell what is known of an asset beforehand; the value itself is never told."""
    key = asset.public_key
    return {
        "static_oob": asset.has_static_oob,
        "public_key": None if key is None else key.hex(),
    }


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
    from meshwright.services.tries import LOCKED, locked_advice

    node, last = standing.node, standing.last
    code, reason = (None, None) if last is None else (last.code, last.reason)
    if node is None and standing.locked:
        code, reason = LOCKED, f"{reason} {locked_advice(standing.asset.uuid)}"
    return {
        **_describe(standing.asset, standing.network),
        "state": "unaccounted" if node is None else "node",
        "address": None if node is None else node.address,
        "last_seen": None if last is None else last.started.isoformat(timespec="seconds"),
        "code": code,
        "reason": reason,
    }


def _describe(asset: Asset, network: Network | None) -> dict[str, Any]:
    return {
        "uuid": str(asset.uuid),
        "name": asset.name,
        "network": None if network is None else network.name,
        "source": asset.source,
        **_known(asset),
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
