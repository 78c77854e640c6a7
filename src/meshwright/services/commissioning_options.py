"""How a run of commissioning behaves."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.provisioning.attempts import BackOff
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.radio.concurrency import AdaptiveLinks, Concurrency, FixedLinks, retransmit_after
from meshwright.radio.port import Pacing
from meshwright.radio.runner import Runner
from meshwright.services.tries import MOST_FAILURES


@dataclass(frozen=True, slots=True)
class CommissioningOptions:
    """Times in seconds of the air.

    `links` at once, or None to adapt to the radio. A run ends when everything is settled and
    nothing new was heard for `settle`, or when nothing has moved for `patience`. A refused sender
    is skipped for `skip`; a device that was lost is tried again after `retry`, doubled each time.
    Failed authentications with an OOB value make it wait as `back_off` says, across runs, and after
    `most_failures` of them until a person says otherwise. Without `timing` the links have the one
    that suits the radio.
    """

    links: int | None = None
    settle: float = 4.0
    patience: float = 120.0
    skip: float = 60.0
    retry: float = 2.0
    longest_retry: float = 30.0
    policy: AuthenticationPolicy = ZERO_TOUCH
    back_off: BackOff = field(default_factory=BackOff)
    most_failures: int = MOST_FAILURES
    timing: LinkTiming | None = None

    def link_timing(self, pacing: Pacing) -> LinkTiming:
        """Return the times of every link."""
        return self.timing or LinkTiming(retransmit=retransmit_after(pacing))

    def concurrency(self, runner: Runner) -> Concurrency:
        """Return the rule for how many links there may be at once."""
        if self.links is not None:
            return FixedLinks(self.links)
        return AdaptiveLinks(runner.counters, runner.radio.pacing)
