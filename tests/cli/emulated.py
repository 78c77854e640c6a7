"""Emulated controllers on one link, each behind a TCP port, in a process of their own.

`python -m tests.cli.emulated KIND NUMBER` runs them. KIND is a name in `bumble_controllers`, or the
one below.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
VANISHING = "VanishingController"
"""Ends after some packets."""

_ENOUGH = 20


@contextmanager
def controllers(kind: str, number: int = 1) -> Iterator[list[str]]:
    """Run so many controllers of a kind, and give their names as radios."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cli.emulated", kind, str(number)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            ports = json.loads(process.stdout.readline())
            yield [f"tcp-client:127.0.0.1:{port}" for port in ports]
        finally:
            process.kill()


async def _serve(kind: str, number: int) -> None:
    from bumble.link import LocalLink
    from bumble.transport.tcp_server import open_tcp_server_transport_with_socket
    from tests.radio import bumble_controllers

    link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble forgot
    make = getattr(bumble_controllers, kind, bumble_controllers.MeshController)
    sockets = [_bound() for _ in range(number)]
    made = []
    for index, sock in enumerate(sockets):
        transport = await open_tcp_server_transport_with_socket(sock)
        controller = make(f"c{index}", link)
        transport.source.set_packet_sink(controller)
        controller.set_packet_sink(transport.sink)
        made.append((controller, transport))
    print(json.dumps([sock.getsockname()[1] for sock in sockets]), flush=True)  # noqa: T201 - told
    while kind != VANISHING or made[0][0].advertised < _ENOUGH:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.01)  # whoever started this ends it


def _bound() -> socket.socket:
    # Without the protocol asyncio leaves Nagle's algorithm on, which holds small packets back.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.bind(("127.0.0.1", 0))
    return bound


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2])))
