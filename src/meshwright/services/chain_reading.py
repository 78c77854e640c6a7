"""Which records of a device's chain are still to be read, and what has been read of it."""

from __future__ import annotations

from collections.abc import Collection

from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
from meshwright.services.chains import Chain


class ChainReading:
    """Reads the device certificate first: with it the rest may be known already."""

    def __init__(self, listed: Collection[int] = ()) -> None:
        present = (RecordId.DEVICE_CERTIFICATE, *INTERMEDIATES)
        self._to_read = [record_id for record_id in present if record_id in listed]
        self._read: list[bytes] = []

    @property
    def next_record(self) -> int | None:
        """The record to ask for next; None when the chain is whole."""
        return self._to_read[0] if self._to_read else None

    def take(self, content: bytes) -> None:
        """Take the content of `next_record`."""
        del self._to_read[0]
        self._read.append(content)

    def chain(self, known: tuple[bytes, ...] = ()) -> Chain:
        """Return what was read, with intermediates that are `known` from another device."""
        certificate, *intermediates = self._read
        return Chain(certificate, (*intermediates, *known))

    @property
    def only_certificate(self) -> bytes | None:
        """The device certificate as long as nothing else was read."""
        return self._read[0] if len(self._read) == 1 else None
