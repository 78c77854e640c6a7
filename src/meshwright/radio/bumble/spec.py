"""What a Bumble radio is opened by: `TRANSPORT[?repeats=2&interval=20&sets=4&slice=20]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from meshwright.core.errors import InputError

FORM = "TRANSPORT[?repeats=N][&interval=MILLISECONDS][&sets=N][&slice=MILLISECONDS]"

_RANGES = {
    "repeats": (1, 20),
    "interval": (20, 10_240),  # Core 6.0, Vol 4, Part E, 7.8.5
    "sets": (0, 16),
    "slice": (1, 10_240),
}


@dataclass(frozen=True, slots=True)
class RadioOptions:
    """How packets are put out.

    `repeats` are advertising events a packet, `interval` is milliseconds from one of them to the
    next. `sets` are advertising sets to use at most: 0 for the legacy commands whatever the
    controller can do. `slice` is milliseconds that a set which is stopped by hand has for one
    event; None is the interval. Less is faster, on controllers that begin at once.
    """

    repeats: int = 1
    interval: int = 20
    sets: int = 4
    slice: int | None = None


def parse(spec: str) -> tuple[str, RadioOptions]:
    """Return the transport and the options of `spec`; raises `InputError` (`bad-radio`)."""
    transport, _, query = spec.partition("?")
    if not transport:
        _refuse(spec)
    chosen: dict[str, int] = {}
    for option in filter(None, query.split("&")):
        name, _, text = option.partition("=")
        if name not in _RANGES or name in chosen:
            _refuse(spec)
        chosen[name] = _number(name, text)
    return transport, RadioOptions(**chosen)


def _number(name: str, text: str) -> int:
    least, most = _RANGES[name]
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else -1
    if not least <= number <= most:
        raise InputError(f"{name} is {least} to {most}, and not {text!r}.", code="bad-radio")
    return number


def _refuse(spec: str) -> NoReturn:
    raise InputError(f"{spec} describes no radio; write {FORM}.", code="bad-radio")
