"""Certificates that need not be read over the air again.

Nothing here is trusted: every chain is validated again each time it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from meshwright.pki.certificate import Certificate
from meshwright.pki.errors import MalformedCertificateError

_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Chain:
    """A device certificate and its intermediates in DER, nearest to the device first."""

    device_certificate: bytes = field(repr=False)
    intermediates: tuple[bytes, ...] = field(repr=False)


class ChainBook:
    """Chains fetched beforehand, and the intermediates of every batch seen so far."""

    def __init__(self, prefetched: Mapping[UUID, Chain] | None = None) -> None:
        self._prefetched = prefetched or {}
        self._batches: dict[bytes, tuple[bytes, ...]] = {}

    def prefetched(self, uuid: UUID) -> Chain | None:
        """Return the chain of a device that was fetched before it was met."""
        return self._prefetched.get(uuid)

    def intermediates_of(self, device_certificate: bytes) -> tuple[bytes, ...] | None:
        """Return the intermediates that served a device of the same issuer."""
        key = _issuer(device_certificate)
        return None if key is None else self._batches.get(key)

    def remember(self, device_certificate: bytes, intermediates: Sequence[bytes]) -> None:
        """Keep the intermediates of a chain that was found valid."""
        key = _issuer(device_certificate)
        if key is None:
            return
        if key not in self._batches and len(self._batches) == _REMEMBERED:
            del self._batches[next(iter(self._batches))]
        self._batches[key] = tuple(intermediates)


def _issuer(device_certificate: bytes) -> bytes | None:
    try:
        parsed = Certificate.parse(device_certificate)
        return parsed.issuer + (parsed.authority_key_identifier or b"")
    except MalformedCertificateError:
        return None
