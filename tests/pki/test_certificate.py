"""Parsing: strict, bounded, and with one error for everything else."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from types import coroutine

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, x25519
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import (
    NOW,
    UNHURRIED,
    Site,
    edited,
    forged_batch,
    forged_leaf,
    key,
    key_identifier,
    name,
    parsed,
)

from meshwright.pki import der, oids
from meshwright.pki.certificate import (
    ECDSA_WITH_SHA256,
    MAX_CERTIFICATE_SIZE,
    Certificate,
    verify_signature,
)
from meshwright.pki.engine import _drive
from meshwright.pki.errors import MalformedCertificateError
from meshwright.pki.names import same_name

X25519 = bytes.fromhex("302a300506032b656e032100") + bytes(31) + b"\x09"


def code_of(octets: bytes) -> str:
    with pytest.raises(MalformedCertificateError) as caught:
        Certificate.parse(octets)
    assert str(caught.value)[0].isupper()
    assert str(caught.value).endswith(".")
    return caught.value.code


def replaced(position: int, value: bytes, parts: list[bytes]) -> list[bytes]:
    return [*parts[:position], value, *parts[position + 1 :]]


def test_what_is_not_one_certificate(site: Site) -> None:
    good = site.leaf
    wrong = (b"", b"\x30\x00", good[:-1], good + b"\x00", bytes(MAX_CERTIFICATE_SIZE + 1))
    assert {code_of(octets) for octets in wrong} == {"malformed-certificate"}
    pem = parsed(good).public_bytes(Encoding.PEM)
    assert code_of(pem) == "malformed-certificate"


def test_an_empty_signature(site: Site) -> None:
    tbs = parsed(site.leaf).tbs_certificate_bytes
    octets = der.encode(der.SEQUENCE, tbs, ECDSA_WITH_SHA256, b"\x03\x00")
    assert code_of(octets) == "malformed-certificate"


@pytest.mark.parametrize("serial", ["020100", "0201ff", "02021fff" + "00", "02150100" + "00" * 19])
def test_serials_out_of_range(site: Site, serial: str) -> None:
    octets = edited(site.leaf, site.batch_key, partial(replaced, 1, bytes.fromhex(serial)))
    assert code_of(octets) in {"serial-range", "malformed-certificate"}


def test_cryptic_extensions(site: Site) -> None:
    twice = forged_leaf(site).sign()
    found = twice.index(bytes.fromhex("0603551d0f"))
    octets = twice[:found] + bytes.fromhex("0603551d13") + twice[found + 5 :]
    assert code_of(octets) == "malformed-certificate"
    # cA FALSE spelled out is not DER, and the strict parser does not take it.
    explicit = x509.UnrecognizedExtension(
        x509.ObjectIdentifier(oids.BASIC_CONSTRAINTS), bytes.fromhex("3003010100")
    )
    assert code_of(forged_leaf(site).put(explicit).sign()) == "malformed-certificate"


def test_keys_that_cannot_sign(site: Site) -> None:
    octets = edited(site.leaf, site.batch_key, partial(replaced, 6, X25519))
    certificate = Certificate.parse(octets)
    with pytest.raises(MalformedCertificateError) as caught:
        _ = certificate.public_key
    assert caught.value.code == "unsupported-key"
    assert not certificate.self_signed
    agreement = x25519.X25519PublicKey.from_public_bytes(X25519[-32:])
    assert not verify_signature(Certificate.parse(site.leaf), agreement)


def test_points_off_the_curve_are_no_key(site: Site) -> None:
    spki = Certificate.parse(site.leaf).raw.spki
    octets = edited(site.leaf, site.batch_key, partial(replaced, 6, spki[:-64] + bytes(64)))
    with pytest.raises(MalformedCertificateError):
        _ = Certificate.parse(octets).public_key


@pytest.mark.parametrize(
    "signing_key",
    [
        ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32)),
        ed448.Ed448PrivateKey.from_private_bytes(bytes(57)),
    ],
    ids=["ed25519", "ed448"],
)
def test_edwards_signatures(signing_key: ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey) -> None:
    subject = name(common_name="edwards")
    builder = x509.CertificateBuilder(subject, subject, signing_key.public_key(), 1, NOW, NOW)
    octets = builder.sign(signing_key, None).public_bytes(Encoding.DER)
    assert Certificate.parse(octets).self_signed


def test_signatures_of_other_keys_do_not_verify(site: Site) -> None:
    leaf = Certificate.parse(site.leaf)
    assert verify_signature(leaf, site.batch_key.public_key())
    assert not verify_signature(leaf, key("other").public_key())


def test_subjects_that_are_no_text(site: Site) -> None:
    # A UTF8String that is not UTF-8; old roots have such names, and may keep them.
    unreadable = bytes.fromhex("300d310b300906035504030c02ff41")
    certificate = Certificate.parse(
        edited(site.leaf, site.batch_key, partial(replaced, 5, unreadable))
    )
    assert certificate.describe() == "(unreadable name)"
    with pytest.raises(MalformedCertificateError):
        certificate.names(oids.COMMON_NAME)


def test_descriptions(site: Site) -> None:
    assert Certificate.parse(site.batch).describe() == "CN=site batch,O=Acme"
    leaf = forged_leaf(site)
    leaf.subject = x509.Name([])
    assert Certificate.parse(leaf.sign()).describe() == "(no name)"
    leaf.subject = name(common_name="\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}evil", organization=None)
    assert Certificate.parse(leaf.sign()).describe() == "CN=?[2J?evil"


def test_extensions_of_another_kind_are_not_mistaken(site: Site) -> None:
    certificate = Certificate.parse(forged_batch(site).put(key_identifier(site.root)).sign())
    assert certificate.extension(oids.KEY_USAGE, x509.BasicConstraints) is None
    assert certificate.extension("1.2.3", x509.BasicConstraints) is None
    assert "1.2.3" not in certificate.critical


def test_names_are_compared_as_names() -> None:
    one = name(common_name="Root A").public_bytes()
    assert same_name(one, name(common_name="  root   a").public_bytes())
    assert not same_name(one, name(common_name="Root B").public_bytes())
    assert not same_name(b"\x30\x00" + bytes(4096), one)
    assert not same_name(b"\x31\x00", one)
    assert same_name(b"\x31\x00", b"\x31\x00")


@UNHURRIED
@given(st.binary(max_size=80), st.binary(max_size=80))
def test_any_names_can_be_compared(left: bytes, right: bytes) -> None:
    assert same_name(left, right) == same_name(right, left)


def test_an_engine_that_waits_is_an_accident() -> None:
    @coroutine
    def pause() -> Generator[None, None, None]:
        yield

    async def waiting() -> None:
        await pause()

    with pytest.raises(ValueError, match="wait"):
        _drive(waiting())
