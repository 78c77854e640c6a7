"""Key derivation samples of 8.2, through the key material that the stack uses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from meshwright.core.network.keys import (
    ApplicationKey,
    NetworkKeys,
    directed_credentials,
    friendship_credentials,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "key_derivation.json").read_text())[
    "vectors"
]
BY_SECTION = {vector["section"]: vector for vector in VECTORS}


def octets(section: str, name: str) -> bytes:
    return bytes.fromhex(BY_SECTION[section][name])


def test_application_key() -> None:
    assert ApplicationKey.derive(octets("8.2.1", "AppKey")).aid == 0x26


@pytest.mark.parametrize("section", ["8.2.2", "8.2.3", "8.2.4"])
def test_credentials(section: str) -> None:
    net_key = octets(section, "NetKey")
    credentials = {
        "8.2.2": NetworkKeys.derive(net_key).flooding,
        "8.2.3": friendship_credentials(net_key, 0x1201, 0x2345, 0x0000, 0x072F),
        "8.2.4": directed_credentials(net_key),
    }[section]
    assert credentials.nid == octets(section, "NID")[0]
    assert credentials.encryption_key == octets(section, "EncryptionKey")
    assert credentials.privacy_key == octets(section, "PrivacyKey")


def test_network_identity_and_beacon_keys() -> None:
    keys = NetworkKeys.derive(octets("8.2.5", "NetKey"))
    assert keys.network_id == octets("8.2.5", "NetworkID")
    assert keys.identity_key == octets("8.2.6", "out")
    assert keys.beacon_key == octets("8.2.7", "out")


@pytest.mark.parametrize("section", ["8.2.8.1", "8.2.8.2"])
def test_private_beacon_key(section: str) -> None:
    keys = NetworkKeys.derive(octets(section, "NetKey"))
    assert keys.private_beacon_key == octets(section, "out")


def test_no_key_is_printed() -> None:
    net_key, app_key = octets("8.2.5", "NetKey"), octets("8.2.1", "AppKey")
    keys = NetworkKeys.derive(net_key)
    shown = repr(keys) + repr(ApplicationKey.derive(app_key))
    secrets = (net_key, app_key, keys.identity_key, keys.beacon_key, keys.private_beacon_key)
    assert not [secret for secret in secrets if repr(secret) in shown]
