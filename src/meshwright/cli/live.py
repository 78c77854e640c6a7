"""Commands that go on until their time is over or Ctrl-C ends them in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from meshwright.radio.station import Station

seconds_option = click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    help="How long to listen; without it until Ctrl-C.",
)


def end_in_order(stop: Callable[[], object], seconds: float | None) -> None:
    """Call `stop` after so many seconds and at Ctrl-C; a second Ctrl-C ends the process."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        stop()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    if seconds is not None:
        loop.call_later(seconds, stop)


async def ticks(station: Station, every: float, seconds: float | None) -> AsyncIterator[None]:
    """Yield every so many seconds until `end_in_order` ends it, and once more then.

    Raises `RadioError` when `station` goes away.
    """
    ended = asyncio.Event()
    end_in_order(ended.set, seconds)
    if station.lost is not None:
        station.lost.add_done_callback(lambda _lost: ended.set())
    while not ended.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), every)
        yield
    if station.lost is not None and station.lost.done():
        raise station.lost.result()
