"""The security toolbox against every published sample, and keys that must be refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.crypto import (
    P256_ORDER,
    AuthenticationFailedError,
    InvalidKeyError,
    KeyPair,
    aes_cmac,
    aes_ecb,
    ccm_decrypt,
    ccm_encrypt,
    equal,
    hmac_sha256,
    in_private_range,
    k1,
    k2,
    k3,
    k4,
    k5,
    load_public_key,
    public_octets,
    s1,
    s2,
)

FOLDER = Path(__file__).parents[1] / "vectors"
PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1


def vectors(name: str) -> dict[str, dict[str, Any]]:
    document = json.loads((FOLDER / f"{name}.json").read_text())
    return {vector["section"]: vector for vector in document["vectors"]}


TOOLBOX = vectors("toolbox")
DERIVATION = vectors("key_derivation")
SESSION = {
    name: bytes.fromhex(value)
    for name, value in vectors("provisioning_hmac")["8.17.2"]["crypto"].items()
}


def octets(vector: dict[str, str], *names: str) -> tuple[bytes, ...]:
    return tuple(bytes.fromhex(vector[name]) for name in names)


def test_s1_and_k1_samples() -> None:
    assert s1(TOOLBOX["8.1.1"]["M_ascii"].encode()).hex() == TOOLBOX["8.1.1"]["out"]
    n, salt, p, t, out = octets(TOOLBOX["8.1.2"], "N", "SALT", "P", "T", "out")
    assert aes_cmac(salt, n) == t
    assert k1(n, salt, p) == out


@pytest.mark.parametrize(
    ("vector", "key"),
    [(TOOLBOX[one], "N") for one in ("8.1.3", "8.1.4")]
    + [(DERIVATION[one], "NetKey") for one in ("8.2.2", "8.2.3", "8.2.4")],
    ids=lambda value: value["section"] if isinstance(value, dict) else "",
)
def test_k2_samples(vector: dict[str, str], key: str) -> None:
    secret, p, nid, encryption, privacy = octets(
        vector, key, "P", "NID", "EncryptionKey", "PrivacyKey"
    )
    found = k2(secret, p)
    assert (bytes([found.nid]), found.encryption_key, found.privacy_key) == (
        nid,
        encryption,
        privacy,
    )


def test_k3_and_k4_samples() -> None:
    assert k3(*octets(TOOLBOX["8.1.5"], "N")).hex() == TOOLBOX["8.1.5"]["out"]
    assert k3(*octets(DERIVATION["8.2.5"], "NetKey")).hex() == DERIVATION["8.2.5"]["NetworkID"]
    assert k4(*octets(TOOLBOX["8.1.6"], "N")) == int(TOOLBOX["8.1.6"]["out"], 16)
    assert k4(*octets(DERIVATION["8.2.1"], "AppKey")) == int(DERIVATION["8.2.1"]["AID"], 16)


@pytest.mark.parametrize(
    ("section", "salt_text"),
    [("8.2.6", b"nkik"), ("8.2.7", b"nkbk"), ("8.2.8.1", b"nkpk"), ("8.2.8.2", b"nkpk")],
)
def test_k1_key_derivation_samples(section: str, salt_text: bytes) -> None:
    net_key, salt, p, t, out = octets(DERIVATION[section], "NetKey", "salt", "P", "T", "out")
    assert s1(salt_text) == salt
    assert aes_cmac(salt, net_key) == t
    assert k1(net_key, salt, p) == out


def test_every_derivation_sample_is_used() -> None:
    assert set(TOOLBOX) == {f"8.1.{number}" for number in range(1, 7)}
    sections = {f"8.2.{number}" for number in range(1, 8)} | {"8.2.8.1", "8.2.8.2"}
    assert set(DERIVATION) == sections


# The session sample of 8.17.2, primitive by primitive.


def session(*names: str) -> bytes:
    return b"".join(SESSION[name] for name in names)


PROVISIONER_PUBLIC = session("provisioner_public_x", "provisioner_public_y")
DEVICE_PUBLIC = session("device_public_x", "device_public_y")


def key_pair(name: str) -> KeyPair:
    return KeyPair(int.from_bytes(SESSION[name], "big"))


def test_session_keys_and_shared_secret() -> None:
    provisioner, device = key_pair("provisioner_private"), key_pair("device_private")
    assert (provisioner.public, device.public) == (PROVISIONER_PUBLIC, DEVICE_PUBLIC)
    assert provisioner.shared_secret(device.public) == SESSION["ecdh_secret"]
    assert device.shared_secret(provisioner.public) == SESSION["ecdh_secret"]


def test_session_confirmation() -> None:
    inputs = session("invite", "capabilities", "start") + PROVISIONER_PUBLIC + DEVICE_PUBLIC
    salt = s2(inputs)
    secret = session("ecdh_secret", "auth_value")
    key = k5(secret, salt, b"prck256")
    assert salt == SESSION["confirmation_salt"]
    assert hmac_sha256(salt, secret) == SESSION["confirmation_k5_T"]
    assert key == SESSION["confirmation_key"]
    for side in ("provisioner", "device"):
        assert hmac_sha256(key, SESSION[f"random_{side}"]) == SESSION[f"confirmation_{side}"]


def test_session_data() -> None:
    salt = s1(session("confirmation_salt", "random_provisioner", "random_device"))
    secret = SESSION["ecdh_secret"]
    key, nonce = k1(secret, salt, b"prsk"), k1(secret, salt, b"prsn")
    assert salt == SESSION["provisioning_salt"]
    assert aes_cmac(salt, secret) == SESSION["session_k1_T"]
    assert (key, nonce) == (SESSION["session_key"], SESSION["session_nonce_full"])
    assert nonce[3:] == SESSION["session_nonce"]
    assert k1(secret, salt, b"prdk") == SESSION["device_key"]
    sealed = session("encrypted", "mic")
    assert ccm_encrypt(key, nonce[3:], SESSION["provisioning_data"], 8) == sealed
    assert ccm_decrypt(key, nonce[3:], sealed, 8) == SESSION["provisioning_data"]


# Other primitives.


def test_aes_of_one_block_is_that_of_fips_197() -> None:
    key, block = bytes(range(16)), bytes.fromhex("00112233445566778899aabbccddeeff")
    assert aes_ecb(key, block).hex() == "69c4e0d86a7b0430d8cdb78070b4c55a"


@given(st.binary(max_size=40), st.binary(max_size=20), st.sampled_from((4, 8)), st.data())
def test_ccm_refuses_every_change(plain: bytes, aad: bytes, size: int, data: st.DataObject) -> None:
    key, nonce = bytes(16), bytes(13)
    sealed = ccm_encrypt(key, nonce, plain, size, aad)
    assert len(sealed) == len(plain) + size
    assert ccm_decrypt(key, nonce, sealed, size, aad) == plain
    bit = data.draw(st.integers(0, 8 * len(sealed) - 1))
    changed = bytearray(sealed)
    changed[bit // 8] ^= 1 << bit % 8
    for octets, other_aad in ((bytes(changed), aad), (sealed, aad + b"\0")):
        with pytest.raises(AuthenticationFailedError):
            ccm_decrypt(key, nonce, octets, size, other_aad)


@pytest.mark.parametrize("size", [0, 3])
def test_ccm_refuses_what_is_shorter_than_its_mic(size: int) -> None:
    with pytest.raises(AuthenticationFailedError):
        ccm_decrypt(bytes(16), bytes(13), bytes(size), 4)


def test_equal() -> None:
    assert equal(b"same", b"same")
    assert not equal(b"same", b"samE")
    assert not equal(b"same", b"sam")
    assert not equal(b"", b"x")


# Keys of P-256 (5.4.3.1).

HALF = P256_ORDER // 2


@pytest.mark.parametrize(("scalar", "allowed"), [(1, True), (HALF, True), (0, False), (-1, False)])
def test_private_range(scalar: int, allowed: bool) -> None:
    assert in_private_range(scalar) is allowed


@pytest.mark.parametrize("scalar", [HALF + 1, P256_ORDER - 1, P256_ORDER, 2**256 - 1])
def test_what_lies_above_the_private_range_is_drawn_again(scalar: int) -> None:
    assert not in_private_range(scalar)
    draws = iter([scalar.to_bytes(32, "big"), bytes(32), (5).to_bytes(32, "big")])
    assert KeyPair.generate(lambda _: next(draws)).public == KeyPair(5).public


def test_the_edges_of_the_private_range_make_keys() -> None:
    for scalar in (1, HALF):
        assert public_octets(load_public_key(KeyPair(scalar).public)) == KeyPair(scalar).public


X, Y = int.from_bytes(DEVICE_PUBLIC[:32], "big"), int.from_bytes(DEVICE_PUBLIC[32:], "big")


def point(x: int, y: int) -> bytes:
    return x.to_bytes(32, "big") + y.to_bytes(32, "big")


# A point whose x + p still fits 32 octets: the same point, written in a way that is not allowed.
SMALL_X = 5
CURVE_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
SMALL_Y = pow(SMALL_X**3 - 3 * SMALL_X + CURVE_B, (PRIME + 1) // 4, PRIME)

BAD_KEYS = {
    "zero": bytes(64),
    "off the curve": point(X, Y ^ 1),
    "coordinates swapped": point(Y, X),
    "x of zero and y of one": point(0, 1),
    "x not reduced": point(SMALL_X + PRIME, SMALL_Y),
    "x equal to p": point(PRIME, Y),
    "y not reduced": point(X, PRIME),
    "everything set": b"\xff" * 64,
    "empty": b"",
    "one octet short": DEVICE_PUBLIC[:-1],
    "one octet long": DEVICE_PUBLIC + b"\0",
    "with the X9.62 prefix": b"\x04" + DEVICE_PUBLIC,
    "compressed": b"\x02" + DEVICE_PUBLIC[:32],
}


def test_the_small_point_is_on_the_curve_when_it_is_reduced() -> None:
    load_public_key(point(SMALL_X, SMALL_Y))


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_bad_public_keys_are_refused_before_any_exchange(key: bytes) -> None:
    with pytest.raises(InvalidKeyError) as error:
        KeyPair(1).shared_secret(key)
    assert error.value.code == "invalid-public-key"


@given(st.binary(min_size=64, max_size=64))
def test_random_octets_are_no_public_key(key: bytes) -> None:
    with pytest.raises(InvalidKeyError):
        load_public_key(key)


def test_no_secret_is_printed() -> None:
    pair = key_pair("device_private")
    assert f"{int.from_bytes(SESSION['device_private'], 'big')}" not in repr(pair)
    assert SESSION["device_private"].hex() not in repr(pair)
    credentials = k2(bytes(16), b"\x00")
    assert repr(credentials) == f"NetworkCredentials(nid={credentials.nid})"
