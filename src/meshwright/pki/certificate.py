"""One parsed certificate: strict DER, with the raw octets that rules and signatures are about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.hashes import SHA256

from meshwright.core.errors import MalformedError
from meshwright.pki import der, oids
from meshwright.pki.errors import MalformedCertificateError

MAX_CERTIFICATE_SIZE = 65_535
MAX_SERIAL = (1 << 159) - 1
P256_SPKI_PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
P256_SPKI_SIZE = len(P256_SPKI_PREFIX) + 64
P384_SPKI_PREFIX = bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004")
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
_EXPLICIT_VERSION = 0xA0
_MAX_DESCRIPTION = 300
_UNIQUE_IDS = (0x81, 0x82)
PARSER_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
# Anything else is refused before the library sees it: it warns about some, and supports no more.
_KEY_ALGORITHMS = frozenset(
    x509.ObjectIdentifier(oid)
    for oid in (
        oids.RSA_ENCRYPTION,
        oids.RSASSA_PSS,
        oids.EC_PUBLIC_KEY,
        oids.DSA,
        oids.ED25519,
        oids.ED448,
    )
)

_EC_KEY = ec.EllipticCurvePublicKey
_ECDSA = ec.ECDSA(SHA256())

_Value = TypeVar("_Value", bound=x509.ExtensionType)


class _Raw(NamedTuple):
    tbs: bytes
    serial: int
    inner_algorithm: bytes
    issuer: bytes
    subject: bytes
    spki: bytes
    outer_algorithm: bytes
    unused_bits: int
    signature: bytes
    unique_ids: bool


@dataclass(frozen=True, slots=True, eq=False)
class Certificate:
    """A certificate that parsed; nothing about it is trusted yet."""

    der: bytes = field(repr=False)
    raw: _Raw = field(repr=False)
    parsed: x509.Certificate = field(repr=False)
    extensions: Mapping[str, x509.Extension[x509.ExtensionType]] = field(repr=False)
    critical: frozenset[str]
    attributes: tuple[tuple[str, str], ...] | None = field(repr=False)

    @classmethod
    def parse(cls, data: bytes) -> Certificate:
        """Parse exactly one DER certificate or raise `MalformedCertificateError`."""
        if len(data) > MAX_CERTIFICATE_SIZE:
            raise MalformedCertificateError(
                f"The certificate has more than {MAX_CERTIFICATE_SIZE:,} octets."
            )
        try:
            raw = _walk(data)
            parsed = x509.load_der_x509_certificate(data)
            extensions = {item.oid.dotted_string: item for item in parsed.extensions}
        except MalformedError as error:
            raise MalformedCertificateError(f"The certificate is not DER: {error}.") from None
        except PARSER_ERRORS:
            message = "The certificate is not strict DER as RFC 5280 describes it."
            raise MalformedCertificateError(message) from None
        critical = frozenset([oid for oid, item in extensions.items() if item.critical])
        return cls(data, raw, parsed, extensions, critical, _attributes(parsed))

    @property
    def issuer(self) -> bytes:
        """The DER of the issuer name."""
        return self.raw.issuer

    @property
    def subject(self) -> bytes:
        """The DER of the subject name."""
        return self.raw.subject

    @property
    def spki_sha256(self) -> bytes:
        """SHA-256 of the SubjectPublicKeyInfo as it was received."""
        return hashlib.sha256(self.raw.spki).digest()

    @property
    def self_issued(self) -> bool:
        return self.raw.issuer == self.raw.subject

    @property
    def self_signed(self) -> bool:
        """Tell whether its own key made its signature, whatever the names say."""
        try:
            return verify_signature(self, self.public_key)
        except MalformedCertificateError:
            return False

    @property
    def not_before(self) -> datetime:
        return self.parsed.not_valid_before_utc

    @property
    def not_after(self) -> datetime:
        return self.parsed.not_valid_after_utc

    @property
    def public_key(self) -> CertificatePublicKeyTypes:
        """The subject's key; raises `MalformedCertificateError` when it is not a usable one."""
        try:
            if self.parsed.public_key_algorithm_oid in _KEY_ALGORITHMS:
                return self.parsed.public_key()
        except PARSER_ERRORS:
            pass
        message = "The certificate holds a public key that is invalid or of an unsupported kind."
        raise MalformedCertificateError(message, code="unsupported-key")

    def extension(self, oid: str, kind: type[_Value]) -> _Value | None:
        """Return the value of the extension `oid`, which parsed as `kind`."""
        found = self.extensions.get(oid)
        return found.value if found is not None and isinstance(found.value, kind) else None

    @property
    def basic_constraints(self) -> x509.BasicConstraints | None:
        return self.extension(oids.BASIC_CONSTRAINTS, x509.BasicConstraints)

    @property
    def is_ca(self) -> bool:
        constraints = self.basic_constraints
        return constraints is not None and constraints.ca

    @property
    def path_length(self) -> int | None:
        """How many intermediates it allows below itself; None is no limit."""
        constraints = self.basic_constraints
        return constraints.path_length if constraints is not None else None

    @property
    def key_usage(self) -> x509.KeyUsage | None:
        return self.extension(oids.KEY_USAGE, x509.KeyUsage)

    @property
    def policies(self) -> frozenset[str]:
        """The policy identifiers it asserts, in dotted form."""
        policies = self.extension(oids.CERTIFICATE_POLICIES, x509.CertificatePolicies) or ()
        return frozenset(policy.policy_identifier.dotted_string for policy in policies)

    @property
    def subject_key_identifier(self) -> bytes | None:
        value = self.extension(oids.SUBJECT_KEY_IDENTIFIER, x509.SubjectKeyIdentifier)
        return value.digest if value is not None else None

    @property
    def authority_key_identifier(self) -> bytes | None:
        value = self.extension(oids.AUTHORITY_KEY_IDENTIFIER, x509.AuthorityKeyIdentifier)
        return value.key_identifier if value is not None else None

    def names(self, oid: str) -> list[str]:
        """Return the values of one attribute of the subject."""
        if self.attributes is None:
            raise MalformedCertificateError(
                "The subject of the certificate is not text that can be read."
            )
        return [value for kind, value in self.attributes if kind == oid]

    def describe(self) -> str:
        """Name the subject for a person; never raises."""
        if self.attributes is None:
            return "(unreadable name)"
        return printable(self.parsed.subject.rfc4514_string()) or "(no name)"


def printable(text: str) -> str:
    """Cut foreign text short and take out what could steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text[:_MAX_DESCRIPTION])


def _attributes(parsed: x509.Certificate) -> tuple[tuple[str, str], ...] | None:
    """Read the attributes of the subject; None when they are not text, as in some old roots."""
    try:
        return tuple((item.oid.dotted_string, str(item.value)) for item in parsed.subject)
    except PARSER_ERRORS:
        return None


def _walk(data: bytes) -> _Raw:
    """Find the octets that the parser does not hand out (RFC 5280, 4.1)."""
    outer = der.whole(data)
    tbs, algorithm, signature = der.children(data, outer, 3)
    first = der.children(data, der.expect(tbs, der.SEQUENCE), 1)[0]
    skip = 1 if first.tag == _EXPLICIT_VERSION else 0
    serial, inner, issuer, _, subject, spki = der.children(data, tbs, 6 + skip)[skip:]
    if der.expect(signature, der.BIT_STRING).start == signature.end:
        raise MalformedError("the signature is empty")
    return _Raw(
        data[tbs.header : tbs.end],
        _serial(data[der.expect(serial, der.INTEGER).start : serial.end]),
        data[inner.header : inner.end],
        data[issuer.header : issuer.end],
        data[subject.header : subject.end],
        data[spki.header : spki.end],
        data[algorithm.header : algorithm.end],
        data[signature.start],
        data[signature.start + 1 : signature.end],
        spki.end < tbs.end and data[spki.end] in _UNIQUE_IDS,
    )


def _serial(octets: bytes) -> int:
    """Read the serial number; the library warns about others, so they end here (4.1.2.2)."""
    serial = int.from_bytes(octets, "big", signed=True)
    if not 0 < serial <= MAX_SERIAL:
        message = "The serial number is not between 1 and 2^159 - 1 (RFC 5280, 4.1.2.2)."
        raise MalformedCertificateError(message, code="serial-range")
    return serial


def verify_signature(certificate: Certificate, key: CertificatePublicKeyTypes) -> bool:
    """Tell whether `key` made the signature of `certificate`, over the octets as they came."""
    try:
        _verify(certificate, key)
    except (InvalidSignature, *PARSER_ERRORS):
        return False
    return True


def _verify(certificate: Certificate, key: CertificatePublicKeyTypes) -> None:
    signature, tbs = certificate.raw.signature, certificate.raw.tbs
    if certificate.raw.outer_algorithm == ECDSA_WITH_SHA256 and isinstance(key, _EC_KEY):
        key.verify(signature, tbs, _ECDSA)  # what every device certificate takes: no look-up
        return
    digest = certificate.parsed.signature_hash_algorithm
    match key, certificate.parsed.signature_algorithm_parameters:
        case ec.EllipticCurvePublicKey(), ec.ECDSA() as algorithm:
            key.verify(signature, tbs, algorithm)
        case rsa.RSAPublicKey(), (PKCS1v15() | PSS()) as padding if digest is not None:
            key.verify(signature, tbs, padding, digest)
        case dsa.DSAPublicKey(), None if digest is not None:
            key.verify(signature, tbs, digest)
        case ((ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey()), _):
            key.verify(signature, tbs)
        case _:
            raise UnsupportedAlgorithm("the algorithm does not fit the key")
