"""Fuzzes one target in a process of its own: atheris can be set up only once.

`python -m fuzz.worker TARGET SECONDS CORPUS FINDINGS` ends with a status other than zero when it
has found something; the input then lies in FINDINGS. Statistics are printed as libFuzzer does it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fuzz.targets import Target

HUNG = 20
"""Seconds after which an input has hung; what is slow and comes to an end is found sooner."""

MEGABYTES = 1024
_SEED = 1
_DEEPER = {
    "chain": ("pyhanko_certvalidator", "asn1crypto"),
    "crl": ("asn1crypto",),
    "resigned": ("pyhanko_certvalidator", "asn1crypto"),
}
"""What else is looked into, because most of the work is done there."""


def has_atheris() -> bool:
    """Tell whether coverage can guide the fuzzing."""
    return importlib.util.find_spec("atheris") is not None


def load(name: str) -> Target:
    """Import the targets, with coverage if possible, and return one."""
    if not has_atheris():
        return _target(name)
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["meshwright", *_DEEPER.get(name, ())]):
        return _target(name)


def _target(name: str) -> Target:
    found: Target = importlib.import_module("fuzz.targets").TARGETS[name]
    return found


def plant(target: Target, corpus: Path) -> None:
    """Put the seeds into the corpus, beside what earlier runs have found."""
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:03}").write_bytes(seed[: target.longest])


def guided(target: Target, seconds: int, corpus: Path, findings: Path) -> None:
    """Fuzz with atheris, which ends the process."""
    atheris = importlib.import_module("atheris")
    options = (
        f"-max_total_time={seconds}",
        f"-max_len={target.longest}",
        f"-artifact_prefix={findings}/",
        f"-timeout={HUNG}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-seed={_SEED}",
        "-print_final_stats=1",
        "-use_value_profile=1",
    )
    atheris.Setup([sys.argv[0], *options, str(corpus)], target.run)
    atheris.Fuzz()


def plain(target: Target, seconds: int, corpus: Path, findings: Path) -> None:
    """Fuzz with mutations that nothing guides; an input stays in `findings` if it ends us."""
    mutations = importlib.import_module("fuzz.mutations")
    seeds = [path.read_bytes() for path in sorted(corpus.iterdir())]
    current, executions, until = findings / "crash-plain", 0, perf_counter() + seconds
    for data in chain(seeds, mutations.mutated(seeds, _SEED, target.longest)):
        if perf_counter() >= until:
            break
        current.write_bytes(data)
        target.run(data)
        executions += 1
    current.unlink(missing_ok=True)
    sys.stderr.write(f"stat::number_of_executed_units: {executions}\n")


def main(arguments: list[str]) -> None:
    """Run what the command line says."""
    name, seconds, corpus, findings = arguments
    target = load(name)
    Path(findings).mkdir(parents=True, exist_ok=True)
    plant(target, Path(corpus))
    fuzz = guided if has_atheris() else plain
    fuzz(target, int(seconds), Path(corpus), Path(findings))


if __name__ == "__main__":
    main(sys.argv[1:])
