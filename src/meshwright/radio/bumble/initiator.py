"""Making connections: a controller makes one at a time, and some cannot listen meanwhile."""

from __future__ import annotations

import asyncio
import contextlib

from bumble import hci
from bumble.core import PhysicalTransport

from meshwright.radio.bumble.errors import RadioRefusedError
from meshwright.radio.bumble.opening import Controller
from meshwright.radio.errors import RadioError

CONNECT_LIMIT = 20.0
"""Seconds in which whoever was heard must be heard again."""

_CANCEL_LIMIT = 1.0
_SCAN = 96  # 60 ms, all of the time
_INTERVAL_MIN, _INTERVAL_MAX = 12, 24  # 15 and 30 ms
_SUPERVISION = 400  # 4 s


class NotConnectedError(Exception):
    """Nobody accepted a connection, or it was no longer wanted; the text is for people."""


class Initiator:
    """Makes the connections of one controller, one after the other."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._host = controller.host
        self._turn = asyncio.Lock()
        self._made: asyncio.Future[int] | None = None
        self._host.on("connection_failure", self._failed)

    async def connect(self, address: hci.Address, unwanted: asyncio.Event) -> int:
        """Return the handle of a connection to `address`, unless it becomes `unwanted`.

        Raises `NotConnectedError` and `RadioError`.
        """
        async with self._turn:
            if unwanted.is_set():
                raise NotConnectedError("The connection was closed here.")
            self._made = asyncio.get_running_loop().create_future()
            paused = await self._begin(address)
            try:
                return await self._wait(self._made, unwanted)
            finally:
                self._made = None
                if paused:
                    with contextlib.suppress(RadioError):
                        await self._controller.scanner.start()

    def made(self, handle: int) -> bool:
        """Learn of a connection that we began; tell whether anybody waits for it."""
        if self._made is None or self._made.done():
            return False
        self._made.set_result(handle)
        return True

    def _failed(self, transport: PhysicalTransport, _peer: hci.Address, status: int) -> None:
        if transport == PhysicalTransport.LE and self._made is not None and not self._made.done():
            self._made.set_exception(NotConnectedError(f"HCI error {status:#04x}."))

    async def _begin(self, address: hci.Address) -> bool:
        """Order the connection; tell whether scanning was stopped for it."""
        try:
            await self._host.order(self._command(address))
        except RadioRefusedError as refused:
            if refused.status != hci.HCI_COMMAND_DISALLOWED_ERROR:
                raise
            await self._controller.scanner.stop()
            await self._host.order(self._command(address))
            return True
        return False

    async def _wait(self, made: asyncio.Future[int], unwanted: asyncio.Event) -> int:
        stop = asyncio.ensure_future(unwanted.wait())
        try:
            await asyncio.wait(
                (made, stop), timeout=CONNECT_LIMIT, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stop.cancel()
        if not made.done():
            await self._cancel(made)
        return await made

    async def _cancel(self, made: asyncio.Future[int]) -> None:
        with contextlib.suppress(RadioRefusedError):  # it was made just now
            await self._host.ask(hci.HCI_LE_Create_Connection_Cancel_Command())
        await asyncio.wait((made,), timeout=_CANCEL_LIMIT)
        if not made.done() or made.exception() is not None:
            raise NotConnectedError("It was not heard again, or refused to be connected.")

    def _command(self, address: hci.Address) -> hci.HCI_AsyncCommand:
        if self._controller.extended:
            return hci.HCI_LE_Extended_Create_Connection_Command(
                initiator_filter_policy=0,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=address.address_type,
                peer_address=address,
                initiating_phys=1,
                scan_intervals=[_SCAN],
                scan_windows=[_SCAN],
                connection_interval_mins=[_INTERVAL_MIN],
                connection_interval_maxs=[_INTERVAL_MAX],
                max_latencies=[0],
                supervision_timeouts=[_SUPERVISION],
                min_ce_lengths=[0],
                max_ce_lengths=[0],
            )
        return hci.HCI_LE_Create_Connection_Command(
            le_scan_interval=_SCAN,
            le_scan_window=_SCAN,
            initiator_filter_policy=0,
            peer_address_type=address.address_type,
            peer_address=address,
            own_address_type=hci.OwnAddressType.RANDOM,
            connection_interval_min=_INTERVAL_MIN,
            connection_interval_max=_INTERVAL_MAX,
            max_latency=0,
            supervision_timeout=_SUPERVISION,
            min_ce_length=0,
            max_ce_length=0,
        )
