"""S1: reflection (CVE-2020-26560). Whoever sends back what is ours proves nothing.

S1a the public key, S1b the confirmation, S1c the random; by a device, and by a Provisioner that
can only repeat what it heard in an earlier session.
"""

from __future__ import annotations

import pytest
from fuzz.scenarios import Scenario, scenario
from tests.attacks.scene import Scene, Tap, Tapped
from tests.services import site_world
from tests.services.site_world import Actor, World, options_of

from meshwright.core.effects import Effect
from meshwright.core.provisioning.events import BecameNode, SessionRefused
from meshwright.core.provisioning.fields import ErrorCode, PduType
from meshwright.registry.entities import Outcome
from meshwright.services.report import ResultKind

SCENARIOS = [scenario(name) for name in ("certified", "in band", "in band, CMAC", "static")]
every_scenario = pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)


def echoing(pdu_type: PduType) -> Tap:
    """Answer a PDU of this type with the peer's own."""

    def tap(tapped: Tapped, pdu: bytes) -> list[bytes]:
        return [tapped.of_type(pdu_type) if pdu[0] == pdu_type else pdu]

    return tap


@pytest.mark.parametrize("kind", SCENARIOS[1:3], ids=lambda each: each.name)
def test_s1a_a_device_that_echoes_our_public_key(bearer: str, kind: Scenario) -> None:
    scene = Scene(bearer, kind, by_device=echoing(PduType.PUBLIC_KEY)).play()
    scene.assert_refused("reflected-key")
    assert scene.left_tap.sent[-1][0] == PduType.PUBLIC_KEY


@every_scenario
def test_s1b_a_device_that_echoes_our_confirmation(bearer: str, kind: Scenario) -> None:
    scene = Scene(bearer, kind, by_device=echoing(PduType.CONFIRMATION)).play()
    scene.assert_refused("reflected-confirmation")
    assert scene.left_tap.sent[-1][0] == PduType.CONFIRMATION


@every_scenario
def test_s1c_a_device_that_echoes_our_random(bearer: str, kind: Scenario) -> None:
    scene = Scene(bearer, kind, by_device=echoing(PduType.RANDOM)).play()
    scene.assert_refused("reflected-random")
    assert scene.left_tap.sent[-1][0] == PduType.RANDOM


@every_scenario
def test_s1_a_device_that_echoes_everything(bearer: str, kind: Scenario) -> None:
    """It copies confirmation and random, with which CVE-2020-26560 authenticates anybody."""

    def echo(tapped: Tapped, pdu: bytes) -> list[bytes]:
        again = pdu[0] in (PduType.CONFIRMATION, PduType.RANDOM)
        return [tapped.of_type(PduType(pdu[0])) if again else pdu]

    Scene(bearer, kind, by_device=echo).play().assert_refused("reflected-confirmation")


@every_scenario
def test_s1_a_provisioner_that_repeats_an_earlier_session(kind: Scenario) -> None:
    """With a certified key the confirmations are still right; the keys of the session are not."""
    recorded = Scene("PB-GATT", kind).play().left_tap.sent
    device = kind.device(seed=2)
    effects = device.bearer_opened(0.0)
    for pdu in recorded:
        effects += device.receive(pdu, 0.0)
    assert not [effect for effect in effects if isinstance(effect, BecameNode)]
    refusals = [effect.error for effect in effects if isinstance(effect, SessionRefused)]
    decryption, confirmation = ErrorCode.DECRYPTION_FAILED, ErrorCode.CONFIRMATION_FAILED
    assert refusals[0] is (decryption if kind.certified else confirmation)


class Mirrored(site_world.Edited):
    """A device that knows what it was sent."""

    heard: bytes = b""

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        Mirrored.heard = pdu
        return super().receive(pdu, now)


@pytest.mark.parametrize(
    ("pdu_type", "code"),
    [
        (PduType.CONFIRMATION, "reflected-confirmation"),
        (PduType.RANDOM, "reflected-random"),
    ],
)
def test_s1_nothing_is_stored_but_the_attempt(
    world: World, monkeypatch: pytest.MonkeyPatch, pdu_type: PduType, code: str
) -> None:
    monkeypatch.setattr(site_world, "Edited", Mirrored)

    def edit(pdu: bytes) -> list[bytes]:
        return [Mirrored.heard if pdu[0] == pdu_type else pdu]

    actor = Actor(world, world.uuid(1), options_of(world.flash(1)), edit=edit)
    report = world.run(patience=20.0)
    [result] = report.assets
    assert result.kind is not ResultKind.NODE
    attempts = world.register.attempts()
    assert attempts
    assert {attempt.code for attempt in attempts} == {code}
    assert Outcome.NODE not in {attempt.outcome for attempt in attempts}
    assert not actor.became
    assert not world.register.nodes()
    assert not world.register.reserved()
