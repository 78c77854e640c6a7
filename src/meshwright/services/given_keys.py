"""Keys of devices as people have them: hex, PEM, DER or the plain octets."""

from __future__ import annotations

import re
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    load_der_private_key,
    load_der_public_key,
    load_pem_private_key,
    load_pem_public_key,
)

from meshwright.core.crypto import PUBLIC_KEY_SIZE, InvalidKeyError, load_public_key, public_octets
from meshwright.core.errors import InputError

_HEX = re.compile(rb"(04)?(?P<point>[0-9A-Fa-f]{128})")
_BETWEEN = re.compile(rb"[\s:]+")
_PEM = b"-----BEGIN"
LONGEST = 4096
"""Octets; no key is longer, however it is written."""


def is_hex_key(text: str) -> bool:
    """Tell whether `text` is itself a key in hex, and no name of a file."""
    return _HEX.fullmatch(text.encode("utf-8", "replace")) is not None


def public_key_in(content: bytes) -> bytes:
    """Return X || Y, 64 octets; raises `InputError` (`bad-public-key`) for anything else."""
    try:
        if len(content) <= LONGEST:
            key = _octets(content)
            load_public_key(key)
            return key
    except (ValueError, UnsupportedAlgorithm, InvalidKeyError):
        pass
    raise InputError(
        "This is no P-256 public key; give 128 hex digits, or a PEM or DER file.",
        code="bad-public-key",
    )


def private_key_in(content: bytes) -> int:
    """Return the private number of a P-256 key in PEM or DER, without a passphrase.

    Raises `InputError` (`bad-private-key`) for anything else.
    """
    pem = content.lstrip().startswith(_PEM)
    load = load_pem_private_key if pem else load_der_private_key
    try:
        key = load(content, None) if len(content) <= LONGEST else None
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key.private_numbers().private_value
    raise InputError(
        "This is no P-256 private key; give a PEM or DER file without a passphrase.",
        code="bad-private-key",
    )


def _octets(content: bytes) -> bytes:
    found = _HEX.fullmatch(_BETWEEN.sub(b"", content))
    if found is not None:
        return bytes.fromhex(found["point"].decode("ascii"))
    if len(content) == PUBLIC_KEY_SIZE:
        return content
    if content.lstrip().startswith(_PEM):
        return _loaded(load_pem_public_key, content)
    return _loaded(load_der_public_key, content)


def _loaded(load: Callable[[bytes], object], content: bytes) -> bytes:
    key = load(content)
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return public_octets(key)
    raise InvalidKeyError(f"{type(key).__name__} is another kind of key")
