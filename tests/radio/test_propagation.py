"""Packet lengths and signal strength."""

from __future__ import annotations

import pytest

from meshwright.radio.simulated.propagation import PathLoss, airtime


@pytest.mark.parametrize(
    ("octets", "microseconds"),
    # Ack, Link Close, Link Open, beacon with URI hash (7 octets around each), full segment
    [(8, 192), (9, 200), (24, 320), (25, 328), (31, 376)],
)
def test_airtime(octets: int, microseconds: int) -> None:
    assert airtime(octets) == pytest.approx(microseconds * 1e-6)


def test_strength_falls_with_distance() -> None:
    model = PathLoss()
    assert model.rssi((0.0, 0.0), (1.0, 0.0)) == -40
    assert model.rssi((0.0, 0.0), (6.0, 8.0)) == -65
    assert model.rssi((6.0, 8.0), (0.0, 0.0)) == -65
    assert PathLoss(power=8.0, exponent=2.0).rssi((0.0, 0.0), (0.0, 100.0)) == -72


def test_two_at_one_place_hear_each_other_loudly_not_infinitely() -> None:
    assert PathLoss().rssi((1.0, 1.0), (1.0, 1.0)) == -15


def test_fixed_where_positions_are_unknown() -> None:
    assert PathLoss(fixed=-71).rssi(None, (0.0, 0.0)) == -71
    assert PathLoss(fixed=-71).rssi((0.0, 0.0), None) == -71
