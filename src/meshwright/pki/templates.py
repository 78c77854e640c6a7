"""Certificates before they are signed, and how signed octets become a certificate."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from meshwright.core.errors import InputError
from meshwright.pki import der
from meshwright.pki.certificate import ECDSA_WITH_SHA256, Certificate
from meshwright.pki.csr import subject_name
from meshwright.pki.profile import (
    KEY_AGREEMENT,
    Assignment,
    BatchProfile,
    DeviceProfile,
    RootProfile,
    not_after,
)
from meshwright.randomness import RandomBytes

_CERTIFICATE_SIGNING = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
_NO_AUTHORITY = x509.BasicConstraints(ca=False, path_length=None)
_SERIAL_SIZE = 16
# Everybody knows this key. What it signs is checked and thrown away, and nobody trusts it.
_THROWAWAY = ec.derive_private_key(1, ec.SECP256R1())


def draw_serial(random: RandomBytes, *, avoid: UUID | None = None) -> int:
    """Draw a serial number with 126 random bits (RFC 5280, 4.1.2.2), never the UUID itself."""
    while True:
        # The two top bits are fixed, so that every number is positive and 16 octets long.
        serial = int.from_bytes(random(_SERIAL_SIZE), "big") & (1 << 126) - 1 | 1 << 126
        if avoid is None or serial != avoid.int:
            return serial


def root_template(
    profile: RootProfile, public_key: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    """Return the template of a root."""
    name = _authority_name(profile)
    constraints = x509.BasicConstraints(ca=True, path_length=profile.path_length)
    key_id = x509.SubjectKeyIdentifier.from_public_key(public_key)
    own_key = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(key_id)
    return (
        _template(name, name, public_key)
        .not_valid_before(_not_before(now))
        .not_valid_after(not_after(_not_before(now), profile.lifetime))
        .add_extension(constraints, critical=True)
        .add_extension(_CERTIFICATE_SIGNING, critical=True)
        .add_extension(own_key, critical=False)
        .add_extension(key_id, critical=False)
    )


def batch_template(
    profile: BatchProfile,
    issuer: x509.Certificate,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.CertificateBuilder:
    """Return the template of a batch certificate."""
    constraints = x509.BasicConstraints(ca=True, path_length=profile.path_length)
    return (
        _template(_authority_name(profile), issuer.subject, public_key)
        .not_valid_before(_not_before(now))
        .not_valid_after(not_after(_not_before(now), profile.lifetime))
        .add_extension(constraints, critical=True)
        .add_extension(_CERTIFICATE_SIGNING, critical=True)
        .add_extension(_policies(profile.policies), critical=True)
        .add_extension(_authority_key_identifier(issuer), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def device_template(
    profile: DeviceProfile,
    assignment: Assignment,
    issuer: x509.Certificate,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
) -> x509.CertificateBuilder:
    """Return the template of a device certificate (Mesh Protocol 1.1, 5.5.1.1)."""
    template = (
        _template(subject_name(assignment), issuer.subject, public_key)
        .not_valid_before(_not_before(now))
        .not_valid_after(not_after(_not_before(now), profile.lifetime))
        .add_extension(_NO_AUTHORITY, critical=True)
        .add_extension(KEY_AGREEMENT, critical=True)
        .add_extension(_authority_key_identifier(issuer), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )
    if not profile.policies:
        return template
    return template.add_extension(_policies(profile.policies), critical=True)


def _template(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(issuer_name=issuer, subject_name=subject, public_key=public_key)


def _authority_name(profile: RootProfile | BatchProfile) -> x509.Name:
    return x509.Name(
        (
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, profile.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, profile.common_name),
        )
    )


def _policies(policies: tuple[str, ...]) -> x509.CertificatePolicies:
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in policies]
    )


def _authority_key_identifier(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier.value)


def _not_before(now: datetime) -> datetime:
    if now.tzinfo is None:
        raise InputError("The time needs a time zone.", code="bad-time")
    return now.replace(microsecond=0)


def provisional(template: x509.CertificateBuilder) -> Certificate:
    """Sign a template with the throwaway key, to look at the result."""
    signed = template.sign(_THROWAWAY, SHA256(), ecdsa_deterministic=True)
    return Certificate.parse(signed.public_bytes(Encoding.DER))


def assemble(tbs: bytes, signature: bytes = b"\x30\x00") -> Certificate:
    """Put signed octets and signature together (RFC 5280, 4.1); the default is no signature."""
    bits = der.encode(der.BIT_STRING, b"\x00", signature)
    return Certificate.parse(der.encode(der.SEQUENCE, tbs, ECDSA_WITH_SHA256, bits))
