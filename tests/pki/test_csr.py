"""The four checks of a request, one by one, and those of its key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import COMPANY, DEVICE_UUID, OTHER_UUID, PRODUCT, UNHURRIED, key, name, usage

from meshwright.core.crypto import public_octets
from meshwright.pki import der
from meshwright.pki.csr import MAX_REQUEST_SIZE, check_csr, make_csr
from meshwright.pki.errors import RequestRefusedError
from meshwright.pki.profile import KEY_AGREEMENT, Assignment

ASSIGNMENT = Assignment(DEVICE_UUID, "Acme", COMPANY, PRODUCT)
DEVICE = key("csr device")
GOOD = make_csr(DEVICE, ASSIGNMENT)
COMMON_NAME = f"{DEVICE_UUID} BCID:8001 BPID:03ff"


def code_of(request: bytes) -> str:
    with pytest.raises(RequestRefusedError) as caught:
        check_csr(request, ASSIGNMENT)
    assert str(caught.value)[0].isupper()
    assert str(caught.value).endswith(".")
    return caught.value.code


def made(
    subject: x509.Name | None = None,
    *extensions: x509.ExtensionType,
    signing_key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey = DEVICE,
    digest: SHA256 | SHA384 | None = None,
) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(subject or name(common_name=COMMON_NAME))
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    if isinstance(signing_key, ec.EllipticCurvePrivateKey):
        digest = digest or SHA256()
    return builder.sign(signing_key, digest).public_bytes(Encoding.DER)


def test_a_good_request_passes() -> None:
    checked = check_csr(GOOD, ASSIGNMENT)
    assert public_octets(checked.public_key) == public_octets(DEVICE.public_key())
    assert make_csr(DEVICE.private_numbers().private_value, ASSIGNMENT) == GOOD
    assert check_csr(made(None, KEY_AGREEMENT), ASSIGNMENT) == checked


def test_signature_must_be_by_the_key_in_it() -> None:
    other = make_csr(key("another"), ASSIGNMENT)
    outer, foreign = der.whole(GOOD), der.whole(other)
    info = der.children(GOOD, outer, 1)[0]
    rest = der.children(other, foreign, 1)[0]
    assert code_of(der.encode(0x30, GOOD[info.header : info.end], other[rest.end :])) == (
        "csr-signature"
    )
    assert code_of(made(None, KEY_AGREEMENT, digest=SHA384())) == "csr-signature"


def test_uuid_must_be_the_one_assigned() -> None:
    assert code_of(make_csr(DEVICE, replace(ASSIGNMENT, uuid=OTHER_UUID))) == "csr-uuid"
    assert code_of(made(name(), KEY_AGREEMENT)) == "csr-uuid"
    assert code_of(made(name(common_name="lamp"), KEY_AGREEMENT)) == "csr-uuid"
    twice = [*name(common_name=COMMON_NAME), *name(common_name=COMMON_NAME, organization=None)]
    assert code_of(made(x509.Name(twice), KEY_AGREEMENT)) == "csr-uuid"


@pytest.mark.parametrize(
    "vendor",
    [("Evil", COMPANY, PRODUCT), ("Acme", 1, PRODUCT), ("Acme", COMPANY, 1), ("Acme", None, None)],
)
def test_vendor_must_be_the_one_configured(vendor: tuple[str, int | None, int | None]) -> None:
    assert code_of(make_csr(DEVICE, Assignment(DEVICE_UUID, *vendor))) == "csr-vendor"


def test_vendor_must_be_named_once() -> None:
    assert code_of(made(name(common_name=COMMON_NAME, organization=None), KEY_AGREEMENT)) == (
        "csr-vendor"
    )
    twice = x509.Name([*name(), *name(common_name=COMMON_NAME)])
    assert code_of(made(twice, KEY_AGREEMENT)) == "csr-vendor"


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (usage("digital_signature"),),
        (usage("key_agreement", "digital_signature"),),
        (usage("key_agreement", "encipher_only"),),
        (KEY_AGREEMENT, x509.SubjectAlternativeName([x509.DNSName("acme.example")])),
        (KEY_AGREEMENT, x509.BasicConstraints(ca=True, path_length=None)),
    ],
)
def test_key_agreement_only(extensions: tuple[x509.ExtensionType, ...]) -> None:
    assert code_of(made(None, *extensions)) == "csr-key-usage"


def test_key_must_be_an_uncompressed_point_of_p256() -> None:
    p384 = ec.derive_private_key(5, ec.SECP384R1())
    assert code_of(made(None, KEY_AGREEMENT, signing_key=p384)) == "csr-key"
    edwards = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
    assert code_of(made(None, KEY_AGREEMENT, signing_key=edwards)) == "csr-key"
    point = GOOD.index(b"\x03\x42\x00\x04") + 3
    off_curve = GOOD[: point + 1] + b"\x00" + GOOD[point + 2 :]
    assert code_of(off_curve) in {"csr-malformed", "csr-key"}


def test_what_is_no_request_is_malformed() -> None:
    for octets in (b"", b"\x30\x00", GOOD[:-1], GOOD + b"\x00", bytes(MAX_REQUEST_SIZE + 1)):
        assert code_of(octets) == "csr-malformed"


@UNHURRIED
@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_any_changed_octet_is_refused(position: int, change: int) -> None:
    octets = bytearray(GOOD)
    octets[position] ^= change
    with pytest.raises(RequestRefusedError):
        check_csr(bytes(octets), ASSIGNMENT)


@UNHURRIED
@given(st.binary(max_size=200))
def test_any_octets_are_refused(octets: bytes) -> None:
    with pytest.raises(RequestRefusedError):
        check_csr(octets, ASSIGNMENT)
