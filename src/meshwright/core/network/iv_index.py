"""Which IV Index secures a message (Mesh Protocol 1.1, 3.11.5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntFlag
from typing import Self


class NetworkFlags(IntFlag):
    """Flags of network beacons and of Provisioning Data; bits 2 to 7 are reserved (3.10.3)."""

    KEY_REFRESH = 1 << 0
    IV_UPDATE = 1 << 1


@dataclass(frozen=True, slots=True)
class IvIndex:
    """The current IV Index; `updating` while the IV Update procedure is in progress."""

    value: int
    updating: bool = False

    @classmethod
    def told(cls, value: int, flags: int) -> Self:
        """Return what a beacon or Provisioning Data says."""
        return cls(value, bool(flags & NetworkFlags.IV_UPDATE))

    @property
    def transmit(self) -> int:
        """The IV Index for sending: the one before while an update is in progress."""
        return max(self.value - self.updating, 0)

    def received(self, ivi: int) -> int | None:
        """Return the IV Index that a packet's IVI bit means: this one, the one before, or none."""
        candidate = self.value if self.value & 1 == ivi else self.value - 1
        return candidate if candidate >= 0 else None
