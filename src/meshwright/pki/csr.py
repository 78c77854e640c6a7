"""Certificate signing requests: made by devices, checked by the authority."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from meshwright.core.errors import MalformedError
from meshwright.pki import der, oids
from meshwright.pki.certificate import P256_SPKI_PREFIX, P256_SPKI_SIZE, PARSER_ERRORS
from meshwright.pki.errors import IdentityError, RequestRefusedError
from meshwright.pki.identity import DeviceIdentity, parse_common_name
from meshwright.pki.profile import KEY_AGREEMENT, Assignment

MAX_REQUEST_SIZE = 4096
_CURVE = ec.SECP256R1()
_ECDSA = ec.ECDSA(SHA256())


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request that passed all checks."""

    public_key: ec.EllipticCurvePublicKey
    spki_sha256: bytes


def subject_name(assignment: Assignment) -> x509.Name:
    """Return the subject of a device: organization, then UUID and vendor (5.5.1.1)."""
    return x509.Name(
        (
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, assignment.organization),
            x509.NameAttribute(NameOID.COMMON_NAME, assignment.identity.common_name),
        )
    )


def make_csr(private_key: ec.EllipticCurvePrivateKey | int, assignment: Assignment) -> bytes:
    """Make the request of a device, signed deterministically; an int is the private scalar."""
    if isinstance(private_key, int):
        private_key = ec.derive_private_key(private_key, _CURVE)
    builder = x509.CertificateSigningRequestBuilder(subject_name(assignment))
    builder = builder.add_extension(KEY_AGREEMENT, critical=True)
    request = builder.sign(private_key, SHA256(), ecdsa_deterministic=True)
    return request.public_bytes(Encoding.DER)


def check_csr(csr_der: bytes, assignment: Assignment) -> CheckedRequest:
    """Make the four checks and that of the key; raises `RequestRefusedError` with its code."""
    if len(csr_der) > MAX_REQUEST_SIZE:
        message = f"The request has more than {MAX_REQUEST_SIZE:,} octets; make a new one."
        raise RequestRefusedError(message, code="csr-malformed")
    try:
        request = _Request(csr_der, assignment)
        for code, sentence, check in _CHECKS:
            if not check(request):
                raise RequestRefusedError(sentence, code=code)
        key = request.key
    except (MalformedError, *PARSER_ERRORS):
        message = "The request is no PKCS #10 request in strict DER; make a new one."
        raise RequestRefusedError(message, code="csr-malformed") from None
    return CheckedRequest(key, hashlib.sha256(request.spki).digest())


class _Request:
    """A request that parsed; nothing in it is believed yet."""

    def __init__(self, data: bytes, assignment: Assignment) -> None:
        self.parsed = x509.load_der_x509_csr(data)
        self.spki = _raw_key(data)
        self.assignment = assignment

    @cached_property
    def key(self) -> ec.EllipticCurvePublicKey:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, self.spki[-65:])

    @cached_property
    def subject(self) -> x509.Name:
        return self.parsed.subject

    @cached_property
    def identity(self) -> DeviceIdentity | None:
        names = self.names(NameOID.COMMON_NAME)
        try:
            return parse_common_name(names[0]) if len(names) == 1 else None
        except IdentityError:
            return None

    def names(self, oid: x509.ObjectIdentifier) -> list[str]:
        return [str(item.value) for item in self.subject if item.oid == oid]


def _raw_key(data: bytes) -> bytes:
    """Find the SubjectPublicKeyInfo (RFC 2986, 4.1)."""
    info = der.expect(der.children(data, der.whole(data), 1)[0], der.SEQUENCE)
    spki = der.children(data, info, 3)[2]
    return data[spki.header : spki.end]


def _key_is_p256(request: _Request) -> bool:
    return len(request.spki) == P256_SPKI_SIZE and request.spki.startswith(P256_SPKI_PREFIX)


def _is_signed_by_itself(request: _Request) -> bool:
    parsed = request.parsed
    if parsed.signature_algorithm_oid.dotted_string != oids.ECDSA_WITH_SHA256:
        return False
    try:
        request.key.verify(parsed.signature, parsed.tbs_certrequest_bytes, _ECDSA)
    except InvalidSignature:
        return False
    return True


def _names_the_uuid(request: _Request) -> bool:
    identity = request.identity
    return identity is not None and identity.uuid == request.assignment.uuid


def _names_the_vendor(request: _Request) -> bool:
    organizations = request.names(NameOID.ORGANIZATION_NAME)
    wanted = request.assignment
    return organizations == [wanted.organization] and request.identity == wanted.identity


def _asks_for_key_agreement_only(request: _Request) -> bool:
    """Anything more than keyUsage, asked for or left out, is refused and never adjusted."""
    values = [item.value for item in request.parsed.extensions]
    return values == [KEY_AGREEMENT]


_CHECKS: tuple[tuple[str, str, Callable[[_Request], bool]], ...] = (
    (
        "csr-key",
        "The key of the request must be an uncompressed point of the named curve P-256.",
        _key_is_p256,
    ),
    (
        "csr-signature",
        "The request must be signed by the key it holds, with ECDSA and SHA-256.",
        _is_signed_by_itself,
    ),
    (
        "csr-uuid",
        "The request must name the UUID that was assigned to the device.",
        _names_the_uuid,
    ),
    (
        "csr-vendor",
        "The request must name the configured organization, company and product.",
        _names_the_vendor,
    ),
    (
        "csr-key-usage",
        "The request must ask for key agreement and for nothing else.",
        _asks_for_key_agreement_only,
    ),
)
