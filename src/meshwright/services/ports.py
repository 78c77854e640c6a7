"""What commissioning needs of the register and the PKI, and nothing more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from meshwright.core.provisioning.authentication import Authentication
from meshwright.core.provisioning.values import StaticOob
from meshwright.pki.validation import ValidatedDevice
from meshwright.registry.entities import Asset, Attempt, FailedTry, Issuance, Node, Outcome


class CommissioningStore(Protocol):
    """The owner's register as commissioning uses it; every write is durable on return."""

    def assets(self, network_id: int | None = None) -> list[Asset]: ...

    def nodes(self, network_id: int | None = None) -> list[Node]: ...

    def reserved(self, network_id: int | None = None) -> list[Node]: ...

    def close_interrupted(self, network_id: int | None = None) -> list[Attempt]: ...

    def begin_attempt(self, network_id: int, uuid: UUID, sender: str = "") -> Attempt: ...

    def end_attempt(
        self,
        attempt_id: int,
        outcome: Outcome,
        code: str | None = None,
        reason: str | None = None,
        *,
        authentication: Authentication | None = None,
        unproven: bool = False,
    ) -> Attempt: ...

    def reserve_node(
        self,
        attempt_id: int,
        elements: int,
        device_key: bytes,
        authentication: Authentication | None = None,
    ) -> Node: ...

    def confirm_node(self, node_id: int) -> Node: ...

    def burn_reservation(self, node_id: int, reason: str) -> Node: ...

    def reserve_sequence(self, network_id: int, count: int) -> int: ...

    def static_oob(self, uuid: UUID) -> StaticOob | None: ...

    def failed_tries(self, network_id: int | None = None) -> list[FailedTry]: ...

    def issuance(self, uuid: UUID) -> Issuance | None: ...

    def record_event(self, action: str, subject: object, **details: str | int | None) -> None: ...


class Validator(Protocol):
    """Decides whether a chain proves a device's key."""

    def validate(
        self,
        device_certificate: bytes,
        intermediates: Sequence[bytes],
        *,
        uuid: UUID,
        at: datetime,
    ) -> ValidatedDevice:
        """Return what the chain proves; raises `CertificateRejectedError`."""
        ...
