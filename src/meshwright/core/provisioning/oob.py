"""Authentication: AuthValues, what a Provisioner may choose, and why (5.4.2.3, 5.4.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from meshwright.core.errors import TrustError
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    OobType,
    PublicKeyOffer,
    PublicKeyType,
)
from meshwright.core.provisioning.pdu import Capabilities, Start


class OobKind(Enum):
    """How an OOB value is written into an AuthValue (5.4.2.4.1)."""

    BINARY = auto()
    ALPHANUMERIC = auto()
    NUMERIC = auto()


_LAYOUTS: dict[OobKind, Callable[[bytes, int], bytes]] = {
    OobKind.BINARY: lambda value, size: value[:size].ljust(size, b"\0"),
    OobKind.ALPHANUMERIC: lambda value, size: value[:size].ljust(size, b"\0"),
    OobKind.NUMERIC: lambda value, size: int.from_bytes(value, "big").to_bytes(size, "big"),
}


def auth_value(kind: OobKind, value: bytes | str | int, size: int) -> bytes:
    """Write an OOB value as AuthValue of `size` octets (16 or 32).

    Octets and characters come first and are padded, or cut, on the right; numbers stand on the
    right. Raises `ValueError` for a number that does not fit.
    """
    try:
        if isinstance(value, int):
            value = value.to_bytes(size, "big")
        elif isinstance(value, str):
            value = value.encode("ascii")
        return _LAYOUTS[kind](value, size)
    except OverflowError:
        raise ValueError(f"the number does not fit an AuthValue of {size} octets") from None


def no_oob(size: int) -> bytes:
    """Return the AuthValue of No OOB."""
    return bytes(size)


class RefusedByPolicyError(TrustError):
    """What the device offers does not satisfy the policy; nothing weaker is tried."""

    code = "downgrade"


@dataclass(frozen=True, slots=True)
class AuthenticationPolicy:
    """What a Provisioner accepts.

    The strongest algorithm that the device offers is used if `algorithms` has it, and no other
    (5.4.2.3). With `require_oob_public_key` the device has to prove a key that is known from its
    certificate or another source.
    """

    algorithms: tuple[Algorithm, ...] = (Algorithm.HMAC,)
    require_oob_public_key: bool = True
    methods: tuple[AuthenticationMethod, ...] = (AuthenticationMethod.NO_OOB,)


ZERO_TOUCH = AuthenticationPolicy()
"""HMAC and a certified key, without a person: what this project is for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen and why, in words for the record."""

    start: Start
    reason: str

    @property
    def uses_oob_key(self) -> bool:
        """Tell whether the device does not send its public key."""
        return self.start.public_key == PublicKeyType.OOB


def choose(capabilities: Capabilities, policy: AuthenticationPolicy, *, key_known: bool) -> Choice:
    """Choose the strongest of what is offered and allowed; raises `RefusedByPolicyError`.

    `key_known`: the device's public key is known from a validated source. It is then used, or
    the session ends: falling back to a key in band would be a downgrade.
    """
    _refuse_contradictions(capabilities)
    algorithm = _choose_algorithm(capabilities, policy)
    public_key = _choose_public_key(capabilities, policy, key_known=key_known)
    method = _choose_method(capabilities, policy)
    reason = f"{algorithm.name}, public key {public_key.name}, authentication {method.name}"
    return Choice(Start(algorithm, public_key, method), reason.replace("_", " "))


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


def _choose_method(
    capabilities: Capabilities, policy: AuthenticationPolicy
) -> AuthenticationMethod:
    only_oob = capabilities.oob_type & OobType.ONLY_OOB
    if AuthenticationMethod.NO_OOB in policy.methods and not only_oob:
        return AuthenticationMethod.NO_OOB
    raise RefusedByPolicyError(
        "The device and the policy have no authentication method in common.",
        code="no-common-method",
    )
