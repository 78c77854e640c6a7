"""Named deadlines."""

from __future__ import annotations

from enum import IntEnum, auto

from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.timers import Timers


class Name(IntEnum):
    """Three timers."""

    FIRST = auto()
    SECOND = auto()
    THIRD = auto()


def test_nothing_is_due_at_first() -> None:
    timers: Timers[Name] = Timers()
    assert timers.next is None
    assert timers.pop_due(1e9) is None
    assert not timers.running(Name.FIRST)


def test_a_timer_is_due_at_its_deadline_and_only_once() -> None:
    timers: Timers[Name] = Timers()
    timers.set(Name.FIRST, 5.0)
    assert timers.pop_due(4.999) is None
    assert timers.running(Name.FIRST)
    assert timers.pop_due(5.0) is Name.FIRST
    assert timers.pop_due(5.0) is None
    assert not timers.running(Name.FIRST)


def test_set_again_restarts() -> None:
    timers: Timers[Name] = Timers()
    timers.set(Name.FIRST, 5.0)
    timers.set(Name.FIRST, 9.0)
    assert timers.next == 9.0
    assert timers.pop_due(5.0) is None


def test_the_earliest_goes_first() -> None:
    timers: Timers[Name] = Timers()
    timers.set(Name.FIRST, 3.0)
    timers.set(Name.SECOND, 1.0)
    timers.set(Name.THIRD, 2.0)
    assert [timers.pop_due(10.0) for _ in range(4)] == [Name.SECOND, Name.THIRD, Name.FIRST, None]


def test_handling_one_timer_may_stop_another_that_is_due() -> None:
    timers: Timers[Name] = Timers()
    timers.set(Name.FIRST, 1.0)
    timers.set(Name.SECOND, 2.0)
    assert timers.pop_due(3.0) is Name.FIRST
    timers.stop(Name.SECOND)
    assert timers.pop_due(3.0) is None


def test_stopping_what_does_not_run_is_harmless() -> None:
    timers: Timers[Name] = Timers()
    timers.stop(Name.FIRST)
    timers.set(Name.FIRST, 1.0)
    timers.set(Name.SECOND, 1.0)
    timers.stop_all()
    assert timers.next is None


@given(st.dictionaries(st.sampled_from(Name), st.floats(0, 100)), st.floats(0, 100))
def test_what_is_due_comes_out_in_order(deadlines: dict[Name, float], now: float) -> None:
    timers: Timers[Name] = Timers()
    for name, deadline in deadlines.items():
        timers.set(name, deadline)
    due = list(iter(lambda: timers.pop_due(now), None))
    assert set(due) == {name for name, deadline in deadlines.items() if deadline <= now}
    assert [deadlines[name] for name in due] == sorted(deadlines[name] for name in due)
    later = [deadline for deadline in deadlines.values() if deadline > now]
    assert timers.next == min(later, default=None)
