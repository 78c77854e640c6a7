"""Reassembly of one transaction from whatever arrives."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import Continuation, Start
from meshwright.core.bearers.reassembly import Reassembly
from meshwright.randomness import SeededRandomness

Part = Start | Continuation


def parts_of(pdu: bytes) -> list[Part]:
    parts = [generic.decode(segment) for segment in generic.segment(pdu)]
    return [part for part in parts if isinstance(part, Start | Continuation)]


def feed(reassembly: Reassembly, parts: list[Part]) -> list[bytes]:
    results = [reassembly.add(part) for part in parts]
    return [result for result in results if result is not None]


NOISE = SeededRandomness(1).stream("reassembly")
PDU = NOISE(65)
START, MIDDLE, LAST = parts_of(PDU)


@given(st.binary(min_size=1, max_size=200), st.randoms(use_true_random=False))
def test_any_order_with_duplicates(pdu: bytes, random: Random) -> None:
    parts = parts_of(pdu)
    doubled = parts + random.sample(parts, len(parts) // 2)
    random.shuffle(doubled)
    reassembly = Reassembly()
    for index, part in enumerate(doubled):
        result = reassembly.add(part)
        complete = {id(p) for p in doubled[: index + 1]} == {id(p) for p in parts}
        assert result == (pdu if complete else None)
        if complete:
            return
    pytest.fail("it was never complete")


def test_the_longest_pdu_backwards() -> None:
    pdu = NOISE(generic.MAXIMUM_PDU)
    assert feed(Reassembly(), parts_of(pdu)[::-1]) == [pdu]


def test_one_segment_is_complete_at_once() -> None:
    assert feed(Reassembly(), parts_of(b"\x08")) == [b"\x08"]


def test_segments_are_kept_across_repetitions() -> None:
    assert feed(Reassembly(), [START, LAST, START, LAST, START, MIDDLE]) == [PDU]


@pytest.mark.parametrize(
    "stray",
    [
        Continuation(3, bytes(23)),
        Continuation(63, b"\0"),
        Continuation(1, bytes(22)),
        Continuation(2, bytes(23)),
        Continuation(2, bytes(21)),
    ],
    ids=["beyond SegN", "far beyond SegN", "middle too short", "last too long", "last too short"],
)
@pytest.mark.parametrize("first", [True, False], ids=["before Start", "after Start"])
def test_s7_what_does_not_fit_is_dropped(stray: Continuation, first: bool) -> None:
    parts = [stray, START] if first else [START, stray]
    assert feed(Reassembly(), [*parts, MIDDLE, LAST]) == [PDU]


def test_s7_wrong_frame_check_then_repetition() -> None:
    assert isinstance(START, Start)
    wrong = Start(START.last_segment, START.total_length, START.fcs ^ 1, START.data)
    reassembly = Reassembly()
    assert feed(reassembly, [wrong, MIDDLE, LAST]) == []
    assert feed(reassembly, [MIDDLE, LAST]) == []
    assert feed(reassembly, [START]) == [PDU]


def test_damaged_segment_then_repetition() -> None:
    assert isinstance(MIDDLE, Continuation)
    damaged = Continuation(1, bytes(23))
    reassembly = Reassembly()
    assert feed(reassembly, [START, damaged, MIDDLE, LAST]) == []
    assert feed(reassembly, [START, MIDDLE, LAST]) == [PDU]


@pytest.mark.parametrize("size", [30, 66, 1469])
def test_s7_a_stray_start_does_not_block_the_transaction(size: int) -> None:
    stray = parts_of(bytes(size))[0]
    reassembly = Reassembly()
    assert feed(reassembly, [stray, MIDDLE, LAST]) == []
    assert feed(reassembly, [START, MIDDLE, LAST]) == [PDU]


@given(
    st.lists(
        st.one_of(
            st.builds(Continuation, st.integers(1, 63), st.binary(min_size=1, max_size=23)),
            st.sampled_from([*parts_of(PDU), *parts_of(bytes(1469))]),
        ),
        max_size=200,
    )
)
def test_s7_memory_is_bounded_and_only_whole_pdus_come_out(parts: list[Part]) -> None:
    reassembly = Reassembly()
    for part in parts:
        pdu = reassembly.add(part)
        assert pdu is None or len(pdu) in (len(PDU), 1469)
        kept = reassembly._segments
        assert sum(map(len, kept.values())) <= 63 * 23
