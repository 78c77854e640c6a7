"""Waiting on a radio for whatever comes first, the end of the radio among it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from meshwright.radio.station import Station

_T = TypeVar("_T")


async def first_of(station: Station, *awaited: Awaitable[_T]) -> _T:
    """Return the result of whatever is done first; the others are cancelled.

    Raises what it raises, `RadioError` when `station` goes away, and what a callback of the radio
    lets escape: that has nobody else to go to.
    """
    tasks = [asyncio.ensure_future(each) for each in awaited]
    stray: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    _catch_strays(stray)
    ends: list[asyncio.Future[Any]] = [stray] if station.lost is None else [stray, station.lost]
    try:
        await asyncio.wait([*tasks, *ends], return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            if end.done():
                raise end.result()
        return next(task for task in tasks if task.done()).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _catch_strays(stray: asyncio.Future[BaseException]) -> None:
    loop = asyncio.get_running_loop()

    def on_exception(running: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        exception = context.get("exception")
        if exception is None:
            running.default_exception_handler(context)
        elif not stray.done():
            stray.set_result(exception)

    loop.set_exception_handler(on_exception)
