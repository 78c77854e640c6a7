"""The `meshwright` command: its subcommands, and what happens to errors."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, TextIO

import click

from meshwright import __version__
from meshwright.cli.exits import ExitStatus, status_of
from meshwright.core.errors import MeshwrightError
from meshwright.services.wording import sentence

_DEBUG_VARIABLE = "MESHWRIGHT_DEBUG"

_COMMANDS = {
    "assets": "meshwright.cli.assets",
    "ca": "meshwright.cli.ca",
    "cert": "meshwright.cli.cert",
    "commission": "meshwright.cli.commission",
    "demo": "meshwright.cli.demo",
    "device": "meshwright.cli.device",
    "doctor": "meshwright.cli.doctor",
    "factory": "meshwright.cli.factory",
    "init": "meshwright.cli.init",
    "network": "meshwright.cli.network",
    "nodes": "meshwright.cli.nodes",
    "provision": "meshwright.cli.provision",
    "scan": "meshwright.cli.scan",
    "sniff": "meshwright.cli.sniff",
}


class _LazyGroup(click.Group):
    """Imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)  # noqa: S101 - our own table
        return command


@click.group(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Start with: meshwright demo",
)
@click.version_option(__version__, "--version", message="%(prog)s %(version)s")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the project; may also follow the command.",
)
def cli(home: Path | None) -> None:
    """Bring Bluetooth Mesh devices into their owner's network by themselves, securely.

    A project lives in one folder, its home. The usual order is init, ca create, factory make,
    network create, assets add, commission; `demo` does it all on virtual devices.
    """
    del home  # commands look it up


def run(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and exit; every error is one sentence and an exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    _accept_any_text()
    _keep_quiet()
    try:
        # Without its standalone mode the library returns the status of `Context.exit`.
        status = cli.main(arguments, prog_name="meshwright", standalone_mode=False)
    except click.ClickException as error:
        _say_json("usage", error.format_message(), as_json="--json" in arguments)
        with _last_words(sys.stderr):
            error.show()
        sys.exit(ExitStatus.USAGE)
    except (click.Abort, KeyboardInterrupt):
        with _last_words(sys.stderr):
            click.echo("Interrupted; run it again on the same home to go on.", err=True)
        sys.exit(ExitStatus.INTERRUPTED)
    except BrokenPipeError:
        _leave_pipe()
    except Exception as error:  # noqa: BLE001 - the last line of defense: never a traceback
        _fail(error, as_json="--json" in arguments)
    sys.exit(status or ExitStatus.DONE)


def _accept_any_text() -> None:
    """Write what the terminal cannot show as escapes: a name is no reason to fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _keep_quiet() -> None:
    """Let no library write its log to the terminal: what people need to know is told."""
    if not os.environ.get(_DEBUG_VARIABLE):
        logging.getLogger().addHandler(logging.NullHandler())


def _leave_pipe() -> NoReturn:
    # Whoever read our output has gone; nothing more can be said.
    _silence(sys.stdout)
    sys.exit(ExitStatus.INCOMPLETE)


@contextmanager
def _last_words(stream: TextIO) -> Iterator[None]:
    """Keep the exit status when nobody can be told why."""
    try:
        yield
    except OSError:
        _silence(stream)


def _silence(stream: TextIO) -> None:
    """Throw away what is still buffered; the end of the process would fail to write it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _fail(error: Exception, *, as_json: bool) -> NoReturn:
    code, message = _describe(error)
    _say_json(code, message, as_json=as_json)
    with _last_words(sys.stdout):
        sys.stdout.flush()  # what cannot be written now would fail the end of the process again
    with _last_words(sys.stderr):
        click.echo(f"Error ({code}): {message}", err=True)
        if os.environ.get(_DEBUG_VARIABLE):
            traceback.print_exception(error)
    sys.exit(status_of(error))


def _say_json(code: str, message: str, *, as_json: bool) -> None:
    if as_json:
        told = {"error": {"code": code, "message": message}}
        with _last_words(sys.stdout):
            click.echo(json.dumps(told, ensure_ascii=False))


def _describe(error: Exception) -> tuple[str, str]:
    if isinstance(error, MeshwrightError):
        return error.code, sentence(str(error))
    if isinstance(error, OSError):
        return "store-unavailable", f"{error.filename or 'The system'}: {error.strerror}."
    hint = f"set {_DEBUG_VARIABLE}=1 and run it again to see where"
    return "internal", f"This is a mistake in meshwright ({type(error).__name__}); {hint}."
