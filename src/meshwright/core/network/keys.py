"""What follows from a NetKey and an AppKey (Mesh Protocol 1.1, 3.9.6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Self

from meshwright.core.crypto import NetworkCredentials, k1, k2, k3, k4, s1

_ID128 = b"id128\x01"
_IDENTITY_SALT = s1(b"nkik")
_BEACON_SALT = s1(b"nkbk")
_PRIVATE_BEACON_SALT = s1(b"nkpk")


@dataclass(frozen=True, slots=True)
class NetworkKeys:
    """A NetKey and all that is derived from it; `flooding` secures ordinary messages."""

    net_key: bytes = field(repr=False)
    flooding: NetworkCredentials
    network_id: bytes
    identity_key: bytes = field(repr=False)
    beacon_key: bytes = field(repr=False)
    private_beacon_key: bytes = field(repr=False)

    @classmethod
    def derive(cls, net_key: bytes) -> Self:
        """Derive everything from `net_key` (3.9.6.3)."""
        return cls(
            net_key,
            k2(net_key, b"\x00"),
            k3(net_key),
            k1(net_key, _IDENTITY_SALT, _ID128),
            k1(net_key, _BEACON_SALT, _ID128),
            k1(net_key, _PRIVATE_BEACON_SALT, _ID128),
        )


@dataclass(frozen=True, slots=True)
class ApplicationKey:
    """An AppKey and its AID (3.9.6.2)."""

    app_key: bytes = field(repr=False)
    aid: int

    @classmethod
    def derive(cls, app_key: bytes) -> Self:
        return cls(app_key, k4(app_key))


def friendship_credentials(
    net_key: bytes, low_power: int, friend: int, low_power_counter: int, friend_counter: int
) -> NetworkCredentials:
    """Credentials between a Low Power node and its Friend (3.9.6.3.1)."""
    parts = (low_power, friend, low_power_counter, friend_counter)
    return k2(net_key, b"\x01" + b"".join(part.to_bytes(2, "big") for part in parts))


def directed_credentials(net_key: bytes) -> NetworkCredentials:
    """Credentials of directed forwarding (3.9.6.3.1)."""
    return k2(net_key, b"\x02")
