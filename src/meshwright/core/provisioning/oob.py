"""Authentication: what a Provisioner chooses of what is offered, and why (5.4.2.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshwright.core.provisioning.authentication import Authentication, KeySource, Weakening
from meshwright.core.provisioning.challenge import SIZES, Challenge
from meshwright.core.provisioning.fields import (
    Algorithm,
    AuthenticationMethod,
    InputAction,
    OutputAction,
    PublicKeyType,
)
from meshwright.core.provisioning.pdu import Capabilities, Start
from meshwright.core.provisioning.policy import AuthenticationPolicy, RefusedByPolicyError


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen, and in what it is less than zero-touch."""

    start: Start
    challenge: Challenge | None = None
    weaknesses: tuple[Weakening, ...] = ()

    @property
    def uses_oob_key(self) -> bool:
        """Tell whether the device does not send its public key."""
        return self.start.public_key == PublicKeyType.OOB

    @property
    def has_oob_value(self) -> bool:
        """Tell whether both sides prove a value, so that a failure may be a guess."""
        return self.start.method != AuthenticationMethod.NO_OOB

    def summary(self, source: KeySource = KeySource.OOB) -> Authentication:
        """Return what is stored and shown; `source` of a key that was known beforehand."""
        start, challenge = self.start, self.challenge
        return Authentication(
            Algorithm(start.algorithm).name.lower(),
            source if self.uses_oob_key else KeySource.IN_BAND,
            AuthenticationMethod(start.method).name.lower().replace("_", "-"),
            challenge.action.name.lower() if challenge else None,
            start.size,
            self.weaknesses,
        )

    @property
    def reason(self) -> str:
        """One sentence for people."""
        return self.summary().reason


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
    OOB value of the device is at hand; it is used before anything else.
    """
    _refuse_contradictions(capabilities)
    algorithm = _choose_algorithm(capabilities, policy)
    public_key = _choose_public_key(capabilities, policy, key_known=key_known)
    offer = _Offer(capabilities, policy, algorithm, public_key, static_known)
    method, challenge = _choose_method(offer)
    action, size = (challenge.action, challenge.size) if challenge else (0, 0)
    start = Start(algorithm, public_key, method, action, size)
    weaknesses = _weaknesses(offer, method)
    return Choice(start, challenge, weaknesses)


def _weaknesses(offer: _Offer, method: AuthenticationMethod) -> tuple[Weakening, ...]:
    """Tell in what a choice is less than zero-touch."""
    cmac = offer.algorithm is Algorithm.CMAC
    in_band = offer.public_key is PublicKeyType.IN_BAND
    static = method is AuthenticationMethod.STATIC
    found = {
        Weakening.CMAC: cmac,
        Weakening.IN_BAND_KEY: in_band,
        Weakening.UNAUTHENTICATED: in_band and method is AuthenticationMethod.NO_OOB,
        Weakening.STATIC_WITH_CMAC: cmac and static,
        Weakening.WITHOUT_STATIC: offer.static_known and not static,
    }
    return tuple(each for each, is_so in found.items() if is_so)


def _refuse_contradictions(capabilities: Capabilities) -> None:
    """Refuse what 5.4.1.2 forbids a device that wants OOB authentication only."""
    if not capabilities.only_oob:
        return
    has_method = capabilities.static or capabilities.output_size or capabilities.input_size
    if capabilities.offers(Algorithm.CMAC) or not has_method:
        raise RefusedByPolicyError(
            "The device demands OOB authentication and contradicts itself in its capabilities.",
            code="contradictory-capabilities",
        )


_STRONGEST_FIRST = tuple(sorted(Algorithm, reverse=True))


def strongest_offered(capabilities: Capabilities) -> Algorithm | None:
    """Return the algorithm that has to be used (5.4.2.3); unknown ones are ignored."""
    return next((each for each in _STRONGEST_FIRST if capabilities.offers(each)), None)


def _choose_algorithm(capabilities: Capabilities, policy: AuthenticationPolicy) -> Algorithm:
    strongest = strongest_offered(capabilities)
    if strongest is not None and strongest in policy.algorithms:
        return strongest
    best = "no known algorithm" if strongest is None else strongest.name
    names = " or ".join(algorithm.name for algorithm in policy.algorithms)
    raise RefusedByPolicyError(
        f"The device offers {best} and the policy demands {names}; nothing weaker is used."
    )


def _choose_public_key(
    capabilities: Capabilities, policy: AuthenticationPolicy, *, key_known: bool
) -> PublicKeyType:
    if key_known and capabilities.oob_key:
        return PublicKeyType.OOB
    if key_known:
        raise RefusedByPolicyError(
            "The device offers a public key in band only and the policy demands the key that is "
            "known for it; a key sent in band would prove nothing."
        )
    if policy.require_oob_public_key:
        raise RefusedByPolicyError(
            "The policy demands a public key that is known beforehand and none is known for this "
            "device, which could only send its key in band.",
            code="no-certified-key",
        )
    return PublicKeyType.IN_BAND


@dataclass(frozen=True, slots=True)
class _Offer:
    """What the choice of a method depends on."""

    capabilities: Capabilities
    policy: AuthenticationPolicy
    algorithm: Algorithm
    public_key: PublicKeyType
    static_known: bool

    @property
    def in_words(self) -> str:
        """Name the methods that the device offers."""
        offered = {
            "no OOB": not self.capabilities.only_oob,
            "static OOB": self.capabilities.static,
            "output OOB": self.capabilities.output_size in SIZES,
            "input OOB": self.capabilities.input_size in SIZES,
        }
        return ", ".join(name for name, is_so in offered.items() if is_so) or "no known method"


_Found = tuple[AuthenticationMethod, Challenge | None]


def _choose_method(offer: _Offer) -> _Found:
    static = _static(offer) if offer.static_known else None
    if static is not None:
        return static
    if offer.static_known and offer.policy.require_known_static:
        raise _without_static(offer)
    for method in offer.policy.methods:
        found = _METHODS[method](offer)
        if found is not None:
            return found
    raise _no_common_method(offer)


def _without_static(offer: _Offer) -> RefusedByPolicyError:
    if offer.capabilities.static:
        return RefusedByPolicyError(
            "The device offers CMAC with its static OOB value and the policy demands HMAC for it: "
            "under CMAC one session gives the value away.",
            code="static-with-cmac",
        )
    return RefusedByPolicyError(
        f"The device offers {offer.in_words} and the policy demands the static OOB value that is "
        "known for it; nothing weaker is used."
    )


def _no_common_method(offer: _Offer) -> RefusedByPolicyError:
    names = [method.name.lower().replace("_", " ") for method in offer.policy.methods]
    demanded = " or ".join(names) or "no method at all"
    if offer.public_key is PublicKeyType.IN_BAND and not offer.policy.no_oob_in_band:
        demanded = "an OOB value with a key that is sent in band"
    return RefusedByPolicyError(
        f"The device offers {offer.in_words} and the policy demands {demanded}; they have no "
        "authentication method in common.",
        code="no-common-method",
    )


def _no_oob(offer: _Offer) -> _Found | None:
    proves_nothing = offer.public_key is PublicKeyType.IN_BAND and not offer.policy.no_oob_in_band
    refused = offer.capabilities.only_oob or proves_nothing
    return None if refused else (AuthenticationMethod.NO_OOB, None)


def _static(offer: _Offer) -> _Found | None:
    safe = offer.algorithm is not Algorithm.CMAC or offer.policy.static_with_cmac
    usable = offer.capabilities.static and offer.static_known and safe
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
