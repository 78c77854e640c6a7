"""Connectable advertisements: Service Data of the two mesh services (7.1.2.2.1, 7.2.2.2).

All octets here are what follows the 16-bit UUID of the service. As everywhere in GATT integers are
little-endian; what is hashed is a string of octets and stays big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Self
from uuid import UUID

from meshwright.core.crypto import aes_ecb, equal
from meshwright.core.discovery.ad import join, structures
from meshwright.core.discovery.beacon import OobInformation, UnprovisionedBeacon
from meshwright.core.errors import MalformedError
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.octets import Reader

NODE_IDENTITY_SECONDS = 60.0
"""How long a node advertises its Node Identity after provisioning over PB-GATT (7.2.2.2.3)."""

_FLAGS = 0x01
_COMPLETE_SERVICES = 0x03
_SERVICE_DATA = 0x16
_GENERAL_DISCOVERABLE = b"\x06"  # LE General Discoverable, no BR/EDR
_UUID_SIZE = 2
_HASH_SIZE = _RANDOM_SIZE = 8


class MeshService(IntEnum):
    """16-bit UUIDs of the two services (Assigned Numbers)."""

    PROVISIONING = 0x1827
    PROXY = 0x1828


# The Provisioning Service: the same facts as in an Unprovisioned Device beacon.


def encode_provisioning(device: UnprovisionedBeacon) -> bytes:
    """Return the Service Data of 0x1827, 18 octets; there is no place for a URI hash."""
    return device.uuid.bytes + device.oob.to_bytes(2, "little")


def decode_provisioning(data: bytes) -> UnprovisionedBeacon:
    """Return the device behind Service Data of 0x1827; raises `MalformedError`."""
    reader = Reader(data)
    uuid, oob = UUID(bytes=reader.take(16)), OobInformation(reader.unsigned_le(2))
    reader.end()
    return UnprovisionedBeacon(uuid, oob)


# The Proxy Service.


@dataclass(frozen=True, slots=True)
class NetworkId:
    """A node of a network: type 0x00 (7.2.2.2.2)."""

    network_id: bytes

    @classmethod
    def make(cls, keys: NetworkKeys) -> Self:
        """Advertise the network of `keys`."""
        return cls(keys.network_id)

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        return cls(reader.take(8))

    def encode_body(self) -> bytes:
        return self.network_id

    def matches(self, keys: NetworkKeys) -> bool:
        """Tell whether the node belongs to the network of `keys`."""
        return self.network_id == keys.network_id


@dataclass(frozen=True, slots=True)
class _Hashed:
    """`Hash 8 | Random 8`: only who knows the network can tell what it stands for."""

    hashed: bytes
    random: bytes

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        return cls(reader.take(_HASH_SIZE), reader.take(_RANDOM_SIZE))

    def encode_body(self) -> bytes:
        return self.hashed + self.random

    def _is(self, keys: NetworkKeys, prefix: bytes, suffix: bytes = b"") -> bool:
        return equal(_hash(keys, prefix + self.random + suffix), self.hashed)


@dataclass(frozen=True, slots=True)
class NodeIdentity(_Hashed):
    """One node of a network: type 0x01 (7.2.2.2.3)."""

    @classmethod
    def make(cls, keys: NetworkKeys, address: int, random: bytes) -> Self:
        """Advertise the node with `address`; draw the 8 octets of `random` anew every time."""
        return cls(_hash(keys, _NODE + random + _octets(address)), random)

    def matches(self, keys: NetworkKeys, address: int) -> bool:
        """Tell whether this is the node with `address` in the network of `keys`."""
        return self._is(keys, _NODE, _octets(address))


@dataclass(frozen=True, slots=True)
class PrivateNetworkIdentity(_Hashed):
    """A node of a network that hides which one it is: type 0x02 (7.2.2.2.4)."""

    @classmethod
    def make(cls, keys: NetworkKeys, random: bytes) -> Self:
        """Advertise the network of `keys`; draw the 8 octets of `random` anew every time."""
        return cls(_hash(keys, keys.network_id + random), random)

    def matches(self, keys: NetworkKeys) -> bool:
        """Tell whether the node belongs to the network of `keys`."""
        return self._is(keys, keys.network_id)


@dataclass(frozen=True, slots=True)
class PrivateNodeIdentity(_Hashed):
    """One node of a network that hides itself: type 0x03 (7.2.2.2.5)."""

    @classmethod
    def make(cls, keys: NetworkKeys, address: int, random: bytes) -> Self:
        """Advertise the node with `address`; draw the 8 octets of `random` anew every time."""
        return cls(_hash(keys, _PRIVATE_NODE + random + _octets(address)), random)

    def matches(self, keys: NetworkKeys, address: int) -> bool:
        """Tell whether this is the node with `address` in the network of `keys`."""
        return self._is(keys, _PRIVATE_NODE, _octets(address))


# The text of 7.2.2.2.5 leaves out the address; its sample data (8.6.4) has it.
_NODE = bytes(6)
_PRIVATE_NODE = bytes(5) + b"\x03"


def _hash(keys: NetworkKeys, block: bytes) -> bytes:
    return aes_ecb(keys.identity_key, block)[_HASH_SIZE:]


def _octets(address: int) -> bytes:
    return address.to_bytes(2, "big")


ProxyIdentity = NetworkId | NodeIdentity | PrivateNetworkIdentity | PrivateNodeIdentity

_TYPES: dict[int, type[ProxyIdentity]] = {
    0x00: NetworkId,
    0x01: NodeIdentity,
    0x02: PrivateNetworkIdentity,
    0x03: PrivateNodeIdentity,
}
_CODES = {kind: code for code, kind in _TYPES.items()}


def encode_proxy(identity: ProxyIdentity) -> bytes:
    """Return the Service Data of 0x1828, identification type first."""
    return bytes([_CODES[type(identity)]]) + identity.encode_body()


def decode_proxy(data: bytes) -> ProxyIdentity:
    """Return what Service Data of 0x1828 says; raises `MalformedError`, also for unknown types."""
    reader = Reader(data)
    kind = _TYPES.get(reader.unsigned(1))
    if kind is None:
        raise MalformedError(f"identification type {data[0]:#04x} is not known")
    identity = kind.decode_body(reader)
    reader.end()
    return identity


# The advertisement around it.


def advertisement(service: MeshService, data: bytes) -> bytes:
    """Return the payload of a connectable advertisement: flags, service and its Service Data."""
    uuid = service.to_bytes(_UUID_SIZE, "little")
    return join(
        (_FLAGS, _GENERAL_DISCOVERABLE), (_COMPLETE_SERVICES, uuid), (_SERVICE_DATA, uuid + data)
    )


def from_advertisement(payload: bytes) -> tuple[MeshService, bytes] | None:
    """Return the mesh service in a payload that was heard, and its Service Data; or None."""
    for kind, data in structures(payload):
        service = _SERVICES.get(data[:_UUID_SIZE]) if kind == _SERVICE_DATA else None
        if service is not None:
            return service, data[_UUID_SIZE:]
    return None


_SERVICES = {service.to_bytes(_UUID_SIZE, "little"): service for service in MeshService}
