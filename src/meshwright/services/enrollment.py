"""Giving devices their identity: UUID, certificate and label, one device after the other.

How far a device has come is told by the device itself and by what the CA has recorded, so an
interrupted line simply starts again: no UUID is given twice and no certificate is lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol
from uuid import UUID

from meshwright.clock import Clock
from meshwright.factory.labels import print_label
from meshwright.factory.line import Assignment, Chain, Line, LineDevice, LineRecord, Step
from meshwright.pki.csr import check_csr
from meshwright.pki.identity import make_uuid, ticks_of
from meshwright.randomness import Randomness
from meshwright.registry.entities import Issuance, Issued, Prepared
from meshwright.services.authority import OpenAuthority

_CLOCK_SEQUENCE_BITS = 0x3FFF


class IssuanceStore(Protocol):
    """What this service needs of the registry."""

    def lease_ticks(self, mac: bytes, ticks: int, count: int) -> int: ...

    def record_prepared_many(self, items: Sequence[Prepared]) -> None: ...

    def record_issued_many(self, items: Sequence[Issued]) -> None: ...

    def issuance(self, uuid: UUID) -> Issuance | None: ...


class Enrollment:
    """One line of one CA. `base_uri` is where certificates are served and what labels say."""

    def __init__(
        self,
        store: IssuanceStore,
        authority: OpenAuthority,
        *,
        base_uri: str,
        uuid_mac: bytes,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._authority = authority
        self._base_uri = base_uri
        self._mac = uuid_mac
        self._clock = clock
        self._randomness = randomness

    def enroll(
        self,
        device: LineDevice,
        label: Path,
        *,
        name: str = "",
        on_step: Callable[[Step], None] = lambda _step: None,
    ) -> LineRecord:
        """Carry one device to its printed label, from wherever it stands."""
        line = Line(
            certify=self._certify,
            label=lambda record: print_label(
                label, self._base_uri, record.assignment.uuid, name=name
            ),
            keep=lambda record: on_step(record.step),
        )
        return line.finish(device, self._record_of(device))

    def _record_of(self, device: LineDevice) -> LineRecord:
        uuid = device.identify()
        step = Step.ALLOTTED if uuid is None else Step.UUID_ASSIGNED
        profile = self._authority.profile
        given = Assignment(
            uuid or self._new_uuid(),
            profile.organization,
            profile.company_id,
            profile.product_id,
        )
        return LineRecord(given, step)

    def _new_uuid(self) -> UUID:
        """Make a version 1 UUID from a tick that is durably leased: nobody gets it again.

        Two CAs that share a MAC have different clock sequences, from their keys.
        """
        ticks = self._store.lease_ticks(self._mac, ticks_of(self._clock.now()), 1)
        digest = hashlib.sha256(self._authority.authority.issuer_id.encode()).digest()
        sequence = int.from_bytes(digest[:2], "big") & _CLOCK_SEQUENCE_BITS
        return make_uuid(self._mac, sequence, ticks)

    def _certify(self, uuid: UUID, request: bytes) -> Chain:
        certificate = self._recorded(uuid, request) or self._issue(uuid, request)
        return Chain(certificate, self._authority.intermediates, self._base_uri)

    def _issue(self, uuid: UUID, request: bytes) -> bytes:
        """Prepare, record, sign, record: a crash leaves no certificate that nobody knows."""
        authority = self._authority.authority
        assignment = self._authority.profile.assign(uuid)
        random = self._randomness.stream("certificate", uuid)
        prepared = authority.prepare(request, assignment, now=self._clock.now(), random=random)
        issuer_id = bytes.fromhex(prepared.issuer_id)
        self._store.record_prepared_many(
            [Prepared(issuer_id, prepared.serial, uuid, prepared.spki_sha256, prepared.tbs)]
        )
        certificate = authority.issue(prepared)
        self._store.record_issued_many([Issued(issuer_id, prepared.serial, certificate)])
        return certificate

    def _recorded(self, uuid: UUID, request: bytes) -> bytes | None:
        """Return the certificate that this device got before, or finish the one that was begun.

        The request is checked first: the certificate on record may be of another key.
        """
        record = self._store.issuance(uuid)
        if record is None:
            return None
        checked = check_csr(request, self._authority.profile.assign(uuid))
        if checked.spki_sha256 != record.spki_sha256:
            return None
        if record.certificate is not None:
            return record.certificate
        certificate = self._authority.authority.reissue(record.tbs)
        self._store.record_issued_many([Issued(record.issuer_id, record.serial, certificate)])
        return certificate
