"""The host side of HCI: Bumble's host, with a short way for reports and one way to ask.

Nobody but this module waits for a controller without a limit, and no exception of Bumble's leaves
`ask` and `order`: a controller that refuses, is silent or is gone says so in errors of ours.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from bumble import hci
from bumble.host import Host
from bumble.transport.common import Transport, TransportLostError

from meshwright.radio.bumble.errors import RadioLostError, RadioRefusedError, RadioSilentError
from meshwright.radio.bumble.reports import is_reports
from meshwright.radio.errors import RadioError

# Bumble tells the log about everything; without a handler Python would print it.
logging.getLogger("bumble").addHandler(logging.NullHandler())

_Answer = hci.HCI_Command_Complete_Event[Any] | hci.HCI_Command_Status_Event

RESET_LIMIT = 15.0
"""Seconds: a few controllers get their firmware first."""

ANSWER_LIMIT = 3.0

Parameters = TypeVar("Parameters", bound=hci.HCI_ReturnParameters)


class ControllerHost(Host):
    """Talks to the controller behind `transport`.

    Advertising reports go to `on_reports` as octets. `on_lost` learns once why the controller is
    gone, unless `abandon` was called before.
    """

    def __init__(self, transport: Transport) -> None:
        super().__init__(transport.source, transport.sink)
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.on_reports: Callable[[bytes], object] = _nobody
        self.on_lost: Callable[[RadioError], object] = _nobody
        self.set_ended: dict[int, Callable[[], object]] = {}
        self._gone: RadioError | None = None
        terminated: asyncio.Future[None] = transport.source.terminated
        terminated.add_done_callback(self._on_terminated)

    # Asking.

    async def start(self) -> None:
        """Reset the controller and read what it can do; raises `RadioError`."""
        try:
            await asyncio.wait_for(self.reset(), RESET_LIMIT)
        except TimeoutError:
            raise self._silent() from None
        except hci.HCI_Error as error:
            raise RadioRefusedError("to be reset", error.error_code or 0) from None
        except Exception as error:  # noqa: BLE001 - drivers load firmware, with errors of their own
            raise self._gone or _unusable(error) from None

    async def ask(self, command: hci.HCI_SyncCommand[Parameters]) -> Parameters:
        """Return what the controller answers to `command`.

        Raises `RadioRefusedError`, `RadioSilentError` (then it counts as lost), `RadioLostError`.
        """
        response = await self._answer(command)
        if isinstance(response, hci.HCI_Command_Status_Event):
            raise RadioRefusedError(_name(command), response.status)
        parameters: Parameters = response.return_parameters
        status = getattr(parameters, "status", hci.HCI_SUCCESS)
        if status != hci.HCI_SUCCESS:
            raise RadioRefusedError(_name(command), status)
        return parameters

    async def order(self, command: hci.HCI_AsyncCommand) -> None:
        """Have the controller begin `command`, which ends with an event; raises as `ask`."""
        response = await self._answer(command)
        status = getattr(response, "status", hci.HCI_SUCCESS)
        if isinstance(response, hci.HCI_Command_Complete_Event):
            status = getattr(response.return_parameters, "status", hci.HCI_SUCCESS)
        if status != hci.HCI_SUCCESS:
            raise RadioRefusedError(_name(command), status)

    async def _answer(self, command: hci.HCI_SyncCommand[Any] | hci.HCI_AsyncCommand) -> _Answer:
        if self._gone is not None:
            raise self._gone
        try:
            return await self._send_command(command, ANSWER_LIMIT)
        except TimeoutError:
            error = self._silent()
            self.lose(error)
            raise error from None
        except TransportLostError:
            raise self._lost() from None

    # Being told.

    def on_packet(self, packet: bytes) -> None:
        if not is_reports(packet):
            super().on_packet(packet)
        elif self.ready:
            # Later, because Bumble would hide what whoever listens raises.
            self.loop.call_soon(self.on_reports, packet)

    def on_command_processed(self, event: _Answer) -> None:
        pending = self.pending_command
        if pending is not None and pending.op_code != event.command_opcode:
            return  # the late answer to a command that nobody waits for any more
        super().on_command_processed(event)

    def on_hci_le_advertising_set_terminated_event(
        self, event: hci.HCI_LE_Advertising_Set_Terminated_Event
    ) -> None:
        ended = self.set_ended.get(event.advertising_handle)
        if ended is not None:
            ended()

    def on_hci_hardware_error_event(self, event: hci.HCI_Event) -> None:
        """Count a controller that says it is broken as lost: it has forgotten everything."""
        del event
        self._fail(RadioLostError("The controller reports a hardware error; open it again."))

    def on_transport_lost(self) -> None:
        self._fail(self._lost())

    # The end.

    def abandon(self) -> None:
        """Care no more what becomes of the controller."""
        self.on_lost = self.on_reports = _nobody
        self._gone = self._gone or RadioLostError("This radio was closed; open it again.")

    @property
    def gone(self) -> bool:
        """Tell whether commands are useless by now."""
        return self._gone is not None

    def _on_terminated(self, terminated: asyncio.Future[None]) -> None:
        if not terminated.cancelled():
            terminated.exception()  # looked at, so that nobody complains about it
        self.on_transport_lost()

    def _fail(self, error: RadioError) -> None:
        pending = self.pending_response
        if pending is not None and not pending.done():
            pending.set_exception(TransportLostError("transport lost"))
        self.lose(error)

    def lose(self, error: RadioError) -> None:
        """Count the controller as lost because of `error`; only the first reason counts."""
        if self._gone is not None:
            return
        self._gone = error
        self.emit("flush")
        self.on_lost(error)

    def _silent(self) -> RadioError:
        return RadioSilentError(
            "The controller does not answer; check the name of the radio and, for a serial port, "
            "its speed, and plug it in again."
        )

    def _lost(self) -> RadioError:
        return self._gone or RadioLostError(
            "The connection to the controller is lost; plug it in and start again."
        )


def _name(command: hci.HCI_Command) -> str:
    return command.name.removeprefix("HCI_").removesuffix("_COMMAND").lower().replace("_", " ")


def _unusable(error: Exception) -> RadioError:
    return RadioError(
        f"The controller cannot be started ({type(error).__name__}); plug it in again, and see "
        "whether it needs firmware from its manufacturer.",
        code="radio-open",
    )


def _nobody(_: object) -> None:
    """Take what nobody wants."""
