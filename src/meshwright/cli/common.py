"""Options that many commands share, and the home they open."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from meshwright.core.errors import InputError

if TYPE_CHECKING:
    from meshwright.wiring.home import Home, SecretSource

Command = TypeVar("Command", bound=Callable[..., Any])

HOME_VARIABLE = "MESHWRIGHT_HOME"

home_option = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"The folder of the project.  [env: {HOME_VARIABLE}]",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object for programs."
)
key_file_option = click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="MESHWRIGHT_KEY_FILE",
    help="The key file that opens the home, if it is not where it was.",
)
links_option = click.option(
    "--links", type=click.IntRange(1, 64), help="Links at once; adapts by itself."
)
loss_option = click.option(
    "--loss",
    type=click.FloatRange(0, 0.95),
    default=0.05,
    show_default=True,
    help="Part of the packets that the simulated air loses.",
)


def home_command(function: Command) -> Command:
    """Give a command the options of everything that works on a home."""
    return home_option(key_file_option(json_option(function)))


def home_path(home: Path | None) -> Path:
    """Return the folder to work on; raises `InputError` (`no-home`) without any."""
    chosen = chosen_home(home)
    if chosen is None:
        raise InputError(
            f"Say which project with --home DIR, or set {HOME_VARIABLE}.", code="no-home"
        )
    return chosen


def chosen_home(home: Path | None) -> Path | None:
    """Return what was said nearest: after the command, before it, or in the environment."""
    before = click.get_current_context().find_root().params.get("home")
    said = home or before or os.environ.get(HOME_VARIABLE)
    return Path(said) if said else None


def secrets(key_file: Path | None, passphrase: str | None = None) -> SecretSource:
    """Return where the secret of a home comes from."""
    from meshwright.wiring.home import SecretSource

    return SecretSource(key_file, passphrase, dict(os.environ))


@contextmanager
def open_home(home: Path | None, key_file: Path | None) -> Iterator[Home]:
    """Open the home of a command, asking for a passphrase where that is possible."""
    from meshwright.wiring.home import opened

    path = home_path(home)
    with opened(path, secrets(key_file, _ask_passphrase(path)), actor=_actor()) as found:
        yield found


def _ask_passphrase(home: Path) -> str | None:
    from meshwright.registry.secret import Passphrase
    from meshwright.settings import load
    from meshwright.wiring.home import PASSPHRASE_VARIABLE

    locked_by = load(home).secret
    needed = locked_by == Passphrase.kind and not os.environ.get(PASSPHRASE_VARIABLE)
    return prompt_passphrase() if needed and sys.stdin.isatty() else None


def prompt_passphrase(*, twice: bool = False) -> str:
    """Ask whoever sits at the terminal, whose keys are not shown."""
    return str(click.prompt("Passphrase", hide_input=True, confirmation_prompt=twice, err=True))


def _actor() -> str:
    """Return who the audit log names: the user of this machine."""
    return os.environ.get("USER") or f"uid {os.getuid()}"


def example(*lines: str) -> str:
    """Return an epilog that shows how a command is used."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
