"""Beacons of a network: Secure Network and Mesh Private (Mesh Protocol 1.1, 3.10.3, 3.10.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from meshwright.core.crypto import (
    AuthenticationFailedError,
    aes_cmac,
    ccm_decrypt,
    ccm_encrypt,
    equal,
)
from meshwright.core.network.iv_index import NetworkFlags
from meshwright.core.octets import Reader

_AUTHENTICATION_SIZE = 8
_RANDOM_SIZE = 13
_OBFUSCATED_SIZE = 5


@dataclass(frozen=True, slots=True)
class NetworkState:
    """What a beacon tells the nodes of its network."""

    flags: NetworkFlags
    iv_index: int

    @classmethod
    def decode(cls, octets: bytes) -> Self:
        reader = Reader(octets)
        state = cls(NetworkFlags(reader.unsigned(1)), reader.unsigned(4))
        reader.end()
        return state

    def encode(self) -> bytes:
        return bytes([self.flags]) + self.iv_index.to_bytes(4, "big")


@dataclass(frozen=True, slots=True)
class SecureNetworkBeacon:
    """The Secure Network beacon (3.10.3); trust `state` only after `verify`."""

    state: NetworkState
    network_id: bytes
    authentication: bytes

    @classmethod
    def sign(cls, beacon_key: bytes, network_id: bytes, state: NetworkState) -> Self:
        """Make the beacon of a network."""
        return cls(state, network_id, _authentication(beacon_key, network_id, state))

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        flags, network_id = reader.take(1), reader.take(8)
        state = NetworkState.decode(flags + reader.take(4))
        return cls(state, network_id, reader.take(_AUTHENTICATION_SIZE))

    def encode_body(self) -> bytes:
        state = self.state.encode()
        return state[:1] + self.network_id + state[1:] + self.authentication

    def verify(self, beacon_key: bytes) -> NetworkState:
        """Return the state; raises `AuthenticationFailedError` when the beacon is not genuine."""
        expected = _authentication(beacon_key, self.network_id, self.state)
        if not equal(expected, self.authentication):
            raise AuthenticationFailedError("the beacon's authentication value is wrong")
        return self.state


@dataclass(frozen=True, slots=True)
class PrivateBeacon:
    """The Mesh Private beacon (3.10.4): its state is encrypted under a 13-octet random value."""

    random: bytes
    obfuscated: bytes
    tag: bytes

    @classmethod
    def seal(cls, private_beacon_key: bytes, random: bytes, state: NetworkState) -> Self:
        """Make the beacon; draw `random` anew every time."""
        # The blocks written out in 3.10.4.1.1 are AES-CCM with the random value as nonce.
        sealed = ccm_encrypt(private_beacon_key, random, state.encode(), _AUTHENTICATION_SIZE)
        return cls(random, sealed[:_OBFUSCATED_SIZE], sealed[_OBFUSCATED_SIZE:])

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        random, obfuscated = reader.take(_RANDOM_SIZE), reader.take(_OBFUSCATED_SIZE)
        return cls(random, obfuscated, reader.take(_AUTHENTICATION_SIZE))

    def encode_body(self) -> bytes:
        return self.random + self.obfuscated + self.tag

    def open(self, private_beacon_key: bytes) -> NetworkState:
        """Return the state; raises `AuthenticationFailedError` when the beacon is not genuine."""
        sealed = self.obfuscated + self.tag
        return NetworkState.decode(
            ccm_decrypt(private_beacon_key, self.random, sealed, _AUTHENTICATION_SIZE)
        )


def _authentication(beacon_key: bytes, network_id: bytes, state: NetworkState) -> bytes:
    octets = state.encode()
    return aes_cmac(beacon_key, octets[:1] + network_id + octets[1:])[:_AUTHENTICATION_SIZE]
