"""What `import meshwright` offers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import meshwright


@pytest.mark.parametrize("name", meshwright.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    found = getattr(meshwright, name)
    assert found.__name__ == name
    assert found.__doc__


def test_nothing_else_is_offered() -> None:
    assert sorted(meshwright._PLACES) == sorted(meshwright.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        meshwright.nonsense  # noqa: B018 - the access is the test


def test_importing_costs_nothing_until_a_name_is_used() -> None:
    script = (
        "import sys, meshwright; print(sum(name.startswith('meshwright.') for name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "0"
