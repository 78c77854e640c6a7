"""Certificates in files, as people have them: PEM, one after the other, or one in DER."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from pathlib import Path

from meshwright.core.errors import InputError

_PEM_WIDTH = 64  # RFC 7468, section 2
_LARGEST = 1 << 20
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_DER_SEQUENCE = b"\x30"


def read_certificates(path: Path) -> list[bytes]:
    """Return the certificates in `path` as DER, in their order; they are not looked at.

    Raises `InputError` (`no-certificates`) when there are none, `OSError` when it cannot be read.
    """
    with path.open("rb") as stream:
        content = stream.read(_LARGEST + 1)
    found = [content] if content[:1] == _DER_SEQUENCE else [_der(m) for m in _PEM.findall(content)]
    if not all(found) or not found or len(content) > _LARGEST:
        raise InputError(
            f"{path} holds no certificate; give one in PEM or DER.", code="no-certificates"
        )
    return found


def to_pem(certificate: bytes) -> str:
    """Write a certificate in DER as PEM; `read_certificates` undoes it."""
    text = b64encode(certificate).decode()
    lines = (text[begin : begin + _PEM_WIDTH] for begin in range(0, len(text), _PEM_WIDTH))
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _der(base64: bytes) -> bytes:
    try:
        return b64decode(b"".join(base64.split()), validate=True)
    except Base64Error:
        return b""
