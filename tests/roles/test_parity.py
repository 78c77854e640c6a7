"""Every row of docs/parity.md leads to what exists, and no name of Zephyr's is missing."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "parity.md").read_text(encoding="utf-8")
ZEPHYR = json.loads((ROOT / "tests/vectors/zephyr_provisioning_names.json").read_text("utf-8"))
LATER = "later: mesh network"
MAY_BE_LATER = re.compile(r"remote(?!_pub_key)|reprovision(ed|_remote)$|_REMOTE$")
CODE = re.compile(r"`([^`]+)`")


def rows(columns: int) -> list[list[str]]:
    """Return the cells of every row that begins with code, of tables with so many columns."""
    found = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| `")]
    lines = [[cell.strip() for cell in (*cells, "")[:columns]] for cells in found]
    scenario = re.compile(r"`test_")
    return [cells for cells in lines if bool(scenario.match(cells[0])) is (columns == 2)]


NAMES, SCENARIOS = rows(3), rows(2)


@cache
def functions_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return {node.name for node in functions if node.name.startswith("test_")}


def resolve(name: str) -> object:
    """Return what a dotted name below `meshwright` stands for."""
    parts = ["meshwright", *name.split(".")]
    module, rest = parts[0], parts[1:]
    while rest:
        try:
            import_module(f"{module}.{rest[0]}")
        except ModuleNotFoundError:
            break
        module, rest = f"{module}.{rest[0]}", rest[1:]
    found: object = import_module(module)
    for part in rest:
        found = getattr(found, part)
    return found


def check_tests(cell: str) -> None:
    tests = CODE.findall(cell)
    assert tests
    for test in tests:
        path, name = test.split("::")
        assert name in functions_in(path), test


def test_every_name_of_zephyr_has_one_row_and_no_other_has() -> None:
    assert [cells[0].strip("`") for cells in NAMES] == ZEPHYR["names"]
    assert len(set(ZEPHYR["names"])) == len(ZEPHYR["names"]) > 80
    assert [cells[0].strip("`") for cells in SCENARIOS] == ZEPHYR["scenarios"]


@pytest.mark.parametrize(("zephyr", "ours", "test"), NAMES, ids=lambda cell: cell.strip("`"))
def test_every_row_leads_to_something_and_to_a_test(zephyr: str, ours: str, test: str) -> None:
    if ours == LATER:
        assert MAY_BE_LATER.search(zephyr.strip("`"))
        assert test == ""
        return
    (name,) = CODE.findall(ours)
    resolve(name)
    check_tests(test)


@pytest.mark.parametrize(("zephyr", "test"), SCENARIOS, ids=lambda cell: cell.strip("`"))
def test_every_scenario_has_a_test(zephyr: str, test: str) -> None:
    if test == LATER:
        assert MAY_BE_LATER.search(zephyr.strip("`"))
    else:
        check_tests(test)


@pytest.mark.parametrize("name", ["roles.device.Device.fly", "roles.nothing", "Nobody"])
def test_a_name_that_leads_nowhere_is_noticed(name: str) -> None:
    with pytest.raises((AttributeError, ModuleNotFoundError)):
        resolve(name)


def test_a_test_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(AssertionError):
        check_tests("`roles/test_device.py::test_nothing`")
