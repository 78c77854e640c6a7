"""Service Data of both services against the samples, and whose identity is whose."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.discovery import service_data
from meshwright.core.discovery.beacon import OobInformation, UnprovisionedBeacon
from meshwright.core.discovery.service_data import (
    MeshService,
    NetworkId,
    NodeIdentity,
    PrivateNetworkIdentity,
    PrivateNodeIdentity,
    ProxyIdentity,
    advertisement,
    decode_provisioning,
    decode_proxy,
    encode_provisioning,
    encode_proxy,
    from_advertisement,
)
from meshwright.core.errors import InputError, MalformedError
from meshwright.core.network.keys import NetworkKeys

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "service_data.json").read_text())
SAMPLES: dict[str, dict[str, Any]] = {vector["kind"]: vector for vector in VECTORS["vectors"]}
KEYS = NetworkKeys.derive(bytes.fromhex(SAMPLES["network_id"]["NetKey"]))
OTHERS = NetworkKeys.derive(bytes(16))
ADDRESS = int(SAMPLES["node_identity"]["address"], 16)
RANDOM = bytes.fromhex(SAMPLES["node_identity"]["random"])

MADE: dict[str, ProxyIdentity] = {
    "network_id": NetworkId.make(KEYS),
    "node_identity": NodeIdentity.make(KEYS, ADDRESS, RANDOM),
    "private_network_identity": PrivateNetworkIdentity.make(KEYS, RANDOM),
    "private_node_identity": PrivateNodeIdentity.make(KEYS, ADDRESS, RANDOM),
}


def test_the_provisioning_sample() -> None:
    sample = SAMPLES["provisioning"]
    device = UnprovisionedBeacon(
        UUID(sample["uuid"]), OobInformation(int(sample["oob_info"], 16)), b"hash"
    )
    payload = advertisement(MeshService.PROVISIONING, encode_provisioning(device))
    assert payload == bytes.fromhex("02010603032718" + sample["ad"])
    assert len(payload) == 29
    found = from_advertisement(payload)
    assert found is not None
    assert found[0] is MeshService.PROVISIONING
    assert decode_provisioning(found[1]) == UnprovisionedBeacon(device.uuid, device.oob)


@pytest.mark.parametrize("kind", MADE)
def test_the_proxy_samples(kind: str) -> None:
    payload = advertisement(MeshService.PROXY, encode_proxy(MADE[kind]))
    assert payload == bytes.fromhex("02010603032818" + SAMPLES[kind]["ad"])
    found = from_advertisement(payload)
    assert found is not None
    assert found[0] is MeshService.PROXY
    assert decode_proxy(found[1]) == MADE[kind]


def test_every_sample_was_used() -> None:
    assert set(SAMPLES) == {"provisioning", *MADE}


@pytest.mark.parametrize(
    "make", [NetworkId.make, lambda keys: PrivateNetworkIdentity.make(keys, RANDOM)]
)
def test_a_network_is_known_by_its_keys(
    make: Callable[[NetworkKeys], NetworkId | PrivateNetworkIdentity],
) -> None:
    assert make(KEYS).matches(KEYS)
    assert not make(KEYS).matches(OTHERS)


@pytest.mark.parametrize("kind", [NodeIdentity, PrivateNodeIdentity])
def test_a_node_is_known_by_keys_and_address(
    kind: type[NodeIdentity] | type[PrivateNodeIdentity],
) -> None:
    identity = kind.make(KEYS, ADDRESS, RANDOM)
    assert identity.matches(KEYS, ADDRESS)
    assert not identity.matches(OTHERS, ADDRESS)
    assert not identity.matches(KEYS, ADDRESS + 1)
    assert not kind(identity.hashed, bytes(8)).matches(KEYS, ADDRESS)


def test_the_two_node_identities_of_one_node_differ() -> None:
    plain, private = MADE["node_identity"], MADE["private_node_identity"]
    assert isinstance(plain, NodeIdentity)
    assert isinstance(private, PrivateNodeIdentity)
    assert not NodeIdentity(private.hashed, private.random).matches(KEYS, ADDRESS)
    assert not PrivateNodeIdentity(plain.hashed, plain.random).matches(KEYS, ADDRESS)


@pytest.mark.parametrize("octets", [0, 17, 19])
def test_provisioning_data_of_another_size_is_malformed(octets: int) -> None:
    with pytest.raises(MalformedError):
        decode_provisioning(bytes(octets))


SIZES = {0: 9, 1: 17, 2: 17, 3: 17}
"""Octets of Service Data of 0x1828 by its first."""
PROXY_DATA = st.one_of(
    st.binary(max_size=31),
    st.builds(lambda kind, rest: bytes([kind]) + rest, st.integers(0, 4), st.binary(max_size=17)),
)


@given(PROXY_DATA)
def test_proxy_data_decodes_to_what_encodes_the_same(data: bytes) -> None:
    try:
        assert encode_proxy(decode_proxy(data)) == data
    except MalformedError:
        assert not data or SIZES.get(data[0]) != len(data)


@given(st.binary(min_size=16, max_size=20))
def test_provisioning_data_decodes_to_what_encodes_the_same(data: bytes) -> None:
    try:
        assert encode_provisioning(decode_provisioning(data)) == data
    except MalformedError:
        assert len(data) != 18


@given(st.binary(max_size=62))
def test_whatever_is_heard_is_understood_or_not(payload: bytes) -> None:
    found = from_advertisement(payload)
    assert found is None or found[0] in MeshService


@given(st.sampled_from(MeshService), st.binary(max_size=20))
def test_what_is_advertised_is_found(service: MeshService, data: bytes) -> None:
    assert from_advertisement(advertisement(service, data)) == (service, data)


@pytest.mark.parametrize(
    "payload",
    ["", "0201060303271803160f18", "1516281770cf7c9732a345b691494810d2e9cbf42040", "021627"],
)
def test_other_services_are_none_of_ours(payload: str) -> None:
    assert from_advertisement(bytes.fromhex(payload)) is None


def test_what_fits_no_advertisement_is_refused() -> None:
    with pytest.raises(InputError):
        advertisement(MeshService.PROXY, bytes(21))


def test_node_identity_is_advertised_for_a_minute() -> None:
    assert service_data.NODE_IDENTITY_SECONDS == 60.0
