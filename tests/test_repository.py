"""What the repository promises to whoever clones it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

import meshwright

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")

# Pins.

PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)==(?P<version>[0-9][0-9A-Za-z.+!]*)")


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    found = [PIN.fullmatch(line) for line in CONSTRAINTS if not line.startswith("#")]
    return {plain(match["name"]): match["version"] for match in found if match}


def requirements() -> set[str]:
    project = PROJECT["project"]
    wanted = [
        *PROJECT["build-system"]["requires"],
        *project["dependencies"],
        *project["optional-dependencies"]["dev"],
        *project["optional-dependencies"]["radio"],
    ]
    names = {plain(re.split(r"[^A-Za-z0-9._-]", item, maxsplit=1)[0]) for item in wanted}
    return names - {"meshwright"}


def test_a_pin_is_a_name_and_a_version_and_nothing_else() -> None:
    """No host, no path, no option of an installer."""
    wrong = [line for line in CONSTRAINTS if not line.startswith("#") and not PIN.fullmatch(line)]
    assert wrong == []


def test_everything_that_is_asked_for_is_pinned() -> None:
    assert requirements() - set(pins()) == set()
    assert "editables" in pins(), "hatchling needs it for an editable installation"


def test_what_is_installed_is_what_is_pinned() -> None:
    installed = {name: version(name) for name in requirements() - {"hatchling"}}
    assert installed == {name: pins()[name] for name in installed}


OLDEST = "3.11.2"
"""Python of Debian 12."""


def test_the_oldest_python_can_install_every_pin() -> None:
    found = {each.metadata["Name"]: each.metadata["Requires-Python"] for each in distributions()}
    pinned = {name: wanted for name, wanted in found.items() if plain(name) in pins() and wanted}
    assert len(pinned) > 50
    assert [n for n, wanted in pinned.items() if not SpecifierSet(wanted).contains(OLDEST)] == []


# Versions.


def test_there_is_one_version() -> None:
    assert meshwright.__version__ == PROJECT["project"]["version"] == version("meshwright")


# Nothing that is tracked names a machine, an account or a registry.

HOST = re.compile(r"(?<![\w.-])(pypi\.org|pythonhosted\.org|file:///|/home/[a-z]|/Users/[A-Z])")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone, so nothing is tracked")
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.system("git")
def test_no_tracked_file_names_a_host_of_packages_or_somebodys_home() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in tracked()
        if path != Path(__file__)
        for match in HOST.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


@pytest.mark.system("git")
def test_nothing_that_is_made_is_tracked() -> None:
    made = {".venv", "build", "dist", "site", "__pycache__"}
    assert [path for path in tracked() if made & set(path.relative_to(ROOT).parts)] == []


# Targets.

TARGETS = set(re.findall(r"^([a-z-]+):(?!=)", MAKEFILE, flags=re.MULTILINE))


def test_every_target_has_a_line_of_help() -> None:
    assert {line.split(":")[0] for line in MAKEFILE.splitlines() if " ## " in line} == TARGETS


def test_documented_targets_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / ".ci" / "run"]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    named = set(re.findall(r"(?:`|^|step )make ([a-z-]+)", text, flags=re.MULTILINE))
    assert named
    assert named <= TARGETS


PROGRAMS = {
    "bluez-meshd": "/usr/libexec/bluetooth/bluetooth-meshd",
    "libc6-dev": "gcc",
    "libssl-dev": "gcc",
}
"""Which program of a package a test asks for, where it has another name."""


@pytest.mark.parametrize("package", re.findall(r"SYSTEM_PACKAGES := (.*)", MAKEFILE)[0].split())
def test_a_system_package_is_needed_by_some_test(package: str) -> None:
    tests = [path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py")]
    asking = [text for text in tests if re.search(r"\bsystem\(", text)]
    assert any(f'"{PROGRAMS.get(package, package)}"' in text for text in [*asking, *_named(tests)])


def _named(tests: list[str]) -> list[str]:
    """Return the lines that name a program for such a mark in another file."""
    return [line for text in tests for line in text.splitlines() if line.startswith("PROGRAM = ")]


# Changelog.

FRAGMENT = re.compile(r"[0-9]+\.(feature|bugfix|doc|removal|misc)\.md")


def test_changelog_fragments_are_named_so_that_none_is_lost() -> None:
    names = [path.name for path in (ROOT / "changelog.d").iterdir() if path.name[0] != "."]
    assert [name for name in names if not FRAGMENT.fullmatch(name)] == []


# What was not run.

SAMPLES = """
import pytest

@pytest.mark.system("sh")
def test_runs(): pass

@pytest.mark.system("no-such-program")
def test_needs_a_program(): raise AssertionError
"""


def run_samples(folder: Path, *options: str, require_all: str) -> tuple[int, str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_samples.py").write_text(SAMPLES, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, str(folder)]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"REQUIRE_ALL": require_all},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


def test_what_was_not_run_is_named_with_the_command_that_helps(tmp_path: Path) -> None:
    status, output = run_samples(tmp_path, require_all="0")
    assert status == pytest.ExitCode.OK
    assert "1 passed, 1 skipped" in output
    assert "Missing: no-such-program. Run: make system-deps" in output


def test_a_run_that_has_to_be_complete_fails_when_it_is_not(tmp_path: Path) -> None:
    """Several processes share the work, as in `make test`: the one that reports has run nothing."""
    status, output = run_samples(tmp_path, "--numprocesses=1", require_all="1")
    assert status == pytest.ExitCode.TESTS_FAILED
    assert "Missing: no-such-program. Run: make system-deps" in output
    assert "REQUIRE_ALL is set, so this run has failed." in output
