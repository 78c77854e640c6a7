"""The order at the radio."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.effects import Priority
from meshwright.radio.queue import PATIENCE, TransmitQueue


def drain(queue: TransmitQueue) -> list[object]:
    taken = []
    while (packet := queue.take()) is not None:
        taken.append(packet.key)
    return taken


def test_the_most_urgent_goes_first_and_beacons_last() -> None:
    queue = TransmitQueue()
    for priority in reversed(Priority):
        queue.put(priority, b"", priority, 0.0)
    assert drain(queue) == list(Priority)


def test_among_equals_the_furthest_on_then_the_oldest() -> None:
    queue = TransmitQueue()
    queue.put("old", b"", Priority.SEGMENT, 0.0, progress=1)
    queue.put("older exchange", b"", Priority.SEGMENT, 1.0, progress=7)
    queue.put("new", b"", Priority.SEGMENT, 2.0, progress=1)
    assert drain(queue) == ["older exchange", "old", "new"]


def test_a_replacement_keeps_the_place_and_is_sent_once() -> None:
    queue = TransmitQueue()
    queue.put("a", b"old", Priority.SEGMENT, 0.0)
    queue.put("b", b"", Priority.SEGMENT, 0.0)
    queue.put("a", b"new", Priority.SEGMENT, 1.0)
    first = queue.take()
    assert first is not None
    assert (first.key, first.payload, first.since) == ("a", b"new", 1.0)
    assert drain(queue) == ["b"]


def test_a_replacement_may_be_more_urgent() -> None:
    queue = TransmitQueue()
    queue.put("a", b"", Priority.SEGMENT, 0.0)
    queue.put("b", b"segment", Priority.SEGMENT, 0.0)
    queue.put("b", b"close", Priority.CLOSE, 0.0)
    assert drain(queue) == ["b", "a"]


def test_what_is_withdrawn_is_not_sent() -> None:
    queue = TransmitQueue()
    queue.put("a", b"", Priority.ACK, 0.0)
    queue.put("b", b"", Priority.ACK, 0.0)
    queue.withdraw("a")
    queue.withdraw("never there")
    assert len(queue) == 1
    assert "a" not in queue
    assert drain(queue) == ["b"]


def test_acknowledgments_cannot_starve_a_link_close() -> None:
    queue = TransmitQueue()
    queue.put("close", b"", Priority.CLOSE, 0.0)
    before = []
    for number in range(100):
        queue.put(number, b"", Priority.ACK, 0.0)
        queue.put(number + 1000, b"", Priority.ACK, 0.0)
        packet = queue.take()
        assert packet is not None
        before.append(packet.key)
    assert before.index("close") == PATIENCE


def test_closes_in_a_row_do_not_wait_for_each_other_forever() -> None:
    queue = TransmitQueue()
    for number in range(3):
        queue.put(f"close {number}", b"", Priority.CLOSE, 0.0)
    for number in range(3 * PATIENCE):
        queue.put(number, b"", Priority.ACK, 0.0)
    order = drain(queue)
    assert [order.index(f"close {n}") for n in range(3)] == [
        PATIENCE,
        2 * PATIENCE + 1,
        3 * PATIENCE + 2,
    ]


PUTS = st.tuples(
    st.integers(0, 6),
    st.sampled_from([p for p in Priority if p != Priority.CLOSE]),
    st.integers(0, 2),
)
STEPS = st.lists(PUTS | st.integers(0, 6) | st.none(), max_size=40)


@given(STEPS)
def test_agrees_with_a_sorted_list(steps: list[tuple[int, Priority, int] | int | None]) -> None:
    queue, model = TransmitQueue(), dict[int, tuple[int, int, int]]()
    for clock, step in enumerate(steps):
        if step is None:
            packet = queue.take()
            expected = min(model, key=model.__getitem__, default=-1)
            assert (-1 if packet is None else packet.key) == expected
            model.pop(expected, None)
        elif isinstance(step, int):
            queue.withdraw(step)
            model.pop(step, None)
        else:
            key, priority, progress = step
            queue.put(key, b"", priority, 0.0, progress=progress)
            turn = model[key][2] if key in model else clock
            model[key] = (priority, -progress, turn)
    assert len(queue) == len(model)
