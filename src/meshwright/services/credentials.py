"""What is known of a device before it is met, and by what it has to prove itself."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshwright.core.provisioning.authentication import KeySource
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import StaticOob
from meshwright.registry.entities import Asset
from meshwright.services.ports import CommissioningStore


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the device's key comes from, and its static OOB value if it has one.

    `public_key` is known beforehand only when it comes from the operator.
    """

    key: KeySource = KeySource.CERTIFICATE
    public_key: bytes | None = None
    static_oob: StaticOob | None = field(default=None, repr=False)


CERTIFIED = Credentials()
"""Zero-touch: the device shows its certificate."""


def credentials_of(
    asset: Asset,
    store: CommissioningStore,
    policy: AuthenticationPolicy,
    *,
    shows_certificate: bool,
) -> Credentials | None:
    """Return how an asset is met; None when it has to show a certificate and does not.

    A key from the operator stands in for a certificate. A key in band is taken where the policy
    allows it, and never of a device that has a certificate of this CA.
    """
    if asset.public_key is not None:
        key = KeySource.OPERATOR
    elif shows_certificate:
        key = KeySource.CERTIFICATE
    elif policy.require_oob_public_key or store.issuance(asset.uuid) is not None:
        return None
    else:
        key = KeySource.IN_BAND
    static_oob = store.static_oob(asset.uuid) if asset.has_static_oob else None
    return Credentials(key, asset.public_key, static_oob)
