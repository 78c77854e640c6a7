"""A device that pretends to be another: its UUID, and a certificate of its own making."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.randomness import RandomBytes
from meshwright.sim.flash import Flash, FlashFile
from meshwright.sim.line_device import draw_scalar, records_of


def forge(
    flash: FlashFile, victim: Flash, base_uri: str, *, now: datetime, random: RandomBytes
) -> None:
    """Give `flash` the identity of `victim`, certified by a CA that only looks like the real one.

    Everything about the chain is right but the root: names, profile and signatures.
    """
    if victim.uuid is None:
        raise ValueError("a blank device has no identity to copy")
    scalar = draw_scalar(random)
    profile = DeviceProfile(victim.organization, victim.company_id, victim.product_id)
    authority, batch = _forged_authority(profile, now, random)
    assignment = profile.assign(victim.uuid)
    request = make_csr(ec.derive_private_key(scalar, ec.SECP256R1()), assignment)
    prepared = authority.prepare(request, assignment, now=now, random=random)
    own = flash.content
    forged = replace(
        victim, address=own.address, boots=own.boots, private_key=scalar, membership=None
    )
    # One write: a rogue is never half made.
    records = records_of(authority.issue(prepared), (batch,), base_uri)
    flash.store(replace(forged, records=records))


def _forged_authority(
    profile: DeviceProfile, now: datetime, random: RandomBytes
) -> tuple[Authority, bytes]:
    organization = profile.organization
    root_signer = PrivateKeySigner(generate_private_key(random))
    root = create_root(root_signer, RootProfile.of(organization), now=now, random=random)
    batch_signer = PrivateKeySigner(generate_private_key(random))
    batch = create_batch(
        root,
        root_signer,
        batch_signer.public_key,
        BatchProfile.of(organization, 1),
        now=now,
        random=random,
    )
    return Authority(batch, batch_signer, profile), batch
