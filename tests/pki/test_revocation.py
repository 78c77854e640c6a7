"""Revocation lists: revoked, stale, forged and missing ones."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from tests.pki.forging import DAY, DEVICE_UUID, NOW, Site, key, key_identifier, parsed

from meshwright.pki.errors import CertificateRejectedError
from meshwright.pki.revocation import usable_crls
from meshwright.pki.validation import ChainValidator


def make_crl(
    issuer: bytes,
    signing_key: ec.EllipticCurvePrivateKey,
    revoked: Sequence[bytes] = (),
    *,
    number: int = 1,
    extensions: Sequence[tuple[x509.ExtensionType, bool]] | None = None,
    at: datetime = NOW - DAY,
) -> bytes:
    builder = x509.CertificateRevocationListBuilder(
        parsed(issuer).subject, at, at + 7 * DAY
    ).add_extension(key_identifier(issuer), critical=False)
    if extensions is None:
        extensions = [(x509.CRLNumber(number), False)]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    for certificate in revoked:
        entry = x509.RevokedCertificateBuilder(parsed(certificate).serial_number, at)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(signing_key, SHA256()).public_bytes(Encoding.DER)


def verdict(site: Site, *crls: bytes) -> str:
    validator = ChainValidator([site.root], crls=crls)
    try:
        device = validator.validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    except CertificateRejectedError as error:
        return error.code
    return "good" if device.status_checked else "unchecked"


@pytest.fixture(scope="module")
def root_crl(site: Site) -> bytes:
    """Return a list of the root on which no batch is revoked."""
    return make_crl(site.root, site.root_key)


def test_s13_revoked_device(site: Site, root_crl: bytes) -> None:
    assert verdict(site, root_crl, make_crl(site.batch, site.batch_key)) == "good"
    assert verdict(site, root_crl, make_crl(site.batch, site.batch_key, [site.leaf])) == "revoked"


def test_s13_revoked_batch(site: Site) -> None:
    revoking = make_crl(site.root, site.root_key, [site.batch])
    assert verdict(site, revoking, make_crl(site.batch, site.batch_key)) == "revoked"


def test_without_lists_the_status_is_shown_as_unchecked(site: Site) -> None:
    assert verdict(site) == "unchecked"


def test_a_certificate_that_no_list_covers_is_unknown(site: Site, root_crl: bytes) -> None:
    assert verdict(site, root_crl) == "status-unknown"
    assert verdict(site, b"no list") == "status-unknown"


def test_stale_and_future_lists_are_no_answer(site: Site, root_crl: bytes) -> None:
    for at in (NOW - 8 * DAY, NOW + timedelta(seconds=1)):
        assert verdict(site, root_crl, make_crl(site.batch, site.batch_key, at=at)) == (
            "status-unknown"
        )


def test_a_forged_list_with_a_high_number_displaces_nothing(site: Site, root_crl: bytes) -> None:
    real = make_crl(site.batch, site.batch_key, [site.leaf], number=5)
    forged = make_crl(site.batch, key("forger"), number=10**6)
    for lists in ((real, forged), (forged, real)):
        assert verdict(site, root_crl, *lists) == "revoked"
    assert verdict(site, root_crl, forged) == "status-unknown"


def test_lists_must_be_numbered(site: Site) -> None:
    assert usable_crls([make_crl(site.root, site.root_key)])
    for extensions in ([], [(x509.CRLNumber(1), True)]):
        assert not usable_crls([make_crl(site.root, site.root_key, extensions=extensions)])


def test_deltas_must_extend_a_list_that_is_there(site: Site) -> None:
    base = make_crl(site.root, site.root_key, number=5)

    def delta(of: int, number: int, issuer: bytes = site.root) -> bytes:
        extensions: list[tuple[x509.ExtensionType, bool]] = [
            (x509.DeltaCRLIndicator(of), True),
            (x509.CRLNumber(number), False),
        ]
        return make_crl(issuer, site.root_key, extensions=extensions)

    assert len(usable_crls([base, delta(5, 6)])) == 2
    assert len(usable_crls([delta(4, 6), base])) == 2
    assert len(usable_crls([base, delta(6, 7)])) == 1
    assert len(usable_crls([base, delta(4, 4)])) == 1
    assert len(usable_crls([base, delta(5, 6, site.batch)])) == 1


def test_status_is_asked_every_time(site: Site, root_crl: bytes) -> None:
    lists = [root_crl, make_crl(site.batch, site.batch_key)]
    validator = ChainValidator([site.root], crls=lists)
    for _ in range(2):
        validator.validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    with pytest.raises(CertificateRejectedError) as caught:
        validator.validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW + 7 * DAY)
    assert caught.value.code == "status-unknown"
