"""The bearers' radio on any HCI controller, through Bumble.

A controller puts out packets in its own time: the radio hands each to a free advertising set and
learns, or works out, when its event has ended. Nothing here was measured on hardware.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection

from bumble.transport.common import Transport

from meshwright.radio.bumble.advertising import AdvertisingSet
from meshwright.radio.bumble.errors import RadioRefusedError
from meshwright.radio.bumble.facts import ControllerFacts
from meshwright.radio.bumble.gatt import BumbleGatt
from meshwright.radio.bumble.opening import Controller, open_controller, open_named
from meshwright.radio.bumble.reports import Heard, Kind, read_reports
from meshwright.radio.bumble.spec import RadioOptions, parse
from meshwright.radio.errors import RadioBusyError, RadioError
from meshwright.radio.interests import Pattern
from meshwright.radio.port import Listener, Report, check_payload
from meshwright.radio.station import Station
from meshwright.randomness import RandomBytes, SystemRandomness

_REFUSALS = 20
"""So many packets in a row may be refused; then the controller counts as lost."""

_LAST_EVENT = 1.0
"""Seconds that closing waits for events on their way."""


class BumbleRadio:
    """One controller; `services` gets the advertisements of whoever can be connected to."""

    predictable_allowed = False

    def __init__(self, controller: Controller) -> None:
        self.address = controller.facts.address
        self.pacing = controller.pacing
        self.services: Callable[[Heard], object] | None = None
        self._controller = controller
        self._loop = asyncio.get_running_loop()
        self._listener: Listener | None = None
        self._wanted: frozenset[int] | None = None
        self._free = deque(controller.sets)
        self._on_air: deque[_Event] = deque()
        self._resting = False
        self._announced = False
        self._closed = False
        self._refusals = 0
        controller.host.on_reports = self._reports

    @property
    def ready(self) -> bool:
        usable = not self._closed and not self._controller.host.gone
        return usable and bool(self._free) and not self._resting

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener
        self._announced = False
        self._loop.call_soon(self._tell_ready)

    def narrow(self, wanted: Collection[Pattern] | None) -> None:
        """Look at AD types only: controllers filter by who sends, not by what is sent."""
        self._wanted = None if wanted is None else frozenset(one.ad_type for one in wanted)

    def transmit(self, payload: bytes) -> None:
        if not self.ready:
            raise RadioBusyError("The radio is busy; wait until it is ready.")
        check_payload(payload)
        self._resting, self._announced = True, False
        self._loop.call_at(self._loop.time() + self.pacing.interval, self._rested)
        event = _Event(self._free.popleft())
        self._on_air.append(event)
        event.task = self._loop.create_task(self._send(event, payload))

    async def close(self) -> None:
        """Send and hear no more, when what is on its way has left."""
        self._closed = True
        self._listener = None
        tasks = [event.task for event in self._on_air if event.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_EVENT)
        with contextlib.suppress(RadioError):
            await self._controller.scanner.stop()

    async def _send(self, event: _Event, payload: bytes) -> None:
        try:
            await event.set.packet(payload)
            self._refusals = 0
        except RadioRefusedError as refused:
            self._refused(refused)
        except RadioError:
            pass  # whoever owns the station has been told
        self._free.append(event.set)
        event.over = True
        while self._on_air and self._on_air[0].over:  # sets may end out of turn
            self._on_air.popleft()
            if self._listener is not None:
                self._listener.transmitted(self._loop.time())
        self._tell_ready()

    def _refused(self, refused: RadioRefusedError) -> None:
        """Count a packet as lost on the air: protocols repeat it."""
        self._refusals += 1
        if self._refusals == _REFUSALS:
            self._controller.host.lose(refused)

    def _rested(self) -> None:
        self._resting = False
        self._tell_ready()

    def _tell_ready(self) -> None:
        if self.ready and self._listener is not None and not self._announced:
            self._announced = True
            self._listener.ready(self._loop.time())

    def _reports(self, packet: bytes) -> None:
        for heard in read_reports(packet):
            if heard.kind is Kind.PACKET:
                self._heard(heard)
            elif self.services is not None:
                self.services(heard)

    def _heard(self, heard: Heard) -> None:
        payload = heard.data
        if self._listener is None or len(payload) < 2 or not self._interesting(payload):
            return
        report = Report(payload, heard.address[::-1], heard.rssi)
        self._listener.heard(report, self._loop.time())

    def _interesting(self, payload: bytes) -> bool:
        one_structure = payload[0] + 1 == len(payload)
        return self._wanted is None or not one_structure or payload[1] in self._wanted


class _Event:
    """One packet on its way."""

    __slots__ = ("over", "set", "task")

    def __init__(self, own: AdvertisingSet) -> None:
        self.set = own
        self.over = False
        self.task: asyncio.Task[None] | None = None


class _Opened:
    """Everything on one controller, from opening to closing."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._closed = False
        self._radio = BumbleRadio(controller)
        self._gatt = BumbleGatt(controller)
        self._radio.services = self._gatt.heard
        self._lost: asyncio.Future[RadioError] = asyncio.get_running_loop().create_future()
        controller.host.on_lost = self._on_lost

    def station(self) -> Station:
        loop = asyncio.get_running_loop()
        facts = self._controller.facts
        return Station(
            name=facts.name,
            timebase=loop,
            close=self.close,
            radio=self._radio,
            gatt_client=self._gatt,
            gatt_server=self._gatt,
            lost=self._lost,
            findings=facts.findings,
        )

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._gatt.close()
        await self._radio.close()
        await self._controller.close()

    def _on_lost(self, error: RadioError) -> None:
        if not self._lost.done():
            self._lost.set_result(error)


async def open_station(spec: str, *, random: RandomBytes | None = None) -> Station:
    """Open a controller by the name of its transport, with options: see `bumble_spec`.

    Raises `InputError` (`bad-radio`) for a name that means nothing, and `MachineError`, saying what
    to do, when the controller is not there, may not be used, is silent or refuses to work.
    """
    name, options = parse(spec)
    return await open_on(spec, await open_named(name), options, random=random)


async def open_on(
    name: str,
    transport: Transport,
    options: RadioOptions | None = None,
    *,
    random: RandomBytes | None = None,
) -> Station:
    """Open the controller behind `transport`, which is closed with the station or on failure.

    `random` draws the address. Raises `RadioError`.
    """
    octets = random or SystemRandomness().stream("address")
    controller = await open_controller(name, transport, options or RadioOptions(), octets)
    return _Opened(controller).station()


async def examine(spec: str) -> ControllerFacts:
    """Open the radio `spec`, say what its controller can do, and close it; raises as opening."""
    name, options = parse(spec)
    random = SystemRandomness().stream("address")
    controller = await open_controller(spec, await open_named(name), options, random)
    with contextlib.suppress(RadioError):
        await controller.scanner.stop()
    await controller.close()
    return controller.facts
