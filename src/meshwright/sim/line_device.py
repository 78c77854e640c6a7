"""A virtual device on the factory line: it does what real firmware is asked to do there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from meshwright.core.bearers.generic import MAXIMUM_PDU
from meshwright.core.crypto import KeyPair, in_private_range
from meshwright.core.discovery.uri import encode_uri
from meshwright.core.provisioning.attempts import Attempts
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
from meshwright.core.provisioning.records import RESPONSE_HEADER
from meshwright.core.provisioning.values import StaticOob
from meshwright.pki.csr import make_csr
from meshwright.pki.profile import Assignment
from meshwright.randomness import RandomBytes
from meshwright.sim.flash import FlashFile


class VirtualLineDevice:
    """The device side of every step of the line; each is kept in flash before it is answered."""

    def __init__(self, flash: FlashFile, random: RandomBytes) -> None:
        self.flash = flash
        self._random = random

    def identify(self) -> UUID | None:
        """Return the UUID that was assigned, None before that."""
        return self.flash.content.uuid

    def assign_uuid(
        self, uuid: UUID, organization: str, company_id: int | None, product_id: int | None
    ) -> None:
        content = replace(self.flash.content, uuid=uuid, organization=organization)
        self.flash.store(replace(content, company_id=company_id, product_id=product_id))

    def generate_key(self) -> None:
        """Make the key pair that never leaves the device; one that is there stays."""
        if self.flash.content.private_key is None:
            scalar = draw_scalar(self._random)
            self.flash.store(replace(self.flash.content, private_key=scalar))

    def store_static_oob(self, static_oob: StaticOob | None) -> None:
        """Keep the static OOB value that is printed on the device, or forget it."""
        self.flash.store(replace(self.flash.content, static_oob=static_oob))

    def certificate_request(self) -> bytes:
        """Return a PKCS#10 request in DER."""
        content = self.flash.content
        if content.uuid is None or content.private_key is None:
            raise RuntimeError("a device needs a UUID and a key before it can ask")
        assignment = Assignment(
            content.uuid, content.organization, content.company_id, content.product_id
        )
        return make_csr(content.private_key, assignment)

    def store_chain(
        self, device_certificate: bytes, intermediates: Sequence[bytes], base_uri: str
    ) -> None:
        """Keep the chain, nearest certificate first, and where it can be fetched."""
        records = records_of(device_certificate, intermediates, base_uri)
        self.flash.store(replace(self.flash.content, records=records))


def records_of(
    device_certificate: bytes, intermediates: Sequence[bytes], base_uri: str
) -> dict[int, bytes]:
    """Return the provisioning records that a device offers for its chain."""
    records: dict[int, bytes] = dict(zip(INTERMEDIATES, intermediates, strict=False))
    records[RecordId.BASE_URI] = encode_uri(base_uri)
    records[RecordId.DEVICE_CERTIFICATE] = device_certificate
    return records


def draw_scalar(random: RandomBytes) -> int:
    """Draw a private key in the range of 5.4.3.1."""
    while not in_private_range(scalar := int.from_bytes(random(32), "big")):
        pass
    return scalar


def key_pair_of(flash: FlashFile) -> KeyPair | None:
    """Return the key pair in flash."""
    scalar = flash.content.private_key
    return None if scalar is None else KeyPair(scalar)


def device_options(flash: FlashFile) -> DeviceOptions:
    """Return what the device offers, by what is in its flash."""
    content = flash.content
    return DeviceOptions(
        key_pair=key_pair_of(flash),
        records=content.records,
        fragment_limit=MAXIMUM_PDU - RESPONSE_HEADER,
        static_oob=content.static_oob,
    )


def attempts_of(flash: FlashFile) -> Attempts:
    """Return the count of failed authentications as it was stored."""
    return Attempts(failures=flash.content.failures)


def keep_failures(flash: FlashFile, failures: int) -> None:
    """Store the count; for `AttemptsChanged`, before what follows it."""
    flash.store(replace(flash.content, failures=failures))
