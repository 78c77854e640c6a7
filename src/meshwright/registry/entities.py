"""What the registry hands out: frozen values, secrets without a `repr`.

Times are aware and in UTC; device UUIDs are `uuid.UUID`; a serial number is an `int`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from meshwright.core.provisioning.authentication import Authentication, KeySource
from meshwright.core.provisioning.values import StaticOob


class Role(StrEnum):
    """What a CA certificate is."""

    ROOT = "root"
    BATCH = "batch"


class Outcome(StrEnum):
    """How an attempt to provision a device ended."""

    NODE = "node"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class NodeState(StrEnum):
    """A reservation becomes a node or is burnt; there is no way back."""

    RESERVED = "reserved"
    NODE = "node"
    BURNT = "burnt"


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA certificate; its private key lives where `key_reference` says."""

    id: int
    role: Role
    name: str
    certificate: bytes = field(repr=False)
    key_reference: str
    created: datetime


@dataclass(frozen=True, slots=True)
class Prepared:
    """A certificate that was checked and is about to be signed."""

    issuer_id: bytes
    serial: int
    uuid: UUID
    spki_sha256: bytes
    tbs: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that was signed after it had been prepared."""

    issuer_id: bytes
    serial: int
    certificate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issuance:
    """A device certificate on record; `certificate` is None until it was signed."""

    issuer_id: bytes
    serial: int
    uuid: UUID
    spki_sha256: bytes
    tbs: bytes = field(repr=False)
    certificate: bytes | None = field(repr=False)
    prepared: datetime
    issued: datetime | None


@dataclass(frozen=True, slots=True)
class Network:
    """A network and its keys."""

    id: int
    uuid: UUID
    name: str
    net_key_index: int
    net_key: bytes = field(repr=False)
    app_key_index: int
    app_key: bytes = field(repr=False)
    iv_index: int
    flags: int
    provisioner_address: int
    next_address: int
    next_sequence: int
    created: datetime


@dataclass(frozen=True, slots=True)
class NewAsset:
    """An asset to be entered; `source` says where it came from (a label, a list, a hand).

    `public_key` (X || Y, 64 octets) is given by the operator, for a device without certificate.
    """

    uuid: UUID
    name: str
    network_id: int | None = None
    source: str = ""
    static_oob: StaticOob | None = field(default=None, repr=False)
    public_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A device that someone owns or expects; in `network_id` it is authorized to join."""

    id: int
    uuid: UUID
    name: str
    network_id: int | None
    source: str
    added: datetime
    has_static_oob: bool = False
    public_key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at provisioning a device; `number` counts from 1 for each network and UUID."""

    id: int
    network_id: int
    uuid: UUID
    number: int
    sender: str
    started: datetime
    ended: datetime | None
    outcome: Outcome | None
    code: str | None
    reason: str | None
    authentication: Authentication | None = None


@dataclass(frozen=True, slots=True)
class FailedTry:
    """An attempt in which the OOB value was not proven; `key` tells where the key came from."""

    uuid: UUID
    sender: str
    key: KeySource
    at: datetime


@dataclass(frozen=True, slots=True)
class Unaccounted:
    """An asset that is no node, and the last attempt at it."""

    asset: Asset
    last: Attempt | None


@dataclass(frozen=True, slots=True)
class Node:
    """An address range and its DevKey: reserved, confirmed as a node, or burnt for ever."""

    id: int
    network_id: int
    uuid: UUID
    attempt_id: int
    address: int
    elements: int
    device_key: bytes = field(repr=False)
    state: NodeState
    reserved: datetime
    settled: datetime | None
    reason: str | None
    authentication: Authentication | None = None


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One line of the audit log; `details` is canonical JSON."""

    sequence: int
    time: datetime
    actor: str
    action: str
    subject: str
    details: str
    previous: bytes
    hash: bytes
