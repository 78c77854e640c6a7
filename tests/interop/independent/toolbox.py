"""The cryptography of provisioning, written from the text alone (3.9, 5.4.2).

Nothing here is shared with meshwright: two programs that agree have read the same text alike.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import MutableSequence
from dataclasses import dataclass
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.cmac import CMAC

CMAC_ALGORITHM, HMAC_ALGORITHM = 0, 1
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_CURVE = ec.SECP256R1()
Item = TypeVar("Item")


def cmac(key: bytes, message: bytes) -> bytes:
    """AES-128-CMAC."""
    made = CMAC(AES(key))
    made.update(message)
    return made.finalize()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256."""
    return hmac.digest(key, message, "sha256")


def s1(message: bytes) -> bytes:
    """Salt of 16 octets (3.9.2.4)."""
    return cmac(bytes(16), message)


def s2(message: bytes) -> bytes:
    """Salt of 32 octets (3.9.2.5)."""
    return hmac_sha256(bytes(32), message)


def k1(secret: bytes, salt: bytes, label: bytes) -> bytes:
    """Derive 16 octets (3.9.2.6)."""
    return cmac(cmac(salt, secret), label)


def k5(secret: bytes, salt: bytes, label: bytes) -> bytes:
    """Derive 32 octets (3.9.2.10)."""
    return hmac_sha256(hmac_sha256(salt, secret), label)


class Dice:
    """Chance that is the same in every run."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0

    def octets(self, size: int) -> bytes:
        """Return so many octets."""
        made = b""
        while len(made) < size:
            self._count += 1
            made += hashlib.sha256(self._seed + self._count.to_bytes(8, "big")).digest()
        return made[:size]

    def below(self, limit: int) -> int:
        """Return a number from 0 up to `limit`, without it."""
        return int.from_bytes(self.octets(8), "big") % limit

    def between(self, low: float, high: float) -> float:
        """Return a number of that range."""
        return low + (high - low) * self.below(1 << 32) / (1 << 32)

    def shuffle(self, items: MutableSequence[Item]) -> None:
        """Put `items` into another order."""
        for place in range(len(items) - 1, 0, -1):
            other = self.below(place + 1)
            items[place], items[other] = items[other], items[place]


class Pair:
    """A P-256 key pair of the lower half (5.4.3.1)."""

    def __init__(self, scalar: int) -> None:
        self.scalar = min(scalar, ORDER - scalar)
        self._private = ec.derive_private_key(self.scalar, _CURVE)
        numbers = self._private.public_key().public_numbers()
        self.public = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    @classmethod
    def drawn(cls, dice: Dice) -> Pair:
        """Return a new pair."""
        return cls(int.from_bytes(dice.octets(32), "big") % (ORDER - 1) + 1)

    def secret(self, public: bytes) -> bytes:
        """Return the X coordinate of the shared point; raises ValueError for what is no point."""
        x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
        key = ec.EllipticCurvePublicNumbers(x, y, _CURVE).public_key()
        return self._private.exchange(ec.ECDH(), key)


@dataclass(frozen=True)
class SessionKeys:
    """What both sides have in the end (5.4.2.5)."""

    key: bytes
    nonce: bytes
    device_key: bytes

    def seal(self, plain: bytes) -> bytes:
        """Return encrypted data and MIC."""
        return AESCCM(self.key, 8).encrypt(self.nonce, plain, None)

    def unseal(self, sealed: bytes) -> bytes:
        """Return the data; raises InvalidTag."""
        return AESCCM(self.key, 8).decrypt(self.nonce, sealed, None)


@dataclass(frozen=True)
class Agreement:
    """Everything up to the confirmations: `inputs` are the 145 octets of 5.4.2.4.1."""

    algorithm: int
    inputs: bytes
    secret: bytes
    auth: bytes

    @property
    def salt(self) -> bytes:
        return s1(self.inputs) if self.algorithm == CMAC_ALGORITHM else s2(self.inputs)

    @property
    def confirmation_key(self) -> bytes:
        if self.algorithm == CMAC_ALGORITHM:
            return k1(self.secret, self.salt, b"prck")
        return k5(self.secret + self.auth, self.salt, b"prck256")

    def confirmation(self, random: bytes) -> bytes:
        """Return what one side says before it shows `random`."""
        if self.algorithm == CMAC_ALGORITHM:
            return cmac(self.confirmation_key, random + self.auth)
        return hmac_sha256(self.confirmation_key, random)

    def keys(self, random_p: bytes, random_d: bytes) -> SessionKeys:
        """Return the keys of the session."""
        salt = s1(self.salt + random_p + random_d)
        key, nonce, device_key = (k1(self.secret, salt, x) for x in (b"prsk", b"prsn", b"prdk"))
        return SessionKeys(key, nonce[3:], device_key)


def width(algorithm: int) -> int:
    """Octets of AuthValue, Confirmation and Random."""
    return 16 if algorithm == CMAC_ALGORITHM else 32


def auth_from_text(text: str | bytes, algorithm: int) -> bytes:
    """AuthValue of characters or binary octets: they come first (5.4.2.4)."""
    size = width(algorithm)
    octets = text if isinstance(text, bytes) else text.encode("ascii")
    return octets[:size].ljust(size, b"\0")


def auth_from_number(number: int, algorithm: int) -> bytes:
    """AuthValue of a number: it comes last (5.4.2.4)."""
    return number.to_bytes(width(algorithm), "big")
