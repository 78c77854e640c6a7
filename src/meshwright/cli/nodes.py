"""`meshwright nodes`."""

from __future__ import annotations

from pathlib import Path

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.output import cell, emit, table


@click.group("nodes")
def command() -> None:
    """Look at the nodes of a network."""


@command.command("list", epilog=example("meshwright nodes list --home plant"))
@click.option("--network", help="Only this network.")
@home_command
def list_(network: str | None, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """List the nodes by address, and how each has proved who it is.

    Device keys are never shown.
    """
    with open_home(home, key_file) as found:
        register = found.register
        network_id = None if network is None else register.network(network).id
        names = {asset.uuid: asset.name for asset in register.assets()}
        networks = {each.id: each.name for each in register.networks()}
        nodes = register.nodes(network_id)
    rows = [
        {
            "address": node.address,
            "elements": node.elements,
            "name": names.get(node.uuid, ""),
            "uuid": str(node.uuid),
            "network": networks[node.network_id],
            "authentication": node.authentication and node.authentication.to_json(),
        }
        for node in nodes
    ]
    if as_json:
        emit({"nodes": rows})
        return
    columns = ["address", "name", "uuid", "network"]
    cells = [
        [cell(row[column], column) for column in columns]
        + [node.authentication.brief if node.authentication else ""]
        for row, node in zip(rows, nodes, strict=True)
    ]
    columns.append("authentication")
    table("Nodes", columns, cells, empty="There are no nodes yet.")
