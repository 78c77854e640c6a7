"""The self-test of one radio, on the simulated air."""

from __future__ import annotations

from typing import Any

import pytest

from meshwright.core.discovery.ad import AdType, structure
from meshwright.radio.errors import RadioError
from meshwright.radio.examine.alone import Alone, alone
from meshwright.radio.port import HOST_10, Pacing
from meshwright.radio.simulated.air import DEVICE_HOP, Air, SimulatedRadio
from meshwright.radio.simulated.virtual_loop import run
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness


class OneRadio:
    """A station, and a neighbor who may speak."""

    def __init__(self, kind: type[SimulatedRadio] = SimulatedRadio) -> None:
        self.randomness = SeededRandomness(1)
        self.air = Air(self.randomness.uniform("air"))
        self.radio = kind(self.air, b"OURS--", HOST_10, DEVICE_HOP, (1.0, 0.0))
        self.neighbor = SimulatedRadio(self.air, b"THEIRS", HOST_10, DEVICE_HOP, (2.0, 0.0))
        for radio in (self.radio, self.neighbor):
            radio.switch_on()

    def test(self, packets: int = 50, seconds: float = 3.0) -> Alone:
        station = Station("it", self.air, _nothing, self.radio)
        random = self.randomness.stream("mark")
        return run(self.air, alone(station, random, packets=packets, seconds=seconds))


async def _nothing() -> None:
    """Close nothing."""


def codes(test: Alone) -> list[str]:
    return [finding.code for finding in test.findings]


def test_a_good_radio_in_silence() -> None:
    result = OneRadio().test()
    assert (result.sent, result.wanted) == (50, 50)
    assert result.interval == pytest.approx(0.010)
    assert result.seconds == pytest.approx(3.0)
    assert (result.heard, result.senders) == (0, 0)
    assert codes(result) == ["nothing-around"]
    assert "in 3.0 s" in result.findings[0].sentence


def test_a_neighbor_is_heard() -> None:
    one = OneRadio()
    for number in range(4):
        packet = structure(AdType.MESH_MESSAGE, bytes([number]))
        one.air.schedule(1.0 + number / 10, one.neighbor.transmit, packet)
    result = one.test(packets=1)
    assert result.heard == 4
    assert result.senders == 1
    assert codes(result) == []


def test_sending_may_take_longer_than_listening() -> None:
    assert OneRadio().test(packets=200, seconds=0.5).seconds == pytest.approx(2.0, rel=0.1)


class Sluggish(SimulatedRadio):
    """Takes a second for a packet, and says so."""

    def __init__(self, *arguments: Any) -> None:  # noqa: ANN401 - those of its base
        super().__init__(*arguments)
        self.pacing = Pacing(1.0)


def test_a_slow_radio_gets_its_time() -> None:
    result = OneRadio(Sluggish).test(packets=80)
    assert result.sent == 80
    assert result.seconds > 79
    assert codes(result) == ["nothing-around"]


def test_a_radio_that_is_off() -> None:
    one = OneRadio()
    one.radio.switch_off()
    result = one.test()
    assert (result.sent, result.interval) == (0, 0.0)
    assert codes(result) == ["packets-stuck", "nothing-around"]
    assert "0 of 50" in result.findings[0].sentence


class Liar(SimulatedRadio):
    """Takes longer than it says."""

    def transmit(self, payload: bytes) -> None:
        told, self.pacing = self.pacing, Pacing(0.040)
        super().transmit(payload)
        self.pacing = told


def test_a_radio_that_is_slower_than_it_says() -> None:
    result = OneRadio(Liar).test(20)
    assert codes(result) == ["slower-than-told", "nothing-around"]
    assert "every 40 ms" in result.findings[0].sentence


def test_a_station_without_a_radio() -> None:
    air = Air(SeededRandomness(1).uniform("air"))
    random = SeededRandomness(1).stream("mark")
    with pytest.raises(RadioError) as caught:
        run(air, alone(Station("gatt only", air, _nothing), random, packets=1))
    assert caught.value.code == "no-packets"
