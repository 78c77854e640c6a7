"""Who under the UUID of an asset is tried, and with what it has to prove itself."""

from __future__ import annotations

from meshwright.core.discovery.beacon import UnprovisionedBeacon
from meshwright.registry.entities import Asset
from meshwright.services.credentials import Credentials, credentials_of
from meshwright.services.job_tools import JobTools
from meshwright.services.sightings import Refusal, Sightings
from meshwright.services.tries import Tries


class Admission:
    """Asks what is known: failed tries, the asset, and what its beacon says."""

    def __init__(self, tools: JobTools, tries: Tries, sightings: Sightings) -> None:
        self._tools = tools
        self._tries = tries
        self._sightings = sightings

    def ask(
        self, asset: Asset, beacon: UnprovisionedBeacon, sender: bytes | None, now: float
    ) -> Credentials | Refusal:
        """Return what the sender has to prove, or why it is not tried."""
        hold = self._tries.hold(asset.uuid, sender, now)
        if hold is not None:
            self._sightings.avoid(asset.uuid, sender, hold.until)
            return Refusal(asset.uuid, sender, hold.code, hold.reason, now)
        tools = self._tools
        shown = beacon.has_certificate or tools.chains.prefetched(asset.uuid) is not None
        known = credentials_of(asset, tools.store, tools.policy, shows_certificate=shown)
        if known is not None:
            return known
        # A beacon proves nothing: the next one under the same address may be the device's own.
        reason = "The beacon offers no certificate and the policy demands one, or a known key."
        return Refusal(asset.uuid, sender, "downgrade", reason, now)
