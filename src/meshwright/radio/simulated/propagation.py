"""How packets travel on the simulated air: their length, their strength and what goes wrong."""

from __future__ import annotations

import math
from dataclasses import dataclass

Position = tuple[float, float]
"""Meters east and north of anywhere."""

CHANNELS = 3
"""37, 38 and 39, numbered from 0 in the order of an advertising event."""

TURNAROUND = 0.000_15
"""A radio is deaf for this long before and after it transmits."""

GAP_MINIMUM, GAP_MAXIMUM = 0.000_15, 0.000_40
"""Between two channels of one event; differs per controller."""

_NEAREST = 0.1


def airtime(octets: int) -> float:
    """Return the seconds of an ADV_NONCONN_IND with so much data on one channel, at 1 Mbit/s."""
    return (128 + 8 * octets) * 1e-6


@dataclass(frozen=True, slots=True)
class Faults:
    """What else goes wrong, drawn for each receiver of each packet.

    `loss` and `duplication` are probabilities. `delay` is the longest delay in seconds; packets may
    overtake one another, and a duplicate has a delay of its own.
    """

    loss: float = 0.0
    duplication: float = 0.0
    delay: float = 0.0


@dataclass(slots=True)
class AirStatistics:
    """Events sent, and receptions on the listened channel by fate."""

    sent: int = 0
    heard: int = 0
    deaf: int = 0
    collided: int = 0
    lost: int = 0


@dataclass(frozen=True, slots=True)
class PathLoss:
    """Log-distance path loss, in dB and dBm; `fixed` is the RSSI between unknown positions."""

    power: float = 0.0
    at_one_meter: float = 40.0
    exponent: float = 2.5
    fixed: int = -60

    def rssi(self, one: Position | None, other: Position | None) -> int:
        if one is None or other is None:
            return self.fixed
        distance = max(math.dist(one, other), _NEAREST)
        return round(self.power - self.at_one_meter - 10 * self.exponent * math.log10(distance))
