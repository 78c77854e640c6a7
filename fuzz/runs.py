"""Runs workers one after the other and reads what they have to say."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
_PROGRESS = re.compile(r"^#\d+\s+\w+\s+cov: (\d+) ft: (\d+) corp: (\d+)/", re.MULTILINE)
_GRACE = 120
"""Seconds in which a worker has to start, to read its corpus and to end."""

_LAST_LINES = 25


@dataclass(frozen=True)
class Run:
    """What fuzzing one target came to."""

    target: str
    seconds: int
    executions: int
    features: str
    corpus: int
    finding: Path | None
    output: str

    @property
    def ok(self) -> bool:
        """Tell whether nothing was found."""
        return self.finding is None

    @property
    def tail(self) -> str:
        """Return the last lines of the output."""
        return "\n".join(self.output.splitlines()[-_LAST_LINES:])


def fuzz(target: str, seconds: int, corpus: Path) -> Run:
    """Fuzz one target in its own process."""
    findings = corpus.parent / "findings" / target
    before = _inputs(findings)
    command = [sys.executable, "-m", "fuzz.worker", target, str(seconds), str(corpus)]
    status, output = _run([*command, str(findings)], seconds + _GRACE)
    new = sorted(_inputs(findings) - before)
    finding = None if status == 0 else (new[-1] if new else findings)
    progress = _PROGRESS.findall(output)
    covered, features, size = progress[-1] if progress else ("-", "-", "0")
    executed = _EXECUTED.search(output)
    return Run(
        target,
        seconds,
        int(executed[1]) if executed else 0,
        f"{covered}/{features}",
        int(size) or len(_inputs(corpus)),
        finding,
        output,
    )


def _run(command: list[str], limit: int) -> tuple[int, str]:
    root = Path(__file__).parents[1]
    try:
        done = subprocess.run(  # noqa: S603 - our own worker
            command,
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return 1, f"{(error.output or b'').decode(errors='replace')}\nThe worker does not end."
    return done.returncode, done.stdout.decode(errors="replace")


def _inputs(folder: Path) -> set[Path]:
    return set(folder.iterdir()) if folder.is_dir() else set()
