"""What both roles share: PDUs that are heard strictly, and the values that people carry."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from tests.interop.independent.framing import Kind
from tests.interop.independent.toolbox import Dice, auth_from_number, auth_from_text

NO_OOB, STATIC, OUTPUT, INPUT = range(4)
NUMERIC = {OUTPUT: 3, INPUT: 2}
ALPHANUMERIC = {OUTPUT: 4, INPUT: 3}
_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

Value = str | bytes | int
"""Characters, binary octets, or a number."""


class ComplaintError(Exception):
    """The other end has sent what the text does not allow."""


class FailedError(Exception):
    """The other end has said Failed, with an Error Code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"Failed with code {code}")
        self.code = code


class Line(Protocol):
    """An open link on any bearer."""

    async def send(self, pdu: bytes) -> int: ...

    async def receive(self) -> bytes: ...

    async def closed(self) -> int: ...


@dataclass
class Person:
    """Carries a value from one end to the other."""

    show: Callable[[str], Awaitable[object]]
    read: Callable[[], Awaitable[str]]


def auth_value(value: Value, algorithm: int) -> bytes:
    """Return the AuthValue (5.4.2.4)."""
    if isinstance(value, int):
        return auth_from_number(value, algorithm)
    return auth_from_text(value, algorithm)


def carried_value(text: str, start: bytes) -> bytes:
    """Return the AuthValue of what a person has carried."""
    method, action = start[2], start[3]
    value: Value = text if action == ALPHANUMERIC[method] else int(text)
    return auth_value(value, start[0])


def draw(start: bytes, dice: Dice) -> str:
    """Return a value to show (5.4.2.4)."""
    method, action, size = start[2:]
    if action == ALPHANUMERIC[method]:
        return "".join(_CHARACTERS[dice.below(36)] for _ in range(size))
    if action == NUMERIC[method]:
        return str(dice.below(10**size)).zfill(size)
    return str(1 + dice.below(10**size - 1))


def take(pdu: bytes, kind: Kind, size: int) -> bytes:
    """Return the parameters of a PDU that has to be this one.

    Raises `ComplaintError` for another, and `FailedError` for Failed.
    """
    if len(pdu) == 2 and pdu[0] == Kind.FAILED:
        raise FailedError(pdu[1])
    if pdu[0] != kind or len(pdu) != 1 + size:
        raise ComplaintError(f"{pdu.hex()} instead of {kind.name} with {size} octets")
    return pdu[1:]


async def hear(link: Line, kind: Kind, size: int) -> bytes:
    """Return the parameters of the next PDU."""
    return take(await link.receive(), kind, size)
