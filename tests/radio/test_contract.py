"""The contracts, run on what exists: the simulated radio, virtual time and an asyncio loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.radio.contract import RadioContract, TimebaseContract

from meshwright.radio.port import DEVICE, HOST_10, HOST_25, OWN_TIMING, Pacing, Radio, Timebase
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.virtual_time import VirtualTime
from meshwright.randomness import SeededRandomness


class TestSimulatedRadio(RadioContract):
    """With every pacing there is."""

    @pytest.fixture(params=[OWN_TIMING, HOST_10, HOST_25, DEVICE], autouse=True)
    def _air(self, request: pytest.FixtureRequest) -> None:
        self.air = Air(SeededRandomness(1).uniform("air"))
        self.pacing: Pacing = request.param

    def radio(self, number: int) -> Radio:
        return self.air.radio(number.to_bytes(6, "big"), self.pacing)

    def run(self, seconds: float) -> None:
        self.air.run_until(self.air.time() + seconds)

    def test_may_be_used_with_seeded_randomness(self) -> None:
        assert self.radio(1).predictable_allowed


class TestVirtualTime(TimebaseContract):
    """Time of the simulated air."""

    @pytest.fixture(autouse=True)
    def _time(self) -> None:
        self.time = VirtualTime()

    def timebase(self) -> Timebase:
        return self.time

    def run(self, seconds: float) -> None:
        self.time.run_until(self.time.time() + seconds)


class TestAsyncioLoop(TimebaseContract):
    """Time of real radios."""

    @pytest.fixture(autouse=True)
    def _loop(self) -> Iterator[None]:
        self.loop = asyncio.new_event_loop()
        yield
        self.loop.close()

    def timebase(self) -> Timebase:
        return self.loop

    def run(self, seconds: float) -> None:
        self.loop.call_at(self.loop.time() + seconds, self.loop.stop)
        self.loop.run_forever()
