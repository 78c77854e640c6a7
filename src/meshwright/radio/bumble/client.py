"""The client's end: connect, negotiate the MTU, find the service and enable its notifications."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Coroutine
from functools import partial
from typing import Any

from bumble import att, hci
from bumble.core import UUID, BaseBumbleError
from bumble.device import Connection
from bumble.gatt import GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR as _CONFIGURATION
from bumble.gatt_client import CharacteristicProxy

from meshwright.radio.bumble.attributes import Attributes
from meshwright.radio.bumble.connection import BumbleConnection
from meshwright.radio.bumble.host import ControllerHost
from meshwright.radio.bumble.initiator import Initiator, NotConnectedError
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import DATA_IN, DATA_OUT, MeshService

_LARGEST_MTU = 517
_SET_UP_LIMIT = 20.0
_SWITCH_LIMIT = 10.0
_LOOK_AGAIN = 0.2
_EARLY = 256
"""Values kept that come before everything is set up: a proxy speaks at once."""


class ClientConnection(BumbleConnection):
    """A connection that we make."""

    def __init__(
        self,
        host: ControllerHost,
        service: MeshService,
        attributes: Attributes,
        initiator: Initiator,
    ) -> None:
        super().__init__(host, service)
        self._attributes = attributes
        self._initiator = initiator
        self._unwanted = asyncio.Event()
        self._data_in: CharacteristicProxy[bytes] | None = None
        self._early: deque[bytes] = deque()

    def connect(self, address: hci.Address) -> None:
        """Begin to connect to `address`."""
        self.spawn(self._connect(address))

    def _send(self, link: Connection, value: bytes) -> None:
        assert self._data_in is not None  # noqa: S101 - found before the connection is ready
        command = att.ATT_Write_Command(
            attribute_handle=self._data_in.handle, attribute_value=value
        )
        link.gatt_client.send_gatt_pdu(bytes(command))

    def _switch(self) -> None:
        if self._link is not None:
            self.spawn(self._guarded(self._find_again(self._link), _SWITCH_LIMIT))

    async def _give_up(self) -> None:
        self._unwanted.set()

    async def _connect(self, address: hci.Address) -> None:
        try:
            handle = await self._initiator.connect(address, self._unwanted)
        except NotConnectedError as error:
            self.end(f"There is no connection: {error}")
            return
        except RadioError as error:
            self.end(str(error))
            return
        link = self._attributes.device.lookup_connection(handle)
        if link is None:
            self.end("The connection was lost at once.")
            return
        self.attach(link)
        if self._unwanted.is_set():
            await self._leave()
        else:
            await self._guarded(self._set_up(link), _SET_UP_LIMIT)

    async def _guarded(self, work: Coroutine[Any, Any, None], limit: float) -> None:
        try:
            async with asyncio.timeout(limit):
                await work
        except TimeoutError:
            self.fail("The other end does not answer.")
        except _MissingError as missing:
            self.fail(str(missing))
        except BaseBumbleError:
            self.fail("The other end refuses what every mesh service allows.")
        except asyncio.CancelledError:  # Bumble cancels what waits for an answer when a link ends
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise

    async def _set_up(self, link: Connection) -> None:
        with contextlib.suppress(att.ATT_Error):  # then it stays at the smallest
            await link.gatt_client.request_mtu(_LARGEST_MTU)
        await self._find(link)
        self._begin()

    async def _find_again(self, link: Connection) -> None:
        while not self.over:
            try:
                await self._find(link)
            except _MissingError:
                await asyncio.sleep(_LOOK_AGAIN)
            else:
                self._begin()
                return

    async def _find(self, link: Connection) -> None:
        client, service = link.gatt_client, self.service
        found = await client.discover_service(UUID.from_16_bits(service))
        if not found:
            raise _MissingError(f"The other end has no service {service:#06x}.")
        uuids = [UUID.from_16_bits(kind[service]) for kind in (DATA_IN, DATA_OUT)]
        characteristics = await client.discover_characteristics(uuids, found[0])
        by_uuid = {one.uuid: one for one in characteristics}
        data_in, data_out = (by_uuid.get(uuid) for uuid in uuids)
        if data_in is None or data_out is None:
            raise _MissingError(f"The service {service:#06x} of the other end is not whole.")
        await client.discover_descriptors(data_out)
        if data_out.get_descriptor(_CONFIGURATION) is None:
            raise _MissingError("The other end cannot notify.")
        self._early.clear()
        await client.subscribe(data_out, partial(self._notified, service))
        self._data_in = data_in

    def _begin(self) -> None:
        self.opened()
        while self._early:
            self.deliver(self._early.popleft())

    def _notified(self, service: MeshService, value: bytes) -> None:
        if service is not self.service:
            return
        if self._open:
            self.deliver(value)
        elif len(self._early) < _EARLY:
            self._early.append(value)
        else:
            self.fail("The other end says too much at once.")


class _MissingError(Exception):
    """The other end lacks what it advertises; the text is for people."""
