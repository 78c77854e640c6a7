"""Chains and revocation lists in files, in any order; which certificate is the device's."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from cryptography import x509

from meshwright.core.errors import InputError, MalformedError
from meshwright.pki import der
from meshwright.pki.certificate import PARSER_ERRORS, Certificate
from meshwright.pki.certificate_file import read_certificates
from meshwright.pki.errors import IdentityError, MalformedCertificateError
from meshwright.pki.reach import climb
from meshwright.pki.rules_device import device_identity

_LARGEST = 1 << 24
_MOST = 64
_PEM = re.compile(rb"-----BEGIN X509 CRL-----(.*?)-----END X509 CRL-----", re.DOTALL)


def read_chain(paths: Iterable[Path], uuid: UUID | None = None) -> tuple[bytes, list[bytes]]:
    """Return the device certificate and all others, as DER; what is there twice counts once.

    The device's is the one that is no CA; of several, the one of `uuid`. Raises `InputError`
    (`no-certificates`, `too-many-certificates`, `which-certificate`) and `OSError`.
    """
    octets = [each for path in paths for item in read_certificates(path) for each in _split(item)]
    certificates = list(dict.fromkeys(octets))
    if len(certificates) > _MOST:
        message = f"The files hold more than {_MOST} certificates; give those of one chain."
        raise InputError(message, code="too-many-certificates")
    device = _device(certificates, uuid)
    return device, [item for item in certificates if item != device]


def read_crls(path: Path) -> list[bytes]:
    """Return the revocation lists in `path`, PEM or DER; raises `InputError` (`no-crl`)."""
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    found = [content] if content[:1] == b"\x30" else [_decode(m) for m in _PEM.findall(content)]
    if not found or not all(map(_is_crl, found)):
        message = f"{path} holds no revocation list; give one in PEM or DER."
        raise InputError(message, code="no-crl")
    return found


def _split(octets: bytes) -> list[bytes]:
    """Take apart certificates in DER that follow each other in one file."""
    found, at = [], 0
    while at < len(octets):
        try:
            item = der.element(octets, at, len(octets))
        except MalformedError:
            return [octets]
        found.append(octets[at : item.end])
        at = item.end
    return found


def _device(certificates: Sequence[bytes], uuid: UUID | None) -> bytes:
    parsed = [found for found in map(_parse, certificates) if found is not None]
    ends = [item for item in parsed if not item.is_ca]
    damaged = next((item for item in certificates if _parse(item) is None), None)
    if not ends and damaged is not None:
        return damaged
    ends = ends or _issuing_none(parsed)[:1] or parsed[:1]
    if len(ends) > 1:
        ends = _issuing_none(ends) or ends
    if len(ends) > 1 and uuid is not None:
        ends = [item for item in ends if _names(item, uuid)]
    if len(ends) != 1:
        raise InputError(
            "The files hold several device certificates; give one, or say which with --uuid.",
            code="which-certificate",
        )
    return ends[0].der


def _issuing_none(certificates: Sequence[Certificate]) -> list[Certificate]:
    """Leave out those that signed another one."""
    issuers: set[int] = set()
    for item in certificates:
        issuers.update(map(id, climb(item, _but(certificates, item))[1:2]))
    return [item for item in certificates if id(item) not in issuers]


def _but(certificates: Sequence[Certificate], one: Certificate) -> list[Certificate]:
    return [item for item in certificates if item is not one]


def _names(certificate: Certificate, uuid: UUID) -> bool:
    try:
        return device_identity(certificate).uuid == uuid
    except (IdentityError, MalformedCertificateError):
        return False


def _parse(octets: bytes) -> Certificate | None:
    try:
        return Certificate.parse(octets)
    except MalformedCertificateError:
        return None


def _is_crl(octets: bytes) -> bool:
    try:
        x509.load_der_x509_crl(octets)
    except PARSER_ERRORS:
        return False
    return True


def _decode(base64: bytes) -> bytes:
    try:
        return b64decode(b"".join(base64.split()), validate=True)
    except Base64Error:
        return b""
