"""A client's end of a GATT connection on the system's own stack.

Whoever listens is always told later, from the loop, whatever thread the system calls from. One
value at a time is handed to the system, which says when it has taken it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from bleak import BleakClient
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError

from meshwright.core.bearers.proxy_sar import value_size
from meshwright.radio.bleak.errors import reason_of
from meshwright.radio.bleak.link import Line, Link, MissingError
from meshwright.radio.bleak.stack import CONNECT_LIMIT, Stack
from meshwright.radio.errors import RadioBusyError
from meshwright.radio.gatt import SMALLEST_MTU, GattListener, MeshService, check_value

_SUBSCRIBE_LIMIT = 10.0
_SWITCH_LIMIT = 15.0
_LOOK_AGAIN = 0.2
_WRITE_LIMIT = 10.0
_DRAIN_LIMIT = 1.0
_CANCEL_LIMIT = 5.0
_EARLY = 256
"""Values kept that come before everything is set up: a proxy speaks at once."""
_LONGEST_VALUE = value_size(517)

_CLOSED_HERE = "The connection was closed here."
_CLOSED_THERE = "The other end closed the connection, or is out of range."


class BleakConnection:
    """A connection, from the wish to have it to its end.

    `turn` is held while the link is made: systems fail to make two at a time. `on_gone` is called
    when nothing is left of it.
    """

    def __init__(
        self,
        stack: Stack,
        device: BLEDevice,
        service: MeshService,
        loop: asyncio.AbstractEventLoop,
        turn: asyncio.Lock,
    ) -> None:
        self.service = service
        self.on_gone: Callable[[BleakConnection], object] | None = None
        self._loop = loop
        self._turn = turn
        self._link = Link(stack, device, loop, self._notified, self._lost)
        self._line: Line | None = None
        self._mtu = SMALLEST_MTU
        self._listener: GattListener | None = None
        self._open = False
        self._over = False
        self._leaving = False
        self._why = _CLOSED_HERE
        self._early: deque[bytes] = deque()
        self._setting_up: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # What the port demands.

    @property
    def mtu(self) -> int:
        return self._mtu if self._open else SMALLEST_MTU

    @property
    def ready(self) -> bool:
        return self._open and not self._leaving and self._writing is None

    def send(self, value: bytes) -> None:
        if not self.ready or self._line is None:
            raise RadioBusyError("The connection takes no value now; wait until it is ready.")
        check_value(value, self.mtu)
        self._writing = self._spawn(self._write(self._line, value))

    def disconnect(self) -> None:
        if not self._leaving:
            self._leaving = True
            self._spawn(self._leave())

    def listen(self, listener: GattListener | None) -> None:
        self._listener = listener

    def switch(self, service: MeshService) -> None:
        if self._over or self._leaving:
            return  # the listener learns of the end, or has
        self._open = False
        self._early.clear()
        self.service = service
        if self._setting_up is None:
            self._set_up(self._look_until_found())

    # From the wish to values.

    def connect(self) -> None:
        """Begin."""
        self._set_up(self._connect())

    def fail(self, reason: str) -> None:
        """Disconnect because of `reason`."""
        if not self._leaving:
            self._why = reason
            self.disconnect()

    async def finish(self) -> None:
        """Disconnect and wait until that is done."""
        self.disconnect()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=2 * _CANCEL_LIMIT)

    def _set_up(self, work: Coroutine[Any, Any, None]) -> None:
        self._setting_up = self._spawn(self._guarded(work))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except MissingError as missing:
            self.fail(str(missing))
        except Exception as error:  # noqa: BLE001 - systems raise what their libraries raise
            self.fail(reason_of(error))
        except asyncio.CancelledError:  # some systems cancel what waits when a link ends
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            self.fail(_CLOSED_THERE)
        finally:
            self._setting_up = None

    async def _connect(self) -> None:
        async with self._turn, asyncio.timeout(CONNECT_LIMIT):
            client = await self._link.connect()
        wanted = self.service
        await self._subscribe(client)
        if wanted is self.service:
            self._opened()
        else:
            await self._look_until_found()

    async def _subscribe(self, client: BleakClient) -> None:
        async with asyncio.timeout(_SUBSCRIBE_LIMIT):
            self._line = await self._link.subscribe(client, self.service)

    async def _look_until_found(self) -> None:
        """Use the service of the present as soon as the other end has it."""
        pause = _LOOK_AGAIN
        async with asyncio.timeout(_SWITCH_LIMIT):
            while True:
                wanted = self.service
                try:
                    await self._subscribe(await self._link.connect())
                except (MissingError, BleakError):  # services may change while we look
                    await asyncio.sleep(pause)
                    pause *= 2  # each look costs the system a client
                else:
                    if wanted is self.service:
                        break
        self._opened()

    def _opened(self) -> None:
        if self._over or self._leaving or self._line is None:
            return
        self._open, self._mtu = True, self._line.mtu
        self._tell(lambda listener, now: listener.connected(self._mtu, now))
        while self._early:
            self._deliver(self._early.popleft())

    # Values.

    async def _write(self, line: Line, value: bytes) -> None:
        try:
            async with asyncio.timeout(_WRITE_LIMIT):
                await line.write(value)
        except Exception as error:  # noqa: BLE001 - systems raise what their libraries raise
            self.fail(reason_of(error))
        finally:
            self._writing = None
        if self.ready:
            self._tell(lambda listener, now: listener.ready(now))

    def _notified(self, service: MeshService, value: bytes) -> None:
        if service is not self.service or self._over:
            return
        if self._open:
            self._deliver(value)
        elif len(self._early) < _EARLY:
            self._early.append(value)
        else:
            self.fail("The other end says too much at once.")

    def _deliver(self, value: bytes) -> None:
        """Tell of a value, unless no honest end would have sent it.

        The MTU that the system tells may be too small, so it is no limit here.
        """
        if 0 < len(value) <= _LONGEST_VALUE:
            self._tell(lambda listener, now: listener.received(value, now))

    # The end.

    def _lost(self) -> None:
        """Learn from the system that the link is gone."""
        if self._over:
            return
        self._end(self._why if self._leaving else _CLOSED_THERE)
        self.disconnect()

    async def _leave(self) -> None:
        if self._setting_up is not None:
            self._setting_up.cancel()
            await asyncio.wait((self._setting_up,), timeout=_CANCEL_LIMIT)
        if self._writing is not None:
            await asyncio.wait((self._writing,), timeout=_DRAIN_LIMIT)
        await self._link.hang_up()
        self._end(self._why)
        if self.on_gone is not None:
            self.on_gone(self)

    def _end(self, reason: str) -> None:
        """Tell, once, that the connection is gone."""
        if self._over:
            return
        self._over, self._open = True, False
        self._tell(lambda listener, now: listener.disconnected(now, reason))

    def _tell(self, what: Callable[[GattListener, float], object]) -> None:
        """Call whoever listens then, soon."""
        self._loop.call_soon(self._tell_now, what)

    def _tell_now(self, what: Callable[[GattListener, float], object]) -> None:
        if self._listener is not None:
            what(self._listener, self._loop.time())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
