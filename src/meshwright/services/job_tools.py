"""What every job of one network works with."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.clock import Clock
from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.errors import TrustError
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.radio.runner import Runner
from meshwright.randomness import Randomness
from meshwright.registry.entities import Network
from meshwright.services.chains import ChainBook
from meshwright.services.ports import CommissioningStore, Validator


class PredictableRandomnessError(TrustError):
    """Seeded randomness on a radio that reaches real devices."""

    code = "predictable-randomness"


@dataclass(frozen=True, slots=True)
class JobTools:
    """The network, where it is kept, whom it trusts, and how it reaches devices.

    Raises `PredictableRandomnessError` for seeded randomness on a radio that is no simulation.
    """

    network: Network
    store: CommissioningStore
    validator: Validator
    chains: ChainBook
    runner: Runner
    clock: Clock
    randomness: Randomness
    policy: AuthenticationPolicy
    timing: LinkTiming

    def __post_init__(self) -> None:
        if self.randomness.predictable and not self.runner.radio.predictable_allowed:
            raise PredictableRandomnessError(
                "Seeded randomness is for simulations; real radios need the system's."
            )
