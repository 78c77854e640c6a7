"""The secrets that open a keyring: a passphrase, a key file or the value of a variable."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from meshwright.randomness import RandomBytes
from meshwright.registry.errors import SecretError, translated
from meshwright.registry.files import write_atomic

KEY_SIZE = 32
_HEX_KEY = re.compile(r"[0-9A-Fa-f]{64}")
_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Passphrase:
    """Words that a person remembers; stretched with scrypt."""

    text: str = field(repr=False)
    kind = "passphrase"

    def octets(self) -> bytes:
        if not self.text:
            raise SecretError("The passphrase is empty; give one.", code="bad-secret")
        # The same words typed on two systems are the same secret.
        return unicodedata.normalize("NFC", self.text).encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file of 32 random octets in hexadecimal that only its owner may read."""

    path: Path
    kind = "key-file"

    @classmethod
    def create(cls, path: Path, random: RandomBytes) -> KeyFile:
        """Write a new key file; an existing one raises `AlreadyExistsError`."""
        write_atomic(path, random(KEY_SIZE).hex().encode() + b"\n", replace=False)
        return cls(path)

    def octets(self) -> bytes:
        with translated(self.path):
            try:
                text = self._read()
            except FileNotFoundError:
                raise SecretError(
                    f"There is no key file {self.path}; name the right one.", code="no-key-file"
                ) from None
        return _key(text.strip(), f"The key file {self.path}")

    def _read(self) -> str:
        with self.path.open("rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
                raise SecretError(
                    f"Others may read the key file {self.path}; run chmod 600 on it, and "
                    "replace the key if it was shared.",
                    code="key-file-exposed",
                )
            return stream.read(_LONGEST).decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class VariableKey:
    """The value of an environment variable: 32 octets in hexadecimal."""

    value: str = field(repr=False)
    name: str = "MESHWRIGHT_KEY"
    kind = "variable"

    def octets(self) -> bytes:
        return _key(self.value.strip(), f"The variable {self.name}")


Secret = Passphrase | KeyFile | VariableKey


def _key(text: str, what: str) -> bytes:
    if not _HEX_KEY.fullmatch(text):
        raise SecretError(f"{what} does not hold 64 hexadecimal digits.", code="bad-secret")
    return bytes.fromhex(text)
