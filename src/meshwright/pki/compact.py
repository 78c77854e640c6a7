"""Reading device certificates that are stored compactly; the format is in docs/compact-chains.md.

A record holds what one device has alone, a template what its batch shares, and the rest is copied
from the batch certificate. The decoder is one table and a loop, so that firmware can have it too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import NamedTuple
from uuid import UUID

from meshwright.core.errors import MalformedError, StoreError
from meshwright.core.octets import Reader
from meshwright.pki import der
from meshwright.pki.certificate import ECDSA_WITH_SHA256, MAX_CERTIFICATE_SIZE

PLAIN, FORMAT = 0, 1
"""The first octet of a record: the certificate as it is, or by the template."""
OWN_VALUES = 1
"""The flag of a template whose records leave out what a device knows of itself."""
LITERAL, COPY, SERIAL, UTC_TIME, GENERALIZED_TIME, UUID_TEXT, KEY, KEY_ID, RAW = range(9)
"""The steps of a template, by their first octet."""
LARGEST_COMPACT = 4096
"""Octets of the signed part; what is larger is stored plainly."""

TIME_FIELDS = ((6, 0, 63), (4, 1, 12), (5, 1, 31), (5, 0, 23), (6, 0, 59), (6, 0, 59))
"""Bits, smallest and largest value of year, month, day, hour, minute and second: 32 bits."""
BASE_YEARS = {UTC_TIME: (2000, 2049), GENERALIZED_TIME: (2050, 2113)}
"""The year that is stored as 0, and the last one (RFC 5280, 4.1.2.5)."""
_SCALAR_SIZE = 32
_KEY_SIZE = 64
_SERIAL_SIZES = range(1, 21)


class DamagedCompactError(StoreError):
    """A record or template that cannot be expanded."""

    code = "damaged-compact-chain"


class OwnValues(NamedTuple):
    """What a device knows of itself: its UUID (16 octets) and public key (64, X before Y)."""

    uuid: bytes
    public_key: bytes


def decode(
    record: bytes, template: bytes, batch_certificate: bytes, own: OwnValues | None = None
) -> bytes:
    """Return the DER of the device certificate; raises `DamagedCompactError`.

    `own` is needed when the template has the flag `OWN_VALUES`. Octets that were changed within
    their limits give another certificate, whose signature does not verify.
    """
    try:
        return _decode(Reader(record), Reader(template), batch_certificate, own)
    except MalformedError as error:
        message = f"The compact certificate is damaged ({error}); store it again."
        raise DamagedCompactError(message) from None


def _decode(record: Reader, template: Reader, batch: bytes, own: OwnValues | None) -> bytes:
    if record.remaining > 1 + MAX_CERTIFICATE_SIZE:
        raise MalformedError("the record is too long")
    form = record.unsigned(1)
    if form == PLAIN:
        plain = record.rest()
        der.whole(plain)
        return plain
    if (form, template.unsigned(1)) != (FORMAT, FORMAT):
        raise MalformedError("the format is unknown")
    tbs = der.encode(der.SEQUENCE, _Expansion(record, template, batch, own).run())
    scalars = [_positive(record.take(_SCALAR_SIZE)) for _ in "rs"]
    record.end()
    signature = der.encode(der.BIT_STRING, b"\x00", der.encode(der.SEQUENCE, *scalars))
    return der.encode(der.SEQUENCE, tbs, ECDSA_WITH_SHA256, signature)


class _Expansion:
    """The walk along a template; every step returns what it adds to the signed part."""

    def __init__(
        self, record: Reader, template: Reader, batch: bytes, own: OwnValues | None
    ) -> None:
        self._record, self._template, self._batch = record, template, batch
        self._key = b""
        flags = template.unsigned(1)
        if flags not in (0, OWN_VALUES) or (flags and own is None):
            raise MalformedError("the flags are unknown, or the values of the device are missing")
        self._own = own if flags else None

    def run(self) -> bytes:
        """Expand every step."""
        octets = b""
        while self._template.remaining:
            octets += self._step(self._template.unsigned(1))
            if len(octets) > LARGEST_COMPACT:
                raise MalformedError("the certificate is too long")
        return octets

    def _step(self, step: int) -> bytes:
        steps: dict[int, Callable[[], bytes]] = {
            LITERAL: lambda: self._template.take(self._template.unsigned(1)),
            COPY: self._copy,
            SERIAL: self._serial,
            UTC_TIME: lambda: time_text(UTC_TIME, self._record.unsigned(4)),
            GENERALIZED_TIME: lambda: time_text(GENERALIZED_TIME, self._record.unsigned(4)),
            UUID_TEXT: self._uuid,
            KEY: self._public_key,
            KEY_ID: self._key_id,
            RAW: lambda: self._record.take(self._template.unsigned(1)),
        }
        if step not in steps:
            raise MalformedError("the template has an unknown step")
        return steps[step]()

    def _copy(self) -> bytes:
        start, size = self._template.unsigned(2), self._template.unsigned(1)
        if start + size > len(self._batch):
            raise MalformedError("the template copies from beyond the batch certificate")
        return self._batch[start : start + size]

    def _serial(self) -> bytes:
        size = self._record.unsigned(1)
        if size not in _SERIAL_SIZES:
            raise MalformedError("the serial number has no length that there is")
        return der.encode(der.INTEGER, self._record.take(size))

    def _uuid(self) -> bytes:
        octets = self._own.uuid if self._own else self._record.take(16)
        if len(octets) != 16:
            raise MalformedError("the UUID has not 16 octets")
        return str(UUID(bytes=octets)).encode()

    def _public_key(self) -> bytes:
        self._key = self._own.public_key if self._own else self._record.take(_KEY_SIZE)
        if len(self._key) != _KEY_SIZE:
            raise MalformedError("the public key has not 64 octets")
        return self._key

    def _key_id(self) -> bytes:
        if not self._key:
            raise MalformedError("the template has a key identifier before its key")
        return key_identifier(self._key)


def time_text(step: int, packed: int) -> bytes:
    """Write 32 bits as UTCTime or GeneralizedTime; raises `MalformedError`."""
    values: list[int] = []
    for bits, smallest, largest in reversed(TIME_FIELDS):
        packed, value = packed >> bits, packed & ((1 << bits) - 1)
        if not smallest <= value <= largest:
            raise MalformedError("the time is none")
        values.insert(0, value)
    first, last = BASE_YEARS[step]
    year = first + values[0]
    if year > last:
        raise MalformedError("the year is out of range")
    digits = f"{year:04}" + "".join(f"{value:02}" for value in values[1:])
    return (digits[2:] if step == UTC_TIME else digits).encode() + b"Z"


def key_identifier(public_key: bytes) -> bytes:
    """Return the key identifier of a key of 64 octets (RFC 5280, 4.2.1.2, method 1)."""
    return hashlib.sha1(b"\x04" + public_key, usedforsecurity=False).digest()


def _positive(scalar: bytes) -> bytes:
    """Encode an unsigned number as INTEGER: no zero octet too many, none too few (X.690, 8.3)."""
    octets = scalar.lstrip(b"\x00")
    return der.encode(der.INTEGER, b"\x00" * (octets[:1] >= b"\x80" or not octets), octets)
