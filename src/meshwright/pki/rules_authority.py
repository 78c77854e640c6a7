"""Rules for roots and intermediates; each returns what is wrong, or None."""

from __future__ import annotations

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512

from meshwright.pki import oids
from meshwright.pki.certificate import P256_SPKI_PREFIX, P384_SPKI_PREFIX, Certificate

MAX_SUBTREES = 64
_MIN_RSA_BITS = 2048
# Named curves and uncompressed points; explicit parameters and compressed points are left out.
_CURVES = (P256_SPKI_PREFIX, P384_SPKI_PREFIX)
_DIGESTS = (SHA256, SHA384, SHA512)
_EMPTY_NAME = b"\x30\x00"
_MUST_BE_CRITICAL = {
    oids.NAME_CONSTRAINTS: "nameConstraints",
    oids.POLICY_CONSTRAINTS: "policyConstraints",
    oids.INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
}


def is_authority(certificate: Certificate) -> str | None:
    """Want basicConstraints with cA."""
    if not certificate.is_ca:
        return "basicConstraints does not say that this is a CA certificate"
    return None


def basic_constraints_are_critical(certificate: Certificate) -> str | None:
    """Want basicConstraints to be critical."""
    if oids.BASIC_CONSTRAINTS not in certificate.critical:
        return "basicConstraints of a CA certificate must be critical"
    return None


def has_subject(certificate: Certificate) -> str | None:
    """Want a subject, which the certificates below name as their issuer."""
    if certificate.subject == _EMPTY_NAME:
        return "a CA certificate needs a subject name"
    return None


def identifies_its_key(certificate: Certificate) -> str | None:
    """Want subjectKeyIdentifier."""
    if certificate.subject_key_identifier is None:
        return "a CA certificate needs a subjectKeyIdentifier"
    return None


def may_sign_certificates(certificate: Certificate) -> str | None:
    """Want keyCertSign when there is a keyUsage."""
    usage = certificate.key_usage
    if usage is not None and not usage.key_cert_sign:
        return "keyUsage does not allow signing certificates"
    return None


def constraints_are_critical(certificate: Certificate) -> str | None:
    """Want every constraint critical, so that nobody may ignore it."""
    wrong = [
        name
        for oid, name in _MUST_BE_CRITICAL.items()
        if oid in certificate.extensions and oid not in certificate.critical
    ]
    return f"{wrong[0]} must be critical" if wrong else None


def subtrees_are_few(certificate: Certificate) -> str | None:
    """Want few name constraints: many of them keep a validator busy."""
    constraints = certificate.extension(oids.NAME_CONSTRAINTS, x509.NameConstraints)
    if constraints is None:
        return None
    count = len(constraints.permitted_subtrees or ()) + len(constraints.excluded_subtrees or ())
    return f"more than {MAX_SUBTREES} name constraints" if count > MAX_SUBTREES else None


def key_is_strong(certificate: Certificate) -> str | None:
    """Want a key of at least 112 bits of strength and of a kind that is in use."""
    match certificate.public_key:
        case ec.EllipticCurvePublicKey() if certificate.raw.spki.startswith(_CURVES):
            return None
        case rsa.RSAPublicKey(key_size=size) if size >= _MIN_RSA_BITS:
            return None
    return "a CA key is on the named curve P-256 or P-384, or RSA of at least 2048 bits"


def signature_digest_is_strong(certificate: Certificate) -> str | None:
    """Want SHA-2."""
    try:
        digest = certificate.parsed.signature_hash_algorithm
    except UnsupportedAlgorithm:  # of a root, whose signature nobody verifies
        digest = None
    if not isinstance(digest, _DIGESTS):
        return "a CA certificate is signed over SHA-256, SHA-384 or SHA-512"
    return None
