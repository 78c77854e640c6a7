"""Commands that work on a radio, each in a process of its own with its input held open."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import IO

from tests.cli.commands import Done

PATIENCE = 60.0
DEVICE_RADIO, PROVISIONER_RADIO = "unix:d,p", "unix:p,d"
"""Relative, because names of sockets are short."""


@dataclass
class Acting:
    """One process; whoever waits too long for it sees it end."""

    process: subprocess.Popen[str]

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    @property
    def err(self) -> IO[str]:
        assert self.process.stderr is not None
        return self.process.stderr

    def says(self, text: str) -> str:
        """Return the next line of the output that has `text` in it."""
        return _until(self.out, text)

    def asks(self, text: str) -> str:
        """Return the next line of progress that has `text` in it."""
        return _until(self.err, text)

    def enter(self, text: str) -> None:
        """Type a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()

    def interrupt(self) -> Done:
        """Press Ctrl-C and return what was left to say."""
        self.process.send_signal(signal.SIGINT)
        return self.ended()

    def ended(self) -> Done:
        """Wait until it ends by itself, though its input goes on."""
        status = self.process.wait(PATIENCE)
        done = Done(status, self.out.read(), self.err.read())
        assert "Traceback" not in done.out + done.err
        return done


def _until(stream: IO[str], text: str) -> str:
    seen = []
    for line in stream:
        if text in line:
            return line.rstrip("\n")
        seen.append(line)
    raise AssertionError(f"nobody says {text!r}: {seen}")


@contextmanager
def acting(folder: Path, *arguments: object, module: str = "meshwright") -> Iterator[Acting]:
    """Run a command in `folder` until the block ends."""
    with subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        watchdog = Timer(PATIENCE, process.kill)
        watchdog.start()
        try:
            yield Acting(process)
        finally:
            watchdog.cancel()
            process.kill()


@contextmanager
def device(
    folder: Path, *options: object, radio: str = DEVICE_RADIO, module: str = "meshwright"
) -> Iterator[Acting]:
    """Run a virtual device until the block ends; it can be found already."""
    command = ("device", "run", "--radio", radio, *options)
    with acting(folder, *command, module=module) as running:
        running.asks("Running; Ctrl-C ends.")
        yield running


@contextmanager
def provisioner(
    folder: Path, uuid: object, *options: object, radio: str = PROVISIONER_RADIO
) -> Iterator[Acting]:
    """Provision a device while the block lasts."""
    with acting(folder, "provision", uuid, "--radio", radio, *options) as running:
        yield running


def provision(folder: Path, uuid: object, *options: object, radio: str = PROVISIONER_RADIO) -> Done:
    """Provision a device and return what came of it."""
    with provisioner(folder, uuid, *options, radio=radio) as running:
        return running.ended()
