"""Advertising structures in words."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.discovery.beacon import OobInformation, UnprovisionedBeacon, encode_beacon
from meshwright.core.discovery.network_beacon import (
    NetworkState,
    PrivateBeacon,
    SecureNetworkBeacon,
)
from meshwright.core.discovery.uri import encode_uri, uri_hash
from meshwright.core.network.iv_index import NetworkFlags
from meshwright.core.readable.items import Item, Kind
from meshwright.core.readable.reader import Reader

VECTORS = Path(__file__).parents[2] / "vectors" / "service_data.json"
ZERO_TOUCH = OobInformation.CERTIFICATE | OobInformation.RECORDS | OobInformation.ON_DEVICE
SERVICE_DATA = 0x16
NAME = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
URI = encode_uri("https://a.example/x")
STATE = NetworkState(NetworkFlags.KEY_REFRESH | NetworkFlags.IV_UPDATE, 7)
SECURE = SecureNetworkBeacon.sign(bytes(16), bytes.fromhex("3ecaff672f673370"), STATE)
PRIVATE = PrivateBeacon.seal(bytes(16), bytes(range(13)), STATE)


def read(kind: int, data: bytes) -> Item:
    (item,) = Reader().read(structure(kind, data))
    return item


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (
            AdType.MESH_BEACON,
            encode_beacon(UnprovisionedBeacon(NAME, ZERO_TOUCH, b"\x01\x02\x03\x04")),
            f"unprovisioned device {NAME}; OOB certificate, records, on device; URI hash 01020304",
        ),
        (
            AdType.MESH_BEACON,
            encode_beacon(UnprovisionedBeacon(NAME)),
            f"unprovisioned device {NAME}; OOB none",
        ),
        (
            AdType.MESH_BEACON,
            encode_beacon(UnprovisionedBeacon(NAME, OobInformation(0x0602))),
            f"unprovisioned device {NAME}; OOB URI, reserved 0x0600",
        ),
        (
            AdType.MESH_BEACON,
            encode_beacon(SECURE),
            "secure network beacon of 3ecaff672f673370; IV Index 7; flags key refresh, IV update; "
            "not checked",
        ),
        (
            AdType.MESH_BEACON,
            encode_beacon(PRIVATE),
            "private beacon; random 0001020304050607... (13 octets)",
        ),
        (AdType.URI, URI, f"URI https://a.example/x; hash {uri_hash(URI).hex()}"),
        (
            AdType.MESH_MESSAGE,
            b"\xe8" + bytes(13),
            "mesh message; NID 0x68; IVI 1; obfuscated, 0000000000000000... (13 octets)",
        ),
        (SERVICE_DATA, b"\x0f\x18\x64", "nothing of a mesh; AD types 0x16"),
        (0xFF, b"\x59\x00", "nothing of a mesh; AD types 0xff"),
    ],
)
def test_what_is_understood(kind: int, data: bytes, text: str) -> None:
    item = read(kind, data)
    assert item.text == text
    assert item.kind is not Kind.MALFORMED


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        (AdType.MESH_BEACON, b"", "malformed mesh beacon: 1 octets wanted, 0 left; no octets"),
        (
            AdType.MESH_BEACON,
            b"\x07\x01",
            "malformed mesh beacon: beacon type 0x07 is not known; 0701",
        ),
        (AdType.MESH_BEACON, bytes(18), "malformed mesh beacon: 2 octets wanted, 1 left; "),
        (AdType.MESH_BEACON, bytes(24), "malformed mesh beacon: 1 octets too many; "),
        (AdType.MESH_MESSAGE, bytes(13), "malformed mesh message: a network PDU has 14 to 29"),
        (AdType.URI, b"\xff\xfe", "malformed URI: the URI is not UTF-8; fffe"),
        (AdType.URI, b"\x17//a\x1b[2J", "malformed URI: the URI has spaces or control characters"),
        (SERVICE_DATA, b"\x27\x18" + bytes(17), "malformed service data: 2 octets wanted, 1 left"),
        (SERVICE_DATA, b"\x28\x18\x09", "malformed service data: identification type 0x09"),
        (SERVICE_DATA, b"\x28\x18\x00" + bytes(9), "malformed service data: 1 octets too many"),
        (SERVICE_DATA, b"\x28", "malformed service data: 2 octets wanted, 1 left"),
    ],
)
def test_what_is_not(kind: int, data: bytes, text: str) -> None:
    item = read(kind, data)
    assert item.kind is Kind.MALFORMED
    assert item.text.startswith(text)
    assert item.fields["octets"] == data.hex()


def test_fields_are_for_programs() -> None:
    beacon = read(
        AdType.MESH_BEACON, encode_beacon(UnprovisionedBeacon(NAME, ZERO_TOUCH, bytes(4)))
    )
    assert beacon.uuid == NAME
    assert beacon.fields == {
        "uuid": str(NAME),
        "oob": 0x8180,
        "oob_names": ["certificate", "records", "on device"],
        "uri_hash": "00000000",
    }
    secure = read(AdType.MESH_BEACON, encode_beacon(SECURE))
    assert (secure.fields["iv_index"], secure.fields["flags"]) == (7, 3)


TEXTS = {
    "provisioning": "provisioning service of 70cf7c97-32a3-45b6-9149-4810d2e9cbf4; OOB ",
    "network_id": "proxy service; network ID 3ecaff672f673370",
    "node_identity": "proxy service; node identity 00861765aefcc57b34ae608fbbc1f2c6",
    "private_network_identity": "proxy service; private network identity ",
    "private_node_identity": "proxy service; private node identity ",
}


@pytest.mark.parametrize(
    "vector", json.loads(VECTORS.read_text())["vectors"], ids=lambda vector: vector["kind"]
)
def test_service_data_of_the_specification(vector: dict[str, str]) -> None:
    (item,) = Reader().read(bytes.fromhex(vector["ad"]))
    assert item.kind is Kind.SERVICE
    assert item.text.startswith(TEXTS[vector["kind"]])
