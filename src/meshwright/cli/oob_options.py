"""Options for what is known of a device beforehand; secrets come from files or the keyboard."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from meshwright.cli.common import Command

if TYPE_CHECKING:
    from meshwright.core.provisioning.values import StaticOob

_LONGEST = 4096
_KINDS = ("binary", "alphanumeric", "numeric")


def oob_options(function: Command) -> Command:
    """Give a command the options that enter a static OOB value and a public key."""
    value = click.option(
        "--static-oob",
        type=click.File("rb"),
        metavar="FILE",
        help="Its static OOB value; - asks for it or reads it from the input.",
    )
    kind = click.option(
        "--static-oob-kind",
        type=click.Choice(_KINDS),
        default=_KINDS[0],
        show_default=True,
        help="What the value is; a binary one is written in hex.",
    )
    key = click.option(
        "--public-key",
        metavar="HEX|FILE",
        help="Its public key, for a device without certificate.",
    )
    return value(kind(key(function)))


def static_oob_of(source: IO[bytes] | None, kind: str) -> StaticOob | None:
    """Read the value; on a terminal it is typed and not shown."""
    from meshwright.core.provisioning.static_text import KINDS, parse_static

    if source is None:
        return None
    if source.isatty() and source.fileno() == sys.stdin.fileno():
        text = str(click.prompt("Static OOB value", hide_input=True, err=True))
    else:
        text = source.read(_LONGEST).decode("utf-8", "replace")
    return parse_static(KINDS[kind], text)


def public_key_of(given: str | None) -> bytes | None:
    """Take a key in hex, or read it from a file."""
    from meshwright.services.given_keys import is_hex_key, public_key_in

    if given is None:
        return None
    if is_hex_key(given):
        return public_key_in(given.encode())
    try:
        with Path(given).open("rb") as stream:
            content = stream.read(_LONGEST + 1)
    except OSError as error:
        raise click.UsageError(
            f"--public-key {given} is no key in hex, and no file: {error.strerror}."
        ) from None
    return public_key_in(content)
