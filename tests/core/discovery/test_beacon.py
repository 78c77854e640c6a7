"""Beacons against the samples of 8.4, and against strangers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.crypto import AuthenticationFailedError, k1, k3, s1
from meshwright.core.discovery.ad import AdType, join, structures
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    advertisement,
    decode_beacon,
    encode_beacon,
    expected_beacon,
    heard_beacon,
)
from meshwright.core.discovery.network_beacon import (
    NetworkState,
    PrivateBeacon,
    SecureNetworkBeacon,
)
from meshwright.core.discovery.uri import encode_uri, uri_hash
from meshwright.core.errors import MalformedError
from meshwright.core.network.iv_index import NetworkFlags

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "beacons.json").read_text())
UUID_A = UUID("70cf7c97-32a3-45b6-9149-4810d2e9cbf4")
UUID_B = UUID("70cf7c97-32a3-45b6-9149-4810d2e9cbf5")


def samples(kind: str) -> list[Any]:
    chosen = [vector for vector in VECTORS["vectors"] if vector["kind"] == kind]
    return [pytest.param(vector, id=vector["section"]) for vector in chosen]


def state_of(sample: dict[str, str]) -> NetworkState:
    return NetworkState(NetworkFlags(int(sample["flags"], 16)), int(sample["iv_index"], 16))


@pytest.mark.parametrize("sample", samples("unprovisioned"))
def test_unprovisioned_sample(sample: dict[str, str]) -> None:
    uri = sample.get("uri")
    beacon = UnprovisionedBeacon(
        UUID(sample["uuid"]),
        OobInformation(int(sample["oob_info"], 16)),
        uri_hash(encode_uri(uri)) if uri else None,
    )
    octets = bytes.fromhex(sample["beacon"])
    assert encode_beacon(beacon) == octets
    assert decode_beacon(octets) == beacon
    assert heard_beacon(advertisement(beacon)) == beacon


@pytest.mark.parametrize("sample", samples("secure_network"))
def test_secure_network_sample(sample: dict[str, str]) -> None:
    net_key, octets = bytes.fromhex(sample["NetKey"]), bytes.fromhex(sample["beacon"])
    key = k1(net_key, s1(b"nkbk"), b"id128\x01")
    beacon = SecureNetworkBeacon.sign(key, k3(net_key), state_of(sample))
    assert encode_beacon(beacon) == octets
    decoded = decode_beacon(octets)
    assert isinstance(decoded, SecureNetworkBeacon)
    assert decoded.network_id.hex() == sample["network_id"]
    assert decoded.verify(key) == state_of(sample)


@pytest.mark.parametrize("sample", samples("mesh_private"))
def test_private_sample(sample: dict[str, str]) -> None:
    key = k1(bytes.fromhex(sample["NetKey"]), s1(b"nkpk"), b"id128\x01")
    beacon = PrivateBeacon.seal(key, bytes.fromhex(sample["random"]), state_of(sample))
    assert advertisement(beacon).hex() == sample["ad"]
    ((kind, data),) = structures(bytes.fromhex(sample["ad"]))
    decoded = decode_beacon(data)
    assert kind == AdType.MESH_BEACON
    assert isinstance(decoded, PrivateBeacon)
    assert decoded.open(key) == state_of(sample)


@pytest.mark.parametrize("position", range(1, 22))
def test_a_changed_secure_network_beacon_is_refused(position: int) -> None:
    octets = bytearray.fromhex(samples("secure_network")[0].values[0]["beacon"])
    octets[position] ^= 0x01
    beacon = decode_beacon(bytes(octets))
    assert isinstance(beacon, SecureNetworkBeacon)
    with pytest.raises(AuthenticationFailedError):
        beacon.verify(bytes.fromhex("5423d967da639a99cb02231a83f7d254"))


@pytest.mark.parametrize("position", range(1, 27))
def test_a_changed_private_beacon_is_refused(position: int) -> None:
    sample = samples("mesh_private")[0].values[0]
    octets = bytearray.fromhex(sample["ad"])[2:]
    octets[position] ^= 0x80
    beacon = decode_beacon(bytes(octets))
    assert isinstance(beacon, PrivateBeacon)
    with pytest.raises(AuthenticationFailedError):
        beacon.open(bytes.fromhex(sample["PrivateBeaconKey"]))


@given(st.binary(max_size=40))
def test_any_octets_decode_to_themselves_or_are_malformed(octets: bytes) -> None:
    try:
        beacon = decode_beacon(octets)
    except MalformedError:
        return
    assert encode_beacon(beacon) == octets


@given(st.uuids(), st.integers(0, 0xFFFF), st.none() | st.binary(min_size=4, max_size=4))
def test_unprovisioned_round_trip(uuid: UUID, oob: int, uri_hash: bytes | None) -> None:
    beacon = UnprovisionedBeacon(uuid, OobInformation(oob), uri_hash)
    payload = advertisement(beacon)
    assert len(payload) in (21, 25)
    assert expected_beacon(payload, {uuid.bytes}) == beacon


@pytest.mark.parametrize("size", [0, 1, 16, 17, 18, 20, 21, 22, 24])
def test_wrong_lengths_are_malformed_and_not_heard(size: int) -> None:
    octets = encode_beacon(UnprovisionedBeacon(UUID_A, CERTIFICATE_BASED, bytes(4)))
    octets = (octets + bytes(1))[:size]
    with pytest.raises(MalformedError):
        decode_beacon(octets)
    assert heard_beacon(join((AdType.MESH_BEACON, octets))) is None


def test_only_both_bits_claim_a_certificate() -> None:
    def claims(oob: OobInformation) -> bool:
        return UnprovisionedBeacon(UUID_A, oob).has_certificate

    assert CERTIFICATE_BASED == 0x0180
    assert claims(CERTIFICATE_BASED | OobInformation.NFC)
    assert not claims(OobInformation.CERTIFICATE)
    assert not claims(OobInformation.RECORDS)


def test_a_stranger_is_heard_but_not_expected() -> None:
    payload = advertisement(UnprovisionedBeacon(UUID_B))
    assert heard_beacon(payload) == UnprovisionedBeacon(UUID_B)
    assert expected_beacon(payload, {UUID_A.bytes}) is None
    assert expected_beacon(payload, {UUID_A.bytes: 1, UUID_B.bytes: 2}) is not None


def test_the_beacon_is_found_behind_other_structures() -> None:
    beacon = UnprovisionedBeacon(UUID_A, CERTIFICATE_BASED)
    payload = join((0x01, b"\x06"), (AdType.MESH_BEACON, encode_beacon(beacon)), (0x09, b"x"))
    assert expected_beacon(payload, {UUID_A.bytes}) == beacon


def test_other_beacons_and_packets_are_not_unprovisioned() -> None:
    state = NetworkState(NetworkFlags(0), 7)
    secure = SecureNetworkBeacon.sign(bytes(16), bytes(8), state)
    assert heard_beacon(advertisement(secure)) is None
    octets = encode_beacon(UnprovisionedBeacon(UUID_A))
    assert heard_beacon(join((AdType.MESH_MESSAGE, octets))) is None


@given(st.binary(max_size=300))
def test_hostile_payloads_are_harmless(payload: bytes) -> None:
    heard_beacon(payload)
    expected_beacon(payload, {UUID_A.bytes})
