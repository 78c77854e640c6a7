"""OOB values in words: what a person reads, does and enters, at either end."""

from __future__ import annotations

from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.fields import InputAction, OutputAction

_Action = OutputAction | InputAction


def question(challenge: Challenge) -> str:
    """Ask at one end for what the other end shows."""
    return _QUESTIONS[type(challenge.action), challenge.action].format(size=challenge.size)


def instruction(challenge: Challenge, value: str) -> str:
    """Tell at the provisioner what to do at the device (Input OOB)."""
    return _INSTRUCTIONS[type(challenge.action), challenge.action].format(value=value)


def display(challenge: Challenge, value: str) -> str:
    """Show at the device what a person is to read off it (Output OOB)."""
    sign = _SIGNS.get((type(challenge.action), challenge.action))
    if sign is None:
        return f"The device shows: {value}"
    shown = " ".join([sign] * min(int(value), _MOST_SIGNS))
    more = " ..." if int(value) > _MOST_SIGNS else ""
    return f"{shown}{more} ({value} times)"


_MOST_SIGNS = 20
_SIGNS: dict[tuple[type[_Action], _Action], str] = {
    (OutputAction, OutputAction.BLINK): "*blink*",
    (OutputAction, OutputAction.BEEP): "*beep*",
    (OutputAction, OutputAction.VIBRATE): "*brr*",
}
_QUESTIONS: dict[tuple[type[_Action], _Action], str] = {
    (OutputAction, OutputAction.BLINK): "How often does the device blink",
    (OutputAction, OutputAction.BEEP): "How often does the device beep",
    (OutputAction, OutputAction.VIBRATE): "How often does the device vibrate",
    (OutputAction, OutputAction.NUMERIC): "Number that the device shows ({size} digits)",
    (OutputAction, OutputAction.ALPHANUMERIC): "Text that the device shows ({size} characters)",
    (InputAction, InputAction.PUSH): "How often was the button to be pushed",
    (InputAction, InputAction.TWIST): "How far was the knob to be turned",
    (InputAction, InputAction.NUMERIC): "Number that the provisioner shows ({size} digits)",
    (InputAction, InputAction.ALPHANUMERIC): "Text that the provisioner shows ({size} characters)",
}
_INSTRUCTIONS: dict[tuple[type[_Action], _Action], str] = {
    (InputAction, InputAction.PUSH): "Push the button of the device this often: {value}",
    (InputAction, InputAction.TWIST): "Turn the knob of the device this far: {value}",
    (InputAction, InputAction.NUMERIC): "Enter this number at the device: {value}",
    (InputAction, InputAction.ALPHANUMERIC): "Enter this text at the device: {value}",
}
