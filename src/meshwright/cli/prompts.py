"""Asking people while radios go on working."""

from __future__ import annotations

import asyncio
import os
import sys

import click

from meshwright.core.errors import InputError

_CHUNK = 1024


class Prompt:
    """Asks at standard input, one question at a time; what is typed too early is kept."""

    def __init__(self) -> None:
        self._typed = b""

    async def ask(self, question: str) -> str:
        """Return one line of input; raises `InputError` (`no-entry`) when there is no more.

        A question that is cancelled leaves what was typed to the next.
        """
        click.echo(f"{question}: ", nl=False, err=True)
        while b"\n" not in self._typed:
            read = await self._read()
            if not read:
                raise InputError("Nothing was entered.", code="no-entry")
            self._typed += read
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace").strip()

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        descriptor = sys.stdin.fileno()
        readable: asyncio.Future[None] = loop.create_future()
        try:
            loop.add_reader(descriptor, _settle, readable)
        except PermissionError:  # a regular file is always readable and cannot be waited for
            return os.read(descriptor, _CHUNK)
        try:
            await readable
        finally:
            loop.remove_reader(descriptor)
        return os.read(descriptor, _CHUNK)


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
