"""A command that listens, in a process of its own, and a peer that it hears."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

PATIENCE = 60.0


@dataclass
class Listening:
    """The process, and a socket that is the rest of the air."""

    process: subprocess.Popen[str]
    peer: socket.socket
    ours: Path

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def send(self, payload: bytes) -> None:
        self.peer.sendto(payload, str(self.ours))

    def heard_all(self) -> None:
        """Wait until nothing that was sent is still on its way."""
        while int.from_bytes(fcntl.ioctl(self.peer, termios.TIOCOUTQ, bytes(4)), sys.byteorder):
            os.sched_yield()

    def interrupted(self) -> str:
        """Press Ctrl-C, expect an end in order, and return the rest of the output."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=PATIENCE)
        assert (self.process.returncode, err) == (0, "")
        return out


@contextmanager
def listening(
    folder: Path, command: str, *options: object, terminal: int | None = None
) -> Iterator[Listening]:
    """Run `command` on a radio of datagrams until the block ends; `terminal` is its output."""
    ours, theirs = folder / "ours", folder / "theirs"
    arguments = ["-m", "meshwright", command, "--radio", f"unix:{ours},{theirs}"]
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as peer:
        peer.bind(str(theirs))
        with subprocess.Popen(
            [sys.executable, *arguments, *map(str, options)],
            stdout=subprocess.PIPE if terminal is None else terminal,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "160"},
        ) as process:
            assert process.stderr is not None
            try:
                assert process.stderr.readline() == "Listening; Ctrl-C ends.\n"
                yield Listening(process, peer, ours)
            finally:
                process.kill()
