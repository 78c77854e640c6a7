"""Randomness as a port: from the system for real work, from a seed for simulations.

A seeded source derives every stream from the seed and a label, so that one draw more in one
place changes nothing anywhere else. Seeded randomness is predictable: real radios refuse it.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256, Hash

RandomBytes = Callable[[int], bytes]
"""Returns so many random octets."""

Uniform = Callable[[], float]
"""Returns a number in [0, 1); for delays and radio effects, never for secrets."""


class Randomness(Protocol):
    """Where streams of randomness come from."""

    predictable: bool

    def stream(self, *label: object) -> RandomBytes:
        """Return the octet stream of `label`; the same label must be used only once."""
        ...

    def uniform(self, *label: object) -> Uniform:
        """Return a stream of floats for timing."""
        ...


class SystemRandomness:
    """The operating system's generator; labels are ignored."""

    predictable = False

    def stream(self, *label: object) -> RandomBytes:
        del label
        return secrets.token_bytes  # noqa: TID251 - the port itself

    def uniform(self, *label: object) -> Uniform:
        del label
        return random.SystemRandom().random


class SeededRandomness:
    """Streams derived from a seed: AES-128-CTR keyed with SHA-256 of seed and label."""

    predictable = True

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def stream(self, *label: object) -> RandomBytes:
        encryptor = Cipher(algorithms.AES(self._key(label)), modes.CTR(bytes(16))).encryptor()
        return lambda count: encryptor.update(bytes(count))

    def uniform(self, *label: object) -> Uniform:
        return random.Random(self._key(label)).random  # noqa: S311 - timing, never a secret

    def _key(self, label: tuple[object, ...]) -> bytes:
        digest = Hash(SHA256())
        for part in (self._seed, *label):
            text = str(part).encode()
            digest.update(len(text).to_bytes(4, "big") + text)
        return digest.finalize()[:16]
