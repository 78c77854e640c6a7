"""The house rules, as tests."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "meshwright"
MODULES = sorted(PACKAGE.rglob("*.py"))


def trees(*rooms: str) -> Iterator[tuple[str, ast.Module]]:
    folders = [PACKAGE / room for room in rooms] if rooms else [PACKAGE]
    for path in MODULES:
        if any(folder in path.parents for folder in folders):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


# S17: what is secret or proves something is compared in constant time.

PROOFS = {
    "authentication",
    "auth",
    "cmac",
    "confirmation",
    "confirmations",
    "digest",
    "hmac",
    "mac",
    "mic",
    "netmic",
    "passphrase",
    "password",
    "secret",
    "tag",
    "transmic",
}
HARMLESS = {"algorithm", "code", "count", "id", "kind", "length", "method", "size", "type"}
"""Last words of names that speak about a proof without being one."""
ROOMS: dict[str, set[str]] = {"core": set(), "pki": {"tag"}, "registry": set()}
"""Where the rule holds, and which word means something else there: DER is made of tags."""


def is_proof(name: str) -> bool:
    if name.isupper():  # a constant of the program is known to everybody
        return False
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower().strip("_").split("_")
    if words[-1] in HARMLESS:
        return False
    secret_hash = "hash" in words and bool({"secret", "key", "password", "token"} & set(words))
    return secret_hash or bool(PROOFS & set(words))


def name_of(node: ast.expr) -> str:
    """Return the name that says what an operand is: of a variable, attribute or function."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=function):
            return name_of(function)
        case ast.Subscript(value=value) | ast.Await(value=value) | ast.NamedExpr(target=value):
            return name_of(value)
        case _:
            return ""


def is_plain(node: ast.expr) -> bool:
    """Tell whether an operand cannot be secret, nor what it is compared with.

    That is a number or None, a constant of the program, or a column of a table: `==` on that
    writes SQL and compares nothing.
    """
    match node:
        case ast.Constant(value=int() | None):
            return True
        case ast.Attribute(value=ast.Attribute(attr="c")):
            return True
        case _:
            return name_of(node).isupper()


def compared_proofs(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        if not any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops):
            continue
        operands = [node.left, *node.comparators]
        if any(is_plain(operand) for operand in operands):
            continue
        yield from ((node.lineno, name) for name in map(name_of, operands) if is_proof(name))


def test_s17_proofs_are_compared_in_constant_time() -> None:
    found = [
        f"{path}:{line}: {name} is compared with == or !=, use core.crypto.equal"
        for room, other_meanings in ROOMS.items()
        for path, tree in trees(room)
        for line, name in compared_proofs(tree)
        if name.lower().strip("_") not in other_meanings
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "mic == expected",
        "if self._confirmation != other: pass",
        "x = pdu.mic != aes_cmac(key, octets)[:8]",
        "aes_cmac(key, m) == received",
        "assert hmac_sha256(k, m)[:16] == proof",
        "compute_tag(x) == y",
        "received_mac != y",
        "secret_hash == y",
        "key_hash != y",
        "sharedSecret == y",
        "a < b == mac",
        "auth_value == other",
        "found = [x for x in y if x.digest() == z]",
        "password == 'guess'",
        "(mic := f()) == y",
    ],
)
def test_s17_catches_a_planted_violation(planted: str) -> None:
    assert list(compared_proofs(ast.parse(planted)))


@pytest.mark.parametrize(
    "innocent",
    [
        "equal(mic, expected)",
        "hmac.compare_digest(mac, other)",
        "len(mic) == 8",
        "mic_size == other_size",
        "tag == 0x30",
        "first.tag == _EXPLICIT_VERSION",
        "octet & MANY_TAG == MANY_TAG",
        "select(leases.c.next).where(leases.c.mac == bindparam('key'))",
        "confirmation is None",
        "confirmation == None",
        "uri_hash == other",
        "mac = other",
        "machine == other",
        "stage == other",
        "AuthMethod.STATIC == method",
        "x in tags",
    ],
)
def test_s17_leaves_the_innocent_alone(innocent: str) -> None:
    assert not list(compared_proofs(ast.parse(innocent)))


# Docstrings.


def undocumented(tree: ast.Module) -> Iterator[tuple[int, str]]:
    if ast.get_docstring(tree) is None:
        yield 1, "the module"
    for node in tree.body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_") and ast.get_docstring(node) is None:
            yield node.lineno, node.name


def test_everything_public_has_a_docstring() -> None:
    found = [
        f"{path}:{line}: {name}" for path, tree in trees() for line, name in undocumented(tree)
    ]
    assert found == []


def test_a_missing_docstring_is_noticed() -> None:
    source = '"""Module."""\nclass A: pass\ndef b(): pass\nasync def c(): pass\ndef _d(): pass\n'
    assert [name for _, name in undocumented(ast.parse(source))] == ["A", "b", "c"]
    assert [name for _, name in undocumented(ast.parse(""))] == ["the module"]


# Imports.


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return {name.split(".")[0] for name in names}


FORBIDDEN_IN_CORE = {"time", "random", "os", "secrets", "datetime", "asyncio", "logging"}


def test_the_core_asks_no_clock_no_dice_and_no_machine() -> None:
    found = {path: imported(tree) & FORBIDDEN_IN_CORE for path, tree in trees("core")}
    assert {path: names for path, names in found.items() if names} == {}


def test_a_forbidden_import_is_noticed() -> None:
    source = "import os.path\nfrom time import time\ndef f():\n    import random as r\n"
    assert imported(ast.parse(source)) & FORBIDDEN_IN_CORE == {"os", "time", "random"}


def test_import_contracts(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))  # the linter adds to it
    status = lint_imports(str(ROOT / "pyproject.toml"), no_cache=True, no_logo=True)
    assert status == 0, capsys.readouterr().out


# Nothing in the repository depends on the machine it was written on.

SKIPPED = re.compile(
    r"(\.git|\.venv|\.coverage.*|\..*_cache|\.hypothesis|__pycache__|build|dist|site|.*\.egg-info)"
)
MACHINE_PATH = re.compile(r"(?<![\w./~})-])/(" + "|".join(["work", "root", "farm"]) + r")\b")


def files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if SKIPPED.fullmatch(path.name) or path.is_symlink():
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def test_no_file_names_a_path_of_the_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files(ROOT)
        for match in MACHINE_PATH.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert found == []


@pytest.mark.parametrize("place", ["work", "root", "farm"])
def test_a_path_of_the_machine_is_noticed(place: str) -> None:
    for before in ("", " ", "'", "(", "=", ":"):
        assert MACHINE_PATH.search(f"{before}/{place}/main")
    for innocent in (f"core/{place}", f"./{place}", f"https://{place}", f"/{place}shop"):
        assert not MACHINE_PATH.search(innocent)
