"""What the Provisioner's owner knows of a device and accepts of it, from Invite on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from meshwright.core.errors import InputError
from meshwright.core.provisioning.fields import AuthenticationMethod
from meshwright.core.provisioning.oob import Choice, choose, strongest_offered
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.values import StaticOob

_CHALLENGED = (AuthenticationMethod.OUTPUT, AuthenticationMethod.INPUT)


@dataclass(frozen=True, slots=True)
class Invitation:
    """`device_public` is X || Y from a validated certificate or another source."""

    policy: AuthenticationPolicy = ZERO_TOUCH
    device_public: bytes | None = None
    static_oob: StaticOob | None = field(default=None, repr=False)

    def choose(self, capabilities: Capabilities) -> Choice:
        """Choose what the policy would; raises `RefusedByPolicyError`."""
        return choose(
            capabilities,
            self.policy,
            key_known=self.device_public is not None,
            static_known=self.static_oob is not None,
        )

    def settle(
        self, choice: Choice, capabilities: Capabilities, static_oob: StaticOob | None
    ) -> Self:
        """Return what goes with another choice, `static_oob` instead of the value known before.

        Raises `InputError` (`bad-choice`) for a choice that the session could only get wrong, and
        for an algorithm that is not the strongest offered, which 5.4.2.3 forbids.
        """
        settled = replace(self, static_oob=static_oob or self.static_oob)
        method = choice.start.method
        if (
            choice.uses_oob_key != (self.device_public is not None)
            or (method in _CHALLENGED) != (choice.challenge is not None)
            or (method == AuthenticationMethod.STATIC and settled.static_oob is None)
            or choice.start.algorithm != strongest_offered(capabilities)
        ):
            raise InputError(
                "The choice does not fit what is known of the device; choose another way.",
                code="bad-choice",
            )
        return settled
