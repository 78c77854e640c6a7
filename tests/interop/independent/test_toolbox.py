"""The peer computes what the specification prints: only then may it judge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.interop.independent.framing import Collected, check_octet, cut
from tests.interop.independent.speech import auth_value
from tests.interop.independent.toolbox import Agreement, Pair, k1, s1

VECTORS = Path(__file__).parents[2] / "vectors"


def vectors(name: str) -> list[dict[str, Any]]:
    """Return the vectors of one file."""
    found: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())["vectors"]
    return found


SESSIONS = [
    (algorithm, each["crypto"])
    for algorithm, name in enumerate(("provisioning_pb_adv_cmac.json", "provisioning_hmac.json"))
    for each in vectors(name)
]


def test_salts_and_k1() -> None:
    found = {each["function"]: each for each in vectors("toolbox.json")}
    assert s1(b"test").hex() == found["s1"]["out"]
    of = {name: bytes.fromhex(found["k1"][name]) for name in ("N", "SALT", "P", "out")}
    assert k1(of["N"], of["SALT"], of["P"]) == of["out"]


@pytest.mark.parametrize(("algorithm", "hexed"), SESSIONS)
def test_a_whole_session(algorithm: int, hexed: dict[str, str]) -> None:
    of = {name: bytes.fromhex(value) for name, value in hexed.items()}
    provisioner, device = (
        Pair(int.from_bytes(of[f"{who}_private"], "big")) for who in ("provisioner", "device")
    )
    assert provisioner.public == of["provisioner_public_x"] + of["provisioner_public_y"]
    assert device.public == of["device_public_x"] + of["device_public_y"]
    secret = provisioner.secret(device.public)
    assert secret == device.secret(provisioner.public) == of["ecdh_secret"]
    inputs = of["invite"] + of["capabilities"] + of["start"] + provisioner.public + device.public
    agreement = Agreement(algorithm, inputs, secret, of["auth_value"])
    assert agreement.confirmation_key == of["confirmation_key"]
    for who in ("provisioner", "device"):
        assert agreement.confirmation(of[f"random_{who}"]) == of[f"confirmation_{who}"]
    keys = agreement.keys(of["random_provisioner"], of["random_device"])
    assert (keys.key, keys.nonce) == (of["session_key"], of["session_nonce"])
    assert keys.device_key == of["device_key"]
    assert keys.seal(of["provisioning_data"]) == of["encrypted"] + of["mic"]
    assert keys.unseal(of["encrypted"] + of["mic"]) == of["provisioning_data"]


PRINTED = [
    *vectors("provisioning_pb_adv_cmac.json")[0]["transfers"],
    *vectors("cbp_records.json"),
]


@pytest.mark.parametrize("printed", PRINTED, ids=lambda each: each["packets"][0][:20])
def test_segments(printed: dict[str, Any]) -> None:
    pdu = bytes.fromhex(printed["pdu"])
    segments = cut(pdu)
    assert [each.hex() for each in segments] == [each[10:] for each in printed["packets"]]
    assert f"{check_octet(pdu):02x}" == printed["fcs"]
    collected = Collected()
    assert [collected.add(each) for each in reversed(segments)][-1] == pdu


@pytest.mark.parametrize("printed", vectors("auth_values.json"), ids=lambda each: each["kind"])
def test_auth_values(printed: dict[str, Any]) -> None:
    value = printed["input"]
    if printed["kind"] == "static_binary":
        value = bytes.fromhex(value)
    for algorithm, field in enumerate(("auth16", "auth32")):
        made = auth_value(b"" if value is None else value, algorithm)
        assert made.hex() == printed[field]
