"""What a Provisioner accepts: the one place where such choices are made (5.4.2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from meshwright.core.errors import TrustError
from meshwright.core.provisioning.authentication import Weakening
from meshwright.core.provisioning.fields import (
    Algorithm,
    AuthenticationMethod,
    InputAction,
    OutputAction,
)


class RefusedByPolicyError(TrustError):
    """What the device offers does not satisfy the policy; nothing weaker is tried."""

    code = "downgrade"


@dataclass(frozen=True, slots=True)
class AuthenticationPolicy:
    """What a Provisioner accepts.

    The strongest algorithm that the device offers is used if `algorithms` has it, and no other
    (5.4.2.3). With `require_oob_public_key` the device has to prove a key that is known from its
    certificate or another source.

    `methods` and the actions are tried in their order. Counted values (blink, beep, vibrate, push,
    twist) get `counted_size`, typed ones `typed_size`, if the device offers as much. A static value
    under CMAC can be computed by a hostile peer from one session (CVE-2020-26559), so it is used
    with HMAC alone unless `static_with_cmac`.

    A static value that is known is used before any of `methods`; with `require_known_static`
    nothing else is. Without `no_oob_in_band` a key that is sent in band needs an OOB value: alone
    it proves nothing, and whoever is in range could be the other end.
    """

    algorithms: tuple[Algorithm, ...] = (Algorithm.HMAC,)
    require_oob_public_key: bool = True
    methods: tuple[AuthenticationMethod, ...] = (AuthenticationMethod.NO_OOB,)
    output_actions: tuple[OutputAction, ...] = tuple(reversed(OutputAction))
    input_actions: tuple[InputAction, ...] = tuple(reversed(InputAction))
    counted_size: int = 1
    typed_size: int = 8
    static_with_cmac: bool = False
    require_known_static: bool = True
    no_oob_in_band: bool = True

    @classmethod
    def allowing(cls, weakenings: Iterable[Weakening]) -> Self:
        """Return zero-touch with what a person allows besides; each name allows what it needs."""
        allowed = frozenset(weakenings)
        cmac = allowed & {Weakening.CMAC, Weakening.STATIC_WITH_CMAC}
        in_band = allowed & {Weakening.IN_BAND_KEY, Weakening.UNAUTHENTICATED}
        return cls(
            algorithms=(Algorithm.HMAC, Algorithm.CMAC) if cmac else (Algorithm.HMAC,),
            require_oob_public_key=not in_band,
            static_with_cmac=Weakening.STATIC_WITH_CMAC in allowed,
            require_known_static=Weakening.WITHOUT_STATIC not in allowed,
            no_oob_in_band=Weakening.UNAUTHENTICATED in allowed,
        )

    @property
    def weakenings(self) -> tuple[Weakening, ...]:
        """What this policy allows beyond zero-touch."""
        in_band = not self.require_oob_public_key
        no_oob = AuthenticationMethod.NO_OOB in self.methods
        cmac = Algorithm.CMAC in self.algorithms
        allowed = {
            Weakening.CMAC: cmac,
            Weakening.IN_BAND_KEY: in_band,
            Weakening.UNAUTHENTICATED: in_band and no_oob and self.no_oob_in_band,
            Weakening.STATIC_WITH_CMAC: cmac and self.static_with_cmac,
            Weakening.WITHOUT_STATIC: not self.require_known_static,
        }
        return tuple(each for each, is_allowed in allowed.items() if is_allowed)


ZERO_TOUCH = AuthenticationPolicy()
"""HMAC and a certified key, without a person: what this project is for."""
