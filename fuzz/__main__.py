"""Fuzzes targets and prints one table.

    python -m fuzz [TARGET...] [--seconds N] [--corpus DIR]
    python -m fuzz replay TARGET FILE

The status is 1 when something was found; the input is kept, and the command that replays it is
printed.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from fuzz.runs import Run, fuzz
from fuzz.targets import TARGETS
from fuzz.worker import has_atheris

CORPUS = Path(__file__).parents[1] / "build" / "fuzz"
REPLAY = "replay"
CONSOLE = Console(soft_wrap=True, width=100)


def run(names: list[str], seconds: int, corpus: Path) -> int:
    """Fuzz each target for so long; return the exit status."""
    if not has_atheris():
        CONSOLE.print("There is no atheris here: plain mutations, which no coverage guides.")
    runs = []
    for name in names:
        CONSOLE.print(f"Fuzzing {name} for {seconds} seconds ...")
        runs.append(fuzz(name, seconds, corpus / name))
    CONSOLE.print(_table(runs))
    found = [each for each in runs if not each.ok]
    for each in found:
        CONSOLE.print(f"\n{each.target}: {each.tail}", markup=False, highlight=False)
        command = f"python -m fuzz {REPLAY} {each.target} {each.finding}"
        CONSOLE.print(f"Replay it with: {command}", markup=False, highlight=False)
    return 1 if found else 0


def _table(runs: list[Run]) -> Table:
    table = Table()
    for column in ("target", "executions", "a second", "coverage/features", "corpus", "result"):
        side = "left" if column in ("target", "result") else "right"
        table.add_column(column, justify="left" if side == "left" else "right", no_wrap=True)
    for each in runs:
        rate = f"{each.executions / max(each.seconds, 1):,.0f}"
        result = "nothing found" if each.ok else "FINDING"
        numbers = (f"{each.executions:,}", rate, each.features, str(each.corpus))
        table.add_row(each.target, *numbers, result)
    return table


def replay(name: str, file: Path) -> int:
    """Run one input; what it finds ends in its traceback."""
    TARGETS[name].run(file.read_bytes())
    CONSOLE.print(f"{name}: {file} keeps the invariant.", markup=False, highlight=False)
    return 0


def main(arguments: list[str]) -> int:
    """Run what the command line says; return the exit status."""
    if arguments[:1] == [REPLAY]:
        parser = argparse.ArgumentParser(prog=f"python -m fuzz {REPLAY}")
        parser.add_argument("target", choices=TARGETS)
        parser.add_argument("file", type=Path)
        chosen = parser.parse_args(arguments[1:])
        return replay(chosen.target, chosen.file)
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=f"Targets: {_NAMES}")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help="all, if none is named")
    parser.add_argument("--seconds", type=int, default=10, help="for each target (10)")
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="kept for the next run")
    chosen = parser.parse_args(arguments)
    unknown = set(chosen.targets) - set(TARGETS)
    if unknown:
        parser.error(f"there is no target {', '.join(sorted(unknown))}; there are {_NAMES}")
    return run(chosen.targets or list(TARGETS), chosen.seconds, chosen.corpus.absolute())


_NAMES = ", ".join(TARGETS)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
