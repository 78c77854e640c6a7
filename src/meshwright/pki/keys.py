"""Signing keys: the port, and a key in memory; `key_file` keeps them on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from meshwright.core.crypto import in_private_range
from meshwright.core.errors import InputError
from meshwright.pki.key_file import create_key_file, open_private_key
from meshwright.randomness import RandomBytes

__all__ = ["PrivateKeySigner", "Signer", "create_key_file", "generate_private_key", "open_key_file"]

_CURVE = ec.SECP256R1()
_ALGORITHM = ec.ECDSA(SHA256(), deterministic_signing=True)


class Signer(Protocol):
    """A P-256 private key that may stay where it is, as in a hardware module."""

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        ...

    def sign(self, tbs: bytes) -> bytes:
        """Return the DER ECDSA signature over SHA-256 of `tbs` (deterministic, RFC 6979)."""
        ...


class PrivateKeySigner:
    """A signer whose private key is in memory."""

    __slots__ = ("_private_key",)

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        if not isinstance(private_key.curve, ec.SECP256R1):
            raise InputError("A signing key must be a P-256 key.", code="bad-key")
        self._private_key = private_key

    def __repr__(self) -> str:
        return "PrivateKeySigner()"

    @property
    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._private_key.public_key()

    def sign(self, tbs: bytes) -> bytes:
        return self._private_key.sign(tbs, _ALGORITHM)


def generate_private_key(random: RandomBytes) -> ec.EllipticCurvePrivateKey:
    """Draw a P-256 key in the private range of the mesh, so that all our keys are alike."""
    while True:
        scalar = int.from_bytes(random(32), "big")
        if in_private_range(scalar):
            return ec.derive_private_key(scalar, _CURVE)


def open_key_file(path: Path, passphrase: str) -> PrivateKeySigner:
    """Open a key file; the error says `missing-key`, `damaged-key` or `wrong-secret`."""
    return PrivateKeySigner(open_private_key(path, passphrase))
