"""What a run says while it goes on."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.registry.entities import Asset, Node
from meshwright.services.report import Progress, ResultKind

_SHOWN = 10
"""Strangers, and refused senders of one UUID: addresses cost nothing, lines on a screen do."""


class Telling:
    """Says it to whoever shows it, and not too often."""

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress

    def working(self, asset: Asset, text: str) -> None:
        """Say what is going on with an asset."""
        self._on_progress(Progress(ResultKind.WORKING, asset.name, text))

    def joined(self, asset: Asset, node: Node) -> None:
        """Say that an asset is a node."""
        self._on_progress(Progress(ResultKind.NODE, asset.name, f"node 0x{node.address:04x}"))

    def stranger(self, so_many: int) -> None:
        """Say that a stranger was heard, the newest of `so_many`."""
        if so_many <= _SHOWN:
            who = "a device that is not on the list"
            self._on_progress(Progress(ResultKind.REFUSED, who, "it stays outside."))

    def refused(self, asset: Asset, reason: str, so_many: int) -> None:
        """Say that a sender was refused under the UUID of an asset, the newest of `so_many`."""
        if so_many <= _SHOWN:
            who = f"somebody under the UUID of {asset.name}"
            self._on_progress(Progress(ResultKind.REFUSED, who, reason))
