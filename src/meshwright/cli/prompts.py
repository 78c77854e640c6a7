"""Asking people while radios go on working."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from meshwright.core.errors import InputError, MeshwrightError

_CHUNK = 1024
_LONGEST = 4096
"""Octets; whoever enters more without an end of line enters no value."""


class NoEntryError(MeshwrightError):
    """Nobody enters anything any more; no `InputError`, because asking again does not help."""

    code = "no-entry"


class Prompt:
    """Asks at a file descriptor, one question at a time; what is typed too early is kept.

    Without a descriptor it asks at standard input.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = _standard_input() if descriptor is None else descriptor
        self._typed = b""

    async def ask(self, question: str) -> str:
        """Return one line of input; raises `NoEntryError` when there is no more.

        A question that is cancelled leaves what was typed to the next.
        """
        by_hand = self._descriptor is not None and os.isatty(self._descriptor)
        click.echo(f"{question}: ", nl=not by_hand, err=True)
        try:
            line = await self._line()
        except asyncio.CancelledError:
            if by_hand:
                click.echo(err=True)  # whatever is said next begins a line
            raise
        if line is None:
            raise NoEntryError("Nothing was entered.")
        return line

    async def _line(self) -> str | None:
        while b"\n" not in self._typed and len(self._typed) <= _LONGEST:
            read = await self._read()
            if not read:
                break
            self._typed += read
        line, end, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace").strip() if line or end else None

    async def _read(self) -> bytes:
        descriptor = self._descriptor
        if descriptor is None:
            return b""
        try:
            await _readable(descriptor)
            return os.read(descriptor, _CHUNK)
        except OSError:  # the terminal has gone, or belongs to another program
            return b""


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(descriptor, _settle, readable)
    except PermissionError:  # a regular file is always readable and cannot be waited for
        return
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _standard_input() -> int | None:
    try:
        return int(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):  # there is none, or it is no file
        return None


def read_secret(what: str) -> str:
    """Ask for a secret, which is not shown, or take the first line of the input.

    The rest of the input stays where it is. Raises `InputError` (`no-entry`) when there is none.
    """
    descriptor = _standard_input()
    if descriptor is not None and os.isatty(descriptor):
        return str(click.prompt(what, hide_input=True, err=True))
    line = b""
    while descriptor is not None and len(line) <= _LONGEST and not line.endswith(b"\n"):
        octet = os.read(descriptor, 1)
        if not octet:
            break
        line += octet
    if not line:
        raise InputError(f"{what}: nothing was entered.", code="no-entry")
    return line.decode(errors="replace").strip()
