"""A device with a certificate, and the root that its owner trusts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from meshwright.core.bearers.generic import MAXIMUM_PDU
from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.records import RESPONSE_HEADER
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.randomness import SeededRandomness
from meshwright.sim.line_device import records_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
BASE_URI = "https://example.org/c"


@dataclass(frozen=True, slots=True)
class Certified:
    """What is in the device, and the root."""

    root: bytes
    options: DeviceOptions


@cache
def certified(uuid: UUID, seed: int = 5) -> Certified:
    """Certify a device by a root of its own; another seed is another manufacturer."""
    random = SeededRandomness(seed).stream("factory")
    root_signer, signer = (PrivateKeySigner(generate_private_key(random)) for _ in range(2))
    root = create_root(root_signer, RootProfile.of("Lamps"), now=NOW, random=random)
    profile = BatchProfile.of("Lamps", 1)
    batch = create_batch(root, root_signer, signer.public_key, profile, now=NOW, random=random)
    authority = Authority(batch, signer, DeviceProfile("Lamps", 0xFFFF, 1))
    key = generate_private_key(random)
    assignment = DeviceProfile("Lamps", 0xFFFF, 1).assign(uuid)
    prepared = authority.prepare(make_csr(key, assignment), assignment, now=NOW, random=random)
    options = DeviceOptions(
        key_pair=KeyPair(key.private_numbers().private_value),
        records=records_of(authority.issue(prepared), (batch,), BASE_URI),
        fragment_limit=MAXIMUM_PDU - RESPONSE_HEADER,
    )
    return Certified(root, options)
