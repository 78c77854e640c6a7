"""Values as programs have them: text as a person sees it, or a number."""

from __future__ import annotations

from meshwright.core.provisioning.challenge import Challenge

Entered = str | int
"""What is entered; a number stands for its digits, with the zeros in front that it has to have."""


def as_text(value: Entered, challenge: Challenge) -> str:
    """Return the value as a person would have entered it."""
    if isinstance(value, str):
        return value
    return str(value) if challenge.is_counted else str(value).zfill(challenge.size)
