"""Making what `compact` reads: the template of a batch, and the record of each device.

A certificate that its template does not give back octet by octet is stored as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from meshwright.core.errors import InputError
from meshwright.pki import compact, der
from meshwright.pki.certificate import (
    ECDSA_WITH_SHA256,
    P256_SPKI_PREFIX,
    P256_SPKI_SIZE,
    Certificate,
)
from meshwright.pki.errors import MalformedCertificateError

_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY_ID_EXTENSION = bytes.fromhex("0603551d0e04160414")
_TIMES = {0x17: compact.UTC_TIME, 0x18: compact.GENERALIZED_TIME}
_EXPLICIT_VERSION = 0xA0
_WORTH_COPYING = 7
"""A copy takes four octets, and the literal after it two."""
_LONGEST_STEP = 255
_REACH = 0xFFFF
"""How far into the batch certificate a step can point."""


class UnfitForTemplateError(InputError):
    """A certificate that cannot be the template of its batch."""

    code = "no-compact-template"


class _Hole(NamedTuple):
    """A part of the signed octets that differs from device to device."""

    start: int
    end: int
    step: bytes
    stored: bytes
    own: bool = False


def make_template(
    certificate: bytes, batch_certificate: bytes, *, own_values: bool = False
) -> bytes:
    """Make the template of a batch from any one of its device certificates.

    With `own_values` the records leave out UUID and public key, which the device has anyway.
    Raises `MalformedCertificateError`, and `UnfitForTemplateError` for a certificate without a
    P-256 key, an ECDSA signature with SHA-256 or a UUID in lower case.
    """
    body, holes = _take_apart(Certificate.parse(certificate))
    template, at = bytes((compact.FORMAT, compact.OWN_VALUES * own_values)), 0
    for hole in holes:
        template += b"".join(_literal(body[at : hole.start], batch_certificate)) + hole.step
        at = hole.end
    template += b"".join(_literal(body[at:], batch_certificate))
    if encode(certificate, template, batch_certificate)[0] != compact.FORMAT:
        raise UnfitForTemplateError("The certificate is too unusual; store its batch plainly.")
    return template


def encode(certificate: bytes, template: bytes, batch_certificate: bytes) -> bytes:
    """Return the record of a device, plain when the certificate does not fit the template."""
    plain = bytes((compact.PLAIN,)) + certificate
    try:
        record, own = _record(Certificate.parse(certificate), template)
        same = compact.decode(record, template, batch_certificate, own) == certificate
    except (compact.DamagedCompactError, MalformedCertificateError, UnfitForTemplateError):
        return plain
    return record if same and len(record) < len(plain) else plain


def _record(certificate: Certificate, template: bytes) -> tuple[bytes, compact.OwnValues]:
    _, holes = _take_apart(certificate)
    own = compact.OwnValues(*[hole.stored for hole in holes if hole.own])
    leave_out = template[1:2] == bytes((compact.OWN_VALUES,))
    stored = [hole.stored for hole in holes if not (hole.own and leave_out)]
    return b"".join((bytes((compact.FORMAT,)), *stored, _signature(certificate))), own


def _signature(certificate: Certificate) -> bytes:
    try:
        scalars = decode_dss_signature(certificate.raw.signature)
        return b"".join(scalar.to_bytes(32, "big") for scalar in scalars)
    except (ValueError, OverflowError):
        raise UnfitForTemplateError(
            "The signature is not one of a P-256 key; store the certificate plainly."
        ) from None


def _take_apart(certificate: Certificate) -> tuple[bytes, list[_Hole]]:
    """Find the holes in the contents of the signed part (RFC 5280, 4.1)."""
    spki = certificate.raw.spki
    fits = spki.startswith(P256_SPKI_PREFIX) and len(spki) == P256_SPKI_SIZE
    if not fits or certificate.raw.outer_algorithm != ECDSA_WITH_SHA256:
        raise UnfitForTemplateError(
            "Only P-256 keys and signatures have a template; store the certificate plainly."
        )
    tbs = certificate.raw.tbs
    outer = der.whole(tbs)
    version = der.children(tbs, outer, 1)[0].tag == _EXPLICIT_VERSION
    parts = der.children(tbs, outer, 6 + version)[version:]
    body = tbs[outer.start :]
    parts = [
        der.Element(part.tag, *(position - outer.start for position in part[1:])) for part in parts
    ]
    serial, _, _, validity, subject, key = parts
    return body, [
        _serial(body, serial),
        *_times(body, validity),
        _uuid(body, subject),
        _Hole(key.end - 64, key.end, bytes((compact.KEY,)), body[key.end - 64 : key.end], own=True),
        *_key_id(body, key.end),
    ]


def _serial(body: bytes, serial: der.Element) -> _Hole:
    octets = body[serial.start : serial.end]
    step = bytes((compact.SERIAL,))
    return _Hole(serial.header, serial.end, step, bytes((len(octets),)) + octets)


def _times(body: bytes, validity: der.Element) -> Iterator[_Hole]:
    """Yield the times that 32 bits can hold; "no expiry" is none of them and stays as it is."""
    for part in der.children(body, validity, 2):
        step = _TIMES[part.tag]
        packed = _pack_time(step, body[part.start : part.end])
        if packed is not None:
            yield _Hole(part.start, part.end, bytes((step,)), packed)


def _pack_time(step: int, text: bytes) -> bytes | None:
    """Pack a time that the strict parser took, so that it has all its digits."""
    digits = text[:-1] if step == compact.GENERALIZED_TIME else b"20" + text[:-1]
    first, last = compact.BASE_YEARS[step]
    year, *others = (int(digits[:4]), *(int(digits[at : at + 2]) for at in range(4, 14, 2)))
    if not first <= year <= last:
        return None
    packed = year - first
    for (bits, _, _), number in zip(compact.TIME_FIELDS[1:], others, strict=True):
        packed = packed << bits | number
    return packed.to_bytes(4, "big")


def _uuid(body: bytes, subject: der.Element) -> _Hole:
    found = _UUID.search(body, subject.start, subject.end)
    if found is None:
        raise UnfitForTemplateError(
            "The subject has no UUID in lower case; store the certificate plainly."
        )
    stored = UUID(found[0].decode()).bytes
    return _Hole(found.start(), found.end(), bytes((compact.UUID_TEXT,)), stored, own=True)


def _key_id(body: bytes, key_end: int) -> Iterator[_Hole]:
    """Yield the subject key identifier; one that the key gives needs no room in the record."""
    at = body.find(_KEY_ID_EXTENSION, key_end)
    if at < 0:
        return
    start = at + len(_KEY_ID_EXTENSION)
    identifier = body[start : start + 20]
    if identifier == compact.key_identifier(body[key_end - 64 : key_end]):
        yield _Hole(start, start + 20, bytes((compact.KEY_ID,)), b"")
    else:
        yield _Hole(start, start + 20, bytes((compact.RAW, 20)), identifier)


def _literal(text: bytes, batch: bytes) -> Iterator[bytes]:
    """Yield the steps that give `text`; they copy from the batch certificate where it pays."""
    at = literal = 0
    while at < len(text):
        start, size = _longest(text[at : at + _LONGEST_STEP], batch)
        if size < _WORTH_COPYING:
            at += 1
            continue
        yield from _plain(text[literal:at])
        yield bytes((compact.COPY, *start.to_bytes(2, "big"), size))
        at = literal = at + size
    yield from _plain(text[literal:])


def _longest(text: bytes, batch: bytes) -> tuple[int, int]:
    """Find the longest beginning of `text` in the batch certificate: position and size."""
    batch, best, size = batch[:_REACH], 0, 0
    while size < len(text) and (found := batch.find(text[: size + 1])) >= 0:
        best, size = found, size + 1
    return best, size


def _plain(text: bytes) -> Iterator[bytes]:
    for at in range(0, len(text), _LONGEST_STEP):
        part = text[at : at + _LONGEST_STEP]
        yield bytes((compact.LITERAL, len(part))) + part
