"""S3: a malleable commitment and a short value (CVE-2020-26556): searched within the time-out.

Twenty bits take a second or two to search, and a session waits for a minute; the searches here are
four digits long, so that they are quick. HMAC does not make the search longer. It makes it useless:
what was committed to cannot be changed any more.
"""

from __future__ import annotations

import pytest
from fuzz.scenarios import Scenario
from tests.attacks.breaking import Breaker
from tests.attacks.scene import Scene

from meshwright.core.effects import SendPdu
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.events import AttemptsChanged, Authenticated, ValueToShow
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    InputAction,
    OutputAction,
    PduType,
)
from meshwright.core.provisioning.oob import choose
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import AuthenticationPolicy

DIGITS = 4
BOTH = AuthenticationPolicy((Algorithm.CMAC, Algorithm.HMAC), require_oob_public_key=False)


def scenario(algorithms: Algorithms) -> Scenario:
    return Scenario(
        "input number",
        AuthenticationMethod.INPUT,
        certified=False,
        algorithms=algorithms,
        input=InputAction.NUMERIC,
        records=False,
    )


def guesses(octets: int) -> list[bytes]:
    return [number.to_bytes(octets, "big") for number in range(10**DIGITS)]


def test_s3_under_cmac_an_attacker_gets_in_without_the_value(bearer: str) -> None:
    """It commits to anything, and finds the Random that fits when it knows the value."""
    kind = scenario(Algorithms.CMAC)
    breaker = Breaker(kind.device())
    scene = Scene(bearer, kind, machine=breaker).play()
    assert breaker.found is not None
    assert scene.told_provisioner(Authenticated), "CMAC has been mended: rewrite this page"


def test_s3_under_hmac_the_search_succeeds_and_does_not_help(bearer: str) -> None:
    kind = scenario(Algorithms.HMAC)
    breaker = Breaker(kind.device(), guesses(32))
    scene = Scene(bearer, kind, machine=breaker).play()
    (shown,) = scene.told_provisioner(ValueToShow)
    assert breaker.found == Challenge(InputAction.NUMERIC, DIGITS).auth_value(shown.value, 32)
    scene.assert_refused("confirmation-failed")


@pytest.mark.parametrize("offer", [Algorithms.HMAC, Algorithms.CMAC | Algorithms.HMAC, 0xFFFF])
def test_s3_hmac_is_chosen_wherever_it_is_offered(offer: int) -> None:
    chosen = choose(Capabilities(1, offer), BOTH, key_known=False)
    assert chosen.start.algorithm is Algorithm.HMAC


def test_s3_a_device_makes_whoever_guesses_wait(bearer: str) -> None:
    """The Provisioner is the one who guesses: one value a session, and soon no session."""
    kind = Scenario(
        "output number", AuthenticationMethod.OUTPUT, output=OutputAction.NUMERIC, records=False
    )
    device = kind.device()
    outcomes = []
    for guess in range(8):
        scene = Scene(bearer, kind, machine=device, by_provisioner=spoiling, seed=guess)
        outcomes.append(scene.play().told_device(AttemptsChanged))
    counted = [each[0].failures for each in outcomes if each]
    assert counted == list(range(1, len(counted) + 1))
    assert len(counted) < 8, "it may guess as often as it likes"
    assert outcomes[-1] == []


def spoiling(_tapped: object, pdu: bytes) -> list[bytes]:
    """Be wrong about the value."""
    return [pdu[:-1] + bytes([pdu[-1] ^ 1]) if pdu[0] == PduType.RANDOM else pdu]


def test_s3_a_static_value_can_be_guessed_as_rarely(bearer: str) -> None:
    kind = Scenario("static", AuthenticationMethod.STATIC)
    device = kind.device()
    failures = 0
    for seed in range(6):
        scene = Scene(bearer, kind, machine=device, by_provisioner=spoiling, seed=seed).play()
        failures += len(scene.told_device(AttemptsChanged))
        if scene.failures == ["refused-by-device"]:
            scene.assert_refused_by_device(ErrorCode.CONFIRMATION_FAILED)
    assert failures < 6
    honest = Scene(bearer, kind, machine=device)
    honest.wire.now = 2_000.0
    honest.play()
    assert honest.succeeded, "it was locked out for good"


def test_s3_a_recorded_session_does_not_forgive_guesses() -> None:
    """Its confirmations are right for a certified key, but whoever repeats them knows no value."""
    kind = Scenario("static", AuthenticationMethod.STATIC)
    recorded = Scene("PB-GATT", kind).play().left_tap.sent
    device = kind.device(seed=2)
    Scene("PB-GATT", kind, machine=device, by_provisioner=spoiling).play()
    assert device._attempts.failures == 1
    effects = device.bearer_opened(100.0)
    for pdu in recorded:
        effects += device.receive(pdu, 100.0)
    assert PduType.RANDOM in {effect.pdu[0] for effect in effects if isinstance(effect, SendPdu)}
    assert device._attempts.failures == 1
