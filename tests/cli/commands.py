"""Running commands in this process, as a shell would see them."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshwright.cli.main import run

VARIABLES = (
    "MESHWRIGHT_HOME",
    "MESHWRIGHT_KEY",
    "MESHWRIGHT_KEY_FILE",
    "MESHWRIGHT_PASSPHRASE",
    "MESHWRIGHT_DEBUG",
)


@dataclass(frozen=True)
class Done:
    """What a command has left."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:  # noqa: ANN401 - that is what JSON is
        return json.loads(self.out)


def meshwright(*arguments: object, **variables: str) -> Done:
    """Run one command; `variables` are its whole environment of ours."""
    out, err = io.StringIO(), io.StringIO()
    status: object = None
    with _environment(variables), redirect_stdout(out), redirect_stderr(err):
        try:
            run([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return Done(int(status), out.getvalue(), err.getvalue())


def refused(done: Done, status: int, code: str) -> str:
    """Check that a command gave one clear sentence, and return it."""
    assert done.status == status, done
    assert done.err.count("\n") == 1, done
    prefix = f"Error ({code}): "
    assert done.err.startswith(prefix), done
    message = done.err[len(prefix) : -1]
    assert message.endswith(".")
    assert 15 < len(message) < 500
    return message


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.pop(name, None) for name in VARIABLES}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in before.items() if value is not None})


def prepare(home: Path, *, devices: int = 2, seed: int = 7) -> None:
    """Make a home with a CA, devices, a network and its assets."""
    for command in (
        ("init", "--seed", seed),
        ("ca", "create"),
        ("factory", "make", "--devices", devices),
        ("network", "create", "hall"),
    ):
        assert meshwright(*command, "--home", home).status == 0
    labels = sorted(home.glob("labels/*.png"))
    assert meshwright("assets", "add", *labels, "--home", home).status == 0
