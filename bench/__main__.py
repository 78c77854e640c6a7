"""Runs every benchmark, prints one table and writes build/bench.json.

`python -m bench NAME...` runs only these modules. The exit status is 1 when a bar is missed.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from rich.console import Console
from rich.table import Table

import bench

RESULTS = Path(__file__).parents[1] / "build" / "bench.json"


class Row(TypedDict):
    """One measurement; `bar` is what it has to reach, `floor` what nothing could beat."""

    name: str
    value: float
    unit: str
    floor: float | None
    ratio: float | None
    bar: float | str | None
    ok: bool


def names() -> list[str]:
    """List the benchmarks."""
    found = sorted(module.name for module in pkgutil.iter_modules(bench.__path__))
    return [name for name in found if not name.startswith("_")]


def collect(chosen: Iterable[str]) -> list[Row]:
    """Run the chosen benchmarks; every row must have exactly the columns of `Row`."""
    found: list[Row] = []
    for name in chosen:
        print(f"Measuring {name} ...", file=sys.stderr, flush=True)
        rows = importlib.import_module(f"bench.{name}").rows()
        for row in rows:
            assert row.keys() == Row.__annotations__.keys(), f"{name}: {sorted(row)}"
            assert isinstance(row["ok"], bool), f"{name}: ok is no bool"
        found += rows
    return found


def show(rows: Iterable[Row]) -> None:
    """Print the rows as a table."""
    table = Table()
    for column in Row.__annotations__:
        table.add_column(column, justify="left" if column in ("name", "unit", "ok") else "right")
    for row in rows:
        style = None if row["ok"] else "red"
        cells = dict(row)
        table.add_row(*(_cell(cells[column]) for column in Row.__annotations__), style=style)
    # A file is as wide as the table needs.
    Console(width=None if sys.stdout.isatty() else 200, highlight=False).print(table)


def _cell(value: object) -> str:
    words = {None: "", True: "yes", False: "NO"}
    if value is None or isinstance(value, bool):
        return words[value]
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def main(chosen: list[str]) -> int:
    """Run, print, write; return the exit status."""
    rows = collect(chosen or names())
    show(rows)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    missed = [row["name"] for row in rows if not row["ok"]]
    for name in missed:
        print(f"Below the bar: {name}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
