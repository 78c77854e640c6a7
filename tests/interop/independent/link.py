"""PB-ADV as a pair of coroutines, `send` and `receive`, with manners that may differ (5.3.3)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.interop.independent.antenna import PB_ADV, Antenna, Heard
from tests.interop.independent.framing import (
    ACK,
    CLOSE,
    OPEN,
    OPENED,
    Collected,
    cut,
)
from tests.interop.independent.toolbox import Dice

ACKNOWLEDGMENT = 30.0


@dataclass(frozen=True)
class Manners:
    """What the text leaves to those who implement it, and how well they hear."""

    retransmit: float = 0.5
    """Seconds until all segments are sent again."""
    delay: tuple[float, float] = (0.02, 0.05)
    """Seconds before each packet."""
    copies: tuple[int, int] = (1, 1)
    """How often each packet is sent."""
    shuffled: bool = False
    """Segments in any order, instead of Transaction Start first."""
    ack_after: float = 0.0
    """Seconds; an answer that is ready before then replaces the Ack, as with BlueZ."""
    deaf_while_sending: bool = False
    """By the letter: who waits for an Ack ignores everything else of the link but its closing."""
    open_every: float = 0.5
    """Seconds between two Link Opens."""
    opens_on: bool = False
    """Goes on with Link Open until the first PDU, though the link is open."""
    closes: int = 4
    """How often Link Close is sent."""
    loss: float = 0.0
    """The share of packets that get lost, in both directions."""


class LinkClosedError(Exception):
    """The other end has closed the link, for `reason`."""

    def __init__(self, reason: int) -> None:
        super().__init__(f"closed for reason {reason}")
        self.reason = reason


class Link:
    """One end of a link; `half` is 0x00 for a Provisioner and 0x80 for a device (5.2.1)."""

    def __init__(
        self, antenna: Antenna, link_id: bytes, half: int, manners: Manners, dice: Dice
    ) -> None:
        self.antenna, self.link_id, self.manners, self.half = antenna, link_id, manners, half
        self.opened = asyncio.Event()
        self.acknowledged: list[int] = []
        """Numbers of the transactions that were delivered here."""
        self.sent: list[int] = []
        """Numbers of the transactions that were begun here."""
        self._dice = dice
        self._number = half
        self._sending: int | None = None
        self._acked = asyncio.Event()
        self._closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._expected = half ^ 0x80
        self._collected = Collected()
        self._ack: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        antenna.listeners.append(self._on_heard)

    async def send(self, pdu: bytes) -> int:
        """Send a PDU until it is acknowledged; return its number. Raises `LinkClosedError`."""
        number = self.next_number()
        if self._ack is not None and self.manners.ack_after:
            self._ack.cancel()
        self._sending = number
        self._acked.clear()
        async with asyncio.timeout(ACKNOWLEDGMENT):
            while not self._acked.is_set():
                await self.transmit(number, cut(pdu))
                await self._wait_for_ack()
        self._sending = None
        return number

    async def transmit(self, number: int, packets: list[bytes]) -> None:
        """Send Generic Provisioning PDUs once, as the manners have it."""
        if self.manners.shuffled:
            packets = list(packets)
            self._dice.shuffle(packets)
        for packet in packets:
            await self.packet(number, packet)

    async def packet(self, number: int, packet: bytes) -> None:
        """Send one Generic Provisioning PDU, after its delay."""
        await asyncio.sleep(self._dice.between(*self.manners.delay))
        low, high = self.manners.copies
        for _ in range(low + self._dice.below(high - low + 1)):
            await self.antenna.send(PB_ADV, self.link_id + bytes([number]) + packet)

    async def receive(self) -> bytes:
        """Return the next PDU; raises `LinkClosedError` when there will be none."""
        waiting = asyncio.ensure_future(self._inbox.get())
        await self._either(waiting)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        raise LinkClosedError(self._closed.result())

    async def closed(self) -> int:
        """Wait until the other end closes the link; return its reason."""
        return await asyncio.shield(self._closed)

    async def close(self, reason: int = 0) -> None:
        """Say that the link is closed, and hear no more of it."""
        self.leave()
        for _ in range(self.manners.closes):
            await self.packet(0, bytes([CLOSE, reason]))

    def leave(self) -> None:
        """Hear and send no more."""
        if self._on_heard in self.antenna.listeners:
            self.antenna.listeners.remove(self._on_heard)
        for task in tuple(self._tasks):
            task.cancel()

    def next_number(self) -> int:
        """Take the next transaction number."""
        number, self._number = self._number, (self._number + 1) % 0x80 | self.half
        self.sent.append(number)
        return number

    async def _either(self, waiting: asyncio.Future[Any], seconds: float | None = None) -> None:
        """Wait until it is done, or the link is closed."""
        ends: list[asyncio.Future[Any]] = [waiting, self._closed]
        await asyncio.wait(ends, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)

    async def _wait_for_ack(self) -> None:
        waiting = asyncio.ensure_future(self._acked.wait())
        await self._either(waiting, self.manners.retransmit)
        waiting.cancel()
        if self._closed.done() and not self._acked.is_set():
            raise LinkClosedError(self._closed.result())

    def _on_heard(self, heard: Heard) -> None:
        if heard.kind != PB_ADV or heard.data[:4] != self.link_id:
            return
        number, packet = heard.data[4], heard.data[5:]
        if packet[0] & 3 == 3:
            self._on_control(packet)
        elif packet == ACK:
            if number == self._sending:
                self._acked.set()
        elif not (self.manners.deaf_while_sending and self._sending is not None):
            self._on_segment(number, packet)

    def _on_control(self, packet: bytes) -> None:
        if packet[0] == OPENED:
            self.opened.set()
        elif packet[0] == CLOSE and not self._closed.done():
            self._closed.set_result(packet[1])
        elif packet[0] == OPEN and self.half and not self.acknowledged:
            self._start(self.packet(0, bytes([OPENED])))

    def _on_segment(self, number: int, packet: bytes) -> None:
        if number != self._expected:  # numbers come again, so that is asked first
            if number in self.acknowledged:
                self._acknowledge(number)
            return
        pdu = self._collected.add(packet)
        if pdu is not None:
            self._expected = (number + 1) % 0x80 | (self.half ^ 0x80)
            self._collected = Collected()
            self.acknowledged.append(number)
            self._acknowledge(number)
            self._inbox.put_nowait(pdu)

    def _acknowledge(self, number: int) -> None:
        self._ack = self._start(self._acknowledge_soon(number))

    async def _acknowledge_soon(self, number: int) -> None:
        await asyncio.sleep(self.manners.ack_after)
        await self.packet(number, ACK)

    def _start(self, running: object) -> asyncio.Task[None]:
        assert asyncio.iscoroutine(running)
        task: asyncio.Task[None] = asyncio.ensure_future(running)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def open_link(antenna: Antenna, uuid: bytes, manners: Manners, dice: Dice) -> Link:
    """Open a link to the device `uuid`, as a Provisioner (5.3.2)."""
    link = Link(antenna, dice.octets(4), 0x00, manners, dice)
    async with asyncio.timeout(60):
        while not link.opened.is_set():
            await link.packet(0, bytes([OPEN]) + uuid)
            with suppress(TimeoutError):
                await asyncio.wait_for(link.opened.wait(), manners.open_every)
    if manners.opens_on:
        for _ in range(3):
            await link.packet(0, bytes([OPEN]) + uuid)
    return link


async def opened_link(antenna: Antenna, uuid: bytes, manners: Manners, dice: Dice) -> Link:
    """Wait until a Provisioner opens a link to the device `uuid`, and acknowledge it."""
    opened: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def on_heard(heard: Heard) -> None:
        asked = heard.kind == PB_ADV and heard.data[5:] == bytes([OPEN]) + uuid
        if asked and not opened.done():
            opened.set_result(heard.data[:4])

    antenna.listeners.append(on_heard)
    try:
        link_id = await opened
    finally:
        antenna.listeners.remove(on_heard)
    link = Link(antenna, link_id, 0x80, manners, dice)
    await link.packet(0, bytes([OPENED]))
    return link
