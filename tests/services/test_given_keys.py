"""Keys as people have them: every form that is taken, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.crypto import public_octets
from meshwright.core.errors import InputError
from meshwright.services.given_keys import LONGEST, is_hex_key, private_key_in, public_key_in

SCALAR = 0x4711
KEY = ec.derive_private_key(SCALAR, ec.SECP256R1())
OTHER_CURVE = ec.derive_private_key(SCALAR, ec.SECP384R1())
OTHER_KIND = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = public_octets(KEY.public_key())
PEM, DER, PLAIN = Encoding.PEM, Encoding.DER, NoEncryption()
PKCS8, SEC1 = PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL
SPKI = PublicFormat.SubjectPublicKeyInfo
# As `openssl ecparam -genkey` writes it.
PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

PRIVATE_FORMS = {
    "PKCS8 in PEM": KEY.private_bytes(PEM, PKCS8, PLAIN),
    "SEC1 in PEM": KEY.private_bytes(PEM, SEC1, PLAIN),
    "PEM after blank lines": b"\n \n" + KEY.private_bytes(PEM, PKCS8, PLAIN),
    "PEM after its parameters": PARAMETERS + KEY.private_bytes(PEM, SEC1, PLAIN),
    "PKCS8 in DER": KEY.private_bytes(DER, PKCS8, PLAIN),
    "SEC1 in DER": KEY.private_bytes(DER, SEC1, PLAIN),
}


@pytest.mark.parametrize("content", PRIVATE_FORMS.values(), ids=PRIVATE_FORMS)
def test_private_keys(content: bytes) -> None:
    assert private_key_in(content) == SCALAR


NO_PRIVATE_KEYS = {
    "nothing": b"",
    "words": b"my key",
    "a passphrase": KEY.private_bytes(PEM, PKCS8, BestAvailableEncryption(b"x")),
    "a passphrase, in DER": KEY.private_bytes(DER, PKCS8, BestAvailableEncryption(b"x")),
    "another curve": OTHER_CURVE.private_bytes(PEM, PKCS8, PLAIN),
    "another kind": OTHER_KIND.private_bytes(PEM, PKCS8, PLAIN),
    "a public key": KEY.public_key().public_bytes(PEM, SPKI),
    "too much": KEY.private_bytes(PEM, PKCS8, PLAIN) + b"\n" * LONGEST,
}


@pytest.mark.parametrize("content", NO_PRIVATE_KEYS.values(), ids=NO_PRIVATE_KEYS)
def test_what_is_no_private_key(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        private_key_in(content)
    assert caught.value.code == "bad-private-key"


PUBLIC_FORMS = {
    "hex": PUBLIC.hex().encode(),
    "hex of the whole point": b"04" + PUBLIC.hex().encode(),
    "hex with colons and lines": b":".join([PUBLIC.hex(" ").upper().encode(), b"\n"]),
    "octets": PUBLIC,
    "PEM": KEY.public_key().public_bytes(PEM, SPKI),
    "DER": KEY.public_key().public_bytes(DER, SPKI),
}


@pytest.mark.parametrize("content", PUBLIC_FORMS.values(), ids=PUBLIC_FORMS)
def test_public_keys(content: bytes) -> None:
    assert public_key_in(content) == PUBLIC


NO_PUBLIC_KEYS = {
    "nothing": b"",
    "no point of the curve": bytes(64),
    "a compressed point": KEY.public_key().public_bytes(
        Encoding.X962, PublicFormat.CompressedPoint
    ),
    "another curve": OTHER_CURVE.public_key().public_bytes(PEM, SPKI),
    "another kind": OTHER_KIND.public_key().public_bytes(DER, SPKI),
    "a private key": KEY.private_bytes(PEM, PKCS8, PLAIN),
    "too much": PUBLIC.hex().encode() + b"\n" * LONGEST,
}


@pytest.mark.parametrize("content", NO_PUBLIC_KEYS.values(), ids=NO_PUBLIC_KEYS)
def test_what_is_no_public_key(content: bytes) -> None:
    with pytest.raises(InputError) as caught:
        public_key_in(content)
    assert caught.value.code == "bad-public-key"


@given(st.binary(max_size=300))
def test_any_octets_are_a_key_or_refused(content: bytes) -> None:
    with suppress(InputError):
        assert len(public_key_in(content)) == len(PUBLIC)
    with suppress(InputError):
        assert private_key_in(content) > 0


def test_a_name_of_a_file_is_told_from_a_key() -> None:
    assert is_hex_key(PUBLIC.hex())
    assert is_hex_key(f"04{PUBLIC.hex().upper()}")
    assert not is_hex_key(f"{PUBLIC.hex()}00")
    assert not is_hex_key("lamp.pem")
