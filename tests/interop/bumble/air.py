"""A process with emulated controllers on one link, each behind a TCP port of this machine.

    python -m tests.interop.bumble.air KIND KIND ...

It writes its ports as one JSON line and runs until its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys

from bumble.link import LocalLink
from bumble.transport.common import Transport
from bumble.transport.tcp_server import open_tcp_server_transport_with_socket
from tests.radio.bumble_controllers import ExtendedController, MeshController

LOCALHOST = "127.0.0.1"
KINDS = {"legacy": MeshController, "extended": ExtendedController}


class Site:
    """The link and whoever is on it."""

    def __init__(self) -> None:
        self.controllers: list[MeshController] = []
        self.transports: list[Transport] = []
        self._link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble forgot

    async def add(self, kind: str) -> int:
        """Put a controller on the air and return its port."""
        # Named as TCP, because only then asyncio sends small packets at once.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind((LOCALHOST, 0))
        transport = await open_tcp_server_transport_with_socket(listening)
        name = f"c{len(self.controllers)}"
        self.controllers.append(KINDS[kind](name, self._link, transport))
        self.transports.append(transport)
        port: int = listening.getsockname()[1]
        return port

    async def close(self) -> None:
        """Let go of every port."""
        for transport in self.transports:
            transport.server.close()  # type: ignore[attr-defined]  # its own kind of transport
            await transport.server.wait_closed()  # type: ignore[attr-defined]  # as above


async def main(kinds: list[str]) -> None:
    site = Site()
    ports = [await site.add(kind) for kind in kinds]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await site.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
