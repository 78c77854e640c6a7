"""Clocks: always aware, always in UTC, and one that moves only when told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from meshwright.clock import ManualClock, SystemClock


def test_the_clock_of_the_machine_is_aware_and_in_utc() -> None:
    first, second = SystemClock().now(), SystemClock().now()
    assert first.utcoffset() == timedelta(0)
    assert timedelta(0) <= second - first < timedelta(minutes=1)


def test_a_manual_clock_moves_only_when_told() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock = ManualClock(start)
    assert clock.now() == clock.now() == start
    clock.advance(1.5)
    assert clock.now() - start == timedelta(seconds=1.5)
    clock.advance(-3)
    assert clock.now() < start
