"""An asyncio event loop whose time is virtual: programs for asyncio run on a simulated air.

Nothing waits for real: whenever no callback is due, the air moves on to its next event. The same
seed gives the same run, as without asyncio. A loop has one thread and no sockets; what needs either
belongs on a real radio.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from functools import partial
from typing import Any, NoReturn, TypeVar, TypeVarTuple, Unpack

from meshwright.radio.errors import RadioError
from meshwright.radio.simulated.virtual_time import VirtualTime

DAY = 86_400.0
_GRACE = 600.0

_Result = TypeVar("_Result")
_Arguments = TypeVarTuple("_Arguments")


class StalledError(RadioError):
    """The program waits for something that will not happen."""

    code = "stalled"


def run(
    time: VirtualTime, coroutine: Coroutine[Any, Any, _Result], *, limit: float = DAY
) -> _Result:
    """Run `coroutine` to its end in the time of an air, and return its result.

    Raises `StalledError` when it waits although nothing is left that could happen, and when it has
    taken more than `limit` virtual seconds: an air with beacons on it never runs out of events.
    """
    loop_factory = partial(VirtualLoop, time, limit=limit)
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(coroutine)


class VirtualLoop(asyncio.BaseEventLoop):
    """The event loop of `run`; its timers are those of the air."""

    _ready: deque[asyncio.Handle]

    def __init__(self, time: VirtualTime, *, limit: float = DAY) -> None:
        super().__init__()
        self._virtual = time
        self._selector = _AirSelector(time, self._has_work, time.time() + limit)

    def time(self) -> float:
        return self._virtual.time()

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Arguments]], object],
        *args: *_Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Call back at `when`, in order with the events of the air."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._virtual.schedule(max(when, self.time()), self._due, handle)
        return handle

    def run_in_executor(self, executor: object, func: object, *args: object) -> NoReturn:
        """Refuse: a thread takes real time, and virtual time would not wait for it."""
        del executor, func, args
        raise RadioError(
            "Threads take real time; in virtual time call the function itself.", code="real-time"
        )

    def _due(self, handle: asyncio.TimerHandle) -> None:
        if not handle.cancelled():
            self._ready.append(handle)

    def _has_work(self) -> bool:
        return bool(self._ready)

    # What the base class asks of a loop: nothing comes from outside.

    def _process_events(self, event_list: list[object]) -> None:
        del event_list

    def _write_to_self(self) -> None:
        pass


class _AirSelector:
    """Where other loops wait for sockets, this one lets the air go on."""

    def __init__(self, time: VirtualTime, has_work: Callable[[], bool], end: float) -> None:
        self._time = time
        self._has_work = has_work
        self._end = end

    def select(self, timeout: float | None) -> list[object]:
        """Let time pass until a callback can be made; the base class has no timers of its own."""
        if timeout is not None:
            return []
        if not self._time.run_until(self._enough):
            raise StalledError("The program waits, and nothing is left that could happen.")
        if not self._has_work():
            self._end += _GRACE  # for whatever the program cleans up
            raise StalledError("The program takes too long in virtual time; raise its limit.")
        return []

    def _enough(self) -> bool:
        return self._has_work() or self._time.time() >= self._end

    def close(self) -> None:
        """Let go of nothing."""
