"""`meshwright network`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.output import cell, emit, say, table

if TYPE_CHECKING:
    from meshwright.registry.entities import Network
    from meshwright.wiring.home import Home


@click.group("network")
def command() -> None:
    """Make networks and look at them."""


@command.command("create", epilog=example("meshwright network create hall --home plant"))
@click.argument("name")
@home_command
def create(name: str, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Make a network with new keys."""
    from meshwright.services.networks import create_network

    with open_home(home, key_file) as found:
        made = _describe(found, create_network(found.register, name, found.randomness))
    if as_json:
        emit(made)
    else:
        say(f"Made the network {name}; add its devices with `meshwright assets add`.")


@command.command("show", epilog=example("meshwright network show --home plant"))
@click.argument("name", required=False)
@home_command
def show(name: str | None, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Show one network, or all of them; keys are never shown."""
    with open_home(home, key_file) as found:
        register = found.register
        networks = register.networks() if name is None else [register.network(name)]
        rows = [_describe(found, network) for network in networks]
    if as_json:
        emit({"networks": rows})
        return
    columns = ["name", "id", "nodes", "assets", "next_address", "iv_index"]
    cells = [[cell(row[column], column) for column in columns] for row in rows]
    table("Networks", columns, cells, empty="There is no network yet.")


def _describe(home: Home, network: Network) -> dict[str, Any]:
    from meshwright.core.crypto import k3

    register = home.register
    return {
        "name": network.name,
        "id": k3(network.net_key).hex(),
        "nodes": len(register.nodes(network.id)),
        "assets": len(register.assets(network.id)),
        "next_address": network.next_address,
        "iv_index": network.iv_index,
    }
