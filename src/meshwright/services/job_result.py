"""How a job ended, and what that says about the device."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.provisioning.authentication import Authentication
from meshwright.core.provisioning.events import SessionFailed
from meshwright.core.provisioning.fields import ErrorCode
from meshwright.registry.entities import Attempt, Node, Outcome
from meshwright.services.sightings import Refusal

STOPPED = "stopped"
"""The code of a job that ended with its run."""

_TRANSIENT = frozenset({"no-answer", "link-lost", "provisioning-timeout", "refused-by-device"})
"""What says nothing about the device: the same one is tried again soon."""

_UNPROVEN = frozenset({"confirmation-failed", "reflected-random"})
"""How a device shows that it does not know the OOB value."""


@dataclass(frozen=True, slots=True)
class JobResult:
    """How a job ended. Times are those of the air; `reservation` is not settled yet.

    `unproven` says that the OOB value did not fit: on the device, in the register, or in the hands
    of somebody else.
    """

    attempt: Attempt
    sender: bytes | None
    outcome: Outcome
    code: str | None
    reason: str | None
    began: float | None
    ended: float
    retransmissions: int
    node: Node | None = None
    reservation: Node | None = None
    authentication: Authentication | None = None
    unproven: bool = False

    def refusal(self, code: str, reason: str) -> Refusal:
        """Return it as the refusal of its sender."""
        return Refusal(
            self.attempt.uuid,
            self.sender,
            code,
            reason,
            self.ended,
            None if self.began is None else self.ended - self.began,
            self.retransmissions,
            self.authentication,
        )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a session failed, in the owner's words; `transient` ones are tried again soon."""

    code: str
    reason: str
    transient: bool
    unproven: bool = False

    @classmethod
    def of(cls, failed: SessionFailed, *, tried_value: bool) -> Failure:
        """Read it from the session's end; `tried_value` says that there was an OOB value."""
        refused = failed.error == ErrorCode.CONFIRMATION_FAILED
        if not tried_value or not (refused or failed.code in _UNPROVEN):
            return cls(failed.code, failed.message, failed.code in _TRANSIENT)
        if refused:
            return cls("oob-value-refused", _VALUE_REFUSED, transient=False, unproven=True)
        return cls(failed.code, _VALUE_UNKNOWN, transient=False, unproven=True)


_VALUE_REFUSED = (
    "The device refused our OOB value: correct the static value on the list, or somebody else "
    "answered under its UUID."
)
_VALUE_UNKNOWN = (
    "The device could not prove that it knows its OOB value and holds its key: compare the static "
    "value on the list with the device, or suspect whoever answered."
)
