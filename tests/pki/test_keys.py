"""Keys in memory and in files."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)
from tests.pki.forging import key

from meshwright.core.crypto import P256_ORDER, in_private_range
from meshwright.core.errors import InputError, MeshwrightError, StoreError
from meshwright.pki.key_file import _digest_line
from meshwright.pki.keys import (
    PrivateKeySigner,
    create_key_file,
    generate_private_key,
    open_key_file,
)
from meshwright.randomness import SeededRandomness

PASSPHRASE = "correct horse"


@pytest.fixture(scope="session")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a key file, made once because scrypt takes its time."""
    path = tmp_path_factory.mktemp("keys") / "ca.key"
    create_key_file(path, key("file"), PASSPHRASE)
    return path.read_bytes()


@pytest.fixture
def path(tmp_path: Path, key_file: bytes) -> Path:
    """Return a good key file that a test may damage."""
    path = tmp_path / "ca.key"
    path.write_bytes(key_file)
    return path


def code_of(path: Path, passphrase: str = PASSPHRASE) -> str:
    with pytest.raises(MeshwrightError) as caught:
        open_key_file(path, passphrase)
    assert passphrase not in str(caught.value) or not passphrase
    assert str(caught.value)[0].isupper()
    assert str(caught.value).endswith(".")
    return caught.value.code


def test_keys_are_drawn_from_the_private_range() -> None:
    draws = iter((bytes(32), P256_ORDER.to_bytes(32, "big"), b"\xff" * 32, (5).to_bytes(32, "big")))
    drawn = generate_private_key(lambda _: next(draws))
    assert drawn.private_numbers().private_value == 5
    stream = SeededRandomness(1).stream("keys")
    assert all(
        in_private_range(generate_private_key(stream).private_numbers().private_value)
        for _ in range(20)
    )


def test_signatures_are_deterministic_and_verify() -> None:
    signer = PrivateKeySigner(key("signer"))
    signature = signer.sign(b"octets")
    assert signature == signer.sign(b"octets")
    signer.public_key.verify(signature, b"octets", ec.ECDSA(SHA256()))


def test_rfc_6979_sample() -> None:
    # RFC 6979, A.2.5, "sample" with SHA-256.
    scalar = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    signature = PrivateKeySigner(ec.derive_private_key(scalar, ec.SECP256R1())).sign(b"sample")
    assert "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" in signature.hex()


def test_signers_hide_their_key_and_are_p256() -> None:
    assert repr(PrivateKeySigner(key("signer"))) == "PrivateKeySigner()"
    with pytest.raises(InputError):
        PrivateKeySigner(ec.derive_private_key(5, ec.SECP384R1()))


def test_key_files_open_again(path: Path) -> None:
    assert open_key_file(path, PASSPHRASE).public_key == key("file").public_key()


def test_key_files_are_for_their_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "ca.key"
    before = os.umask(0)
    try:
        create_key_file(path, key("file"), PASSPHRASE, SeededRandomness(1).stream("salt"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [item.name for item in tmp_path.iterdir()] == ["ca.key"]


@pytest.mark.system("openssl")
def test_openssl_opens_key_files(path: Path) -> None:
    command = ["openssl", "pkey", "-in", str(path), "-passin", f"pass:{PASSPHRASE}", "-pubout"]
    done = subprocess.run([*command, "-outform", "DER"], capture_output=True, check=True)
    encoded = key("file").public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert done.stdout == encoded


def test_an_existing_key_is_never_replaced(path: Path, key_file: bytes) -> None:
    with pytest.raises(StoreError) as caught:
        create_key_file(path, key("another"), PASSPHRASE)
    assert caught.value.code == "key-exists"
    assert path.read_bytes() == key_file
    assert [item.name for item in path.parent.iterdir()] == ["ca.key"]


def test_a_folder_that_is_not_there_is_a_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as caught:
        create_key_file(tmp_path / "no" / "ca.key", key("file"), PASSPHRASE)
    assert caught.value.code == "store"


def test_short_passphrases_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        create_key_file(tmp_path / "ca.key", key("file"), "1234567")
    assert caught.value.code == "short-passphrase"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("passphrase", ["", "wrong horse", PASSPHRASE.upper()])
def test_wrong_passphrases(path: Path, passphrase: str) -> None:
    assert code_of(path, passphrase) == "wrong-secret"


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    assert code_of(tmp_path / "ca.key") == "missing-key"
    assert code_of(tmp_path) == "store"


def test_every_kind_of_damage_is_told_from_a_wrong_passphrase(path: Path, key_file: bytes) -> None:
    damaged = [b"", b"\n", key_file[:-1], key_file + b"\n", key_file.replace(b"\n", b"\r\n")]
    damaged += [
        key_file[:at] + bytes((key_file[at] ^ 1,)) + key_file[at + 1 :]
        for at in range(0, len(key_file), 7)
    ]
    for octets in damaged:
        path.write_bytes(octets)
        assert code_of(path) == "damaged-key"


def test_keys_of_other_kinds_are_refused(path: Path) -> None:
    other = ec.derive_private_key(5, ec.SECP384R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSPHRASE.encode())
    )
    path.write_bytes(_digest_line(other) + b"\n" + other)
    assert code_of(path) == "damaged-key"


@pytest.mark.parametrize("costs", [("_N", 1 << 15), ("_R", 16), ("_P", 2)])
def test_a_file_that_asks_for_more_work_than_ours_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, costs: tuple[str, int]
) -> None:
    """Whoever may write a key file must not get to demand any amount of memory."""
    with monkeypatch.context() as dearer:
        dearer.setattr(f"meshwright.pki.key_file.{costs[0]}", costs[1])
        create_key_file(tmp_path / "dear.key", key("file"), PASSPHRASE)
    assert code_of(tmp_path / "dear.key") == "damaged-key"


@pytest.mark.parametrize(
    "change",
    [lambda b: b"x\n" + b, lambda b: b + b"\n", lambda b: b * 2],
    ids=["before", "behind", "twice"],
)
def test_a_file_with_more_in_it_than_ours_is_refused(
    path: Path, key_file: bytes, change: Callable[[bytes], bytes]
) -> None:
    body = change(key_file.partition(b"\n")[2])
    path.write_bytes(_digest_line(body) + b"\n" + body)
    assert code_of(path) == "damaged-key"
