"""What a run tells: while it goes on, and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from meshwright.core.provisioning.authentication import Authentication, Weakening
from meshwright.registry.entities import Asset, Node
from meshwright.services.job_result import JobResult
from meshwright.services.sightings import Refusal, Stranger
from meshwright.services.tries import Hold


class ResultKind(StrEnum):
    """What has become of a device."""

    WORKING = "working"
    NODE = "node"
    REFUSED = "refused"
    UNACCOUNTED = "unaccounted"


@dataclass(frozen=True, slots=True)
class Progress:
    """One step worth showing, of a device in words that show no UUID."""

    kind: ResultKind
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class AssetResult:
    """What has become of one asset.

    `seconds_on_air` counts from the first Link Open to the outcome; None when there was none in
    this run.
    """

    asset: Asset
    kind: ResultKind
    code: str | None = None
    reason: str | None = None
    address: int | None = None
    seconds_on_air: float | None = None
    retransmissions: int = 0
    authentication: Authentication | None = None

    @classmethod
    def joined(cls, asset: Asset, node: Node, seconds: float | None, retransmissions: int) -> Self:
        return cls(
            asset,
            ResultKind.NODE,
            address=node.address,
            seconds_on_air=seconds,
            retransmissions=retransmissions,
            authentication=node.authentication,
        )

    @classmethod
    def refused(cls, asset: Asset, refusal: Refusal) -> Self:
        return cls(
            asset,
            ResultKind.REFUSED,
            refusal.code,
            refusal.reason,
            None,
            refusal.seconds_on_air,
            refusal.retransmissions,
            refusal.authentication,
        )

    @classmethod
    def lost(cls, asset: Asset, failure: JobResult, retransmissions: int) -> Self:
        return cls(
            asset,
            ResultKind.UNACCOUNTED,
            failure.code,
            failure.reason,
            retransmissions=retransmissions,
            authentication=failure.authentication,
        )

    @classmethod
    def held(cls, asset: Asset, hold: Hold) -> Self:
        return cls(asset, ResultKind.UNACCOUNTED, hold.code, hold.reason)

    @classmethod
    def unheard(cls, asset: Asset) -> Self:
        return cls(
            asset, ResultKind.UNACCOUNTED, "not-heard", "The device was not heard; is it powered?"
        )


@dataclass(frozen=True, slots=True)
class CommissioningReport:
    """Everything about one run; `seconds` of air time passed.

    `strangers_uncounted` says that there were more strangers than anybody should count, `allowed`
    what the policy allowed beyond zero-touch.
    """

    assets: list[AssetResult]
    refusals: list[Refusal]
    strangers: list[Stranger]
    seconds: float
    strangers_uncounted: bool = False
    allowed: tuple[Weakening, ...] = ()

    @property
    def unaccounted(self) -> int:
        """How many assets are not in the network."""
        return sum(result.kind is not ResultKind.NODE for result in self.assets)
