"""What carries provisioning PDUs."""

from __future__ import annotations

from enum import IntFlag


class Bearer(IntFlag):
    """Bearers, alone or several; `AUTO` leaves the choice among those that are there."""

    NONE = 0
    ADV = 1 << 0
    GATT = 1 << 1
    AUTO = ADV | GATT
