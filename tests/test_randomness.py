"""Randomness: never the same from the system, always the same from a seed, never shared."""

from __future__ import annotations

from itertools import combinations
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from meshwright.randomness import SeededRandomness, SystemRandomness

LABELS = st.lists(st.text(max_size=6) | st.integers(0, 99), max_size=3).map(tuple)


def test_the_system_never_repeats_itself() -> None:
    system = SystemRandomness()
    assert not system.predictable
    drawn = [system.stream("a")(16) for _ in range(100)]
    assert len(set(drawn)) == 100
    assert len(system.stream()(0)) == 0
    assert {0.0 <= system.uniform("a")() < 1.0 for _ in range(100)} == {True}


def test_a_seed_repeats_itself() -> None:
    assert SeededRandomness(1).predictable
    one, two = (SeededRandomness(5).stream("key", 3) for _ in range(2))
    assert one(7) + one(9) == two(16)
    ones, twos = (SeededRandomness(5).uniform("key", 3) for _ in range(2))
    assert [ones() for _ in range(9)] == [twos() for _ in range(9)]


def test_seeds_and_labels_are_all_different() -> None:
    labels = [(), ("a",), ("b",), ("a", "b"), ("ab",), ("a", 1), ("a1",), ("", "a"), ("a", "")]
    streams = [SeededRandomness(seed).stream(*label)(16) for seed in (0, 1, -1) for label in labels]
    assert all(one != other for one, other in combinations(streams, 2))


@given(LABELS, LABELS)
def test_no_two_labels_run_together(one: tuple[object, ...], other: tuple[object, ...]) -> None:
    seeded = SeededRandomness(1)
    same = [str(part) for part in one] == [str(part) for part in other]
    assert (seeded.stream(*one)(16) == seeded.stream(*other)(16)) is same


def test_a_draw_more_in_one_place_changes_nothing_elsewhere() -> None:
    seeded = SeededRandomness(9)
    expected = SeededRandomness(9).stream("b")(32)
    seeded.stream("a")(1000)
    assert seeded.stream("b")(32) == expected


def test_numbers_are_spread_evenly() -> None:
    draw = SeededRandomness(2).uniform("air")
    numbers = [draw() for _ in range(4000)]
    assert 0.0 <= min(numbers) < 0.01
    assert 0.99 < max(numbers) < 1.0
    assert 0.48 < mean(numbers) < 0.52


def test_a_seed_does_not_show() -> None:
    assert "4711" not in repr(SeededRandomness(4711))
