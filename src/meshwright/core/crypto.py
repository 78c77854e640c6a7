"""The security toolbox (Mesh Protocol 1.1, 3.9) and P-256 as the mesh uses it.

Keys, salts and plaintexts are octet strings; a public key is the 64 octets X || Y that travel in
a Public Key PDU, a private key the scalar as an `int`. Nothing here draws randomness by itself.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from cryptography.hazmat.primitives.cmac import CMAC

from meshwright.core.errors import PeerError

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
PUBLIC_KEY_SIZE = 64
_CURVE = ec.SECP256R1()
_ECDH = ec.ECDH()


class InvalidKeyError(PeerError):
    """A public key that is not a point of P-256 (5.4.3.1)."""

    code = "invalid-public-key"


class AuthenticationFailedError(PeerError):
    """A MIC that does not verify."""

    code = "mic-mismatch"


def equal(left: bytes, right: bytes) -> bool:
    """Compare secrets, MICs and confirmations in constant time."""
    return hmac.compare_digest(left, right)


def aes_cmac(key: bytes, message: bytes) -> bytes:
    """AES-128-CMAC (3.9.2.1): 16 octets."""
    mac = CMAC(algorithms.AES(key))
    mac.update(message)
    return mac.finalize()


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (3.9.2.2): 32 octets."""
    return hmac.digest(key, message, "sha256")


def aes_ecb(key: bytes, block: bytes) -> bytes:
    """One AES-128 block, the function `e` (3.9.2.3)."""
    # ECB of a single block is the primitive that the specification asks for.
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(block)


def ccm_encrypt(
    key: bytes, nonce: bytes, plaintext: bytes, mic_size: int, aad: bytes = b""
) -> bytes:
    """AES-CCM (3.9.2.4): ciphertext followed by the MIC of `mic_size` octets."""
    return AESCCM(key, tag_length=mic_size).encrypt(nonce, plaintext, aad)


def ccm_decrypt(
    key: bytes, nonce: bytes, ciphertext: bytes, mic_size: int, aad: bytes = b""
) -> bytes:
    """Undo `ccm_encrypt`; raises `AuthenticationFailedError` when the MIC does not verify."""
    try:
        return AESCCM(key, tag_length=mic_size).decrypt(nonce, ciphertext, aad)
    except InvalidTag:
        raise AuthenticationFailedError("the message integrity check failed") from None


_ZERO_16 = bytes(16)
_ZERO_32 = bytes(32)


def s1(message: bytes) -> bytes:
    """Salt generation with CMAC (3.9.2.5)."""
    return aes_cmac(_ZERO_16, message)


def s2(message: bytes) -> bytes:
    """Salt generation with HMAC (3.9.2.6)."""
    return hmac_sha256(_ZERO_32, message)


def k1(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive 16 octets from `secret` (3.9.2.7)."""
    return aes_cmac(aes_cmac(salt, secret), info)


@dataclass(frozen=True, slots=True)
class NetworkCredentials:
    """What k2 makes of a NetKey."""

    nid: int
    encryption_key: bytes = field(repr=False)
    privacy_key: bytes = field(repr=False)


_SMK2 = s1(b"smk2")
_SMK3 = s1(b"smk3")
_SMK4 = s1(b"smk4")


def k2(net_key: bytes, info: bytes) -> NetworkCredentials:
    """Derive NID, EncryptionKey and PrivacyKey (3.9.2.8); `info` is 00 for flooding."""
    t = aes_cmac(_SMK2, net_key)
    t1 = aes_cmac(t, info + b"\x01")
    t2 = aes_cmac(t, t1 + info + b"\x02")
    t3 = aes_cmac(t, t2 + info + b"\x03")
    return NetworkCredentials(t1[15] & 0x7F, t2, t3)


def k3(net_key: bytes) -> bytes:
    """Network ID, 8 octets (3.9.2.9)."""
    return aes_cmac(aes_cmac(_SMK3, net_key), b"id64\x01")[8:]


def k4(app_key: bytes) -> int:
    """AID, 6 bits (3.9.2.10)."""
    return aes_cmac(aes_cmac(_SMK4, app_key), b"id6\x01")[15] & 0x3F


def k5(secret: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive 32 octets from `secret` (3.9.2.11)."""
    return hmac_sha256(hmac_sha256(salt, secret), info)


class KeyPair:
    """A P-256 key pair whose scalar lies in 1 ... r/2 (5.4.3.1)."""

    __slots__ = ("_private", "public")

    def __init__(self, scalar: int) -> None:
        self._private = ec.derive_private_key(scalar, _CURVE)
        self.public = public_octets(self._private.public_key())

    def __repr__(self) -> str:
        return f"KeyPair(public={self.public[:4].hex()}...)"

    @classmethod
    def generate(cls, random: Callable[[int], bytes]) -> KeyPair:
        """Draw a key pair; about half of all draws are out of range and drawn again."""
        while True:
            scalar = int.from_bytes(random(32), "big")
            if in_private_range(scalar):
                return cls(scalar)

    def shared_secret(self, peer_public: bytes) -> bytes:
        """Return the ECDHSecret, 32 octets; raises `InvalidKeyError` for a bad peer key."""
        return self._private.exchange(_ECDH, load_public_key(peer_public))


def in_private_range(scalar: int) -> bool:
    """Tell whether a private key may be used (5.4.3.1: 1 ... r/2)."""
    return 0 < scalar <= P256_ORDER // 2


def public_octets(key: ec.EllipticCurvePublicKey) -> bytes:
    """X || Y, 64 octets."""
    numbers = key.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def load_public_key(octets: bytes) -> ec.EllipticCurvePublicKey:
    """Validate and load X || Y; raises `InvalidKeyError` unless it is a point of the curve."""
    if len(octets) != PUBLIC_KEY_SIZE:
        raise InvalidKeyError(f"a public key has 64 octets, not {len(octets)}")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x04" + octets)
    except ValueError:
        raise InvalidKeyError("the public key is not a point of P-256") from None
