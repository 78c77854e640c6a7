"""Records in a flash image: the device certificate compactly, as firmware with little flash has it.

What does not fit a template is kept as it is, and so are the records in images of earlier releases.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any

from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
from meshwright.pki.compact import DamagedCompactError, decode
from meshwright.pki.compact_encoding import UnfitForTemplateError, encode, make_template
from meshwright.pki.errors import MalformedCertificateError

_COMPACT = "compact"
_BATCH = INTERMEDIATES[0]
_CERTIFICATE = RecordId.DEVICE_CERTIFICATE


def to_json(records: dict[int, bytes]) -> dict[str, object]:
    """Return what is written of records; `from_json` gives every octet back."""
    compact = _compacted(records.get(_CERTIFICATE), records.get(_BATCH))
    kept = {i: data for i, data in records.items() if not (compact and i == _CERTIFICATE)}
    written: dict[str, object] = {f"{i:04x}": _text(data) for i, data in kept.items()}
    return written | ({_COMPACT: [_text(part) for part in compact]} if compact else {})


def from_json(found: dict[str, Any]) -> dict[int, bytes]:
    """Read records; whatever cannot be any raises some exception of the standard library."""
    records = {int(i, 16): _octets(text) for i, text in found.items() if i != _COMPACT}
    if _COMPACT in found:
        template, record = map(_octets, found[_COMPACT])
        try:
            records[_CERTIFICATE] = decode(record, template, records[_BATCH])
        except DamagedCompactError as error:
            raise ValueError(error.code) from None
    return records


@lru_cache(maxsize=256)
def _compacted(certificate: bytes | None, batch: bytes | None) -> tuple[bytes, bytes] | None:
    """Return template and record; a real factory makes the template once a batch."""
    if certificate is None or batch is None:
        return None
    try:
        template = make_template(certificate, batch)
    except (MalformedCertificateError, UnfitForTemplateError):
        return None
    return template, encode(certificate, template, batch)


def _text(octets: bytes) -> str:
    return b64encode(octets).decode()


def _octets(text: str) -> bytes:
    return b64decode(text, validate=True)
