"""When an advertising set does what: packets one by one, and a service in the time between.

A controller with extended advertising ends a set itself after so many events and says so. A legacy
set, and one that never says so, gets a slice of time instead: long enough for one event, too short
for a second.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from meshwright.radio.bumble.sets import Commands, Purpose
from meshwright.radio.bumble.spec import RadioOptions
from meshwright.radio.port import OWN_TIMING, Pacing

ADV_DELAY = 0.010
"""Seconds: a controller begins every event up to so much later (Core 6.0, Vol 6, B, 4.4.2.2.1)."""

_EVENT = 0.002
_OPEN_SHARE = 0.8  # of a slice; the rest makes sure that no second event begins
_PATIENCE = 0.050
_SHORTEST = 20  # milliseconds


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one packet on a set, from what the radio was opened with."""

    repeats: int
    interval: float
    slice: float

    @classmethod
    def of(cls, options: RadioOptions, interval: int) -> Timing:
        """Return the timing on a controller that takes `interval` milliseconds."""
        asked = interval if options.slice is None else options.slice
        return cls(options.repeats, interval / 1000, asked / 1000)

    @property
    def more(self) -> float:
        """What the events after the first may take."""
        return (self.repeats - 1) * (self.interval + ADV_DELAY)

    @property
    def open_for(self) -> float:
        """How long a set that never ends by itself stays on."""
        return self.more + self.slice * _OPEN_SHARE

    @property
    def longest(self) -> float:
        """When a set that ends by itself must have ended."""
        return self.more + self.interval + ADV_DELAY + _PATIENCE

    def pacing(self, sets: int, *, ends: bool, turnaround: float) -> Pacing:
        """Return how fast `sets` sets put out packets.

        `turnaround` is what the commands of one packet take; it is the jitter of a slice.
        """
        if ends:
            each = self.more + ADV_DELAY + _EVENT
            return Pacing(max(OWN_TIMING.interval, each / sets))
        each = self.more + self.slice
        return Pacing(max(OWN_TIMING.interval, each / sets), 2 * turnaround / sets)


class AdvertisingSet:
    """One set and what it does at present; `ends` tells whether it ends by itself."""

    def __init__(self, commands: Commands, timing: Timing, *, ends: bool = False) -> None:
        self.timing = timing
        self.ends = ends
        self._commands = commands
        self._turn = asyncio.Lock()  # fair: whoever waits longest is next
        self._state: tuple[Purpose, int] | None = None
        self._loaded: bytes | None = None
        self._on = False
        self._ended: asyncio.Future[None] | None = None

    async def packet(self, payload: bytes) -> None:
        """Put `payload` on the air and return when its events have ended; raises `RadioError`."""
        async with self._turn:
            await self._put(payload, self.timing.repeats)
            if self.ends:
                await self._end()
            else:
                await asyncio.sleep(self.timing.open_for)
                await self._disable()

    async def probe(self) -> bool:
        """Advertise nothing once, and tell whether the controller ends a set by itself."""
        async with self._turn:
            await self._put(b"", 1)
            return await self._end()

    async def serve(self, data: Callable[[], bytes], interval: float, stop: asyncio.Event) -> None:
        """Advertise a service every `interval` seconds until `stop`; raises `RadioError`."""
        milliseconds = max(_SHORTEST, round(interval * 1000))
        while not stop.is_set():
            async with self._turn:
                if not stop.is_set():
                    await self._show(data(), milliseconds)
                    await _sleep(self.timing.slice * _OPEN_SHARE, stop)
            await _sleep(interval, stop)
        async with self._turn:
            if self._state is not None and self._state[0] is Purpose.SERVICE:
                await self._disable()

    def ended(self) -> None:
        """Learn that the controller ended the set."""
        self._on = False
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(None)

    async def _put(self, payload: bytes, events: int) -> None:
        await self._configure(Purpose.PACKET, round(self.timing.interval * 1000))
        await self._load(payload)
        self._ended = asyncio.get_running_loop().create_future()
        await self._enable(events)

    async def _show(self, data: bytes, interval: int) -> None:
        if self._state != (Purpose.SERVICE, interval):
            await self._configure(Purpose.SERVICE, interval)
        await self._load(data)
        if not self._on:
            await self._enable(0)

    async def _end(self) -> bool:
        ended = self._ended or asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(ended, self.timing.longest)
        except TimeoutError:
            await self._disable()
            return False
        return True

    async def _configure(self, purpose: Purpose, interval: int) -> None:
        if self._on:
            await self._disable()
        if self._state != (purpose, interval):
            self._state = None  # unknown, should the controller refuse
            await self._commands.configure(purpose, interval)
            self._state = purpose, interval

    async def _load(self, data: bytes) -> None:
        if data != self._loaded:
            self._loaded = None
            await self._commands.load(data)
            self._loaded = data

    async def _enable(self, events: int) -> None:
        self._on = True
        await self._commands.enable(events)

    async def _disable(self) -> None:
        await self._commands.disable()
        self._on = False


async def _sleep(seconds: float, unless: asyncio.Event) -> None:
    """Wait so long, or until `unless` is set."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(unless.wait(), seconds)
