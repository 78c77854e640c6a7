"""Who waits to be provisioned, and which of them are on the owner's list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from meshwright.core.discovery.beacon import OobInformation
from meshwright.core.readable.words import flags
from meshwright.registry.register import Register
from meshwright.roles.bearers import Bearer
from meshwright.roles.discovery import DeviceDiscovered
from meshwright.services.assets import Standing, standings

_BEARERS = {Bearer.ADV: "PB-ADV", Bearer.GATT: "PB-GATT"}
_GROUPS = (8, 13, 18, 23, 36)
"""Characters of a UUID up to the end of each of its groups."""


def known_assets(register: Register) -> dict[UUID, Standing]:
    """Return every asset of a home and what it is now, by UUID."""
    return {standing.asset.uuid: standing for standing in standings(register, None)}


@dataclass(frozen=True, slots=True)
class Found:
    """A device that was heard, and what the home knows of it."""

    device: DeviceDiscovered
    standing: Standing | None = None

    @property
    def oob_names(self) -> list[str]:
        """Where out-of-band data is found, in words."""
        return flags(OobInformation, int(self.device.oob))

    @property
    def bearer_names(self) -> list[str]:
        """What it can be provisioned over, as far as was heard."""
        return [name for bearer, name in _BEARERS.items() if self.device.bearers & bearer]

    @property
    def asset(self) -> str:
        """Its name in the home, empty for strangers.

        A node that asks to be provisioned was reset, or somebody copies it.
        """
        if self.standing is None:
            return ""
        name = self.standing.asset.name
        return name if self.standing.node is None else f"{name} (was a node)"


def found_among(devices: Iterable[DeviceDiscovered], known: Mapping[UUID, Standing]) -> list[Found]:
    """Return devices with what the home knows of them, in the order in which they were heard."""
    first = sorted(devices, key=lambda device: device.first_heard)
    return [Found(device, known.get(device.uuid)) for device in first]


def short_names(uuids: Iterable[UUID]) -> dict[UUID, str]:
    """Return for each UUID as many of its groups as tell it from all others."""
    texts = {uuid: str(uuid) for uuid in uuids}
    unique = (n for n in _GROUPS if len({text[:n] for text in texts.values()}) == len(texts))
    length = next(unique)  # the whole is always unique
    return {uuid: text[:length] for uuid, text in texts.items()}
