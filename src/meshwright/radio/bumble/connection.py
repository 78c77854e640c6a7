"""One end of a GATT connection on Bumble: what clients and servers have in common.

Bumble cuts what is too long without a word, so sizes are checked here, both ways. Whoever listens
is always told later, from the loop: never within a call of his, and never within Bumble, which
would hide what he raises.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import Any

from bumble import hci
from bumble.device import Connection

from meshwright.core.bearers.proxy_sar import value_size
from meshwright.radio.bumble.host import ControllerHost
from meshwright.radio.errors import RadioBusyError, RadioError
from meshwright.radio.gatt import SMALLEST_MTU, GattListener, MeshService, check_value

_DRAIN_LIMIT = 1.0
_DISCONNECT_LIMIT = 3.0

_CLOSED_HERE = "The connection was closed here."

_REASONS = {
    hci.HCI_CONNECTION_TIMEOUT_ERROR: "The other end is out of range or was switched off.",
    hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR: "The other end closed the connection.",
    hci.HCI_REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR: (
        "The other end was switched off."
    ),
    hci.HCI_CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR: _CLOSED_HERE,
    hci.HCI_CONNECTION_FAILED_TO_BE_ESTABLISHED_ERROR: "The other end did not follow.",
}


def reason_of(status: int) -> str:
    """Say what an HCI error means for a connection."""
    return _REASONS.get(status, f"The connection ended with HCI error {status:#04x}.")


class BumbleConnection(ABC):
    """A connection, from the wish to have it to its end."""

    def __init__(self, host: ControllerHost, service: MeshService) -> None:
        self.service = service
        self.on_over: Callable[[BumbleConnection], object] | None = None
        self._host = host
        self._loop = host.loop
        self._listener: GattListener | None = None
        self._link: Connection | None = None
        self._open = False
        self._over = False
        self._leaving = False
        self._why = _CLOSED_HERE
        self._waiting = False
        self._tasks: set[asyncio.Task[None]] = set()

    # What the port demands.

    @property
    def mtu(self) -> int:
        return self._link.att_mtu if self._link is not None and self._open else SMALLEST_MTU

    @property
    def ready(self) -> bool:
        usable = self._open and not self._leaving and not self._host.gone
        return usable and not self._congested

    def send(self, value: bytes) -> None:
        if not self.ready or self._link is None:
            raise RadioBusyError("The connection takes no value now; wait until it is ready.")
        check_value(value, self.mtu)
        self._send(self._link, value)
        self._waiting = self._congested

    def disconnect(self) -> None:
        if not self._leaving:
            self._leaving = True
            self.spawn(self._leave())

    def listen(self, listener: GattListener | None) -> None:
        self._listener = listener

    def switch(self, service: MeshService) -> None:
        if self._over or self._leaving:
            return  # the listener learns of the end, or has
        self._open = False
        self.service = service
        self._switch()

    # What the two ends do differently.

    @abstractmethod
    def _send(self, link: Connection, value: bytes) -> None:
        """Send a value that fits."""

    @abstractmethod
    def _switch(self) -> None:
        """Get the values of `service` flowing, then call `opened`."""

    @abstractmethod
    async def _give_up(self) -> None:
        """Stop making a connection that does not exist yet."""

    # What happens to it.

    def attach(self, link: Connection) -> None:
        """Use `link` from now on."""
        self._link = link
        link.on(link.EVENT_DISCONNECTION, self._disconnected)

    def carries(self, link: Connection, service: MeshService) -> bool:
        """Tell whether values of `service` on `link` belong here."""
        return link is self._link and service is self.service

    def opened(self) -> None:
        """Tell that values flow."""
        if self._over or self._leaving:
            return
        self._open = True
        self.tell(lambda listener, now: listener.connected(self.mtu, now))

    def deliver(self, value: bytes) -> None:
        """Tell of a value, unless no honest end would have sent it."""
        if self._open and 0 < len(value) <= value_size(self.mtu):
            self.tell(lambda listener, now: listener.received(value, now))

    def flow(self) -> None:
        """Learn that the controller has room again."""
        if self._waiting and self.ready:
            self._waiting = False
            self.tell(lambda listener, now: listener.ready(now))

    def end(self, reason: str | None) -> None:
        """Tell, once, that the connection is gone."""
        if self._over:
            return
        self._over = self._leaving = True
        self._open = False
        self.tell(lambda listener, now: listener.disconnected(now, reason))
        if self.on_over is not None:
            self.on_over(self)

    def fail(self, reason: str) -> None:
        """Disconnect because of `reason`."""
        if not self._leaving:
            self._why = reason
            self.disconnect()

    @property
    def over(self) -> bool:
        """Tell whether the connection is gone."""
        return self._over

    def tell(self, what: Callable[[GattListener, float], object]) -> None:
        """Call whoever listens then, soon."""
        self._loop.call_soon(self._tell, what)

    def _tell(self, what: Callable[[GattListener, float], object]) -> None:
        if self._listener is not None:
            what(self._listener, self._loop.time())

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run `work` beside everything else."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def finish(self) -> None:
        """Disconnect and wait until that is done."""
        self.disconnect()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_DRAIN_LIMIT + _DISCONNECT_LIMIT)

    @property
    def _congested(self) -> bool:
        queue = self._host.le_acl_packet_queue
        return queue is None or queue.pending >= queue.max_in_flight

    def _disconnected(self, status: int) -> None:
        if self._leaving:
            self.end(self._why)
        else:
            self.end(reason_of(status) if status else "The radio was lost.")

    async def _leave(self) -> None:
        if self._link is None:
            await self._give_up()
            return
        await self._drain(self._link.handle)
        if self._over:
            return
        command = hci.HCI_Disconnect_Command(
            connection_handle=self._link.handle,
            reason=hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR,
        )
        with contextlib.suppress(RadioError):  # gone already, which is what was asked for
            await self._host.order(command)
            await self._ended()
        self.end(self._why)

    async def _drain(self, handle: int) -> None:
        """Wait until all that was sent has left (its link layer says so)."""
        queue = self._host.le_acl_packet_queue
        if queue is not None:
            with contextlib.suppress(TimeoutError, ValueError):  # Bumble: it never sent anything
                await asyncio.wait_for(queue.drain(handle), _DRAIN_LIMIT)

    async def _ended(self) -> None:
        ended: asyncio.Future[None] = self._loop.create_future()

        def end(_reason: int) -> None:
            if not ended.done():
                ended.set_result(None)

        if self._link is None or self._over:
            return
        self._link.on(self._link.EVENT_DISCONNECTION, end)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended, _DISCONNECT_LIMIT)
