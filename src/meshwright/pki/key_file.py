"""Private keys in files that a passphrase protects.

A file is encrypted PKCS#8 in PEM, which `openssl pkey` opens too. Before it stands one line with
the SHA-256 of the rest, so that damage and a wrong passphrase can be told apart.
"""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from meshwright.core.crypto import equal
from meshwright.core.errors import InputError, MalformedError, StoreError
from meshwright.files import write_atomic
from meshwright.pki import der
from meshwright.pki.errors import KeyStoreError
from meshwright.randomness import RandomBytes, SystemRandomness

_MAX_FILE_SIZE = 16_384
_MIN_PASSPHRASE = 8
_PBES2 = bytes.fromhex("06092a864886f70d01050d")
_SCRYPT = bytes.fromhex("06092b06010401da47040b")
_AES_256_CBC = bytes.fromhex("060960864801650304012a")
_N, _R, _P = 1 << 14, 8, 1
_KEY_SIZE = 32
_SYSTEM_RANDOM = SystemRandomness().stream("key file")


def create_key_file(
    path: Path,
    private_key: ec.EllipticCurvePrivateKey,
    passphrase: str,
    random: RandomBytes = _SYSTEM_RANDOM,
) -> None:
    """Write the key, mode 0600, whole or not at all, and never over another file."""
    if len(passphrase) < _MIN_PASSPHRASE:
        raise InputError(
            f"The passphrase needs at least {_MIN_PASSPHRASE} characters; take a longer one.",
            code="short-passphrase",
        )
    try:
        write_atomic(path, _pem(_encrypt(private_key, passphrase, random)), replace=False)
    except FileExistsError:
        raise StoreError(
            f"The key file {path.name} exists already and is never overwritten.", code="key-exists"
        ) from None
    except OSError as error:
        raise StoreError(
            f"The key file {path.name} cannot be written: {error.strerror}."
        ) from error


def _encrypt(key: ec.EllipticCurvePrivateKey, passphrase: str, random: RandomBytes) -> bytes:
    """Encrypt with scrypt and AES-256-CBC (RFC 8018, 6.2 and RFC 7914, 7).

    The library's own writer derives the key with 2,048 rounds of PBKDF2, which is too few.
    """
    salt, iv = random(16), random(16)
    kek = Scrypt(salt=salt, length=_KEY_SIZE, n=_N, r=_R, p=_P).derive(passphrase.encode())
    padder = PKCS7(128).padder()
    plain = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    encryptor = Cipher(algorithms.AES256(kek), modes.CBC(iv)).encryptor()
    data = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return _sequence(_algorithm(salt, iv), _octet_string(data))


def _algorithm(salt: bytes, iv: bytes) -> bytes:
    costs = b"".join(der.encode(der.INTEGER, _octets(value)) for value in (_N, _R, _P))
    kdf = _sequence(_SCRYPT, _sequence(_octet_string(salt), costs))
    cipher = _sequence(_AES_256_CBC, _octet_string(iv))
    return _sequence(_PBES2, _sequence(kdf, cipher))


def _is_affordable(body: bytes) -> bool:
    """Tell whether a file asks for the work that ours take: another could ask for any memory."""
    try:
        data = base64.b64decode(b"".join(body.splitlines()[1:-1]))
        algorithm = der.children(data, der.whole(data), 1)[0]
    except (ValueError, MalformedError):
        return False
    ours = _OURS.fullmatch(data[algorithm.header : algorithm.end]) is not None
    return ours and _armored(data) == body


def _octets(value: int) -> bytes:
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _sequence(*contents: bytes) -> bytes:
    return der.encode(der.SEQUENCE, *contents)


def _octet_string(data: bytes) -> bytes:
    return der.encode(der.OCTET_STRING, data)


_SALT, _IV = b"S" * 16, b"I" * 16
_OURS = re.compile(
    re.escape(_algorithm(_SALT, _IV)).replace(_SALT, b".{16}").replace(_IV, b".{16}"), re.DOTALL
)


def _pem(data: bytes) -> bytes:
    body = _armored(data)
    return _digest_line(body) + b"\n" + body


def _armored(data: bytes) -> bytes:
    text = base64.b64encode(data)
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    begin, end = (b"-----%s ENCRYPTED PRIVATE KEY-----" % word for word in (b"BEGIN", b"END"))
    return b"\n".join((begin, *lines, end, b""))


def _digest_line(body: bytes) -> bytes:
    return b"SHA256: " + hashlib.sha256(body).hexdigest().encode()


def open_private_key(path: Path, passphrase: str) -> ec.EllipticCurvePrivateKey:
    """Open a key file; the error says `missing-key`, `damaged-key` or `wrong-secret`."""
    line, _, body = _read(path).partition(b"\n")
    if not equal(line, _digest_line(body)):
        raise KeyStoreError(f"The key file {path.name} is damaged; restore it from a backup.")
    if not _is_affordable(body):
        raise KeyStoreError(
            f"The key file {path.name} was not written by meshwright; restore it from a backup."
        )
    try:
        key = load_pem_private_key(body, passphrase.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        message = f"The passphrase does not open the key file {path.name}; give the right one."
        raise KeyStoreError(message, code="wrong-secret") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise KeyStoreError(
            f"The key file {path.name} does not hold a P-256 key; restore it from a backup."
        )
    return key


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE_SIZE)
    except FileNotFoundError:
        message = f"The key file {path.name} is missing; restore it from a backup."
        raise KeyStoreError(message, code="missing-key") from None
    except OSError as error:
        raise StoreError(f"The key file {path.name} cannot be read: {error.strerror}.") from error
