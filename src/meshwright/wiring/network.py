"""Making networks and entering assets: small use cases that need no service of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from meshwright.factory.labels import read_labels
from meshwright.registry.entities import Asset, Network, NewAsset
from meshwright.wiring.home import Home

KEY_SIZE = 16


def create_network(home: Home, name: str) -> Network:
    """Make a network with keys from the home's randomness."""
    random = home.randomness.stream("network", name)
    uuid = UUID(bytes=random(16), version=4)
    return home.register.create_network(
        name, uuid=uuid, net_key=random(KEY_SIZE), app_key=random(KEY_SIZE)
    )


@dataclass(frozen=True, slots=True)
class Scanned:
    """One device found on a label."""

    uuid: UUID
    source: Path


def scan_labels(images: Sequence[Path]) -> list[Scanned]:
    """Read every label on every image, each device once, in the order of the images."""
    found: dict[UUID, Scanned] = {}
    for image in images:
        for label in read_labels(image):
            found.setdefault(label.uuid, Scanned(label.uuid, image))
    return list(found.values())


def enter_assets(
    home: Home, uuids: Sequence[Scanned], names: Sequence[str], network: Network
) -> list[Asset]:
    """Enter devices into the register: all of them or none."""
    items = [
        NewAsset(scanned.uuid, name, network.id, f"label {scanned.source.name}")
        for scanned, name in zip(uuids, names, strict=True)
    ]
    return home.register.add_many(items)
