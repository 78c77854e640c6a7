"""The documentation says what is true: commands, options, codes and every example."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from meshwright.cli.main import cli
from meshwright.core.bearers.timing import DEVICE_TIMING, LinkTiming
from meshwright.core.provisioning.records import RecordLimits
from meshwright.core.provisioning.timeouts import PROVISIONING_TIMEOUT
from meshwright.radio.concurrency import retransmit_after
from meshwright.radio.port import HOST_10, OWN_TIMING
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.recovery import ASK_AGAIN

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
MODULES = sorted((ROOT / "src").rglob("*.py"))

# Commands.

COMMANDS_PAGE = DOCS / "commands.md"
COMMON = "Options of every command"
HELP = {"-h", "--help"}


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield " ".join([*path, name]), command


COMMANDS = dict(commands(cli))


def sections(page: Path) -> dict[str, str]:
    """Return the text below each heading of the second level."""
    parts = re.split(r"^## +(.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {title.strip("` "): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def rows(text: str) -> dict[str, str]:
    """Return the rows of tables by the word in code font that they begin with."""
    return dict(re.findall(r"^\| `([^` ]+)[^`]*` \|(.*)\|$", text, flags=re.MULTILINE))


def options(command: click.Command) -> dict[str, click.Option]:
    found = [option for option in command.params if isinstance(option, click.Option)]
    return {option.opts[0]: option for option in found if not HELP & set(option.opts)}


def test_every_command_has_a_section_and_every_section_a_command() -> None:
    titles = set(sections(COMMANDS_PAGE)) - {COMMON}
    assert titles == {f"meshwright {name}" for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_documented_and_nothing_else(name: str) -> None:
    found = sections(COMMANDS_PAGE)
    common = rows(found[COMMON])
    special = rows(found[f"meshwright {name}"])
    wanted = options(COMMANDS[name])
    assert set(special) <= set(wanted), "the page has options that the command has not"
    assert set(wanted) <= {*special, *common}, "the command has options that the page has not"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_default_is_documented(name: str) -> None:
    special = rows(sections(COMMANDS_PAGE)[f"meshwright {name}"])
    for flag, option in options(COMMANDS[name]).items():
        if option.show_default:
            assert f"`{option.default}`" in special[flag], flag


# Codes.

ERRORS_PAGE = DOCS / "errors.md"
CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
POSITIONS = {"Rule": 0, "_refuse": 0, "_fail": 0, "abort": 0, "_rejected": 1, "_finish": 1}
"""Functions that take a code without its keyword, and where."""


def constant(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None


def codes(tree: ast.AST) -> Iterator[str | None]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id="code")], value=value):
                yield constant(value)
            case ast.AnnAssign(target=ast.Name(id="code"), value=ast.expr() as value):
                yield constant(value)
            case ast.Assign(targets=[ast.Tuple(elts=[ast.Name(id="code"), *_])], value=value):
                yield constant(value.elts[0]) if isinstance(value, ast.Tuple) else None
            case ast.Tuple(elts=[first, ast.Constant(value=str()), ast.Name()]):
                yield constant(first)  # a row of a table: code, sentence, check
            case ast.Call(func=function, args=arguments, keywords=keywords):
                yield from (constant(each.value) for each in keywords if each.arg == "code")
                position = POSITIONS.get(getattr(function, "attr", getattr(function, "id", "")))
                if position is not None and position < len(arguments):
                    yield constant(arguments[position])
            case _:
                pass


def codes_in_source() -> dict[str, str]:
    return {
        code: str(path.relative_to(ROOT))
        for path in MODULES
        for code in codes(ast.parse(path.read_text(encoding="utf-8")))
        if code is not None
    }


def test_every_code_is_documented() -> None:
    documented = rows(ERRORS_PAGE.read_text(encoding="utf-8"))
    missing = {code: path for code, path in codes_in_source().items() if code not in documented}
    assert missing == {}


def test_every_documented_code_exists_once() -> None:
    text = ERRORS_PAGE.read_text(encoding="utf-8")
    counted = Counter(re.findall(r"^\| `([^`]+)` \|", text, flags=re.MULTILINE))
    assert [code for code, count in counted.items() if count > 1] == []
    source = "\n".join(path.read_text(encoding="utf-8") for path in MODULES)
    assert [code for code in counted if f'"{code}"' not in source] == []


def test_every_documented_code_says_what_it_means_and_what_to_do() -> None:
    for code, cells in rows(ERRORS_PAGE.read_text(encoding="utf-8")).items():
        meaning, remedy = (cell.strip() for cell in cells.split("|"))
        assert meaning, code
        assert remedy, code


def test_codes_are_lower_case_words_with_hyphens() -> None:
    assert [code for code in codes_in_source() if CODE.fullmatch(code) is None] == []


@pytest.mark.parametrize(
    "source",
    [
        'class A:\n    code = "new-code"',
        'class A:\n    code: str = "new-code"',
        'raise InputError("no", code="new-code")',
        'code, message = "new-code", "no"',
        'self._refuse("new-code", "no", now)',
        'raise _rejected(error, "new-code")',
        'Rule("new-code", "clause", check)',
        'CHECKS = (("new-code", "sentence", check),)',
    ],
)
def test_a_new_code_is_noticed(source: str) -> None:
    assert "new-code" in set(codes(ast.parse(source)))


# Examples.

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
STEP = re.compile(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
EXAMPLES = [page for page in PAGES if BLOCK.search(page.read_text(encoding="utf-8"))]
UPDATE = "UPDATE_DOCS"


def environment(folder: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("MESHWRIGHT")}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return ours | {"PATH": path, "HOME": str(folder), "USER": "you"}


def output_of(command: str, folder: Path) -> str:
    """Run one command as a reader would, and return what a terminal would show."""
    done = subprocess.run(
        ["sh", "-c", command],
        cwd=folder,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


VARYING = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "#"),  # a UUID
    (r"\b[0-9a-f]{8,}\b", "#"),  # a digest, or a part of one
    (r"\b0x[0-9a-f]+|\d[\d.]*", "#"),
    (r"[─━]+", "-"),
    (r" +", " "),
)


def essence(text: str) -> list[str]:
    """Leave out what differs from run to run: numbers, widths of columns, who was first."""
    for pattern, replacement in VARYING:
        text = re.sub(pattern, replacement, text)
    return sorted(line.strip() for line in text.splitlines())


def rewritten(text: str, folder: Path) -> str:
    def step(found: re.Match[str]) -> str:
        return f"$ {found[1]}\n{output_of(found[1], folder)}"

    def block(found: re.Match[str]) -> str:
        return f"```console\n{STEP.sub(step, found[1])}```"

    return BLOCK.sub(block, text)


@pytest.mark.parametrize("page", EXAMPLES, ids=lambda page: page.name)
def test_examples_show_what_really_happens(page: Path, tmp_path: Path) -> None:
    """Run every command of a page in one folder, in order; UPDATE_DOCS=1 writes the page anew."""
    text = page.read_text(encoding="utf-8")
    found = rewritten(text, tmp_path)
    if os.environ.get(UPDATE):
        page.write_text(found, encoding="utf-8")
    assert essence(found) == essence(text)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("node 0x0002 in 5.9 s", "node 0x000a in 11.2 s", True),
        ("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8", "d0c3c000-e6a4-11f0-b34f-81dc695cd7ed", True),
        ("┃ name    ┃\n┡━━━━━━━━━┩", "┃ name  ┃\n┡━━━━━━━┩", True),
        ("3 devices may join", "3 devices may not join", False),
        ("Unaccounted: 0.\nDone", "Unaccounted: 0.", False),
    ],
)
def test_only_what_differs_from_run_to_run_may_differ(one: str, other: str, same: bool) -> None:
    assert (essence(one) == essence(other)) is same


# The library page.

LIBRARY_PAGE = DOCS / "library.md"
PROGRAM = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_examples_of_the_library_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = LIBRARY_PAGE.read_text(encoding="utf-8")
    programs = list(PROGRAM.finditer(text))
    assert programs
    names: dict[str, object] = {"__name__": "example"}
    for program in programs:
        # A traceback shall name the line of the page.
        source = "\n" * text.count("\n", 0, program.start(1)) + program[1]
        exec(compile(source, str(LIBRARY_PAGE), "exec"), names)  # noqa: S102 - our own page


# The times.


def test_the_times_of_commissioning_are_those_of_the_code() -> None:
    page = sections(DOCS / "commissioning.md")["Times"]
    link, run = LinkTiming(), CommissioningOptions()
    expected = {
        "Delay before every packet of a link": [link.delay_minimum, link.delay_maximum],
        "Link Open without an answer": [link.establishment],
        "Link without a provisioning PDU after opening": [link.link],
        "Transaction without an acknowledgment": [link.acknowledgment],
        "Session without a PDU in either direction": [PROVISIONING_TIMEOUT],
        "Link Open sent again": [link.open_retransmit, link.open_patience],
        "Segments sent again, by a radio with timing of its own": [retransmit_after(OWN_TIMING)],
        "Segments sent again, by any other radio": [retransmit_after(HOST_10)],
        "Segments sent again, by a virtual device": [DEVICE_TIMING.retransmit],
        "All records of a session together": [RecordLimits().seconds],
        "A lost device is tried again after": [run.retry, run.longest_retry],
        "A refused sender is avoided for": [run.skip],
        "After the fourth OOB value in a row that was not proven": [
            run.back_off.wait(4),
            run.back_off.longest,
        ],
        "An address that may be a node is asked every": [ASK_AGAIN],
        "A run ends when all is settled and nothing new was heard for": [run.settle],
        "A run ends without any progress after": [run.patience],
    }
    found = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| [0-9o]", page, flags=re.MULTILINE)
    assert {what: [*map(float, re.findall(r"[0-9.]+", cell))] for what, cell in found} == expected


# The design.

ROOM = re.compile(r"`([a-z_*]+)/?`")
NO_ROOMS = {"now"}


def test_the_rooms_of_the_design_exist() -> None:
    rooms = sections(DOCS / "design.md")[
        "Rooms (arrows point down only; the import contract is a test)"
    ]
    package = ROOT / "src" / "meshwright"
    named = set(ROOM.findall(rooms)) - NO_ROOMS
    assert len(named) > 50
    assert [n for n in named if not any((*package.rglob(f"{n}.py"), *package.rglob(n)))] == []
    outline = re.findall(r"[a-z]+", rooms.partition("```text")[2].partition("```")[0])
    there = {path.stem for path in package.iterdir() if path.suffix in ("", ".py")}
    assert {name for name in there if not name.startswith("_")} <= set(outline)


# Links.

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    targets = [t for t in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in t]
    assert [target for target in targets if not (page.parent / target).exists()] == []
