"""What goes on between a coroutine and the session that it leads, on whatever bearer.

The machine goes on by itself whenever a packet comes; what it tells waits in a queue. Whoever is
asked something is waited for as long as the session lives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from inspect import isawaitable
from typing import Any, TypeVar

from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.events import SessionFailed, ValueShown, ValueToShow
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.roles.bearers import Bearer
from meshwright.roles.lines import Line
from meshwright.roles.provisioned import ProvisionedNode, ProvisioningError
from meshwright.roles.provisioner_events import Request, Tools

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Effect)

_PAUSE = 1.0
"""Seconds between two tries to connect: some fail at once."""


class Conversation:
    """A session with one device; every line it needs comes from `dial`."""

    def __init__(
        self,
        tools: Tools,
        request: Request,
        machine: ProvisionerMachine,
        dial: Callable[[Conversation], Awaitable[Line]],
    ) -> None:
        self.request = request
        self.machine = machine
        self._tools = tools
        self._dial = dial
        self._line: Line | None = None
        self._inbox: asyncio.Queue[Effect] = asyncio.Queue()
        self._over = asyncio.Event()
        self._node: ProvisionedNode | None = None
        self._handed_over = False

    @property
    def finished(self) -> bool:
        """Tell whether nothing is sent any more."""
        return self._line is None or self._line.finished

    def stop(self, code: str, message: str) -> None:
        """End the session and the link."""
        self._end(SessionFailed(code, message))
        if self._line is not None:
            self._line.perform(self.machine.abort(code, message))
            self._line.close(CloseReason.FAIL)

    def on_effects(self, effects: list[Effect], _now: float) -> None:
        """Take what bearer and machine tell."""
        loop = asyncio.get_running_loop()
        for effect in effects:
            for notice, *arguments in self._notices(effect):
                loop.call_soon(notice, self.request.uuid, *arguments)
            if isinstance(effect, SessionFailed):
                self._end(effect)
            else:
                self._inbox.put_nowait(effect)

    def _end(self, failed: SessionFailed) -> None:
        self._inbox.put_nowait(failed)
        self._over.set()

    def _notices(self, effect: Effect) -> Iterator[tuple[Any, ...]]:
        """Yield whom to call and with what; never in the middle of a step of the machine."""
        events = self._tools.events
        match effect:
            case LinkOpened():
                yield events.link_opened, self._link.bearer
            case LinkClosed(opened=True):
                yield events.link_closed, self._link.bearer, effect.reason
            case ValueToShow() if events.show is not None:
                yield events.show, effect.challenge, effect.value
            case ValueShown():
                yield (events.stop_showing,)
            case _:
                pass

    # Waiting for the machine, and for others while it lives.

    async def _next(self) -> Effect:
        effect = await self._inbox.get()
        if isinstance(effect, SessionFailed):
            raise self._failure(effect.code, effect.message, effect.error)
        return effect

    async def _expect(self, kind: type[_E]) -> _E:
        while not isinstance(effect := await self._next(), kind):
            pass
        return effect

    async def _answer(self, asked: _T | Awaitable[_T]) -> _T:
        """Wait for somebody's answer, but no longer than the session lives."""
        if not isawaitable(asked):
            return asked
        answer: asyncio.Future[_T] = asyncio.ensure_future(asked)
        over = asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((answer, over), return_when=asyncio.FIRST_COMPLETED)
            while not answer.done():
                await self._next()  # raises what has ended the session
            return answer.result()
        finally:
            for task in (answer, over):
                task.cancel()
            await asyncio.gather(answer, over, return_exceptions=True)

    def _act(self, effects: list[Effect]) -> None:
        if self._line is not None:
            self._line.perform(effects)

    def _failure(self, code: str, message: str, error: int | None = None) -> ProvisioningError:
        return ProvisioningError(
            message,
            code=code,
            uuid=self.request.uuid,
            error=error,
            node=self._node,
            may_be_node=self._handed_over,
        )

    # The link.

    @property
    def _link(self) -> Line:
        assert self._line is not None  # noqa: S101 - nothing is told before there is one
        return self._line

    async def _open(self, seconds: float) -> None:
        """Wait until the device is heard, where that is needed, and open a link to it."""
        await self._within(seconds, self._find(), "The device was not heard.")
        await self._within(seconds, self._connect(), "The device did not answer.")

    async def _within(self, seconds: float, step: Coroutine[Any, Any, None], failed: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                await step
        except TimeoutError:
            if self._line is not None:
                self._line.close(CloseReason.TIMEOUT)
            raise self._failure("no-answer", failed) from None

    async def _find(self) -> None:
        self._line = await self._answer(self._dial(self))

    async def _connect(self) -> None:
        """Open the line; a connection that could not be made is tried again."""
        self._link.open()
        while not isinstance(await self._next(), LinkOpened):
            if self._link.bearer is Bearer.ADV:
                raise self._failure("no-answer", "The device did not let a link be opened.")
            await asyncio.sleep(_PAUSE)
            await self._find()
            self._link.open()
