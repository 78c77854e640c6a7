"""The URI AD type and its hash (Mesh Protocol 1.1, 3.10.2; CSS, part A, 1.18).

A scanner pairs a URI with a beacon by the hash alone, so hash the octets that were heard and
never a re-encoding: one URI has several encodings.
"""

from __future__ import annotations

from meshwright.core.crypto import s1
from meshwright.core.errors import InputError, MalformedError

HASH_SIZE = 4

# Assigned Numbers, URI scheme name string mapping; 0x01 says that the scheme is in the string.
_SCHEMES = {"\x16": "http:", "\x17": "https:", "\x01": ""}


def encode_uri(uri: str) -> bytes:
    """Return the URI Data: one code point for the scheme, then the rest in UTF-8."""
    if not _clean(uri):
        raise InputError("a URI has no spaces and no control characters", code="bad-uri")
    code, scheme = next(
        (code, scheme) for code, scheme in _SCHEMES.items() if uri.lower().startswith(scheme)
    )
    return (code + uri[len(scheme) :]).encode()


def decode_uri(data: bytes) -> str:
    """Return the URI; raises `MalformedError` when it is not text or has an unknown scheme."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise MalformedError("the URI is not UTF-8") from None
    scheme = _SCHEMES.get(text[:1])
    if scheme is None:
        raise MalformedError("the URI has a scheme code that is not http, https or none")
    uri = scheme + text[1:]
    if not _clean(uri):
        raise MalformedError("the URI has spaces or control characters")
    return uri


def uri_hash(data: bytes) -> bytes:
    """Return the URI Hash of URI Data, 4 octets."""
    return s1(data)[:HASH_SIZE]


def _clean(uri: str) -> bool:
    # What strangers send ends up on terminals and in logs.
    return uri.isprintable() and " " not in uri and bool(uri)
