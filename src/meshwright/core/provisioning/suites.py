"""The two algorithms (5.4.2.4 and 5.4.2.5): confirmation, session keys, provisioning data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from meshwright.core.crypto import (
    aes_cmac,
    ccm_decrypt,
    ccm_encrypt,
    hmac_sha256,
    k1,
    k5,
    s1,
    s2,
)
from meshwright.core.provisioning.fields import Algorithm

_MIC_SIZE = 8


@dataclass(frozen=True, slots=True)
class Suite:
    """What differs between the algorithms; after the confirmation nothing does."""

    algorithm: Algorithm
    size: int
    """Octets of AuthValue, Random and Confirmation."""
    salt: Callable[[bytes], bytes]
    """ConfirmationInputs -> ConfirmationSalt."""
    confirmation_key: Callable[[bytes, bytes, bytes], bytes]
    """ECDHSecret, AuthValue, ConfirmationSalt -> ConfirmationKey."""
    confirm: Callable[[bytes, bytes, bytes], bytes]
    """ConfirmationKey, Random, AuthValue -> Confirmation."""


_CMAC = Suite(
    Algorithm.CMAC,
    16,
    s1,
    lambda secret, _auth_value, salt: k1(secret, salt, b"prck"),
    lambda key, random, auth_value: aes_cmac(key, random + auth_value),
)
_HMAC = Suite(
    Algorithm.HMAC,
    32,
    s2,
    lambda secret, auth_value, salt: k5(secret + auth_value, salt, b"prck256"),
    lambda key, random, _auth_value: hmac_sha256(key, random),
)
SUITES = {suite.algorithm: suite for suite in (_CMAC, _HMAC)}


@dataclass(frozen=True, slots=True)
class Confirming:
    """One session between the public keys and the randoms."""

    suite: Suite
    salt: bytes
    secret: bytes = field(repr=False)
    key: bytes = field(repr=False)
    auth_value: bytes = field(repr=False)

    @classmethod
    def begin(cls, suite: Suite, inputs: bytes, secret: bytes, auth_value: bytes) -> Confirming:
        """Start from ConfirmationInputs, ECDHSecret and AuthValue."""
        salt = suite.salt(inputs)
        key = suite.confirmation_key(secret, auth_value, salt)
        return cls(suite, salt, secret, key, auth_value)

    def confirmation(self, random: bytes) -> bytes:
        """Return the Confirmation of one side's Random."""
        return self.suite.confirm(self.key, random, self.auth_value)

    def session_keys(self, provisioner_random: bytes, device_random: bytes) -> SessionKeys:
        """Derive SessionKey, SessionNonce and DevKey (5.4.2.5)."""
        salt = s1(self.salt + provisioner_random + device_random)
        return SessionKeys(
            k1(self.secret, salt, b"prsk"),
            k1(self.secret, salt, b"prsn")[3:],
            k1(self.secret, salt, b"prdk"),
        )


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """What the session has agreed on; `device_key` stays with the node."""

    session_key: bytes = field(repr=False)
    session_nonce: bytes = field(repr=False)
    device_key: bytes = field(repr=False)

    def seal(self, data: bytes) -> bytes:
        """Encrypt Provisioning Data: 25 octets and a MIC of eight."""
        return ccm_encrypt(self.session_key, self.session_nonce, data, _MIC_SIZE)

    def unseal(self, sealed: bytes) -> bytes:
        """Undo `seal`; raises `AuthenticationFailedError`."""
        return ccm_decrypt(self.session_key, self.session_nonce, sealed, _MIC_SIZE)
