"""Rules of RFC 5280 for every certificate; each returns what is wrong, or None."""

from __future__ import annotations

from cryptography import x509

from meshwright.pki import oids
from meshwright.pki.certificate import Certificate

_KNOWN_CRITICAL = frozenset(
    (
        oids.KEY_USAGE,
        oids.SUBJECT_ALT_NAME,
        oids.BASIC_CONSTRAINTS,
        oids.NAME_CONSTRAINTS,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.CERTIFICATE_POLICIES,
        oids.POLICY_MAPPINGS,
        oids.POLICY_CONSTRAINTS,
        oids.EXT_KEY_USAGE,
        oids.INHIBIT_ANY_POLICY,
    )
)
_NEVER_CRITICAL = {
    oids.AUTHORITY_KEY_IDENTIFIER: "authorityKeyIdentifier",
    oids.SUBJECT_KEY_IDENTIFIER: "subjectKeyIdentifier",
    oids.AUTHORITY_INFO_ACCESS: "authorityInfoAccess",
    oids.SUBJECT_INFO_ACCESS: "subjectInfoAccess",
    oids.SUBJECT_DIRECTORY_ATTRIBUTES: "subjectDirectoryAttributes",
    oids.FRESHEST_CRL: "freshestCRL",
}
_EMPTY_NAME = b"\x30\x00"


def signature_is_whole_octets(certificate: Certificate) -> str | None:
    """Want a signature without unused bits: ECDSA and RSA values are whole octets."""
    if certificate.raw.unused_bits:
        return "the signature is a bit string with unused bits"
    return None


def version_is_3(certificate: Certificate) -> str | None:
    """Want version 3, the only one with extensions."""
    if certificate.parsed.version is not x509.Version.v3:
        return "the certificate is not of version 3"
    return None


def algorithms_agree(certificate: Certificate) -> str | None:
    """Want one signature algorithm, inside and outside of the signed part."""
    if certificate.raw.inner_algorithm != certificate.raw.outer_algorithm:
        return "the signed part names another signature algorithm than the outside"
    return None


def issuer_has_name(certificate: Certificate) -> str | None:
    """Want a name of the issuer."""
    if certificate.issuer == _EMPTY_NAME:
        return "the issuer has no name"
    return None


def validity_is_ordered(certificate: Certificate) -> str | None:
    """Want a validity that begins before it ends."""
    if certificate.not_before > certificate.not_after:
        return "the validity ends before it begins"
    return None


def critical_extensions_are_known(certificate: Certificate) -> str | None:
    """Want no critical extension that nobody here understands."""
    unknown = certificate.critical - _KNOWN_CRITICAL - _NEVER_CRITICAL.keys()
    return f"the critical extension {min(unknown)} is unknown" if unknown else None


def informative_extensions_are_not_critical(certificate: Certificate) -> str | None:
    """Want those extensions non-critical that only help or inform."""
    wrong = certificate.critical & _NEVER_CRITICAL.keys()
    return f"{_NEVER_CRITICAL[min(wrong)]} must not be critical" if wrong else None


def alternative_name_replaces_subject(certificate: Certificate) -> str | None:
    """Want a subject, or a critical subjectAltName in its place."""
    if certificate.subject == _EMPTY_NAME and oids.SUBJECT_ALT_NAME not in certificate.critical:
        return "the subject is empty and no critical subjectAltName replaces it"
    return None


def names_its_issuer_key(certificate: Certificate) -> str | None:
    """Want authorityKeyIdentifier, which only a self-signed certificate may do without."""
    if certificate.authority_key_identifier is None and not certificate.self_signed:
        return "authorityKeyIdentifier is missing"
    return None


def only_authorities_sign_certificates(certificate: Certificate) -> str | None:
    """Want keyCertSign only together with cA."""
    usage = certificate.key_usage
    if usage is not None and usage.key_cert_sign and not certificate.is_ca:
        return "keyUsage allows signing certificates, but it is no CA certificate"
    return None


def only_authorities_constrain_names(certificate: Certificate) -> str | None:
    """Want nameConstraints only together with cA."""
    if oids.NAME_CONSTRAINTS in certificate.extensions and not certificate.is_ca:
        return "nameConstraints stands in a certificate that is no CA certificate"
    return None
