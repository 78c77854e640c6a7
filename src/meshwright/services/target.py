"""One asset of a network and what has happened to it in one run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshwright.registry.entities import Asset, Node
from meshwright.services.job_result import STOPPED, JobResult
from meshwright.services.report import AssetResult
from meshwright.services.sightings import Refusal
from meshwright.services.tries import Hold

_MOST_DOUBLINGS = 16
"""Somebody may make attempts fail without end."""


@dataclass(slots=True)
class Target:
    """An asset that shall become a node; times are those of the air.

    Nobody under its UUID is tried before `not_before`.
    """

    asset: Asset
    node: Node | None = None
    not_before: float = 0.0
    _began: float | None = None
    _ended: float | None = None
    _retransmissions: int = 0
    _failures: int = 0
    _last_failure: JobResult | None = None

    def joined(self, node: Node, now: float) -> None:
        """Note that it is a node."""
        self.node = node
        self._ended = now

    def count(self, result: JobResult) -> None:
        """Count what a job with the device itself has cost."""
        self._retransmissions += result.retransmissions
        if self._began is None:
            self._began = result.began

    def lost(self, result: JobResult) -> int:
        """Note that it was lost; return how many times longer than the first we should wait."""
        self.count(result)
        if result.code != STOPPED or self._last_failure is None:
            self._last_failure = result  # why it failed before says more than that we stopped
        self._failures += 1
        return 1 << min(self._failures - 1, _MOST_DOUBLINGS)

    def result(self, refusals: Sequence[Refusal], hold: Hold | None = None) -> AssetResult:
        """Tell what has become of it, given who was refused under its UUID in the run.

        `hold` says why it was not to be tried at all.
        """
        if self.node is not None:
            return AssetResult.joined(self.asset, self.node, self._seconds, self._retransmissions)
        if refusals:
            return AssetResult.refused(self.asset, refusals[-1])
        if self._last_failure is not None:
            return AssetResult.lost(self.asset, self._last_failure, self._retransmissions)
        if hold is not None:
            return AssetResult.held(self.asset, hold)
        return AssetResult.unheard(self.asset)

    @property
    def _seconds(self) -> float | None:
        if self._began is None or self._ended is None:
            return None
        return self._ended - self._began
