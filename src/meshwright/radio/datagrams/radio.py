"""A radio made of datagram sockets: it joins any stack or simulator on the same machine.

One datagram is one advertising structure, so nothing says who sent it or how strong it was. As on
an air nobody is sure to hear: what the other side has no room for, or nobody is there to take, is
lost and was transmitted all the same. Pacing is kept for the sake of those who listen: on Linux a
Unix socket holds ten packets, which at 10 ms a packet gives its reader a tenth of a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256

from meshwright.radio.datagrams.sockets import Address, Bound, bind
from meshwright.radio.datagrams.spec import DatagramSpec, parse
from meshwright.radio.errors import RadioBusyError
from meshwright.radio.interests import Pattern
from meshwright.radio.port import Listener, Report, check_payload
from meshwright.radio.station import Station


@dataclass(slots=True)
class DatagramStatistics:
    """Datagrams since the start; `lost` are those that the system did not take."""

    sent: int = 0
    lost: int = 0
    heard: int = 0
    malformed: int = 0


class DatagramRadio(asyncio.DatagramProtocol):
    """Sends to every remote of `spec`, and hears whoever sends to its local address."""

    predictable_allowed = False

    def __init__(self, spec: DatagramSpec, bound: Bound, loop: asyncio.AbstractEventLoop) -> None:
        self.address = _made_up_address(spec)
        self.pacing = spec.pacing
        self.statistics = DatagramStatistics()
        self._framing = spec.framing
        self._bound = bound
        self._loop = loop
        self._listener: Listener | None = None
        self._ready = True
        self._rest: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()

    @property
    def ready(self) -> bool:
        return self._ready

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener
        self._loop.call_soon(self._tell_ready)

    def narrow(self, wanted: Collection[Pattern] | None) -> None:
        """Filter nothing: whoever listens looks at every packet anyway."""

    def transmit(self, payload: bytes) -> None:
        if not self._ready:
            raise RadioBusyError("the radio takes one packet at a time; wait until it is ready")
        check_payload(payload)
        self._ready = False
        for datagram in self._framing.datagrams(payload):
            for remote in self._bound.remotes:
                self._send(datagram, remote)
        loop = self._loop
        loop.call_soon(self._transmitted, self._listener)
        self._rest = loop.call_at(loop.time() + self.pacing.interval, self._rested)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """Report one datagram; it may come from anybody."""
        del addr
        payload = self._framing.payload(data)
        if payload is None:
            self.statistics.malformed += 1
            return
        self.statistics.heard += 1
        if self._listener is not None:
            self._listener.heard(Report(payload), self._loop.time())

    def error_received(self, exc: Exception) -> None:
        """Care for nothing: an earlier datagram found nobody."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Learn that the socket is closed."""
        del exc
        self._closed.set()

    async def leave(self, transport: asyncio.DatagramTransport) -> None:
        """Take the radio off the air, for good."""
        self._ready = False
        self._listener = None
        if self._rest is not None:
            self._rest.cancel()
        if not transport.is_closing():
            self._bound.release()
            transport.close()
        await self._closed.wait()

    def _send(self, datagram: bytes, remote: Address) -> None:
        # Not through the transport, which would keep what the system does not take and send it
        # late.
        try:
            self._bound.sock.sendto(datagram, remote)
        except OSError:  # nobody there, no room, no way
            self.statistics.lost += 1
        else:
            self.statistics.sent += 1

    def _transmitted(self, sender: Listener | None) -> None:
        if sender is not None and sender is self._listener:
            sender.transmitted(self._loop.time())

    def _rested(self) -> None:
        self._ready = True
        self._tell_ready()

    def _tell_ready(self) -> None:
        if self._ready and self._listener is not None:
            self._listener.ready(self._loop.time())


async def open_station(spec: str) -> Station:
    """Open the radio that `spec` describes; see `meshwright.radio.datagrams.spec`.

    Raises `InputError` (`bad-radio`, `radio-address`, `radio-in-use`) and `MachineError`
    (`radio-permission`, `radio-unsupported`). Its timebase is the running loop.
    """
    loop = asyncio.get_running_loop()
    parsed = parse(spec)
    bound = await bind(parsed)
    transport, radio = await loop.create_datagram_endpoint(
        lambda: DatagramRadio(parsed, bound, loop), sock=bound.sock
    )
    return Station(spec, loop, lambda: radio.leave(transport), radio)


def _made_up_address(spec: DatagramSpec) -> bytes:
    """Return an address for the local end, of the kind "static random" (Core, Vol 6, B, 1.3.2.1).

    Nobody hears it; it is there for whoever writes down who sent.
    """
    first, *others = sha256(f"{spec.scheme}:{spec.local}".encode()).digest()[:6]
    return bytes([first | 0xC0, *others])
