"""Programs for asyncio in virtual time."""

from __future__ import annotations

import asyncio
import time as real_time

import pytest

from meshwright.radio.errors import RadioError
from meshwright.radio.port import Report
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.virtual_loop import DAY, StalledError, VirtualLoop, run
from meshwright.radio.simulated.virtual_time import VirtualTime
from meshwright.randomness import SeededRandomness


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


def test_hours_take_no_time(time: VirtualTime) -> None:
    began = real_time.perf_counter()
    run(time, asyncio.sleep(3 * 3600.0))
    assert time.time() == 3 * 3600.0
    assert real_time.perf_counter() - began < 60


def test_the_result_and_the_exception_of_the_program_come_out(time: VirtualTime) -> None:
    async def fails() -> None:
        await asyncio.sleep(1.0)
        raise KeyError("mine")

    assert run(time, asyncio.sleep(1.0, "done")) == "done"
    with pytest.raises(KeyError, match="mine"):
        run(time, fails())
    assert time.time() == 2.0


def test_timers_of_loop_and_air_keep_one_order(time: VirtualTime) -> None:
    order: list[str] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        for moment in (3.0, 1.0, 2.0):
            loop.call_at(moment, order.append, f"loop {moment}")
            time.call_at(moment, lambda moment=moment: order.append(f"air {moment}"))  # type: ignore[misc] # bound here
        await asyncio.sleep(4.0)

    run(time, program())
    moments = [entry.split()[1] for entry in order]
    assert moments == sorted(moments)
    assert len(order) == 6


def test_a_timer_set_by_an_event_of_the_air_is_kept(time: VirtualTime) -> None:
    """The loop is in the middle of waiting for something later then."""
    fired: list[float] = []

    async def program() -> None:
        loop = asyncio.get_running_loop()
        time.call_at(1.0, lambda: loop.call_later(0.5, lambda: fired.append(loop.time())))
        await asyncio.sleep(10.0)

    run(time, program())
    assert fired == [1.5]


def test_a_cancelled_timer_is_not_called(time: VirtualTime) -> None:
    async def program() -> list[str]:
        called: list[str] = []
        asyncio.get_running_loop().call_later(1.0, called.append, "late").cancel()
        await asyncio.sleep(2.0)
        return called

    assert run(time, program()) == []


def test_an_event_of_the_air_wakes_the_program_at_its_own_time(time: VirtualTime) -> None:
    async def program() -> float:
        event = asyncio.Event()
        time.call_at(7.25, event.set)
        await event.wait()
        return asyncio.get_running_loop().time()

    assert run(time, program()) == 7.25


def test_timeouts_are_exact(time: VirtualTime) -> None:
    async def program() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60.0):
                await asyncio.Event().wait()

    run(time, program())
    assert time.time() == 60.0


def test_waiting_for_nothing_is_an_error_and_not_a_hang(time: VirtualTime) -> None:
    cleaned: list[str] = []

    async def program() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1.0)
            cleaned.append("yes")

    with pytest.raises(StalledError, match="nothing is left") as caught:
        run(time, program())
    assert caught.value.code == "stalled"
    assert cleaned == ["yes"]


def test_a_program_that_takes_too_long_is_ended(time: VirtualTime) -> None:
    cleaned: list[str] = []

    def tick() -> None:
        time.call_at(time.time() + 1.0, tick)

    async def program() -> None:
        tick()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(1.0)
            cleaned.append("yes")

    with pytest.raises(StalledError, match="too long"):
        run(time, program(), limit=100.0)
    assert 100.0 <= time.time() < 200.0
    assert cleaned == ["yes"]


def test_a_mistake_in_an_event_of_the_air_comes_out(time: VirtualTime) -> None:
    async def program() -> None:
        time.call_at(1.0, {}.popitem)
        await asyncio.sleep(2.0)

    with pytest.raises(KeyError):
        run(time, program())


def test_threads_are_refused(time: VirtualTime) -> None:
    with pytest.raises(RadioError) as caught:
        run(time, asyncio.to_thread(print))
    assert caught.value.code == "real-time"


def test_it_can_run_again_on_the_same_air(time: VirtualTime) -> None:
    run(time, asyncio.sleep(DAY - 1))
    run(time, asyncio.sleep(DAY - 1))
    assert time.time() == 2 * (DAY - 1)


def test_interruption_ends_the_program_in_order(time: VirtualTime) -> None:
    """Ctrl-C cancels the program, which cleans up in virtual time."""
    cleaned: list[float] = []

    def interrupt() -> None:
        import os
        import signal

        os.kill(os.getpid(), signal.SIGINT)

    async def program() -> None:
        time.call_at(5.0, interrupt)
        try:
            await asyncio.sleep(100.0)
        finally:
            await asyncio.sleep(1.0)
            cleaned.append(asyncio.get_running_loop().time())

    with pytest.raises(KeyboardInterrupt):
        run(time, program())
    assert len(cleaned) == 1
    assert 6.0 <= cleaned[0] < 102.0


class Ear:
    """Puts what a radio hears into a queue."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    def heard(self, report: Report, now: float) -> None:
        self.queue.put_nowait((now, report.payload))

    def transmitted(self, now: float) -> None:
        pass

    def ready(self, now: float) -> None:
        pass


async def chatter(air: Air) -> list[tuple[float, bytes]]:
    ear = Ear()
    talker, listener = air.radio(b"\xc0talk1"), air.radio(b"\xc0hear1")
    listener.listen(ear)
    for number in range(20):
        talker.transmit(bytes([2, 0x29, number]))
        await asyncio.sleep(0.05)
    return [ear.queue.get_nowait() for _ in range(ear.queue.qsize())]


def test_the_same_seed_is_the_same_run() -> None:
    def once(seed: int) -> list[tuple[float, bytes]]:
        air = Air(SeededRandomness(seed).uniform("air"))
        return run(air, chatter(air))

    assert once(1)
    assert once(1) == once(1) != once(2)


def test_the_loop_is_a_timebase(time: VirtualTime) -> None:
    loop = VirtualLoop(time)
    loop.call_at(2.0, loop.stop)
    loop.run_forever()
    loop.close()
    assert loop.time() == 2.0
