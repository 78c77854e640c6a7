"""The simulated air against arithmetic, with chance switched off: every microsecond is known."""

from __future__ import annotations

from functools import partial

import pytest
from tests.radio.recorder import Recorder, never_random

from meshwright.core.discovery.ad import AdType, structure
from meshwright.radio.errors import RadioBusyError
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.simulated.air import Air, SimulatedRadio
from meshwright.radio.simulated.propagation import TURNAROUND, Faults, PathLoss, Position

LONG = structure(AdType.MESH_MESSAGE, bytes(29))
SHORT = structure(AdType.PB_ADV, bytes(6))
AIRTIME, SHORT_AIRTIME = 0.000_376, 0.000_192
GAP = 0.000_150
EVENT = 3 * AIRTIME + 2 * GAP
MOMENT = 1e-6
FOREVER = 1e6


@pytest.fixture
def air() -> Air:
    """Without chance; a radio begins on channel 37 and hops every so many seconds."""
    return Air(never_random)


def place(
    air: Air, number: int, *, hop: float = FOREVER, position: Position | None = None
) -> SimulatedRadio:
    return air.radio(number.to_bytes(6, "big"), OWN_TIMING, hop=hop, position=position)


def transmit_at(air: Air, when: float, radio: SimulatedRadio, payload: bytes = LONG) -> None:
    air.call_at(when, partial(radio.transmit, payload))


def test_a_packet_is_heard_when_its_channel_part_ends(air: Air) -> None:
    hearer, sender = Recorder(place(air, 1)), place(air, 2)
    sending = Recorder(sender)
    transmit_at(air, 1.0, sender)
    air.run_until(2.0)
    assert hearer.heard_at == [pytest.approx(1.0 + TURNAROUND + AIRTIME)]
    assert sending.sent_at == [pytest.approx(1.0 + TURNAROUND + EVENT)]
    assert sending.ready_at[-1] == pytest.approx(1.0 + OWN_TIMING.interval)


@pytest.mark.parametrize(("begin", "channel"), [(0.5, 0), (1.5, 1), (2.5, 2), (3.5, 0)])
def test_a_scanner_walks_over_the_three_channels(air: Air, begin: float, channel: int) -> None:
    hearer = Recorder(place(air, 1, hop=1.0))
    transmit_at(air, begin, place(air, 2))
    air.run_until(5.0)
    part_ends = TURNAROUND + AIRTIME + channel * (AIRTIME + GAP)
    assert hearer.heard_at == [pytest.approx(begin + part_ends)]


@pytest.mark.parametrize(
    ("hop_at", "begins_before", "times"),
    [
        (1.0, TURNAROUND + AIRTIME + MOMENT, 2),  # just in time on 37, and once more on 38
        (1.0, TURNAROUND + AIRTIME - MOMENT, 1),  # cut on 37, heard on 38
        (1.0, TURNAROUND + AIRTIME + GAP + MOMENT, 1),  # heard on 37, too early on 38
        (3.0, TURNAROUND + MOMENT, 0),  # too early on 37, and nothing comes there after it
        (3.0, TURNAROUND - MOMENT, 1),
    ],
)
def test_a_packet_across_a_hop_is_lost(
    air: Air, hop_at: float, begins_before: float, times: int
) -> None:
    hearer = Recorder(place(air, 1, hop=1.0))
    transmit_at(air, hop_at - begins_before, place(air, 2))
    air.run_until(5.0)
    assert len(hearer.reports) == times


@pytest.mark.parametrize(
    ("later", "heard"),
    [
        (TURNAROUND + AIRTIME + MOMENT, True),  # turns to sending when the packet is over
        (TURNAROUND + AIRTIME - MOMENT, False),
        (-EVENT - TURNAROUND + MOMENT, False),  # turns to listening when the packet has begun
        (-EVENT - TURNAROUND - MOMENT, True),
    ],
)
def test_a_radio_is_deaf_while_it_sends(air: Air, later: float, heard: bool) -> None:
    sender, hearer = place(air, 2), place(air, 1)
    hearing = Recorder(hearer)
    transmit_at(air, 1.0, sender)
    transmit_at(air, 1.0 + later, hearer)
    air.run_until(2.0)
    assert bool(hearing.reports) is heard
    assert air.statistics.deaf >= (not heard)


@pytest.mark.parametrize(
    ("later", "heard"), [(0.0, 0), (AIRTIME - MOMENT, 0), (AIRTIME + MOMENT, 2)]
)
def test_packets_that_overlap_destroy_each_other(air: Air, later: float, heard: int) -> None:
    hearer = Recorder(place(air, 1))
    transmit_at(air, 1.0, place(air, 2))
    transmit_at(air, 1.0 + later, place(air, 3))
    air.run_until(2.0)
    assert len(hearer.reports) == heard
    assert (air.statistics.collided > 0) is (heard == 0)


def test_a_collision_on_one_channel_spares_the_others(air: Air) -> None:
    on_37, on_38 = Recorder(place(air, 1, hop=10.0)), Recorder(place(air, 2, hop=1.0))
    transmit_at(air, 1.5, place(air, 3), LONG)
    # The end of this one meets the beginning of the other on 37; on 38 it is over by then.
    transmit_at(air, 1.5 - SHORT_AIRTIME + MOMENT, place(air, 4), SHORT)
    air.run_until(2.0)
    assert on_37.payloads == []
    assert on_38.payloads == [SHORT, LONG]


def test_nobody_hears_a_radio_that_is_off_nor_is_heard_by_it(air: Air) -> None:
    on, off = Recorder(place(air, 1)), place(air, 2)
    silent = Recorder(off)
    off.switch_off()
    transmit_at(air, 1.0, place(air, 3))
    air.run_until(2.0)
    assert len(on.reports) == 1
    assert silent.reports == []
    assert not off.is_on
    with pytest.raises(RadioBusyError):
        off.transmit(LONG)


def test_switching_off_cuts_an_event_short(air: Air) -> None:
    on_37, on_38 = Recorder(place(air, 1, hop=10.0)), Recorder(place(air, 2, hop=1.0))
    sender = place(air, 3)
    sending = Recorder(sender)
    transmit_at(air, 1.5, sender)
    air.call_at(1.5 + TURNAROUND + AIRTIME + MOMENT, sender.switch_off)
    air.run_until(2.0)
    assert len(on_37.reports) == 1
    assert on_38.reports == []
    assert len(sending.sent_at) == 1  # every event that was begun is reported
    assert not sender.ready


def test_a_radio_that_is_on_again_works_as_before(air: Air) -> None:
    hearer, radio = Recorder(place(air, 1)), place(air, 2)
    again = Recorder(radio)
    radio.narrow(())
    radio.switch_off()
    air.run_until(1.0)
    radio.switch_on()
    radio.switch_on()
    assert radio.ready
    transmit_at(air, 1.5, radio)
    transmit_at(air, 1.6, place(air, 3))
    air.run_until(2.0)
    assert again.ready_at[0] == 1.0
    assert len(hearer.reports) == 2
    assert again.reports == []  # what was wanted is remembered


def test_what_is_wanted_holds_whatever_else_is_on_the_air(air: Air) -> None:
    both = SHORT + structure(AdType.URI, b"x")
    hearer, radio = Recorder(place(air, 1)), place(air, 2)
    hearer.radio.narrow(())
    for when, payload in ((1.0, SHORT), (1.1, both), (1.2, b"\x01"), (1.3, b"\0" * 3)):
        transmit_at(air, when, radio, payload)
    air.run_until(2.0)
    assert SHORT not in hearer.payloads
    assert both in hearer.payloads  # a radio filters single structures and passes on the rest


def test_strength_is_that_of_the_distance() -> None:
    air = Air(never_random, path_loss=PathLoss())
    near, far = place(air, 1, position=(1.0, 0.0)), place(air, 2, position=(0.0, 10.0))
    unknown = place(air, 3)
    recorders = [Recorder(radio) for radio in (near, far, unknown)]
    transmit_at(air, 1.0, place(air, 4, position=(0.0, 0.0)))
    air.run_until(2.0)
    assert [recorder.reports[0].rssi for recorder in recorders] == [-40, -65, -60]


def test_a_capture_shows_everything_that_is_sent(air: Air) -> None:
    captured: list[tuple[float, bytes, bytes]] = []
    one, other = place(air, 1), place(air, 2)
    air.capture(lambda *seen: captured.append(seen))
    transmit_at(air, 1.0, one)
    transmit_at(air, 1.0, other, SHORT)  # they collide: nobody hears them
    air.run_until(2.0)
    assert captured == [(1.0, one.address, LONG), (1.0, other.address, SHORT)]
    assert air.statistics.heard == 0


def test_a_duplicate_is_heard_twice() -> None:
    air = Air(never_random, faults=Faults(duplication=1.0))
    hearer = Recorder(place(air, 1))
    transmit_at(air, 1.0, place(air, 2))
    air.run_until(2.0)
    assert hearer.payloads == [LONG, LONG]
