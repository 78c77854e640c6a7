"""The self-test, on the simulated air: radios that work, and radios with faults."""

from __future__ import annotations

import pytest

from meshwright.radio.errors import RadioError
from meshwright.radio.examine.loopback import SelfTest, loopback
from meshwright.radio.port import HOST_10, Pacing
from meshwright.radio.simulated.air import DEVICE_HOP, Air, SimulatedRadio
from meshwright.radio.simulated.propagation import Faults
from meshwright.radio.simulated.virtual_loop import run
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness


class TwoRadios:
    """Two stations on an air."""

    def __init__(
        self, faults: Faults | None = None, kind: type[SimulatedRadio] = SimulatedRadio
    ) -> None:
        self.randomness = SeededRandomness(1)
        self.air = Air(self.randomness.uniform("air"), faults=faults)
        self.radios = self._radio(1, kind), self._radio(2, SimulatedRadio)

    def _radio(self, number: int, kind: type[SimulatedRadio]) -> SimulatedRadio:
        radio = kind(self.air, bytes([number]) * 6, HOST_10, DEVICE_HOP, (float(number), 0.0))
        radio.switch_on()
        return radio

    def test(self, packets: int = 50) -> SelfTest:
        one, other = (
            Station(name, self.air, _nothing, radio)
            for name, radio in zip("ab", self.radios, strict=True)
        )
        random = self.randomness.stream("marks")
        return run(self.air, loopback(one, other, random, packets=packets))


async def _nothing() -> None:
    """Close nothing."""


def codes(result: SelfTest) -> list[str]:
    return [finding.code for finding in result.findings]


def test_two_good_radios() -> None:
    result = TwoRadios().test()
    assert result.passed
    assert result.findings == ()
    for way in result.directions:
        assert way.wanted == way.sent == 50
        assert way.heard > 45
        assert way.copies == way.heard
        assert way.interval == pytest.approx(HOST_10.interval)
        assert way.rate == pytest.approx(100)
        assert way.rssi is not None
    assert [(way.sender, way.hearer) for way in result.directions] == [("a", "b"), ("b", "a")]


def test_two_that_cannot_hear_each_other() -> None:
    result = TwoRadios(Faults(loss=1.0)).test()
    assert not result.passed
    assert codes(result) == ["nothing-heard", "nothing-heard"]
    assert result.directions[0].loss == 1.0
    assert "b hears nothing of what a sends" in result.findings[0].sentence


def test_one_that_is_off() -> None:
    two = TwoRadios()
    two.radios[0].switch_off()
    result = two.test()
    assert codes(result) == ["packets-stuck", "nothing-heard"]
    assert result.directions[0].sent == 0
    assert result.directions[0].rate == 0.0
    assert result.directions[1].heard == 0


def test_bad_air() -> None:
    result = TwoRadios(Faults(loss=0.7)).test()
    assert result.passed
    assert codes(result) == ["much-loss", "much-loss"]
    assert 0.6 < result.directions[0].loss < 0.8


def test_copies() -> None:
    assert codes(TwoRadios(Faults(duplication=1.0)).test()) == ["heard-twice", "heard-twice"]


class Liar(SimulatedRadio):
    """Takes longer than it says."""

    def transmit(self, payload: bytes) -> None:
        told, self.pacing = self.pacing, Pacing(0.040)
        super().transmit(payload)
        self.pacing = told


def test_a_radio_that_is_slower_than_it_says() -> None:
    result = TwoRadios(kind=Liar).test(20)
    assert codes(result) == ["slower-than-told"]
    assert result.directions[0].interval == pytest.approx(0.040)


def test_a_station_without_a_radio() -> None:
    air = Air(SeededRandomness(1).uniform("air"))
    nothing = Station("gatt only", air, _nothing)
    random = SeededRandomness(1).stream("marks")
    with pytest.raises(RadioError) as caught:
        run(air, loopback(nothing, nothing, random))
    assert caught.value.code == "no-packets"
