"""Rules for device certificates (Mesh Protocol 1.1, 5.5.1.1); each returns what is wrong."""

from __future__ import annotations

from meshwright.pki import oids
from meshwright.pki.certificate import (
    ECDSA_WITH_SHA256,
    P256_SPKI_PREFIX,
    P256_SPKI_SIZE,
    Certificate,
)
from meshwright.pki.errors import IdentityError
from meshwright.pki.identity import DeviceIdentity, parse_common_name
from meshwright.pki.profile import KEY_AGREEMENT

# y^2 = x^3 - 3x + B over the integers modulo PRIME (SP 800-186, 3.2.1.3)
_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_FORBIDDEN = {
    oids.POLICY_MAPPINGS: "policyMappings",
    oids.SUBJECT_ALT_NAME: "subjectAltName",
    oids.NAME_CONSTRAINTS: "nameConstraints",
    oids.POLICY_CONSTRAINTS: "policyConstraints",
    oids.EXT_KEY_USAGE: "extKeyUsage",
    oids.INHIBIT_ANY_POLICY: "inhibitAnyPolicy",
}


def device_identity(certificate: Certificate) -> DeviceIdentity:
    """Read the identity from the one common name; raises `IdentityError`."""
    names = certificate.names(oids.COMMON_NAME)
    if len(names) != 1:
        raise IdentityError("the subject needs exactly one common name")
    return parse_common_name(names[0])


def names_a_device(certificate: Certificate) -> str | None:
    """Want a common name that names a device."""
    try:
        device_identity(certificate)
    except IdentityError as error:
        return error.fault
    return None


def names_an_organization(certificate: Certificate) -> str | None:
    """Want one organization name."""
    names = certificate.names(oids.ORGANIZATION)
    if len(names) != 1 or not names[0].strip():
        return "the subject needs exactly one organization name"
    return None


def is_signed_with_ecdsa_sha256(certificate: Certificate) -> str | None:
    """Want ecdsa-with-SHA256."""
    if certificate.raw.outer_algorithm != ECDSA_WITH_SHA256:
        return "a device certificate is signed with ecdsa-with-SHA256"
    return None


def holds_a_p256_key(certificate: Certificate) -> str | None:
    """Want a named curve and an uncompressed point: then its octets have one form only."""
    spki = certificate.raw.spki
    if len(spki) != P256_SPKI_SIZE or not spki.startswith(P256_SPKI_PREFIX):
        return "the key is not an uncompressed point of the named curve P-256"
    x, y = int.from_bytes(spki[-64:-32], "big"), int.from_bytes(spki[-32:], "big")
    # Loading the key would say the same, for ten times the time; it is loaded again to be used.
    on_curve = x < _PRIME and y < _PRIME and (y * y - (x * x - 3) * x - _B) % _PRIME == 0
    return None if on_curve else "the key is not a point of P-256"


def agrees_keys_only(certificate: Certificate) -> str | None:
    """Want keyUsage with keyAgreement and nothing else; it need not be critical."""
    usage = certificate.key_usage
    if usage is None:
        return "keyUsage is missing"
    if usage != KEY_AGREEMENT:
        return "keyUsage must be keyAgreement and nothing else"
    return None


def is_no_authority(certificate: Certificate) -> str | None:
    """Want basicConstraints without cA; it need not be critical."""
    constraints = certificate.basic_constraints
    if constraints is None:
        return "basicConstraints is missing"
    if constraints.ca or constraints.path_length is not None:
        return "basicConstraints must say that this is no CA certificate, without a path length"
    return None


def policies_are_critical(certificate: Certificate) -> str | None:
    """Want certificatePolicies critical if it is there."""
    oid = oids.CERTIFICATE_POLICIES
    if oid in certificate.extensions and oid not in certificate.critical:
        return "certificatePolicies must be critical"
    return None


def asserts_policies(certificate: Certificate) -> str | None:
    """Want certificatePolicies, which should be there."""
    if oids.CERTIFICATE_POLICIES not in certificate.extensions:
        return "certificatePolicies should be present"
    return None


def has_no_forbidden_extension(certificate: Certificate) -> str | None:
    """Want none of the extensions that the profile forbids."""
    found = _FORBIDDEN.keys() & certificate.extensions.keys()
    return f"{_FORBIDDEN[min(found)]} is forbidden in a device certificate" if found else None


def has_no_unique_ids(certificate: Certificate) -> str | None:
    """Want no unique identifiers, which should be absent."""
    if certificate.raw.unique_ids:
        return "issuerUniqueID and subjectUniqueID should be absent"
    return None


def names_the_product(certificate: Certificate) -> str | None:
    """Want company and product ID, which are recommended."""
    try:
        missing = device_identity(certificate).company_id is None
    except IdentityError:
        return None
    return "the common name does not give company and product ID" if missing else None


def has_no_static_oob(certificate: Certificate) -> str | None:
    """Want no static OOB value: everybody can read a certificate."""
    if oids.DRAFT_STATIC_OOB in certificate.extensions:
        return "it carries the static OOB extension of a draft, which is ignored"
    return None
