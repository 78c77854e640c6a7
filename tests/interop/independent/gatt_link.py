"""PB-GATT as a pair of coroutines, with a Proxy SAR written from the text alone (6.3)."""

from __future__ import annotations

import asyncio
from collections import deque

from tests.interop.independent.link import LinkClosedError
from tests.interop.independent.speech import ComplaintError

from meshwright.radio.gatt import GattConnection

PROVISIONING = 0x03
COMPLETE, FIRST, NEXT, LAST = 0x00, 0x40, 0x80, 0xC0


def proxy_pdus(pdu: bytes, size: int) -> list[bytes]:
    """Cut a message into Proxy PDUs of at most `size` octets."""
    pieces = [pdu[at : at + size - 1] for at in range(0, len(pdu), size - 1)]
    if len(pieces) == 1:
        return [bytes([COMPLETE | PROVISIONING]) + pdu]
    sars = [FIRST, *[NEXT] * (len(pieces) - 2), LAST]
    return [bytes([sar | PROVISIONING]) + each for sar, each in zip(sars, pieces, strict=True)]


class GattLink:
    """One end of a connection, either side."""

    def __init__(self) -> None:
        self.connection: GattConnection | None = None
        self.size = 0
        """Octets of the largest Proxy PDU: ATT_MTU less 3."""
        self.values: list[bytes] = []
        """Everything that was heard."""
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[int] = loop.create_future()
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()
        self._waiting: deque[bytes] = deque()
        self._whole: bytes | None = None

    async def send(self, pdu: bytes) -> int:
        """Send a message; return nothing of interest."""
        assert self.connection is not None
        if self._closed.done():
            raise LinkClosedError(self._closed.result())
        self._waiting.extend(proxy_pdus(pdu, self.size))
        self.ready(0.0)
        return 0

    async def receive(self) -> bytes:
        """Return the next message; raises `LinkClosedError` when there will be none."""
        waiting = asyncio.ensure_future(self._inbox.get())
        ends: list[asyncio.Future[bytes] | asyncio.Future[int]] = [waiting, self._closed]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        waiting.cancel()
        raise LinkClosedError(self._closed.result())

    async def closed(self) -> int:
        """Wait until the connection ends; PB-GATT has no reasons (5.2.2)."""
        return await asyncio.shield(self._closed)

    # What the connection tells.

    def connected(self, mtu: int, now: float) -> None:
        del now
        self.size = mtu - 3
        self.opened.set_result(None)

    def received(self, value: bytes, now: float) -> None:
        del now
        self.values.append(value)
        sar, kind, piece = value[0] & 0xC0, value[0] & 0x3F, value[1:]
        begun = self._whole is not None
        if kind != PROVISIONING or begun != (sar in (NEXT, LAST)):
            raise ComplaintError(f"{value.hex()} does not follow")
        if sar in (FIRST, NEXT) and len(value) != self.size:
            raise ComplaintError(f"{value.hex()} is not full")
        self._whole = (self._whole or b"") + piece
        if sar in (COMPLETE, LAST):
            self._inbox.put_nowait(self._whole)
            self._whole = None

    def ready(self, now: float) -> None:
        del now
        while self._waiting and self.connection is not None and self.connection.ready:
            self.connection.send(self._waiting.popleft())

    def disconnected(self, now: float, reason: str | None) -> None:
        del now, reason
        if not self._closed.done():
            self._closed.set_result(-1)
