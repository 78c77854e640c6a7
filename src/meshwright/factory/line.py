"""The line: what happens to one device in the factory, step by step.

A `LineRecord` says how far a device has come. It is kept after every step, and a step that was
interrupted runs again from the record before it. That is safe: a device takes its own UUID again,
a new key replaces one that nobody certified, and `certify` answers a request it knows with the
certificate it issued.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from meshwright.core.errors import InputError


class LineDevice(Protocol):
    """A device at the station, real or virtual; it raises a `MeshwrightError` when it fails."""

    def identify(self) -> UUID | None:
        """Return the UUID that was assigned, None before that."""
        ...

    def assign_uuid(
        self, uuid: UUID, organization: str, company_id: int | None, product_id: int | None
    ) -> None:
        """Keep the UUID and the vendor for good; the same values again are welcome."""
        ...

    def generate_key(self) -> None:
        """Make the key pair of the device; it never leaves it."""
        ...

    def certificate_request(self) -> bytes:
        """Return a PKCS #10 request, signed with the key of the device, in DER."""
        ...

    def store_chain(
        self, device_certificate: bytes, intermediates: tuple[bytes, ...], base_uri: str
    ) -> None:
        """Keep the certificates, in DER, and where they can be fetched."""
        ...


class Step(StrEnum):
    """How far a device has come."""

    ALLOTTED = "allotted"
    UUID_ASSIGNED = "uuid-assigned"
    KEY_MADE = "key-made"
    CSR_ANSWERED = "csr-answered"
    CERTIFIED = "certified"
    LABELED = "labeled"


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the CA gave a device; record it before any device hears of it."""

    uuid: UUID
    organization: str
    company_id: int | None = None
    product_id: int | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """What a device stores: its certificate, the intermediates above it, the Base URI."""

    device_certificate: bytes
    intermediates: tuple[bytes, ...]
    base_uri: str


@dataclass(frozen=True, slots=True)
class LineRecord:
    """One device on the line."""

    assignment: Assignment
    step: Step = Step.ALLOTTED
    request: bytes | None = None
    chain: Chain | None = None


Certify = Callable[[UUID, bytes], Chain]
"""Checks and answers a request; the same request again gets the same certificate."""

Keep = Callable[[LineRecord], None]
"""Makes the record durable before it returns."""


class Line:
    """Carries devices from step to step; `label` prints and proves the label of a record."""

    __slots__ = ("_certify", "_keep", "_label")

    def __init__(
        self, *, certify: Certify, label: Callable[[LineRecord], object], keep: Keep
    ) -> None:
        self._certify = certify
        self._label = label
        self._keep = keep

    def finish(self, device: LineDevice, record: LineRecord) -> LineRecord:
        """Do every step that is left; raises as `advance`."""
        while record.step in _TABLE:
            record = self.advance(device, record)
        return record

    def advance(self, device: LineDevice, record: LineRecord) -> LineRecord:
        """Do the next step and keep its result; a labeled device has none left.

        Raises `InputError` when another device is at the station.
        """
        if record.step not in _TABLE:
            return record
        _check_identity(device, record)
        action, following = _TABLE[record.step]
        record = replace(action(self, device, record), step=following)
        self._keep(record)
        return record

    def _assign(self, device: LineDevice, record: LineRecord) -> LineRecord:
        given = record.assignment
        device.assign_uuid(given.uuid, given.organization, given.company_id, given.product_id)
        return record

    def _make_key(self, device: LineDevice, record: LineRecord) -> LineRecord:
        device.generate_key()
        return record

    def _request(self, device: LineDevice, record: LineRecord) -> LineRecord:
        return replace(record, request=device.certificate_request())

    def _certify_device(self, device: LineDevice, record: LineRecord) -> LineRecord:
        chain = self._certify(record.assignment.uuid, record.request or b"")
        device.store_chain(chain.device_certificate, chain.intermediates, chain.base_uri)
        return replace(record, chain=chain)

    def _print_label(self, device: LineDevice, record: LineRecord) -> LineRecord:
        del device
        self._label(record)
        return record


_Action = Callable[[Line, LineDevice, LineRecord], LineRecord]

# Step -> what happens next, and where that leads. LABELED is the end.
_TABLE: dict[Step, tuple[_Action, Step]] = {
    Step.ALLOTTED: (Line._assign, Step.UUID_ASSIGNED),
    Step.UUID_ASSIGNED: (Line._make_key, Step.KEY_MADE),
    Step.KEY_MADE: (Line._request, Step.CSR_ANSWERED),
    Step.CSR_ANSWERED: (Line._certify_device, Step.CERTIFIED),
    Step.CERTIFIED: (Line._print_label, Step.LABELED),
}


def _check_identity(device: LineDevice, record: LineRecord) -> None:
    found, wanted = device.identify(), record.assignment.uuid
    if found == wanted or (found is None and record.step is Step.ALLOTTED):
        return
    raise InputError(
        f"The device at the station is {found or 'blank'}, not {wanted}; put the right one in.",
        code="wrong-device",
    )
