"""One attempt to provision one device: from Link Open to a node, or to the reason why not.

The machine goes on by itself whenever a packet comes; what it tells waits in a queue for the
coroutine here, which asks people, validators and stores and then tells the machine how to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import replace
from inspect import isawaitable
from typing import Any, TypeVar

from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened
from meshwright.core.errors import InputError, MeshwrightError, PeerError
from meshwright.core.provisioning.authentication import KeySource
from meshwright.core.provisioning.challenge import Challenge, EntryNeeded, ValueShown, ValueToShow
from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
from meshwright.core.provisioning.provisioner import (
    Authenticated,
    CapabilitiesReceived,
    Provisioned,
    ProvisionerMachine,
    RecordRead,
    RecordsListed,
    SessionFailed,
)
from meshwright.pki.validation import ValidatedDevice
from meshwright.roles.bearers import Bearer
from meshwright.roles.entry import Entered, as_text
from meshwright.roles.lines import Line
from meshwright.roles.methods import Method
from meshwright.roles.provisioned import ProvisionedNode, ProvisioningError
from meshwright.roles.provisioner_events import Request, Tools

_T = TypeVar("_T")
_E = TypeVar("_E", bound=Effect)
_ENTRIES = 10
"""So often a value is asked for when what is entered cannot be one."""

_PAUSE = 1.0
"""Seconds between two tries to connect: some fail at once."""

STOPPED = "stopped"


class Attempt:
    """Leads one session; every line it needs comes from `dial`."""

    def __init__(
        self,
        tools: Tools,
        request: Request,
        machine: ProvisionerMachine,
        dial: Callable[[Attempt], Awaitable[Line]],
    ) -> None:
        self.request = request
        self.machine = machine
        self._tools = tools
        self._dial = dial
        self._line: Line | None = None
        self._inbox: asyncio.Queue[Effect] = asyncio.Queue()
        self._over = asyncio.Event()
        self._records: dict[int, bytes] = {}
        self._certificate: ValidatedDevice | None = None
        self._node: ProvisionedNode | None = None
        self._handed_over = False

    async def run(self, seconds: float) -> ProvisionedNode:
        """Provision the device, which has `seconds` to be heard and again to open a link.

        Raises `ProvisioningError`.
        """
        try:
            await self._open(seconds)
            await self._identify()
            self._invite()
            while not isinstance(effect := await self._next(), Provisioned):
                if type(effect) in _STEPS:
                    await _STEPS[type(effect)](self, effect)
            return await self._done()
        except ProvisioningError:
            raise
        except MeshwrightError as error:
            self.stop(error.code, str(error))
            raise self._failure(error.code, str(error)) from error
        except BaseException:
            self.stop(STOPPED, "The program has given up.")
            raise

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

    # Records and certificate.

    async def _identify(self) -> None:
        """Read what has to be read before Invite, and validate the chain."""
        proves = self._proves
        if not (proves or self.request.records):
            return
        self._act(self.machine.list_records(self._tools.time()))
        listed = (await self._expect(RecordsListed)).ids
        chain = self._chain(listed) if proves else []
        for record_id in dict.fromkeys((*chain, *self.request.records)):
            if record_id in listed:
                await self._read(record_id)
        if proves:
            self._certificate = self._validate(chain)

    @property
    def _proves(self) -> bool:
        """Tell whether the device has to show its certificate.

        Beacons are not authenticated: one that lacks the bits does not spare a device that has to
        have a certificate.
        """
        tools, request = self._tools, self.request
        if tools.roots is None or request.device_public is not None:
            return False
        found = tools.discovery.find(request.uuid)
        claimed = found is not None and found.has_certificate
        return claimed or request.policy.require_oob_public_key

    def _chain(self, listed: tuple[int, ...]) -> list[int]:
        if RecordId.DEVICE_CERTIFICATE not in listed:
            raise PeerError(
                "The device has no certificate of its own to show.", code="no-certificate"
            )
        return [RecordId.DEVICE_CERTIFICATE, *(i for i in INTERMEDIATES if i in listed)]

    async def _read(self, record_id: int) -> None:
        self._act(self.machine.read_record(record_id, self._tools.time()))
        content = (await self._expect(RecordRead)).content
        if content is None:
            raise PeerError(
                f"The device does not hand out record {record_id:#06x}.", code="missing-record"
            )
        self._records[record_id] = content

    def _validate(self, chain: list[int]) -> ValidatedDevice:
        tools = self._tools
        assert tools.roots is not None  # noqa: S101 - else no certificate is read
        certificate, *intermediates = (self._records[record_id] for record_id in chain)
        return tools.roots.validate(
            certificate, intermediates, uuid=self.request.uuid, at=tools.clock.now()
        )

    # The session proper.

    @property
    def _device_public(self) -> bytes | None:
        certified = self._certificate and self._certificate.public_key
        return certified or self.request.device_public

    def _invite(self) -> None:
        request, events = self.request, self._tools.events
        self._act(
            self.machine.invite(
                self._tools.time(),
                policy=events.feasible(request.policy),
                device_public=self._device_public,
                static_oob=request.static_oob,
                attention=request.attention,
                ask=events.capabilities is not None,
            )
        )

    async def _on_capabilities(self, effect: CapabilitiesReceived) -> None:
        ask = self._tools.events.capabilities
        self._capabilities, self._choice = effect.capabilities, effect.choice
        if ask is None:
            return
        uuid = self.request.uuid
        picked = await self._answer(ask(uuid, effect.capabilities, effect.choice))
        static_oob = None
        if isinstance(picked, Method):
            static_oob, policy = picked.static_oob, self._tools.events.feasible(self.request.policy)
            known = self._device_public is not None
            picked = picked.choose(effect.capabilities, policy, key_known=known)
        self._choice = picked or effect.choice
        now = self._tools.time()
        self._act(self.machine.start(self._choice, now, static_oob=static_oob))

    async def _on_entry_needed(self, effect: EntryNeeded) -> None:
        """Ask until what is entered can be a value, but not for ever."""
        for _ in range(_ENTRIES):
            try:
                return self._act(await self._entered(effect.challenge))
            except InputError as error:
                self._tools.events.entry_refused(self.request.uuid, error)
        raise InputError("What was entered was never such a value.", code="bad-oob-value")

    async def _entered(self, challenge: Challenge) -> list[Effect]:
        ask = self._tools.events.entry_needed
        assert ask is not None  # noqa: S101 - else the method is not feasible
        asked: Entered | Awaitable[Entered] = ask(self.request.uuid, challenge)
        value: Entered = await self._answer(asked)
        return self.machine.enter(as_text(value, challenge), self._tools.time())

    async def _on_authenticated(self, effect: Authenticated) -> None:
        """Hand over the Provisioning Data once address and DevKey are durable."""
        tools, uuid = self._tools, self.request.uuid
        address = self.request.address
        if address is None:
            address = await self._answer(tools.addresses(uuid, effect.elements))
        data = tools.network.data(address, effect.elements)
        node = ProvisionedNode(
            uuid,
            address,
            effect.elements,
            effect.device_key,
            data.key_index,
            self._link.bearer,
            self._capabilities,
            self._choice.summary(self._key_source),
            self._certificate,
            self._records,
        )
        stored = tools.store(node)
        if isawaitable(stored):
            await stored  # to its end: nobody would know what an interrupted store has kept
        self._node = node
        sends = self.machine.send_data(data, tools.time())
        self._handed_over = bool(sends)
        self._act(sends)

    @property
    def _key_source(self) -> KeySource:
        return KeySource.OPERATOR if self._certificate is None else KeySource.CERTIFICATE

    async def _done(self) -> ProvisionedNode:
        """Return the node, and the connection if it was to be kept."""
        assert self._node is not None  # noqa: S101 - it was made before the data was sent
        if self.request.keep_connection:
            await self._expect(LinkClosed)
            self._node = replace(self._node, connection=self._link.release())
        asyncio.get_running_loop().call_soon(self._tools.events.node_added, self._node)
        return self._node


_STEPS: dict[type[Effect], Callable[[Attempt, Any], Awaitable[None]]] = {
    CapabilitiesReceived: Attempt._on_capabilities,
    EntryNeeded: Attempt._on_entry_needed,
    Authenticated: Attempt._on_authenticated,
}
