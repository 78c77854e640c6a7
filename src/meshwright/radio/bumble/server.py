"""The server's end: a client connects, enables notifications, and values flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bumble.device import Connection

from meshwright.radio.bumble.attributes import Attributes
from meshwright.radio.bumble.connection import BumbleConnection
from meshwright.radio.bumble.host import ControllerHost
from meshwright.radio.gatt import GattConnection, GattListener, MeshService

SUBSCRIBE_LIMIT = 15.0
"""Seconds in which a client must enable notifications; it keeps all others away."""

Accept = Callable[[GattConnection, float], GattListener]


class ServerConnection(BumbleConnection):
    """A connection that a client made to us."""

    def __init__(
        self, host: ControllerHost, service: MeshService, attributes: Attributes, accept: Accept
    ) -> None:
        super().__init__(host, service)
        self._attributes = attributes
        self._accept: Accept | None = accept
        self._patience: asyncio.TimerHandle | None = None

    def attach(self, link: Connection) -> None:
        super().attach(link)
        self._be_patient()

    def subscribed(self, *, enabled: bool) -> None:
        """Learn that the client enabled or disabled notifications."""
        if not enabled:
            self.fail("The other end disabled notifications.")
        elif not self._open:
            self._calm()
            self._loop.call_soon(self._offer)

    def end(self, reason: str | None) -> None:
        self._calm()
        super().end(reason)

    def _offer(self) -> None:
        accept, self._accept = self._accept, None
        if accept is not None and not self._leaving:
            self.listen(accept(self, self._loop.time()))
        self.opened()

    def _send(self, link: Connection, value: bytes) -> None:
        self._attributes.notify(link, self.service, value)

    def _switch(self) -> None:
        self._attributes.expose(self.service)
        self._be_patient()

    async def _give_up(self) -> None:
        """Do nothing: the client was there first."""

    def _be_patient(self) -> None:
        self._calm()
        self._patience = self._loop.call_later(
            SUBSCRIBE_LIMIT, self.fail, "The other end does not enable notifications."
        )

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
