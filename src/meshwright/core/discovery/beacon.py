"""Mesh beacons: the container and the Unprovisioned Device beacon (Mesh Protocol 1.1, 3.10).

All octets here are the content of the Mesh Beacon AD type, without length and AD type. An
unprovisioned beacon is not authenticated: it may say what a device offers, and nothing in it may
lower what the policy demands.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import IntFlag
from typing import Self
from uuid import UUID

from meshwright.core.discovery.ad import AdType, join, structures
from meshwright.core.discovery.network_beacon import PrivateBeacon, SecureNetworkBeacon
from meshwright.core.discovery.uri import HASH_SIZE
from meshwright.core.errors import MalformedError
from meshwright.core.octets import Reader

_MESH_BEACON = int(AdType.MESH_BEACON)  # comparing with an enum member costs more
_UNPROVISIONED = 0x00
_SIZES = (19, 23)  # without and with a URI hash


class OobInformation(IntFlag):
    """Where out-of-band data can be found (Table 3.78); reserved bits are kept as they came."""

    NONE = 0
    OTHER = 1 << 0
    URI = 1 << 1
    MACHINE_READABLE_2D = 1 << 2
    BAR_CODE = 1 << 3
    NFC = 1 << 4
    NUMBER = 1 << 5
    STRING = 1 << 6
    CERTIFICATE = 1 << 7
    RECORDS = 1 << 8
    ON_BOX = 1 << 11
    INSIDE_BOX = 1 << 12
    ON_PAPER = 1 << 13
    INSIDE_MANUAL = 1 << 14
    ON_DEVICE = 1 << 15


CERTIFICATE_BASED = OobInformation.CERTIFICATE | OobInformation.RECORDS
"""What a device with a certificate sets: both bits, always (3.10.2)."""


@dataclass(frozen=True, slots=True)
class UnprovisionedBeacon:
    """A device that waits to be provisioned (3.10.2)."""

    uuid: UUID
    oob: OobInformation = OobInformation.NONE
    uri_hash: bytes | None = None

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        uuid, oob = UUID(bytes=reader.take(16)), OobInformation(reader.unsigned(2))
        return cls(uuid, oob, reader.take(HASH_SIZE) if reader.remaining else None)

    def encode_body(self) -> bytes:
        return self.uuid.bytes + self.oob.to_bytes(2, "big") + (self.uri_hash or b"")

    @property
    def has_certificate(self) -> bool:
        """Whether the device claims certificate and records; one bit alone does not count."""
        return CERTIFICATE_BASED in self.oob


Beacon = UnprovisionedBeacon | SecureNetworkBeacon | PrivateBeacon

_TYPES: dict[int, type[Beacon]] = {
    _UNPROVISIONED: UnprovisionedBeacon,
    0x01: SecureNetworkBeacon,
    0x02: PrivateBeacon,
}
_CODES = {kind: code for code, kind in _TYPES.items()}


def decode_beacon(data: bytes) -> Beacon:
    """Return the beacon; raises `MalformedError` for an unknown type or a wrong length."""
    reader = Reader(data)
    kind = _TYPES.get(reader.unsigned(1))
    if kind is None:
        raise MalformedError(f"beacon type {data[0]:#04x} is not known")
    beacon = kind.decode_body(reader)
    reader.end()
    return beacon


def encode_beacon(beacon: Beacon) -> bytes:
    """Return the beacon's octets, beacon type first."""
    return bytes([_CODES[type(beacon)]]) + beacon.encode_body()


def advertisement(beacon: Beacon) -> bytes:
    """Return the whole advertising payload that carries `beacon`."""
    return join((AdType.MESH_BEACON, encode_beacon(beacon)))


def heard_beacon(payload: bytes) -> UnprovisionedBeacon | None:
    """Return the unprovisioned beacon in an advertising payload, whoever sent it."""
    body = _unprovisioned_body(payload)
    return None if body is None else UnprovisionedBeacon.decode_body(Reader(body))


def expected_beacon(payload: bytes, expected: Container[bytes]) -> UnprovisionedBeacon | None:
    """Return the beacon of a device whose UUID octets are in `expected`, or None.

    This runs for every packet in radio range, so nothing is built before the UUID is found.
    """
    body = _unprovisioned_body(payload)
    if body is None or body[:16] not in expected:
        return None
    return UnprovisionedBeacon.decode_body(Reader(body))


def _unprovisioned_body(payload: bytes) -> bytes | None:
    for kind, data in structures(payload):
        if kind == _MESH_BEACON and len(data) in _SIZES and data[0] == _UNPROVISIONED:
            return data[1:]
    return None
