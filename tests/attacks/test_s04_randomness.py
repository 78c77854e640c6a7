"""S4: values and numbers that could be predicted (CVE-2020-26557)."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
from fuzz.scenarios import SCENARIOS, Scenario
from tests.attacks.scene import Scene

from meshwright.core.provisioning.challenge import SIZES, Challenge
from meshwright.core.provisioning.fields import InputAction, OutputAction, PduType
from meshwright.randomness import Randomness, SeededRandomness, SystemRandomness
from meshwright.wiring import home

ACTIONS = [*OutputAction, *InputAction]


def test_s4_a_home_without_a_seed_draws_from_the_system() -> None:
    chosen: Randomness = home.randomness_of(None)
    assert isinstance(chosen, SystemRandomness)
    assert not chosen.predictable
    assert home.randomness_of(7).predictable


def test_s4_the_system_source_is_the_csprng_of_the_system() -> None:
    source = inspect.getsource(SystemRandomness)
    assert "secrets.token_bytes" in source
    assert "SystemRandom" in source
    assert len({SystemRandomness().stream("x")(32) for _ in range(100)}) == 100


@pytest.mark.parametrize("action", ACTIONS, ids=lambda a: f"{type(a).__name__}-{a.name}")
@pytest.mark.parametrize("size", [1, 2, max(SIZES)])
def test_s4_the_system_source_covers_the_whole_range(
    action: OutputAction | InputAction, size: int
) -> None:
    """Each first character has its turn, and none more than twice as often as it should."""
    challenge = Challenge(action, size)
    draws = [challenge.draw(SystemRandomness().stream("values")) for _ in range(4000)]
    if size == max(SIZES):
        assert len(set(draws)) >= 3990  # of ten million million: a repetition is hardly one
    firsts = Counter(text.zfill(size)[0] for text in draws)
    digits = 9 if challenge.is_counted and size == 1 else 10
    kinds = 36 if "ALPHANUMERIC" in action.name else digits
    assert len(firsts) == kinds
    assert max(firsts.values()) < 2 * 4000 / kinds


class Counting:
    """Randomness that counts what is asked of it."""

    def __init__(self) -> None:
        self.random = SeededRandomness(1).stream("counted")
        self.drawn: list[bytes] = []

    def __call__(self, count: int) -> bytes:
        self.drawn.append(self.random(count))
        return self.drawn[-1]


@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)
def test_s4_what_a_session_shows_is_never_seen_again(kind: Scenario) -> None:
    """Randoms and keys in band of forty sessions: all of them different."""
    seen: Counter[bytes] = Counter()
    for seed in range(20):
        scene = Scene("PB-GATT", kind, seed=seed).play()
        assert scene.succeeded
        fresh = (PduType.RANDOM, PduType.CONFIRMATION)
        sent = [*scene.left_tap.sent, *scene.right_tap.sent]
        seen.update(pdu[1:] for pdu in sent if pdu[0] in fresh)
        keys = [pdu[1:] for pdu in scene.left_tap.sent if pdu[0] == PduType.PUBLIC_KEY]
        assert len(keys) == 1
        seen.update(keys)
    assert len(seen) == 20 * 5
    assert set(seen.values()) == {1}


def test_s4_every_draw_comes_from_the_port() -> None:
    """Both machines draw private keys, Randoms and values from what they are given."""
    from meshwright.core.provisioning.device import DeviceMachine
    from meshwright.core.provisioning.provisioner import ProvisionerMachine

    source = Counting()
    device = DeviceMachine(SCENARIOS[1].options, source)
    Scene("PB-GATT", SCENARIOS[1], machine=device).play()
    assert {len(octets) for octets in source.drawn} == {32}
    assert len(source.drawn) >= 2
    for machine in (DeviceMachine, ProvisionerMachine):
        parameters = inspect.signature(machine).parameters
        assert parameters["random"].default is inspect.Parameter.empty
