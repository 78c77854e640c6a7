"""S2: an AuthValue under CMAC is known to the peer after one session (CVE-2020-26559).

The attack itself is carried out, to show what the rules are for: CMAC only where the policy says
so, a static value under CMAC only where it says so once more, and no drawn value twice.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from fuzz.scenarios import Scenario, scenario
from tests.attacks.breaking import Breaker, fitting_random, recovered_auth_value
from tests.attacks.scene import Scene

from meshwright.core.crypto import aes_cmac
from meshwright.core.effects import Effect
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.events import Authenticated, BecameNode, ValueToShow
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    InputAction,
    PduType,
)
from meshwright.core.provisioning.oob import choose
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import (
    ZERO_TOUCH,
    AuthenticationPolicy,
    RefusedByPolicyError,
)
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.randomness import SeededRandomness

STATIC = scenario("static, CMAC")
INPUT = Scenario(
    "input number, CMAC",
    AuthenticationMethod.INPUT,
    certified=False,
    algorithms=Algorithms.CMAC,
    input=InputAction.NUMERIC,
    records=False,
)


def attacked(bearer: str, kind: Scenario, seed: int = 1) -> tuple[Scene, Breaker]:
    breaker = Breaker(kind.device(seed))
    return Scene(bearer, kind, machine=breaker, seed=seed).play(), breaker


def test_s2_the_computation_runs_backwards() -> None:
    key, random, auth_value = bytes(range(16)), bytes(range(16, 32)), b"the auth value.."
    confirmation = aes_cmac(key, random + auth_value)
    assert recovered_auth_value(key, random, confirmation) == auth_value
    forged = fitting_random(key, auth_value, bytes(16))
    assert aes_cmac(key, forged + auth_value) == bytes(16)


def test_s2_one_session_under_cmac_gives_a_static_value_away(bearer: str) -> None:
    """What `static_with_cmac` allows: the attacker learns the value, and gets in with it."""
    scene, breaker = attacked(bearer, STATIC)
    assert breaker.found == bytes(range(16))
    assert scene.told_provisioner(Authenticated), "CMAC has been mended: rewrite this page"
    assert not scene.told_device(BecameNode)


def test_s2_a_static_value_under_cmac_is_refused_unless_the_policy_says_so() -> None:
    offer = Capabilities(1, Algorithms.CMAC, oob_type=1)
    wanted = {"require_oob_public_key": False, "methods": (AuthenticationMethod.STATIC,)}
    strict = AuthenticationPolicy((Algorithm.CMAC,), **wanted)  # type: ignore[arg-type]
    with pytest.raises(RefusedByPolicyError):
        choose(offer, strict, key_known=False, static_known=True)
    lax = AuthenticationPolicy((Algorithm.CMAC,), static_with_cmac=True, **wanted)  # type: ignore[arg-type]
    chosen = choose(offer, lax, key_known=False, static_known=True)
    assert chosen.start.method is AuthenticationMethod.STATIC


def test_s2_zero_touch_knows_no_cmac() -> None:
    with pytest.raises(RefusedByPolicyError):
        choose(Capabilities(1, Algorithms.CMAC, 1), ZERO_TOUCH, key_known=True)


def test_s2_a_value_that_was_recovered_is_not_used_again(bearer: str) -> None:
    """The attacker knows what was shown in each session, and every session shows another."""
    found, shown = [], []
    for seed in range(1, 9):
        scene, breaker = attacked(bearer, INPUT, seed)
        (value,) = scene.told_provisioner(ValueToShow)
        assert breaker.found == Challenge(InputAction.NUMERIC, 4).auth_value(value.value, 16)
        found.append(breaker.found)
        shown.append(value.value)
    assert len(set(found)) == len(set(shown)) == 8


@pytest.mark.parametrize("name", ["output number", "output blink, CMAC"])
def test_s2_one_device_draws_anew_for_every_session(name: str) -> None:
    """A failed session burns its value as well."""
    kind = scenario(name)
    device = kind.device()
    drawn: list[str] = []
    for seed in range(20):
        device._attempts.succeed()  # what it does after failures is another row
        drawn += _shown(device_talk(kind, device, seed))
    assert len(drawn) == 20
    assert len(set(drawn)) > (15 if "number" in name else 4)


def device_talk(kind: Scenario, device: object, seed: int) -> list[Effect]:
    """Return what a device tells in a session that ends with a wrong confirmation."""
    scene = Scene("PB-GATT", kind, machine=device, by_provisioner=_spoiling, seed=seed)  # type: ignore[arg-type]
    scene.play().assert_refused_by_device(ErrorCode.CONFIRMATION_FAILED)
    return scene.wire.right.events


def _spoiling(_tapped: object, pdu: bytes) -> list[bytes]:
    return [pdu[:-1] + bytes([pdu[-1] ^ 1]) if pdu[0] == PduType.RANDOM else pdu]


def _shown(effects: list[Effect]) -> list[str]:
    return [effect.value for effect in effects if isinstance(effect, ValueToShow)]


def test_s2_a_device_gives_a_hostile_provisioner_nothing_to_compute_with(bearer: str) -> None:
    """Its Random, without which nothing runs backwards, leaves only after ours was proven."""
    scene = Scene(bearer, STATIC, by_provisioner=_spoiling).play()
    scene.assert_refused_by_device(ErrorCode.CONFIRMATION_FAILED)
    assert PduType.RANDOM not in {pdu[0] for pdu in scene.right_tap.sent}


def test_s2_another_static_value_is_no_way_in(bearer: str) -> None:
    other = replace(STATIC.options, static_oob=StaticOob(OobKind.BINARY, bytes(32)))
    device = DeviceMachine(other, SeededRandomness(1).stream("device"))
    scene = Scene(bearer, STATIC, machine=device).play()
    scene.assert_refused_by_device(ErrorCode.CONFIRMATION_FAILED)
