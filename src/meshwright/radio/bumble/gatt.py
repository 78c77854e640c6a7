"""GATT on any HCI controller, through Bumble: both ends, beside the packets of the bearers."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bumble import hci
from bumble.device import Connection

from meshwright.core.discovery.service_data import advertisement, from_advertisement
from meshwright.radio.bumble.attributes import Attributes
from meshwright.radio.bumble.client import ClientConnection
from meshwright.radio.bumble.connection import BumbleConnection
from meshwright.radio.bumble.errors import RadioRefusedError
from meshwright.radio.bumble.initiator import Initiator
from meshwright.radio.bumble.opening import Controller
from meshwright.radio.bumble.reports import Heard
from meshwright.radio.bumble.server import Accept, ServerConnection
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import GattConnection, GattListener, MeshService, ServiceReport

_TRY_AGAIN = 1.0
"""Seconds after a controller refused to advertise a service, as some do at times."""


@dataclass(frozen=True, slots=True)
class BumblePeer:
    """Whom to connect to."""

    address_type: int
    address: bytes


@dataclass(frozen=True, slots=True)
class _Serving:
    """What is advertised, and who takes clients."""

    service: MeshService
    data: Callable[[], bytes]
    accept: Accept
    interval: float

    def payload(self) -> bytes:
        return advertisement(self.service, self.data())


class BumbleGatt:
    """Client and server of one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._host = controller.host
        self._loop = asyncio.get_running_loop()
        self._attributes = Attributes(
            self._host, controller.address, self._written, self._subscribed
        )
        self._initiator = Initiator(controller)
        self._watcher: Callable[[ServiceReport, float], object] | None = None
        self._serving: _Serving | None = None
        self._quiet = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: ServerConnection | None = None
        self._connections: set[BumbleConnection] = set()
        self._host.on("le_connection", self._connected)
        if self._host.le_acl_packet_queue is not None:
            self._host.le_acl_packet_queue.on("flow", self._flow)

    # The client.

    def watch(self, on_report: Callable[[ServiceReport, float], object] | None) -> None:
        self._watcher = on_report

    def connect(self, report: ServiceReport, listener: GattListener) -> GattConnection:
        if not isinstance(report.peer, BumblePeer):
            raise TypeError("this report comes from another radio")
        connection = ClientConnection(self._host, report.service, self._attributes, self._initiator)
        connection.listen(listener)
        self._keep(connection)
        address = hci.Address(report.peer.address, hci.AddressType(report.peer.address_type))
        connection.connect(address)
        return connection

    def heard(self, heard: Heard) -> None:
        """Take the advertisement of somebody who can be connected to."""
        if self._watcher is None:
            return
        found = from_advertisement(heard.data)
        if found is not None:
            service, data = found
            peer = BumblePeer(heard.address_type, heard.address)
            report = ServiceReport(service, data, peer, heard.address[::-1], heard.rssi)
            self._watcher(report, self._loop.time())

    # The server.

    def serve(
        self,
        service: MeshService,
        data: Callable[[], bytes],
        accept: Callable[[GattConnection, float], GattListener],
        *,
        interval: float,
    ) -> None:
        self.stop()
        self._serving = _Serving(service, data, accept, interval)
        self._advertise()

    def stop(self) -> None:
        self._serving = None
        self._quiet.set()

    async def close(self) -> None:
        """Advertise no more and disconnect everybody; never raises."""
        self.stop()
        self._watcher = None
        for connection in list(self._connections):
            await connection.finish()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_TRY_AGAIN)

    def _advertise(self) -> None:
        serving = self._serving
        if serving is None or self._server is not None:
            return
        self._attributes.expose(serving.service)
        self._quiet = asyncio.Event()
        self._spawn(self._keep_advertising(serving, self._quiet))

    async def _keep_advertising(self, serving: _Serving, quiet: asyncio.Event) -> None:
        service_set = self._controller.service_set
        while not quiet.is_set():
            try:
                await service_set.serve(serving.payload, serving.interval, quiet)
            except RadioRefusedError:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(quiet.wait(), _TRY_AGAIN)
            except RadioError:
                return  # whoever owns the station has been told

    # What happens on the air.

    def _connected(self, handle: int, *facts: object) -> None:
        link = self._attributes.device.lookup_connection(handle)
        if link is None:
            return
        wanted = self._taken(link) if hci.Role.PERIPHERAL in facts else self._initiator.made(handle)
        if not wanted:
            self._spawn(self._turn_away(handle))

    def _taken(self, link: Connection) -> bool:
        """Let a client in, if anybody waits for one."""
        self._controller.service_set.ended()  # by the controller itself
        serving = self._serving
        if serving is None or self._server is not None:
            return False
        self._quiet.set()
        self._server = ServerConnection(
            self._host, serving.service, self._attributes, serving.accept
        )
        self._keep(self._server)
        self._server.attach(link)
        return True

    async def _turn_away(self, handle: int) -> None:
        command = hci.HCI_Disconnect_Command(
            connection_handle=handle, reason=hci.HCI_REMOTE_USER_TERMINATED_CONNECTION_ERROR
        )
        with contextlib.suppress(RadioError):
            await self._host.order(command)

    def _keep(self, connection: BumbleConnection) -> None:
        self._connections.add(connection)
        connection.on_over = self._forget

    def _forget(self, connection: BumbleConnection) -> None:
        self._connections.discard(connection)
        if connection is self._server:
            self._server = None
            self._advertise()

    def _written(self, link: Connection, service: MeshService, value: bytes) -> None:
        if self._server is not None and self._server.carries(link, service):
            self._server.deliver(value)

    def _subscribed(self, link: Connection, service: MeshService, enabled: bool) -> None:
        if self._server is not None and self._server.carries(link, service):
            self._server.subscribed(enabled=enabled)

    def _flow(self) -> None:
        for connection in tuple(self._connections):
            connection.flow()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
