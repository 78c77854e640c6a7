"""One attempt to provision one device: from Link Open to a node, or to the reason why not.

The coroutine here asks people, validators and stores, and then tells the machine how to go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from inspect import isawaitable
from typing import Any

from meshwright.core.effects import Effect, LinkClosed
from meshwright.core.errors import InputError, MeshwrightError, PeerError
from meshwright.core.provisioning.authentication import KeySource
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.events import (
    Authenticated,
    CapabilitiesReceived,
    EntryNeeded,
    Provisioned,
    RecordRead,
    RecordsListed,
)
from meshwright.core.provisioning.fields import INTERMEDIATES, ErrorCode, RecordId
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.pki.validation import ValidatedDevice
from meshwright.roles.conversation import Conversation
from meshwright.roles.entry import Entered, as_text
from meshwright.roles.lines import Line
from meshwright.roles.methods import Method
from meshwright.roles.provisioned import ProvisionedNode, ProvisioningError
from meshwright.roles.provisioner_events import Request, Tools

_ENTRIES = 10
"""So often a value is asked for when what is entered cannot be one."""

STOPPED = "stopped"


class Attempt(Conversation):
    """Leads one session."""

    def __init__(
        self,
        tools: Tools,
        request: Request,
        machine: ProvisionerMachine,
        dial: Callable[[Conversation], Awaitable[Line]],
    ) -> None:
        super().__init__(tools, request, machine, dial)
        self._records: dict[int, bytes] = {}
        self._certificate: ValidatedDevice | None = None

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

    # Records and certificate.

    async def _identify(self) -> None:
        """Read what has to be read before Invite, and validate the chain."""
        proves = self._proves
        if not (proves or self.request.records):
            return
        listed = await self._list()
        chain = self._chain(listed) if proves else []
        for record_id in dict.fromkeys((*chain, *self.request.records)):
            if record_id in listed:
                await self._read(record_id)
        if proves:
            self._certificate = self._validate(chain)

    async def _list(self) -> tuple[int, ...]:
        self._act(self.machine.list_records(self._tools.time()))
        try:
            return (await self._expect(RecordsListed)).ids
        except ProvisioningError as error:
            if error.error != ErrorCode.INVALID_PDU:
                raise
            raise self._failure(
                "no-certificate",
                "The device knows no provisioning records, so it cannot show a certificate.",
                error.error,
            ) from None

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
        if content is not None:  # one that is not there does not fail provisioning (5.4.2.6)
            self._records[record_id] = content

    def _validate(self, chain: list[int]) -> ValidatedDevice:
        tools = self._tools
        assert tools.roots is not None  # noqa: S101 - else no certificate is read
        missing = [record_id for record_id in chain if record_id not in self._records]
        if missing:
            raise PeerError(
                f"The device does not hand out record {missing[0]:#06x}.", code="missing-record"
            )
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
