"""What is told about a chain: every finding, the path, whose device it is, and the outcome."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from meshwright.pki.findings import Level
from meshwright.pki.identity import DeviceIdentity


class Role(StrEnum):
    """What a certificate of a path is there for."""

    DEVICE = "device"
    INTERMEDIATE = "intermediate"
    ROOT = "root"


class StatusOutcome(StrEnum):
    """What revocation lists said; `unchecked` too when the chain was refused before."""

    UNCHECKED = "unchecked"
    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CertificateSummary:
    """One certificate of the path; `sha256` is over its DER, times are aware."""

    role: Role
    subject: str
    issuer: str
    serial: int
    not_before: datetime
    not_after: datetime
    policies: tuple[str, ...]
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding as a sentence; without `sha256` it is about the chain as a whole."""

    level: Level
    code: str
    clause: str
    sentence: str
    subject: str | None = None
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """The result of a validation as data.

    `code` and `sentence` are those with which `ChainValidator` refuses, None and a sentence when
    it accepts; then no finding is an error. `path` begins with the device certificate and goes up
    as far as signatures verify; it ends with a root when `complete`. `unused` are the SHA-256 of
    certificates that are not on it. Validity is that of the whole path.
    """

    accepted: bool
    code: str | None
    sentence: str
    at: datetime
    findings: tuple[Remark, ...]
    path: tuple[CertificateSummary, ...]
    complete: bool
    unused: tuple[bytes, ...]
    identity: DeviceIdentity | None
    organization: str | None
    spki_sha256: bytes | None
    required_policies: tuple[str, ...]
    status: StatusOutcome

    @property
    def not_before(self) -> datetime | None:
        """From when on all of the path is valid."""
        return max((item.not_before for item in self.path), default=None)

    @property
    def not_after(self) -> datetime | None:
        """Until when all of the path is valid."""
        return min((item.not_after for item in self.path), default=None)

    @property
    def errors(self) -> tuple[str, ...]:
        """The codes of everything for which the chain is refused."""
        return tuple(item.code for item in self.findings if item.level is Level.ERROR)
