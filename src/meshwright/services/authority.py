"""Setting up the manufacturer's CA, and opening it again.

Each step is recorded before the next: an interrupted set-up goes on where it stopped, with the keys
it had made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from meshwright.clock import Clock
from meshwright.core.errors import InputError, TrustError
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.keys import Signer, create_key_file, generate_private_key, open_key_file
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.randomness import Randomness
from meshwright.registry.entities import Authority as AuthorityRecord
from meshwright.registry.entities import Role
from meshwright.settings import Manufacturer

LONGEST_LIFETIME = 36_525
"""Days: a hundred years. Whoever wants more wants no end."""

_ROOT_NAME, _BATCH_NAME = "root", "batch-1"


class AuthorityStore(Protocol):
    """What this service needs of the registry."""

    def add_authority(
        self, role: Role, name: str, certificate: bytes, key_reference: str
    ) -> AuthorityRecord: ...

    def authorities(self, role: Role | None = None) -> list[AuthorityRecord]: ...


@dataclass(frozen=True, slots=True)
class OpenAuthority:
    """A CA that can issue: its authority and the certificates a device stores above its own."""

    authority: Authority
    profile: DeviceProfile
    intermediates: tuple[bytes, ...]
    root: bytes


def device_profile(manufacturer: Manufacturer) -> DeviceProfile:
    """Return the profile of the device certificates of a manufacturer."""
    days = manufacturer.lifetime_days
    if days is not None and not 0 < days <= LONGEST_LIFETIME:
        raise InputError(
            f"Certificates live 1 to {LONGEST_LIFETIME} days, or without end.", code="bad-lifetime"
        )
    return DeviceProfile(
        manufacturer.organization,
        manufacturer.company_id,
        manufacturer.product_id,
        lifetime=None if days is None else timedelta(days=days),
    )


class AuthorityKeeper:
    """Creates and opens the CA of one home; `passphrase` gives the one of each key file."""

    def __init__(
        self,
        store: AuthorityStore,
        folder: Path,
        passphrase: Callable[[str], str],
        *,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._folder = folder
        self._passphrase = passphrase
        self._clock = clock
        self._randomness = randomness
        self._signers: dict[str, Signer] = {}

    def create(self, manufacturer: Manufacturer) -> OpenAuthority:
        """Make root and first batch, or what is missing of them.

        Raises `InputError` (`authority-exists`) when both are there.
        """
        records = self._records()
        if _BATCH_NAME in records:
            raise InputError("This home has a CA already.", code="authority-exists")
        device_profile(manufacturer)  # refuses a bad organization before any key is made
        self._folder.mkdir(mode=0o700, exist_ok=True)
        if _ROOT_NAME not in records:
            self._create_root(manufacturer.organization)
        self._create_batch(manufacturer.organization)
        return self.open(manufacturer)

    def _create_root(self, organization: str) -> None:
        certificate = create_root(
            self._signer(_ROOT_NAME),
            RootProfile.of(organization),
            now=self._clock.now(),
            random=self._randomness.stream("ca certificate", _ROOT_NAME),
        )
        self._record(Role.ROOT, _ROOT_NAME, certificate)

    def _create_batch(self, organization: str) -> None:
        certificate = create_batch(
            self._records()[_ROOT_NAME].certificate,
            self._signer(_ROOT_NAME),
            self._signer(_BATCH_NAME).public_key,
            BatchProfile.of(organization, 1),
            now=self._clock.now(),
            random=self._randomness.stream("ca certificate", _BATCH_NAME),
        )
        self._record(Role.BATCH, _BATCH_NAME, certificate)

    def open(self, manufacturer: Manufacturer) -> OpenAuthority:
        """Open the CA; raises `InputError` (`no-authority`) when there is none."""
        records = self._records()
        if _BATCH_NAME not in records:
            raise InputError(
                "There is no CA yet; make one with `meshwright ca create`.", code="no-authority"
            )
        batch = records[_BATCH_NAME].certificate
        profile = device_profile(manufacturer)
        authority = Authority(batch, self._open_signer(_BATCH_NAME), profile)
        return OpenAuthority(authority, profile, (batch,), records[_ROOT_NAME].certificate)

    def trusted_roots(self) -> list[bytes]:
        """Return the roots that devices are checked against; raises `TrustError` without any."""
        roots = [record.certificate for record in self._store.authorities(Role.ROOT)]
        if not roots:
            raise TrustError(
                "There is no root certificate to check devices against; "
                "make a CA with `meshwright ca create`.",
                code="missing-root",
            )
        return roots

    def _records(self) -> dict[str, AuthorityRecord]:
        return {record.name: record for record in self._store.authorities()}

    def _record(self, role: Role, name: str, certificate: bytes) -> None:
        self._store.add_authority(role, name, certificate, f"file:{self._key_path(name).name}")

    def _key_path(self, name: str) -> Path:
        return self._folder / f"{name}.key"

    def _signer(self, name: str) -> Signer:
        """Open the key of `name`, or make it: an interrupted set-up may have left it."""
        path = self._key_path(name)
        if not path.exists():
            private_key = generate_private_key(self._randomness.stream("ca key", name))
            create_key_file(path, private_key, self._passphrase(name))
        return self._open_signer(name)

    def _open_signer(self, name: str) -> Signer:
        """Open a key file, once: its passphrase is slow to check on purpose."""
        if name not in self._signers:
            self._signers[name] = open_key_file(self._key_path(name), self._passphrase(name))
        return self._signers[name]
