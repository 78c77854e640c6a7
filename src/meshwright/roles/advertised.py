"""What an unprovisioned device says of itself, and how often."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    encode_beacon,
)
from meshwright.core.discovery.uri import encode_uri, uri_hash
from meshwright.core.provisioning.fields import RecordId


@dataclass(frozen=True, slots=True)
class BeaconTiming:
    """Seconds between two beacons, drawn anew each time, and between connectable advertisements."""

    fastest: float = 0.5
    slowest: float = 1.0
    connectable: float = 0.1


def information_of(records: Collection[int]) -> OobInformation:
    """Return the bits that having `records`, by their IDs, forces in the beacon (3.10.2)."""
    if RecordId.BASE_URI in records or RecordId.DEVICE_CERTIFICATE in records:
        return CERTIFICATE_BASED
    return OobInformation.RECORDS if records else OobInformation.NONE


@dataclass(frozen=True, slots=True)
class Advertised:
    """What a device says of itself; the URI is advertised by itself, its hash in the beacon."""

    uuid: UUID
    oob: OobInformation = OobInformation.NONE
    uri: str | None = None

    def beacon(self) -> bytes:
        """Return the content of the Mesh Beacon structure."""
        hashed = None if self.uri is None else uri_hash(encode_uri(self.uri))
        return encode_beacon(UnprovisionedBeacon(self.uuid, self.oob, hashed))

    def uri_data(self) -> bytes | None:
        """Return the content of the URI structure.

        Raises `InputError` (`bad-uri`, `advertisement-too-long`) for what cannot be advertised.
        """
        if self.uri is None:
            return None
        data = encode_uri(self.uri)
        structure(AdType.URI, data)
        return data
