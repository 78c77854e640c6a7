"""Time that jumps."""

from __future__ import annotations

import math
from functools import partial

from meshwright.radio.simulated.virtual_time import VirtualTime


def test_time_jumps_to_the_next_event() -> None:
    time, seen = VirtualTime(), list[float]()
    for when in (3600.0, 60.0):
        time.call_at(when, lambda: seen.append(time.time()))
    assert time.run_until(7200.0)
    assert seen == [60.0, 3600.0]
    assert time.time() == 7200.0


def test_simultaneous_calls_keep_their_order() -> None:
    time, seen = VirtualTime(), list[int]()
    for number in range(5):
        time.call_at(1.0, partial(seen.append, number))
    time.run_until(1.0)
    assert seen == list(range(5))


def test_stops_where_the_condition_holds() -> None:
    time, seen = VirtualTime(), list[float]()
    for when in (1.0, 2.0, 3.0):
        time.call_at(when, lambda: seen.append(time.time()))
    assert time.run_until(lambda: len(seen) == 2)
    assert time.time() == 2.0
    assert time.run_until(lambda: len(seen) == 2)


def test_says_when_a_condition_never_comes_true() -> None:
    time = VirtualTime()
    time.call_at(1.0, lambda: None)
    assert not time.run_until(lambda: False)
    assert time.time() == 1.0
    assert not time.run_until(lambda: False, limit=5.0)
    assert time.time() == 5.0


def test_a_limit_holds_events_back() -> None:
    time, seen = VirtualTime(), list[float]()
    time.call_at(10.0, lambda: seen.append(time.time()))
    assert not time.run_until(lambda: bool(seen), limit=9.0)
    assert not time.run_until(20.0, limit=9.5)
    assert seen == []
    assert time.run_until(lambda: bool(seen), limit=10.0)


def test_runs_until_nothing_is_left() -> None:
    time, seen = VirtualTime(), list[float]()
    time.call_at(10.0, lambda: seen.append(time.time()))
    assert not time.run_until(math.inf)
    assert (seen, time.time()) == ([10.0], 10.0)


def test_time_does_not_go_back() -> None:
    time = VirtualTime()
    time.run_until(5.0)
    time.run_until(1.0)
    assert time.time() == 5.0


def test_calls_may_order_calls() -> None:
    time, seen = VirtualTime(), list[float]()

    def tick() -> None:
        seen.append(time.time())
        if len(seen) < 4:
            time.call_at(time.time() + 1.0, tick)

    time.call_at(0.0, tick)
    time.run_until(10.0)
    assert seen == [0.0, 1.0, 2.0, 3.0]
