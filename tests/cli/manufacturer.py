"""A manufacturer whose devices have certificates from today on, in files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate

from meshwright.clock import SystemClock
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.randomness import SystemRandomness


@dataclass(frozen=True)
class Made:
    """The files of one device, and its maker's root."""

    key: Path
    chain: Path
    roots: Path


class Manufacturer:
    """A root and one batch under it."""

    def __init__(self) -> None:
        self._random = SystemRandomness().stream("manufacturer")
        self._now = now = SystemClock().now()
        random = self._random
        root_signer, signer = (PrivateKeySigner(generate_private_key(random)) for _ in range(2))
        self._root = create_root(root_signer, RootProfile.of("Lamps"), now=now, random=random)
        profile = BatchProfile.of("Lamps", 1)
        self._batch = create_batch(
            self._root, root_signer, signer.public_key, profile, now=now, random=random
        )
        self._profile = DeviceProfile("Lamps", 0xFFFF, 1)
        self._authority = Authority(self._batch, signer, self._profile)

    def make(self, folder: Path, uuid: UUID) -> Made:
        """Make a device: its key and chain in PEM, the root in DER."""
        key, assignment = generate_private_key(self._random), self._profile.assign(uuid)
        request = make_csr(key, assignment)
        prepared = self._authority.prepare(request, assignment, now=self._now, random=self._random)
        made = Made(*(folder / f"{uuid}.{kind}" for kind in ("key", "chain", "root")))
        form = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        made.key.write_bytes(key.private_bytes(*form))
        chain = (self._authority.issue(prepared), self._batch)
        made.chain.write_bytes(b"".join(map(_pem, chain)))
        made.roots.write_bytes(self._root)
        return made


def _pem(der: bytes) -> bytes:
    return load_der_x509_certificate(der).public_bytes(Encoding.PEM)
