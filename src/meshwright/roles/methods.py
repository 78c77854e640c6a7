"""How a program chooses authentication itself, when it has seen what a device can do."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

from meshwright.core.errors import InputError
from meshwright.core.provisioning import oob
from meshwright.core.provisioning.challenge import SIZES
from meshwright.core.provisioning.fields import AuthenticationMethod, InputAction, OutputAction
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import StaticOob


@dataclass(frozen=True, slots=True)
class Method:
    """One way to authenticate; algorithm and public key stay with the policy."""

    method: AuthenticationMethod
    action: OutputAction | InputAction | None = None
    size: int = 0
    static_oob: StaticOob | None = field(default=None, repr=False)

    @classmethod
    def no_oob(cls) -> Self:
        """Without an OOB value: what is proven is the public key alone, if anything."""
        return cls(AuthenticationMethod.NO_OOB)

    @classmethod
    def static(cls, value: StaticOob) -> Self:
        """With a value that device and program share."""
        return cls(AuthenticationMethod.STATIC, static_oob=value)

    @classmethod
    def output(cls, action: OutputAction, size: int) -> Self:
        """With a value that the device shows; raises `InputError` (`bad-oob-size`)."""
        return cls(AuthenticationMethod.OUTPUT, action, _checked(size))

    @classmethod
    def input(cls, action: InputAction, size: int) -> Self:
        """With a value that is entered at the device; raises `InputError` (`bad-oob-size`)."""
        return cls(AuthenticationMethod.INPUT, action, _checked(size))

    def narrow(self, policy: AuthenticationPolicy) -> AuthenticationPolicy:
        """Return `policy` with this method alone; nothing else of it gets weaker."""
        action = self.action
        return replace(
            policy,
            methods=(self.method,),
            output_actions=(action,) if isinstance(action, OutputAction) else (),
            input_actions=(action,) if isinstance(action, InputAction) else (),
            counted_size=self.size,
            typed_size=self.size,
        )

    def choose(
        self, capabilities: Capabilities, policy: AuthenticationPolicy, *, key_known: bool
    ) -> oob.Choice:
        """Return the choice; raises `RefusedByPolicyError` for what is not offered or allowed."""
        return oob.choose(
            capabilities,
            self.narrow(policy),
            key_known=key_known,
            static_known=self.static_oob is not None,
        )


Picked = Method | oob.Choice | None
"""What may be chosen: a method, a whole choice, or nothing else than the policy would."""


def _checked(size: int) -> int:
    if size not in SIZES:
        raise InputError(
            f"A value has {SIZES[0]} to {SIZES[-1]} digits or characters, not {size}.",
            code="bad-oob-size",
        )
    return size
