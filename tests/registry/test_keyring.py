"""The keyring: who opens it, what it seals, and what it never shows."""

from __future__ import annotations

import json
import stat
from dataclasses import fields
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.registry.registry_world import code_of

from meshwright.core.errors import InputError, MeshwrightError, StoreError, TrustError
from meshwright.randomness import RandomBytes
from meshwright.registry.errors import (
    AlreadyExistsError,
    DamagedDatabaseError,
    DamagedKeyringError,
    SecretError,
)
from meshwright.registry.keyring import Keyring, ScryptCost
from meshwright.registry.secret import KeyFile, Passphrase, Secret, VariableKey

QUICK = ScryptCost(n=1 << 10, r=8, p=1)
HEX_KEY = "0f" * 32


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "keyring.json"


@pytest.fixture(params=["passphrase", "key-file", "variable"])
def secret(request: pytest.FixtureRequest, tmp_path: Path, random: RandomBytes) -> Secret:
    if request.param == "key-file":
        return KeyFile.create(tmp_path / "key", random)
    return VariableKey(HEX_KEY) if request.param == "variable" else Passphrase("open sesame")


def test_each_kind_of_secret_opens_what_it_made(
    place: Path, secret: Secret, random: RandomBytes
) -> None:
    made = Keyring.create(place, secret, random, QUICK)
    opened = Keyring.open(place, secret)
    assert opened.unseal(made.seal(b"secret", "test", 1), "test", 1) == b"secret"
    assert opened.derive_passphrase("root") == made.derive_passphrase("root")
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


def test_the_default_cost_of_a_passphrase_opens(place: Path, random: RandomBytes) -> None:
    Keyring.create(place, Passphrase("open sesame"), random)
    assert json.loads(place.read_bytes())["scrypt"] == {"n": 32768, "p": 3, "r": 8}
    Keyring.open(place, Passphrase("open sesame"))


def test_a_wrong_secret_of_the_same_kind(
    place: Path, secret: Secret, random: RandomBytes, tmp_path: Path
) -> None:
    Keyring.create(place, secret, random, QUICK)
    wrongs: dict[str, Secret] = {
        "passphrase": Passphrase("open sesame "),
        "key-file": KeyFile.create(tmp_path / "other", random),
        "variable": VariableKey("0e" * 32),
    }
    with pytest.raises(TrustError) as refused:
        Keyring.open(place, wrongs[secret.kind])
    assert code_of(refused) == "wrong-secret"


def test_a_secret_of_another_kind(place: Path, random: RandomBytes) -> None:
    Keyring.create(place, Passphrase(HEX_KEY), random, QUICK)
    with pytest.raises(SecretError) as refused:
        Keyring.open(place, VariableKey(HEX_KEY))
    assert code_of(refused) == "wrong-secret"


def test_a_passphrase_means_the_same_however_it_is_typed(place: Path, random: RandomBytes) -> None:
    Keyring.create(place, Passphrase("caf\u00e9"), random, QUICK)
    Keyring.open(place, Passphrase("cafe\u0301"))


@pytest.mark.parametrize(
    "secret",
    [Passphrase(""), VariableKey(""), VariableKey("0f" * 31), VariableKey("xy" * 32)],
)
def test_unusable_secrets(place: Path, secret: Secret, random: RandomBytes) -> None:
    with pytest.raises(SecretError) as refused:
        Keyring.create(place, secret, random, QUICK)
    assert code_of(refused) == "bad-secret"
    assert not place.exists()


def test_a_key_file_that_others_may_read(tmp_path: Path, random: RandomBytes) -> None:
    key_file = KeyFile.create(tmp_path / "key", random)
    assert stat.S_IMODE(key_file.path.stat().st_mode) == 0o600
    for mode in (0o640, 0o604, 0o620):
        key_file.path.chmod(mode)
        with pytest.raises(SecretError) as refused:
            key_file.octets()
        assert code_of(refused) == "key-file-exposed"


def test_a_key_file_that_is_none(tmp_path: Path, random: RandomBytes) -> None:
    key_file = KeyFile.create(tmp_path / "key", random)
    for content in (b"", b"\xff" * 64, b"0f" * 33, b"0" * 5000):
        key_file.path.write_bytes(content)
        with pytest.raises(SecretError) as refused:
            key_file.octets()
        assert code_of(refused) == "bad-secret"
    key_file.path.unlink()
    with pytest.raises(SecretError) as missing:
        key_file.octets()
    assert code_of(missing) == "no-key-file"
    with pytest.raises(StoreError):
        KeyFile(tmp_path).octets()


def test_nothing_is_ever_overwritten(place: Path, random: RandomBytes, tmp_path: Path) -> None:
    Keyring.create(place, VariableKey(HEX_KEY), random)
    before = place.read_bytes()
    with pytest.raises(AlreadyExistsError) as refused:
        Keyring.create(place, VariableKey(HEX_KEY), random)
    assert code_of(refused) == "file-exists"
    assert place.read_bytes() == before
    KeyFile.create(tmp_path / "key", random)
    with pytest.raises(AlreadyExistsError):
        KeyFile.create(tmp_path / "key", random)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["key", "keyring.json"]


def test_a_missing_keyring(place: Path) -> None:
    with pytest.raises(InputError) as refused:
        Keyring.open(place, VariableKey(HEX_KEY))
    assert code_of(refused) == "no-keyring"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "meshwright-keyring-9"},
        {"kind": None},
        {"salt": "00"},
        {"salt": 7},
        {"nonce": "zz"},
        {"wrapped": ""},
        {"scrypt": {"n": 1 << 30, "r": 8, "p": 1}},
        {"scrypt": {"n": 1000, "r": 8, "p": 1}},
        {"scrypt": {"n": "many", "r": 8, "p": 1}},
        {"scrypt": {"n": 1024, "r": 8, "p": 1, "q": 1}},
        {"scrypt": []},
    ],
)
def test_a_damaged_keyring(place: Path, random: RandomBytes, change: dict[str, object]) -> None:
    Keyring.create(place, VariableKey(HEX_KEY), random)
    place.write_text(json.dumps(json.loads(place.read_bytes()) | change))
    with pytest.raises((DamagedKeyringError, SecretError)):
        Keyring.open(place, VariableKey(HEX_KEY))


@settings(max_examples=40, deadline=None)
@given(garbage=st.binary(max_size=200))
def test_garbage_is_no_keyring(tmp_path_factory: pytest.TempPathFactory, garbage: bytes) -> None:
    place = tmp_path_factory.mktemp("garbage") / "keyring.json"
    place.write_bytes(garbage)
    with pytest.raises(DamagedKeyringError):
        Keyring.open(place, VariableKey(HEX_KEY))


@pytest.mark.parametrize("field", ["salt", "nonce", "wrapped", "scrypt"])
def test_every_field_of_the_envelope_is_authenticated(
    place: Path, random: RandomBytes, field: str
) -> None:
    Keyring.create(place, VariableKey(HEX_KEY), random)
    envelope = json.loads(place.read_bytes())
    if field == "scrypt":
        envelope["scrypt"]["p"] += 1
    else:
        envelope[field] = f"{int(envelope[field], 16) ^ 1:0{len(envelope[field])}x}"
    place.write_text(json.dumps(envelope))
    with pytest.raises(SecretError) as refused:
        Keyring.open(place, VariableKey(HEX_KEY))
    assert code_of(refused) == "wrong-secret"


@settings(max_examples=40, deadline=None)
@given(plaintext=st.binary(max_size=64), identity=st.tuples(st.uuids(), st.integers()))
def test_what_is_sealed_opens_only_in_its_place(
    plaintext: bytes, identity: tuple[UUID, int]
) -> None:
    keyring = Keyring(bytes(32))
    sealed = keyring.seal(plaintext, "device-key", *identity)
    assert keyring.unseal(sealed, "device-key", *identity) == plaintext
    others: list[tuple[bytes, str, tuple[object, ...]]] = [
        (sealed, "net-key", identity),
        (sealed, "device-key", identity[:1]),
        (sealed, "device-key", (identity[0], identity[1] + 1)),
        (sealed, "device-key", (f"{identity[0]}{identity[1]}",)),
        (sealed[:-1], "device-key", identity),
        (sealed[:-1] + bytes([sealed[-1] ^ 1]), "device-key", identity),
        (b"", "device-key", identity),
    ]
    for octets, purpose, row in others:
        with pytest.raises(DamagedDatabaseError):
            keyring.unseal(octets, purpose, *row)
    with pytest.raises(DamagedDatabaseError):
        Keyring(bytes([1] * 32)).unseal(sealed, "device-key", *identity)


def test_nonces_differ_even_when_all_else_is_the_same() -> None:
    first, second = Keyring(bytes(32)), Keyring(bytes(32))
    sealed = {keyring.seal(b"x", "test")[:12] for keyring in (first, second) for _ in range(50)}
    assert len(sealed) == 100


def test_passphrases_differ_by_label_and_by_keyring() -> None:
    keyring = Keyring(bytes(32))
    passphrases = [
        keyring.derive_passphrase("root"),
        keyring.derive_passphrase("batch"),
        Keyring(bytes([1] * 32)).derive_passphrase("root"),
    ]
    assert len(set(passphrases)) == 3
    assert all(len(bytes.fromhex(each.decode())) == 32 for each in passphrases)


def test_no_secret_shows(place: Path, random: RandomBytes) -> None:
    keyring = Keyring.create(place, Passphrase("open sesame"), random, QUICK)
    shown = f"{keyring!r} {Passphrase('open sesame')!r} {VariableKey(HEX_KEY)!r}"
    assert "sesame" not in shown
    assert HEX_KEY not in shown
    assert [each.name for each in fields(VariableKey) if each.repr] == ["name"]
    with pytest.raises(MeshwrightError) as refused:
        Keyring.open(place, Passphrase("open barley"))
    assert "barley" not in str(refused.value)
