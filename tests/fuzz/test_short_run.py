"""A short run of every target in this process, what was found once, and one run with atheris."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from itertools import chain, islice
from pathlib import Path

import pytest
from fuzz.__main__ import main
from fuzz.conversations import session
from fuzz.ends import End
from fuzz.invariant import (
    BrokenInvariantError,
    check_error,
    in_time,
    must,
    value_or_error,
    weight,
)
from fuzz.mutations import mutated
from fuzz.runs import Run, fuzz
from fuzz.scenarios import SCENARIOS
from fuzz.seeds import Seeds
from fuzz.targets import TARGETS, Target

from fuzz import connections, machines, seeds
from meshwright.core.bearers.pb_adv import DeviceLink
from meshwright.core.effects import Effect
from meshwright.core.errors import InputError, MalformedError
from meshwright.core.provisioning.events import BecameNode, Provisioned

ROOT = Path(__file__).parents[2]
REGRESSIONS = ROOT / "tests" / "vectors" / "regressions"
MUTATIONS = 300
SLOW = dict.fromkeys(
    ("device", "provisioner", "device-gatt", "provisioner-gatt", "air", "key-file", "settings"), 60
)
"""Mutations of targets that take milliseconds."""

every_target = pytest.mark.parametrize("name", TARGETS)
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is for Linux"
)


@every_target
def test_seeds_and_some_mutations_keep_the_invariant(name: str) -> None:
    target = TARGETS[name]
    first = target.seeds()
    more = islice(mutated(first, 7, target.longest), SLOW.get(name, MUTATIONS))
    for data in chain(first, more):
        target.run(data)


@every_target
def test_every_target_has_seeds_that_fit(name: str) -> None:
    first = TARGETS[name].seeds()
    assert first
    assert all(isinstance(each, bytes) for each in first)
    assert len(min(first, key=len)) <= TARGETS[name].longest


def found_once() -> list[Path]:
    return sorted(path for path in REGRESSIONS.iterdir() if path.suffix != ".md")


@pytest.mark.parametrize("path", found_once(), ids=lambda path: path.name)
def test_what_was_found_once_is_not_found_again(path: Path) -> None:
    target, _, _ = path.name.partition("--")
    assert main(["replay", target, str(path)]) == 0


def test_what_was_found_is_written_down() -> None:
    text = (REGRESSIONS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in found_once() if f"`{path.name}`" not in text] == []


# The targets go as deep as they are meant to.


ENDS: dict[str, tuple[Callable[[bytes], End], Seeds, type[Effect]]] = {
    "device": (machines.device, seeds.device, BecameNode),
    "provisioner": (machines.provisioner, seeds.provisioner, Provisioned),
    "device-gatt": (connections.device, seeds.device_connections, BecameNode),
    "provisioner-gatt": (
        connections.provisioner,
        seeds.provisioner_connections,
        Provisioned,
    ),
}


@pytest.mark.parametrize(("run", "first", "goal"), ENDS.values(), ids=ENDS)
def test_seeds_of_the_machines_lead_to_the_end_of_a_session(
    run: Callable[[bytes], End], first: Seeds, goal: type[Effect]
) -> None:
    ends = [run(seed) for seed in first()]
    assert len(ends) == len(SCENARIOS)
    assert [len([each for each in end.told if isinstance(each, goal)]) for end in ends] == [
        1
    ] * len(ends)


@pytest.mark.parametrize("number", range(len(SCENARIOS)))
def test_a_session_that_nobody_changes_succeeds(number: int) -> None:
    talk = session(bytes([number, 0]))
    assert len([each for each in talk.by_device if isinstance(each, BecameNode)]) == 1


def test_mutations_are_the_same_for_the_same_seed() -> None:
    first, again = (list(islice(mutated([b"abc"], 1, 64), 50)) for _ in range(2))
    assert first == again
    assert len(set(first)) > 25
    assert all(len(each) <= 64 for each in first)


# The invariant notices what breaks it.


class UndocumentedError(InputError):
    """An error that was forgotten in the documentation."""

    code = "no-such-code"


def refuse(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    "error",
    [
        UndocumentedError("It has no row."),
        MalformedError(""),
        MalformedError("x" * 5000),
        MalformedError("\x1b[2J"),
    ],
    ids=["undocumented", "empty", "endless", "steering"],
)
def test_a_bad_error_is_a_finding(error: MalformedError) -> None:
    with pytest.raises(BrokenInvariantError):
        value_or_error(refuse, error)


def test_a_documented_error_is_none() -> None:
    assert value_or_error(refuse, MalformedError("cut short")) is None
    check_error(InputError("It cannot be used."))


def test_any_other_exception_is_a_finding() -> None:
    with pytest.raises(IndexError):
        value_or_error(refuse, IndexError())


def test_too_much_time_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 60.0])
    monkeypatch.setattr("fuzz.invariant.process_time", lambda: next(ticks))
    with pytest.raises(BrokenInvariantError, match="60"):
        in_time(lambda _data: None, b"")


def test_what_a_link_holds_is_weighed() -> None:
    link = DeviceLink(bytes(16), lambda: 0.0)
    light = weight(link)
    link._outbox._pdus.extend(bytes(1000) for _ in range(80))
    assert weight(link) - light > 80_000


# The command.


def test_an_unknown_target_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["no-such-target"])
    assert ended.value.code == 2
    assert "no-such-target" in capsys.readouterr().err


def test_a_finding_is_kept_with_the_command_that_replays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The plain driver on a target that cannot bear one octet."""
    from fuzz import worker

    target = Target(lambda data: must(0xFF not in data, "found"), lambda: [b"abc"], 16)
    monkeypatch.setattr(worker, "load", lambda _name: target)
    monkeypatch.setattr(worker, "has_atheris", lambda: False)
    arguments = ["any", "20", str(tmp_path / "corpus"), str(tmp_path / "findings")]
    with pytest.raises(BrokenInvariantError):
        worker.main(arguments)
    (kept,) = (tmp_path / "findings").iterdir()
    assert b"\xff" in kept.read_bytes()


def test_the_plain_driver_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from fuzz import worker

    monkeypatch.setattr(worker, "has_atheris", lambda: False)
    worker.main(["generic", "1", str(tmp_path / "corpus"), str(tmp_path / "findings")])
    assert "stat::number_of_executed_units: " in capsys.readouterr().err
    assert list((tmp_path / "findings").iterdir()) == []


@needs_atheris
def test_a_real_run_with_atheris(tmp_path: Path) -> None:
    run = fuzz("generic", 2, tmp_path / "corpus")
    assert run.ok, run.tail
    assert run.executions > 1_000
    assert run.corpus > 5
    assert run.features != "-/-"


def test_a_finding_ends_with_status_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "crash-1"
    found = Run("uri", 1, 7, "1/2", 3, kept, "BrokenInvariantError: [found]")
    monkeypatch.setattr("fuzz.__main__.fuzz", lambda *_arguments: found)
    assert main(["uri", "--corpus", str(tmp_path)]) == 1
    output = capsys.readouterr().out
    assert "FINDING" in output
    assert "BrokenInvariantError: [found]" in output
    assert f"python -m fuzz replay uri {kept}" in output
