"""One end of a datagram air: a Unix socket, an AD structure with its length octet in a datagram."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.interop.independent.toolbox import Dice

PB_ADV, BEACON = 0x29, 0x2B


@dataclass(frozen=True)
class Heard:
    """One structure, and when it came."""

    at: float
    kind: int
    data: bytes


class Luck:
    """Loses a share of all packets, though never three in a row."""

    def __init__(self, dice: Dice, loss: float) -> None:
        self._dice, self._loss = dice, loss
        self._row = 0

    def loses(self) -> bool:
        """Tell whether the next packet is lost."""
        lost = self._loss > 0 and self._row < 2 and self._dice.between(0, 1) < self._loss
        self._row = self._row + 1 if lost else 0
        return lost


class Antenna:
    """Sends to one other end, and writes down what the other end has sent."""

    def __init__(self, here: Path, there: Path) -> None:
        self.heard: list[Heard] = []
        self.lose(Dice(""), 0.0)
        self.listeners: list[Callable[[Heard], None]] = []
        self._there = str(there)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(str(here))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._on_readable)

    def lose(self, dice: Dice, loss: float) -> None:
        """Lose so many of all packets from now on, in both directions."""
        self._there_lost, self._here_lost = Luck(dice, loss), Luck(dice, loss)

    async def send(self, kind: int, data: bytes) -> None:
        """Send one structure, and let the other end read it."""
        if not self._there_lost.loses():
            self._socket.sendto(bytes([len(data) + 1, kind]) + data, self._there)
        await asyncio.sleep(0)

    async def hear(self, kind: int) -> bytes:
        """Return the next structure of `kind`."""
        found: asyncio.Future[bytes] = self._loop.create_future()

        def listener(heard: Heard) -> None:
            if heard.kind == kind and not found.done():
                found.set_result(heard.data)

        self.listeners.append(listener)
        try:
            return await found
        finally:
            self.listeners.remove(listener)

    def close(self) -> None:
        """Leave the air."""
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def packets(self, link_id: bytes, since: float = 0.0) -> list[bytes]:
        """Return the packets of a link, without its ID: number and Generic Provisioning PDU."""
        return [
            each.data[4:]
            for each in self.heard
            if each.kind == PB_ADV and each.data[:4] == link_id and each.at >= since
        ]

    def _on_readable(self) -> None:
        datagram = self._socket.recv(64)
        assert len(datagram) == datagram[0] + 1 <= 31, "one whole structure in a datagram"
        heard = Heard(self._loop.time(), datagram[1], datagram[2:])
        self.heard.append(heard)
        for listener in () if self._here_lost.loses() else tuple(self.listeners):
            listener(heard)
