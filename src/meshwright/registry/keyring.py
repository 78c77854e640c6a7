"""The master key, wrapped in a small file, and everything that is encrypted under it.

`keyring.json` holds the master key under AES-256-GCM. The key around it comes from a passphrase
through scrypt, or from 32 random octets through HKDF. Each purpose has a key of its own, and
the associated data names the row, so that a sealed value opens nowhere else.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from meshwright.core.errors import InputError
from meshwright.randomness import RandomBytes, SystemRandomness
from meshwright.registry.errors import (
    DamagedDatabaseError,
    DamagedKeyringError,
    SecretError,
    translated,
)
from meshwright.registry.files import write_atomic
from meshwright.registry.secret import KEY_SIZE, Passphrase, Secret

_FORMAT = "meshwright-keyring-1"
_SALT_SIZE = 16
_NONCE_SIZE = 12
_TAG_SIZE = 16
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class ScryptCost:
    """How hard a passphrase is to guess; 32 MiB and some tenths of a second by default."""

    n: int = 1 << 15
    r: int = 8
    p: int = 3

    def within_bounds(self) -> bool:
        """Tell whether a stored cost is sane; a hostile file must not take all memory."""
        power_of_two = self.n > 1 and self.n & (self.n - 1) == 0
        return power_of_two and self.n <= 1 << 20 and 0 < self.r <= 16 and 0 < self.p <= 16


@dataclass(frozen=True, slots=True)
class _Envelope:
    """What `keyring.json` says; all of it but `wrapped` is authenticated with the key."""

    kind: str
    salt: bytes
    cost: ScryptCost
    nonce: bytes
    wrapped: bytes

    def header(self) -> bytes:
        return _canonical(self._fields())

    def encode(self) -> bytes:
        return _canonical(self._fields() | {"wrapped": self.wrapped.hex()}) + b"\n"

    def _fields(self) -> dict[str, object]:
        return {
            "format": _FORMAT,
            "kind": self.kind,
            "salt": self.salt.hex(),
            "scrypt": asdict(self.cost),
            "nonce": self.nonce.hex(),
        }

    @classmethod
    def decode(cls, text: bytes) -> _Envelope:
        """Read an envelope; raises ValueError, KeyError or TypeError for anything else."""
        fields = json.loads(text)
        cost = ScryptCost(**{name: int(value) for name, value in fields["scrypt"].items()})
        salt, nonce, wrapped = (
            bytes.fromhex(fields[name]) for name in ("salt", "nonce", "wrapped")
        )
        sizes = (len(salt), len(nonce), len(wrapped))
        if fields["format"] != _FORMAT or not cost.within_bounds():
            raise ValueError(fields["format"])
        if sizes != (_SALT_SIZE, _NONCE_SIZE, KEY_SIZE + _TAG_SIZE):
            raise ValueError(sizes)
        return cls(str(fields["kind"]), salt, cost, nonce, wrapped)


class Keyring:
    """Seals and opens secrets; never shows the master key."""

    __slots__ = ("_ciphers", "_master", "_nonces")

    def __init__(self, master: bytes) -> None:
        self._master = master
        self._ciphers: dict[str, AESGCM] = {}
        # Never seeded: a nonce used twice under one key gives the plaintexts away.
        self._nonces = SystemRandomness().stream("keyring nonces")

    def __repr__(self) -> str:
        return "Keyring()"

    @classmethod
    def create(
        cls, path: Path, secret: Secret, random: RandomBytes, cost: ScryptCost | None = None
    ) -> Keyring:
        """Make a new master key and write it, wrapped, to `path`, which must not exist."""
        master = random(KEY_SIZE)
        blank = _Envelope(
            secret.kind, random(_SALT_SIZE), cost or ScryptCost(), random(_NONCE_SIZE), b""
        )
        wrapped = AESGCM(_wrapping_key(secret, blank)).encrypt(blank.nonce, master, blank.header())
        envelope = _Envelope(blank.kind, blank.salt, blank.cost, blank.nonce, wrapped)
        write_atomic(path, envelope.encode(), replace=False)
        return cls(master)

    @classmethod
    def open(cls, path: Path, secret: Secret) -> Keyring:
        """Unwrap the master key; raises `SecretError` (`wrong-secret`) for the wrong secret."""
        envelope = _read_envelope(path)
        if envelope.kind != secret.kind:
            raise SecretError(f"The keyring {path} opens with a {envelope.kind}: give that.")
        cipher = AESGCM(_wrapping_key(secret, envelope))
        try:
            return cls(cipher.decrypt(envelope.nonce, envelope.wrapped, envelope.header()))
        except InvalidTag:
            raise SecretError(
                f"The {secret.kind} does not open the keyring {path}: give the right one."
            ) from None

    def seal(self, plaintext: bytes, purpose: str, *identity: object) -> bytes:
        """Encrypt for one purpose and one row: nonce, ciphertext and tag."""
        nonce = self._nonces(_NONCE_SIZE)
        return nonce + self._cipher(purpose).encrypt(nonce, plaintext, _associated(identity))

    def unseal(self, sealed: bytes, purpose: str, *identity: object) -> bytes:
        """Undo `seal`; raises `DamagedDatabaseError` if anything differs."""
        nonce, ciphertext = sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:]
        try:
            return self._cipher(purpose).decrypt(nonce, ciphertext, _associated(identity))
        except (InvalidTag, ValueError):
            raise DamagedDatabaseError(
                "A sealed secret does not open: it was changed or belongs to another keyring; "
                "restore the database and the keyring from the same backup."
            ) from None

    def derive_passphrase(self, label: str) -> bytes:
        """Return a passphrase of its own for each label: 64 hexadecimal digits."""
        return _derive(self._master, f"passphrase:{label}").hex().encode()

    def _cipher(self, purpose: str) -> AESGCM:
        if purpose not in self._ciphers:
            self._ciphers[purpose] = AESGCM(_derive(self._master, f"seal:{purpose}"))
        return self._ciphers[purpose]


def _read_envelope(path: Path) -> _Envelope:
    with translated(path):
        try:
            text = _read_start(path)
        except FileNotFoundError:
            raise InputError(
                f"There is no keyring {path}; create one, or restore it from a backup.",
                code="no-keyring",
            ) from None
    try:
        return _Envelope.decode(text)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DamagedKeyringError(
            f"The keyring {path} is damaged; restore it from a backup."
        ) from None


def _read_start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(_LONGEST)


def _wrapping_key(secret: Secret, envelope: _Envelope) -> bytes:
    if isinstance(secret, Passphrase):
        cost = envelope.cost
        return Scrypt(envelope.salt, KEY_SIZE, cost.n, cost.r, cost.p).derive(secret.octets())
    return HKDF(SHA256(), KEY_SIZE, envelope.salt, b"meshwright:wrap").derive(secret.octets())


def _derive(master: bytes, info: str) -> bytes:
    return HKDF(SHA256(), KEY_SIZE, None, f"meshwright:{info}".encode()).derive(master)


def _associated(identity: tuple[object, ...]) -> bytes:
    parts = [str(part).encode() for part in identity]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _canonical(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()
