"""Certificate signing requests: made by devices, checked by the authority."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from meshwright.core.errors import MalformedError
from meshwright.pki import der, oids
from meshwright.pki.certificate import P256_SPKI_PREFIX, P256_SPKI_SIZE
from meshwright.pki.errors import IdentityError, RequestRefusedError
from meshwright.pki.identity import DeviceIdentity, parse_common_name
from meshwright.pki.profile import Assignment

MAX_REQUEST_SIZE = 4096
KEY_AGREEMENT = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=True,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
_CURVE = ec.SECP256R1()
_PARSER_ERRORS = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)


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
        raise RequestRefusedError("the request is too large", code="csr-malformed")
    try:
        request = _Request(x509.load_der_x509_csr(csr_der), _raw_key(csr_der), assignment)
        for code, sentence, check in _CHECKS:
            if not check(request):
                raise RequestRefusedError(sentence, code=code)
        key = request.key
    except (MalformedError, *_PARSER_ERRORS):
        message = "the request is not a PKCS#10 request in strict DER"
        raise RequestRefusedError(message, code="csr-malformed") from None
    return CheckedRequest(key, hashlib.sha256(request.spki).digest())


@dataclass(frozen=True, slots=True)
class _Request:
    parsed: x509.CertificateSigningRequest
    spki: bytes
    assignment: Assignment

    @property
    def key(self) -> ec.EllipticCurvePublicKey:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, self.spki[-65:])

    def names(self, oid: x509.ObjectIdentifier) -> list[str]:
        return [str(item.value) for item in self.parsed.subject.get_attributes_for_oid(oid)]


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
        request.key.verify(parsed.signature, parsed.tbs_certrequest_bytes, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _names_the_uuid(request: _Request) -> bool:
    identity = _identity(request)
    return identity is not None and identity.uuid == request.assignment.uuid


def _names_the_vendor(request: _Request) -> bool:
    organizations = request.names(NameOID.ORGANIZATION_NAME)
    wanted = request.assignment
    return organizations == [wanted.organization] and _identity(request) == wanted.identity


def _identity(request: _Request) -> DeviceIdentity | None:
    names = request.names(NameOID.COMMON_NAME)
    try:
        return parse_common_name(names[0]) if len(names) == 1 else None
    except IdentityError:
        return None


def _asks_for_key_agreement_only(request: _Request) -> bool:
    """Anything more than keyUsage, asked for or left out, is refused and never adjusted."""
    values = [item.value for item in request.parsed.extensions]
    return values == [KEY_AGREEMENT]


_CHECKS: tuple[tuple[str, str, Callable[[_Request], bool]], ...] = (
    ("csr-key", "the key is not an uncompressed point of the named curve P-256", _key_is_p256),
    ("csr-signature", "the request is not signed by the key it holds", _is_signed_by_itself),
    ("csr-uuid", "the request does not name the UUID that was assigned", _names_the_uuid),
    ("csr-vendor", "the request does not name the configured vendor", _names_the_vendor),
    (
        "csr-key-usage",
        "the request asks for more or less than key agreement",
        _asks_for_key_agreement_only,
    ),
)
