"""Where a link of either bearer is in its life."""

from __future__ import annotations

from enum import IntEnum, auto


class Phase(IntEnum):
    """A Provisioner's link goes through them once, a device's is idle again after each link."""

    IDLE = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()
