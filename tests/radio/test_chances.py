"""The simulated air against closed formulas and against itself: what is left to chance.

Every run has a seed, so these tests always see the same figures; the bounds are three to five
standard deviations wide, for whoever changes the order of the draws.
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from tests.radio.recorder import Recorder

from meshwright.core.discovery.ad import AdType, structure
from meshwright.radio.port import DEVICE, OWN_TIMING, Pacing
from meshwright.radio.simulated.air import DEVICE_HOP, Air, SimulatedRadio
from meshwright.radio.simulated.propagation import GAP_MAXIMUM, GAP_MINIMUM, TURNAROUND, Faults
from meshwright.randomness import SeededRandomness

AIRTIME = 0.000_376
HOPS = 1 - AIRTIME / DEVICE_HOP
"""How many of the three parts of an event a hopping scanner hears, on average."""

EVENT = 3 * AIRTIME + GAP_MINIMUM + GAP_MAXIMUM
OFTEN, SELDOM = 0.010, 0.050


class Chatter:
    """Sends `count` numbered packets at random intervals around `mean` seconds."""

    def __init__(self, air: Air, number: int, count: int, mean: float = SELDOM) -> None:
        self.radio: SimulatedRadio = air.radio(number.to_bytes(6, "big"), OWN_TIMING)
        self._air, self._mean = air, mean
        self._uniform = SeededRandomness(number).uniform("chatter")
        self._packets = [
            structure(AdType.MESH_MESSAGE, serial.to_bytes(29, "big")) for serial in range(count)
        ]
        self.sent = list(self._packets)
        self._later()

    def _later(self) -> None:
        if self._packets:
            wait = self._mean * (0.5 + self._uniform())
            self._air.call_at(self._air.time() + wait, self._send)

    def _send(self) -> None:
        self.radio.transmit(self._packets.pop(0))
        self._later()

    def share_heard_by(self, hearer: Recorder) -> float:
        mine = [report for report in hearer.reports if report.address == self.radio.address]
        return len(mine) / len(self.sent)


def make_air(seed: int = 1, faults: Faults | None = None) -> Air:
    return Air(SeededRandomness(seed).uniform("air"), faults=faults)


def hearer_on(air: Air) -> Recorder:
    return Recorder(air.radio(b"hearer"))


def test_hopping_costs_what_the_formula_says() -> None:
    air = make_air()
    hearer, chatter = hearer_on(air), Chatter(air, 1, 4000)
    air.run_until(300.0)
    assert chatter.share_heard_by(hearer) == pytest.approx(HOPS, abs=0.006)


def test_deafness_costs_what_the_formula_says() -> None:
    air = make_air()
    busy = Chatter(air, 2, 20_000, OFTEN)
    hearer, chatter = Recorder(busy.radio), Chatter(air, 1, 4000)
    air.run_until(200.0)
    deaf = (EVENT + 2 * TURNAROUND + AIRTIME) / OFTEN
    assert chatter.share_heard_by(hearer) == pytest.approx(HOPS * (1 - deaf), abs=0.025)


def test_collisions_cost_what_the_formula_says() -> None:
    air = make_air()
    hearer, chatter = hearer_on(air), Chatter(air, 1, 4000)
    Chatter(air, 2, 20_000, OFTEN)
    air.run_until(200.0)
    survives = 1 - 2 * AIRTIME / OFTEN
    assert chatter.share_heard_by(hearer) == pytest.approx(HOPS * survives, abs=0.015)


@pytest.mark.parametrize("loss", [0.1, 0.5, 1.0])
def test_loss_is_drawn_for_every_packet(loss: float) -> None:
    air = make_air(faults=Faults(loss=loss))
    hearer, chatter = hearer_on(air), Chatter(air, 1, 4000)
    air.run_until(300.0)
    assert chatter.share_heard_by(hearer) == pytest.approx(HOPS * (1 - loss), abs=0.025)
    statistics = air.statistics
    assert statistics.sent == 4000
    assert statistics.heard == len(hearer.reports)


def test_loss_differs_between_hearers() -> None:
    air = make_air(faults=Faults(loss=0.5))
    one, other = hearer_on(air), hearer_on(air)
    Chatter(air, 1, 2000)
    air.run_until(150.0)
    both = set(one.payloads) & set(other.payloads)
    assert len(both) == pytest.approx(0.25 * 2000, abs=100)


def test_duplicates_are_as_frequent_as_asked_for() -> None:
    air = make_air(faults=Faults(duplication=0.25))
    hearer, chatter = hearer_on(air), Chatter(air, 1, 4000)
    air.run_until(300.0)
    assert chatter.share_heard_by(hearer) == pytest.approx(HOPS * 1.25, abs=0.03)


def test_delay_puts_packets_out_of_order_and_loses_none() -> None:
    air = make_air(faults=Faults(delay=0.2))
    hearer, chatter = hearer_on(air), Chatter(air, 1, 400)
    sent_at: dict[bytes, float] = {}
    air.capture(lambda now, _address, payload: sent_at.update({payload: now}))
    air.run_until(60.0)
    order = [chatter.sent.index(payload) for payload in hearer.payloads]
    assert order != sorted(order)
    assert len(set(order)) == pytest.approx(400 * HOPS, abs=15)
    delays = [
        now - sent_at[payload]
        for now, payload in zip(hearer.heard_at, hearer.payloads, strict=True)
    ]
    assert max(delays) < 0.2 + EVENT + TURNAROUND
    assert sum(delays) / len(delays) == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("pacing", [DEVICE, Pacing(0.010), Pacing(0.0001, 0.0)])
def test_intervals_are_those_of_the_pacing(pacing: Pacing) -> None:
    air = make_air()
    packet = structure(AdType.MESH_MESSAGE, bytes(29))
    sender = Recorder(air.radio(bytes(6), pacing), *[packet] * 1000)
    air.run_until(60.0)
    waits = [after - before for before, after in pairwise(sender.ready_at)]
    shortest = max(pacing.interval, TURNAROUND + 3 * AIRTIME + 2 * GAP_MINIMUM + TURNAROUND)
    longest = max(pacing.interval + pacing.jitter, 2 * TURNAROUND + EVENT + GAP_MAXIMUM)
    assert shortest - 1e-9 <= min(waits)
    assert max(waits) <= longest + 1e-9
    if pacing.jitter:
        assert sum(waits) / len(waits) == pytest.approx(pacing.mean, rel=0.02)


def trace(seed: int) -> list[tuple[float, bytes, bytes | None]]:
    """Return everything that somebody heard in a small busy world."""
    air = make_air(seed, Faults(loss=0.2, duplication=0.1, delay=0.01))
    hearer = hearer_on(air)
    for number in range(1, 6):
        Chatter(air, number, 100, OFTEN)
    air.run_until(3.0)
    return [
        (now, report.payload, report.address)
        for now, report in zip(hearer.heard_at, hearer.reports, strict=True)
    ]


def test_the_same_seed_gives_the_same_run() -> None:
    first = trace(7)
    assert len(first) > 100
    assert trace(7) == first


def test_another_seed_gives_another_run() -> None:
    assert trace(7) != trace(8)
