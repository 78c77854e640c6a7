"""How results are printed: sentences, tables, and objects for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from meshwright.core.errors import StoreError

_BROKEN = ("name", "device", "reason")
_WIDTH_OF_FILES = 200


class OutputError(StoreError):
    """What is printed goes to a place that does not take it."""

    code = "output-failed"


@contextmanager
def printing() -> Iterator[None]:
    """Tell the trouble of the output from that of the home; a reader that left is neither."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"The output cannot be written: {error.strerror}; the home is well."
        ) from None


def say(text: str) -> None:
    """Print one line."""
    with printing():
        click.echo(text)


def emit(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    say(json.dumps(value, indent=2, ensure_ascii=False))


def table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = ""
) -> None:
    """Print a table, as wide as the terminal, or as it needs to be in a file.

    Without rows `empty` is said instead. Only names and reasons are broken; the rest is there to
    be copied.
    """
    if not rows and empty:
        say(empty)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    width = None if sys.stdout.isatty() else _WIDTH_OF_FILES
    drawn = Table(title=title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, no_wrap=column not in _BROKEN, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(cell) for cell in row))
    with printing():
        Console(width=width, highlight=False).print(drawn)


def cell(value: object, column: str) -> str:
    """Return what a table shows for a value of a program."""
    if value is None:
        return ""
    return f"0x{value:04x}" if column.endswith("address") else str(value)


def counted(number: int, what: str) -> str:
    """Return `1 device`, `2 devices`."""
    return f"{number} {what}{'' if number == 1 else 's'}"
