"""Authentication: what a Provisioner may choose, what it chooses, and why (5.4.2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshwright.core.errors import TrustError
from meshwright.core.provisioning.challenge import SIZES, Challenge
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    InputAction,
    OobType,
    OutputAction,
    PublicKeyOffer,
    PublicKeyType,
)
from meshwright.core.provisioning.pdu import Capabilities, Start


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
    """

    algorithms: tuple[Algorithm, ...] = (Algorithm.HMAC,)
    require_oob_public_key: bool = True
    methods: tuple[AuthenticationMethod, ...] = (AuthenticationMethod.NO_OOB,)
    output_actions: tuple[OutputAction, ...] = tuple(reversed(OutputAction))
    input_actions: tuple[InputAction, ...] = tuple(reversed(InputAction))
    counted_size: int = 1
    typed_size: int = 8
    static_with_cmac: bool = False


ZERO_TOUCH = AuthenticationPolicy()
"""HMAC and a certified key, without a person: what this project is for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen and why, in words for the record."""

    start: Start
    reason: str
    challenge: Challenge | None = None

    @property
    def uses_oob_key(self) -> bool:
        """Tell whether the device does not send its public key."""
        return self.start.public_key == PublicKeyType.OOB


def choose(
    capabilities: Capabilities,
    policy: AuthenticationPolicy,
    *,
    key_known: bool,
    static_known: bool = False,
) -> Choice:
    """Choose the strongest of what is offered and allowed; raises `RefusedByPolicyError`.

    `key_known`: the device's public key is known from a validated source. It is then used, or
    the session ends: falling back to a key in band would be a downgrade. `static_known`: the static
    OOB value of the device is at hand.
    """
    _refuse_contradictions(capabilities)
    algorithm = _choose_algorithm(capabilities, policy)
    public_key = _choose_public_key(capabilities, policy, key_known=key_known)
    offer = _Offer(capabilities, policy, algorithm, static_known)
    method, challenge = _choose_method(offer)
    action, size = (challenge.action, challenge.size) if challenge else (0, 0)
    reason = f"{algorithm.name}, public key {public_key.name}, authentication {method.name}"
    start = Start(algorithm, public_key, method, action, size)
    return Choice(start, reason.replace("_", " "), challenge)


def _refuse_contradictions(capabilities: Capabilities) -> None:
    """Refuse what 5.4.1.2 forbids a device that wants OOB authentication only."""
    if not capabilities.oob_type & OobType.ONLY_OOB:
        return
    no_method = not (
        capabilities.oob_type & OobType.STATIC_AVAILABLE
        or capabilities.output_size
        or capabilities.input_size
    )
    if capabilities.algorithms & Algorithms.CMAC or no_method:
        raise RefusedByPolicyError(
            "The device demands OOB authentication and contradicts itself in its capabilities.",
            code="contradictory-capabilities",
        )


def _choose_algorithm(capabilities: Capabilities, policy: AuthenticationPolicy) -> Algorithm:
    offered = [a for a in Algorithm if capabilities.algorithms & a.offered_as]
    if offered and max(offered) in policy.algorithms:
        return max(offered)
    best = max(offered).name if offered else "no known algorithm"
    names = " or ".join(algorithm.name for algorithm in policy.algorithms)
    raise RefusedByPolicyError(
        f"The device offers {best} and the policy demands {names}; nothing weaker is used."
    )


def _choose_public_key(
    capabilities: Capabilities, policy: AuthenticationPolicy, *, key_known: bool
) -> PublicKeyType:
    offered = bool(capabilities.public_key_type & PublicKeyOffer.OOB_AVAILABLE)
    if key_known and offered:
        return PublicKeyType.OOB
    if key_known:
        raise RefusedByPolicyError(
            "The device has a certified key but does not offer to use it; a key sent in band would "
            "prove nothing."
        )
    if policy.require_oob_public_key:
        raise RefusedByPolicyError(
            "The policy demands a certified public key and none is known for this device.",
            code="no-certified-key",
        )
    return PublicKeyType.IN_BAND


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the choice of a method depends on."""

    capabilities: Capabilities
    policy: AuthenticationPolicy
    algorithm: Algorithm
    static_known: bool


_Found = tuple[AuthenticationMethod, Challenge | None]


def _choose_method(offer: _Offer) -> _Found:
    for method in offer.policy.methods:
        found = _METHODS[method](offer)
        if found is not None:
            return found
    raise RefusedByPolicyError(
        "The device and the policy have no authentication method in common.",
        code="no-common-method",
    )


def _no_oob(offer: _Offer) -> _Found | None:
    only_oob = offer.capabilities.oob_type & OobType.ONLY_OOB
    return None if only_oob else (AuthenticationMethod.NO_OOB, None)


def _static(offer: _Offer) -> _Found | None:
    offered = offer.capabilities.oob_type & OobType.STATIC_AVAILABLE
    safe = offer.algorithm is not Algorithm.CMAC or offer.policy.static_with_cmac
    usable = offered and offer.static_known and safe
    return (AuthenticationMethod.STATIC, None) if usable else None


def _output(offer: _Offer) -> _Found | None:
    capabilities = offer.capabilities
    actions = (a for a in offer.policy.output_actions if capabilities.output_actions >> a & 1)
    return _challenge(next(actions, None), capabilities.output_size, offer.policy)


def _input(offer: _Offer) -> _Found | None:
    capabilities = offer.capabilities
    actions = (a for a in offer.policy.input_actions if capabilities.input_actions >> a & 1)
    return _challenge(next(actions, None), capabilities.input_size, offer.policy)


def _challenge(
    action: OutputAction | InputAction | None,
    offered_size: int,
    policy: AuthenticationPolicy,
) -> _Found | None:
    """Return the challenge for `action`; a size that is reserved makes the method unusable."""
    if action is None or offered_size not in SIZES:
        return None
    largest = Challenge(action, offered_size)
    wanted = policy.counted_size if largest.is_counted else policy.typed_size
    return largest.method, Challenge(action, min(offered_size, wanted))


_METHODS: dict[AuthenticationMethod, Callable[[_Offer], _Found | None]] = {
    AuthenticationMethod.NO_OOB: _no_oob,
    AuthenticationMethod.STATIC: _static,
    AuthenticationMethod.OUTPUT: _output,
    AuthenticationMethod.INPUT: _input,
}
