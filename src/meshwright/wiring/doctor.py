"""Examining radios of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module

from meshwright.radio.examine.facts import Examined
from meshwright.radio.examine.kinds import BUMBLE, kind_of, suspicions
from meshwright.radio.examine.surroundings import Machine
from meshwright.randomness import SystemRandomness
from meshwright.services.doctor import Diagnosis, Effort, Opener, diagnose
from meshwright.wiring.radios import open_station

_BUMBLE = "meshwright.radio.bumble.examination"


async def examine(
    specs: Sequence[str], effort: Effort | None = None, machine: Machine | None = None
) -> Diagnosis:
    """Open one radio or two by their names, and find out what can be found out about them."""
    return await diagnose(
        specs,
        open_examined,
        partial(suspicions, machine=machine or Machine()),
        SystemRandomness().stream("self-test"),
        effort,
    )


async def open_examined(spec: str) -> Examined:
    """Open the radio called `spec` and find out about it; raises as `open_station` does."""
    kind = kind_of(spec)
    if kind is None or kind.library != BUMBLE or not Machine().installed(BUMBLE):
        return Examined(await open_station(spec))
    opener: Opener = import_module(_BUMBLE).open_examined
    return await opener(spec)
