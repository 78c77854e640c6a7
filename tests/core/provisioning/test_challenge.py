"""Values that a person carries: drawn over their range, checked, written as AuthValues."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError
from meshwright.core.provisioning.challenge import SIZES, Challenge
from meshwright.core.provisioning.events import ValueToShow
from meshwright.core.provisioning.fields import AuthenticationMethod, InputAction, OutputAction
from meshwright.randomness import SeededRandomness

ACTIONS = [*OutputAction, *InputAction]
every_action = pytest.mark.parametrize(
    "action", ACTIONS, ids=[f"{type(action).__name__}-{action.name}" for action in ACTIONS]
)
COUNTED = {OutputAction.BLINK, OutputAction.BEEP, OutputAction.VIBRATE}
COUNTED_INPUT = {InputAction.PUSH, InputAction.TWIST}
random = SeededRandomness(1).stream("challenges")


def challenge(action: OutputAction | InputAction, size: int) -> Challenge:
    return Challenge(action, size)


@pytest.mark.parametrize("size", list(SIZES))
@every_action
def test_every_value_drawn_can_be_entered(action: OutputAction | InputAction, size: int) -> None:
    asked = challenge(action, size)
    for _ in range(20):
        text = asked.draw(random)
        assert len(asked.auth_value(text, 16)) == 16
        assert len(asked.auth_value(text, 32)) == 32
        assert asked.auth_value(f" {text.lower()}\n", 32) == asked.auth_value(text, 32)


@every_action
def test_the_whole_range_is_drawn_evenly(action: OutputAction | InputAction) -> None:
    asked = challenge(action, 1)
    drawn = Counter(asked.draw(random) for _ in range(7200))
    wanted = {True: set("123456789"), False: set("0123456789")}[asked.is_counted]
    if "ALPHANUMERIC" in action.name:
        wanted |= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    assert set(drawn) == wanted
    expected = 7200 / len(wanted)
    assert all(0.6 * expected < count < 1.5 * expected for count in drawn.values())


def test_published_examples() -> None:
    digits = challenge(OutputAction.NUMERIC, 6).auth_value("019655", 16)
    assert digits == bytes.fromhex("00000000000000000000000000004cc7")
    text = challenge(InputAction.ALPHANUMERIC, 6).auth_value("123ABC", 16)
    assert text == bytes.fromhex("31323341424300000000000000000000")
    blinks = challenge(OutputAction.BLINK, 1).auth_value("5", 32)
    assert blinks == bytes(31) + b"\x05"


@pytest.mark.parametrize(
    ("action", "size", "text"),
    [
        (OutputAction.BLINK, 1, "0"),
        (OutputAction.BLINK, 1, "10"),
        (OutputAction.BLINK, 2, "x"),
        (OutputAction.BEEP, 8, ""),
        (InputAction.PUSH, 1, "-1"),
        (OutputAction.NUMERIC, 6, "19655"),
        (OutputAction.NUMERIC, 6, "0196551"),
        (OutputAction.NUMERIC, 3, "\u0661\u0662\u0663"),
        (OutputAction.NUMERIC, 3, "1.5"),
        (InputAction.ALPHANUMERIC, 4, "AB\u00c41"),
        (InputAction.ALPHANUMERIC, 4, "ABC"),
    ],
)
def test_what_cannot_be_such_a_value(
    action: OutputAction | InputAction, size: int, text: str
) -> None:
    with pytest.raises(InputError) as refused:
        challenge(action, size).auth_value(text, 32)
    assert refused.value.code == "bad-oob-value"


@given(st.sampled_from(ACTIONS), st.sampled_from(SIZES), st.text())
def test_any_text_ends_in_a_value_or_one_error(
    action: OutputAction | InputAction, size: int, text: str
) -> None:
    with suppress(InputError):
        assert len(challenge(action, size).auth_value(text, 16)) == 16


def test_the_same_number_means_another_action_in_each_method() -> None:
    blink, push = challenge(OutputAction.BLINK, 1), challenge(InputAction.PUSH, 1)
    assert blink.method is AuthenticationMethod.OUTPUT
    assert push.method is AuthenticationMethod.INPUT
    counted = {action for action in ACTIONS if challenge(action, 1).is_counted}
    assert counted == COUNTED | COUNTED_INPUT


def test_a_value_does_not_show_itself() -> None:
    assert "019655" not in repr(ValueToShow(challenge(OutputAction.NUMERIC, 6), "019655"))
