"""What a Provisioner may do before Invite: list a device's records and read them (5.4.2.6)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto

from meshwright.core.effects import Effect, SendPdu
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.codec import decode_as, encode
from meshwright.core.provisioning.events import RecordRead, RecordsListed
from meshwright.core.provisioning.fields import INTERMEDIATES, PduType, RecordId
from meshwright.core.provisioning.protections import UnexpectedPduError
from meshwright.core.provisioning.records import RecordLimits, RecordReader

_KNOWN = frozenset({*RecordId, *INTERMEDIATES})


class RecordStep(IntEnum):
    """What the phase waits for: its owner, or the device's answer."""

    READY = auto()
    LISTING = auto()
    READING = auto()


class RecordPhase:
    """One request after the other: there may be only one at a time.

    `deadline` is when all of them must be over; None before the first.
    """

    def __init__(self, limits: RecordLimits) -> None:
        self.limits = limits
        self.step = RecordStep.READY
        self.deadline: float | None = None

    def get_list(self, now: float) -> list[Effect]:
        """Ask which records there are."""
        self._begin(RecordStep.LISTING, now)
        return [SendPdu(encode(pdu.RecordsGet()))]

    def read(self, record_id: int, now: float) -> list[Effect]:
        """Ask for a record, fragment by fragment."""
        self._begin(RecordStep.READING, now)
        self._reader = RecordReader(record_id, self.limits)
        return [SendPdu(encode(self._reader.request()))]

    def check_ready(self) -> None:
        """Raise `RuntimeError` while an answer has to come."""
        if self.step is not RecordStep.READY:
            raise RuntimeError(f"not allowed in state {self.step.name}")

    def late(self, now: float) -> str | None:
        """Return why the session fails once all of it has taken too long."""
        if self.deadline is None or now < self.deadline:
            return None
        return f"The device took more than {self.limits.seconds:.0f} seconds for its records."

    def _begin(self, step: RecordStep, now: float) -> None:
        self.check_ready()
        self.step = step
        if self.deadline is None:
            self.deadline = now + self.limits.seconds

    def receive(self, pdu_type: PduType, octets: bytes) -> list[Effect]:
        """Take a PDU of the device; raises `PeerError`."""
        handler = _TRANSITIONS.get((self.step, pdu_type))
        if handler is None:
            raise UnexpectedPduError(pdu_type)
        return handler(self, octets)

    def _on_list(self, octets: bytes) -> list[Effect]:
        listed = decode_as(pdu.RecordsList, octets)
        self.step = RecordStep.READY
        return [RecordsListed(tuple(dict.fromkeys(i for i in listed.ids if i in _KNOWN)))]

    def _on_response(self, octets: bytes) -> list[Effect]:
        reader = self._reader
        if not reader.accept(decode_as(pdu.RecordResponse, octets)):
            return [SendPdu(encode(reader.request()))]
        self.step = RecordStep.READY
        return [RecordRead(reader.record_id, reader.content)]


_TRANSITIONS: dict[tuple[RecordStep, PduType], Callable[[RecordPhase, bytes], list[Effect]]] = {
    (RecordStep.LISTING, PduType.RECORDS_LIST): RecordPhase._on_list,
    (RecordStep.READING, PduType.RECORD_RESPONSE): RecordPhase._on_response,
}
