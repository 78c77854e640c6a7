"""What each certificate of ours may contain."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509

from meshwright.core.errors import InputError
from meshwright.pki.identity import DeviceIdentity, check_vendor

UUID_ASSIGNED_AND_UNIQUE = "2.25.186567202392448542549499469836272144498"
"""Certificate policy: the CA itself assigned the Device UUID and assigns none twice.

A certificate that carries this policy says that no other certificate of the same CA, past or
future, names the same UUID for another device. The number is a UUID under the arc 2.25.
"""

NO_EXPIRY = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
"""99991231235959Z, a certificate without a good expiry date (RFC 5280, 4.1.2.5)."""

KEY_AGREEMENT = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=True,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
"""The only use of a device's key (Mesh Protocol 1.1, 5.5.1.1)."""

_MAX_NAME = 64
_ROOM_FOR_ORGANIZATION = 48  # in a common name, before what the certificate is for
_OUR_POLICY = (UUID_ASSIGNED_AND_UNIQUE,)


def not_after(not_before: datetime, lifetime: timedelta | None) -> datetime:
    """Return the end of the validity; no lifetime means no expiry."""
    if lifetime is None:
        return NO_EXPIRY
    if lifetime <= timedelta(0):
        raise InputError(
            "The lifetime of a certificate must be longer than nothing.", code="bad-profile"
        )
    return min(not_before + lifetime, NO_EXPIRY) if lifetime < NO_EXPIRY - not_before else NO_EXPIRY


def _check_name(name: str) -> None:
    """X.520 gives common name and organization at most 64 characters."""
    if not name.strip() or len(name) > _MAX_NAME or not name.isprintable():
        raise InputError(
            f"A name in a certificate has 1 to {_MAX_NAME} printable characters.", code="bad-name"
        )


@dataclass(frozen=True, slots=True)
class RootProfile:
    """A trust anchor: it signs batch certificates and nothing else."""

    common_name: str
    organization: str
    lifetime: timedelta | None = None
    path_length: int | None = 1

    @classmethod
    def of(cls, organization: str) -> RootProfile:
        """Return the profile of a manufacturer's root."""
        return cls(f"{organization[:_ROOM_FOR_ORGANIZATION].rstrip()} Device Root", organization)

    def __post_init__(self) -> None:
        _check_name(self.common_name)
        _check_name(self.organization)


@dataclass(frozen=True, slots=True)
class BatchProfile:
    """The intermediate of one production batch: it signs device certificates and nothing else."""

    common_name: str
    organization: str
    lifetime: timedelta | None = None
    path_length: int = 0
    policies: tuple[str, ...] = _OUR_POLICY

    @classmethod
    def of(cls, organization: str, number: int) -> BatchProfile:
        """Return the profile of a manufacturer's batch of that number."""
        return cls(f"{organization[:_ROOM_FOR_ORGANIZATION].rstrip()} Batch {number}", organization)

    def __post_init__(self) -> None:
        _check_name(self.common_name)
        _check_name(self.organization)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one device was given, and what its request must therefore say."""

    uuid: UUID
    organization: str
    company_id: int | None = None
    product_id: int | None = None

    @property
    def identity(self) -> DeviceIdentity:
        return DeviceIdentity(self.uuid, self.company_id, self.product_id)


@dataclass(frozen=True, slots=True)
class DeviceProfile:
    """A device certificate (Mesh Protocol 1.1, 5.5.1.1); there is no place for static OOB values.

    `lifetime` None means no expiry.
    """

    organization: str
    company_id: int | None = None
    product_id: int | None = None
    lifetime: timedelta | None = None
    policies: tuple[str, ...] = _OUR_POLICY

    def __post_init__(self) -> None:
        _check_name(self.organization)
        check_vendor(self.company_id, self.product_id)

    def assign(self, uuid: UUID) -> Assignment:
        """Return what a device with this profile and `uuid` must ask for."""
        return Assignment(uuid, self.organization, self.company_id, self.product_id)
