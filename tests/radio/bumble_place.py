"""Emulated controllers on one link, opened as stations, in virtual time."""

from __future__ import annotations

from collections.abc import Callable

from bumble.controller import Controller
from bumble.link import LocalLink
from tests.radio.bumble_controllers import MeshController, piped

from meshwright.radio.bumble.radio import open_on
from meshwright.radio.bumble.spec import RadioOptions
from meshwright.radio.simulated.virtual_loop import VirtualLoop
from meshwright.radio.simulated.virtual_time import VirtualTime
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness

Kind = Callable[[str, LocalLink], Controller]


class BumblePlace:
    """One link, and a controller and a station for every number."""

    def __init__(self, kind: Kind = MeshController, options: RadioOptions | None = None) -> None:
        self.loop = VirtualLoop(VirtualTime())
        self.link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble forgot
        self.kind = kind
        self.options = options or RadioOptions()
        self.controllers: dict[int, Controller] = {}
        self.stations: dict[int, Station] = {}

    async def controller(self, number: int) -> Controller:
        if number not in self.controllers:
            self.controllers[number] = self.kind(f"c{number}", self.link)
        return self.controllers[number]

    async def open(self, number: int) -> Station:
        controller = await self.controller(number)
        random = SeededRandomness(number).stream("address")
        return await open_on(f"c{number}", piped(controller), self.options, random=random)

    def station(self, number: int) -> Station:
        """Return station `number`; asked again, the same one."""
        if number not in self.stations:
            self.stations[number] = self.loop.run_until_complete(self.open(number))
        return self.stations[number]

    def run(self, seconds: float) -> None:
        """Let so many seconds pass."""
        self.loop.call_later(seconds, self.loop.stop)
        self.loop.run_forever()

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Let time pass until `condition` holds, but no longer; return whether it holds."""
        limit = self.loop.time() + seconds
        while not condition() and self.loop.time() < limit:
            self.run(0.005)
        return bool(condition())

    def close(self) -> None:
        """Close every station."""
        for station in self.stations.values():
            self.loop.run_until_complete(station.close())
        self.loop.close()
