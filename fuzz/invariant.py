"""What must hold for every input: a value or a documented error, bounded in memory and time."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from sys import getsizeof
from time import process_time
from types import ModuleType
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from meshwright.core.errors import MalformedError, MeshwrightError

ROOT = Path(__file__).parents[1]
SECONDS = 5.0
"""Of processor time, for one input; a slow machine under instrumentation needs a fraction."""

LONGEST_MESSAGE = 2_000
_ROW = re.compile(r"^\| `([a-z0-9-]+)` \|", re.MULTILINE)
_SHARED = (type, ModuleType, Enum, EllipticCurvePrivateKey, re.Pattern)

T = TypeVar("T")


class BrokenInvariantError(AssertionError):
    """A finding."""


def _documented() -> frozenset[str]:
    return frozenset(_ROW.findall((ROOT / "docs" / "errors.md").read_text(encoding="utf-8")))


DOCUMENTED = _documented()


def must(truth: object, what: str) -> None:
    """Raise `BrokenInvariantError` unless `truth`; an `assert` could be switched off."""
    if not truth:
        raise BrokenInvariantError(what)


def value_or_error(call: Callable[..., T], *arguments: object, **named: object) -> T | None:
    """Call; return None for a deliberate error, which has to be one that is documented."""
    try:
        return call(*arguments, **named)
    except MeshwrightError as error:
        check_error(error)
        return None


def check_error(error: MeshwrightError) -> None:
    """Check that a program knows the code and a terminal can show the message."""
    known = error.code in DOCUMENTED or isinstance(error, MalformedError)
    must(known, f"the code {error.code} is not documented")
    message = str(error)
    must(message, f"{error.code} has no message")
    must(len(message) <= LONGEST_MESSAGE, f"the message of {error.code} is endless")
    must(message.isprintable(), f"the message of {error.code} steers a terminal")


def same(again: object, before: object, what: str) -> None:
    """Check that what was decoded is encoded to the same."""
    must(again == before, f"{what} does not survive a round trip: {before!r} became {again!r}")


def in_time(run: Callable[[bytes], object], data: bytes) -> None:
    """Run one input; too much processor time is a finding."""
    began = process_time()
    run(data)
    spent = process_time() - began
    must(spent <= SECONDS, f"one input took {spent:.1f} seconds")


def weight(thing: object) -> int:
    """Return the octets that an object holds; classes, functions and keys are shared and free."""
    seen: set[int] = set()
    total, waiting = 0, [thing]
    while waiting:
        item = waiting.pop()
        if id(item) in seen or callable(item) or isinstance(item, _SHARED):
            continue
        seen.add(id(item))
        total += getsizeof(item)
        waiting += _parts(item)
    return total


def _parts(item: object) -> list[object]:
    if isinstance(item, dict):
        return [*item.keys(), *item.values()]
    if isinstance(item, list | tuple | set | frozenset):
        return list(item)
    if not type(item).__module__.startswith("meshwright"):
        return list(item) if type(item).__name__ == "deque" else []  # type: ignore[call-overload]
    slots = [name for kind in type(item).__mro__ for name in getattr(kind, "__slots__", ())]
    found = [getattr(item, name) for name in slots if hasattr(item, name)]
    return [*found, *vars(item).values()] if hasattr(item, "__dict__") else found
