"""A provisioner as a program uses it: find devices, and make them nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from functools import partial
from itertools import count
from types import TracebackType
from typing import Self
from uuid import UUID

from meshwright.clock import Clock, SystemClock
from meshwright.core.bearers.timing import GattTiming, LinkTiming
from meshwright.core.errors import InputError
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.records import RecordLimits
from meshwright.core.provisioning.timeouts import PROVISIONING_TIMEOUT
from meshwright.core.provisioning.values import StaticOob
from meshwright.pki.validation import ChainValidator
from meshwright.radio.concurrency import retransmit_after
from meshwright.radio.station import Station
from meshwright.randomness import RandomBytes, Randomness, Uniform
from meshwright.roles.attempt import STOPPED, Attempt
from meshwright.roles.bearers import Bearer
from meshwright.roles.conversation import Conversation
from meshwright.roles.discovery import DeviceDiscovered, Discovery
from meshwright.roles.lines import AdvLine, GattLine, Line
from meshwright.roles.provisioned import (
    AddressPool,
    NetworkCredentials,
    ProvisionedNode,
)
from meshwright.roles.provisioner_events import ProvisionerEvents, Request, Tools
from meshwright.roles.transceiver import Transceiver, no_bearer

_KEY_SIZE, _PUBLIC_SIZE = 16, 64
_FAREWELL = 5.0
"""Seconds in which the last packets of all links leave."""


def _keep_nothing(_node: ProvisionedNode) -> None:
    """Store nothing: the caller of `provision` has the result."""


class Provisioner:
    """Provisions devices into one network, several at a time if asked so.

    `policy` says what is accepted as authentication. With `roots`, devices have to prove a
    certificate: their chains are read and validated before anything else, and never do without
    (see `policy`). `addresses` gives the first of so many unicast addresses for a device, `store`
    makes a node durable *before* the device learns that it is one; both may be coroutine functions.

    It listens from the beginning: `discovery` knows who is there. Use it as an asynchronous context
    manager, or `aclose` it: then links are closed, and the last packets leave.
    """

    def __init__(
        self,
        place: Station | Transceiver,
        network: NetworkCredentials,
        *,
        randomness: Randomness,
        policy: AuthenticationPolicy = ZERO_TOUCH,
        events: ProvisionerEvents | None = None,
        addresses: Callable[[UUID, int], int | Awaitable[int]] | None = None,
        store: Callable[[ProvisionedNode], object] = _keep_nothing,
        roots: ChainValidator | None = None,
        clock: Clock | None = None,
        discovery: Discovery | None = None,
        timing: LinkTiming | None = None,
        gatt_timing: GattTiming | None = None,
        limits: RecordLimits | None = None,
        timeout: float = PROVISIONING_TIMEOUT,
        label: tuple[object, ...] = (),
    ) -> None:
        if len(network.net_key) != _KEY_SIZE:
            raise InputError("A NetKey has 16 octets.", code="bad-net-key")
        self._place = Transceiver.of(place)
        self._place.check(randomness)
        self._randomness = randomness
        self._label = label
        self._policy = policy
        self._owns_discovery = discovery is None
        self.discovery = (discovery or Discovery(self._place)).start()
        self._tools = Tools(
            network,
            events or ProvisionerEvents(),
            addresses or AddressPool(),
            store,
            roots,
            clock or SystemClock(),
            self.discovery,
            self._place.timebase.time,
        )
        self._timing = timing or self._usual_timing()
        self._gatt_timing = gatt_timing or GattTiming()
        self._limits = limits
        self._timeout = timeout
        self._numbers = count(1)
        self._attempts: dict[UUID, Attempt] = {}
        self._leaving: list[Attempt] = []

    def _usual_timing(self) -> LinkTiming:
        if not self._place.can_advertise:
            return LinkTiming()
        return LinkTiming(retransmit=retransmit_after(self._place.runner.radio.pacing))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End every session and wait until the last packets have left."""
        for attempt in tuple(self._attempts.values()):
            attempt.stop(STOPPED, "The program has given up.")
        if self._owns_discovery:
            self.discovery.stop()
        time = self._place.timebase.time
        until = time() + _FAREWELL
        while time() < until and self._busy:  # noqa: ASYNC110 - nothing tells of the last packet
            await asyncio.sleep(0.02)

    async def provision(
        self,
        uuid: UUID,
        bearer: Bearer = Bearer.AUTO,
        *,
        address: int | None = None,
        policy: AuthenticationPolicy | None = None,
        device_public: bytes | None = None,
        static_oob: StaticOob | None = None,
        attention: int = 0,
        records: Collection[int] = (),
        keep_connection: bool = False,
    ) -> ProvisionedNode:
        """Make the device `uuid` a node.

        `bearer` may name one or leave the choice: then the device is waited for, and PB-ADV taken
        where it was heard on both. `address` is that of the primary element; without it `addresses`
        is asked. `device_public` (64 octets) is a public key that the operator vouches for; then no
        certificate is read. `records` are read besides and handed back. `keep_connection` leaves a
        GATT connection open for whoever uses the result's.

        Raises `ProvisioningError`, with the code of whatever went wrong, and `InputError` for what
        cannot be asked: `already-provisioning`, `bad-public-key`, `bad-attention`. Cancelling ends
        the session and closes the link.
        """
        _check(device_public, attention)
        if uuid in self._attempts:
            raise InputError(
                "This device is being provisioned already; wait for the result.",
                code="already-provisioning",
            )
        possible = bearer & self._place.reaches
        if not possible:
            raise no_bearer(bearer)
        request = Request(
            uuid,
            policy or self._policy,
            address,
            device_public,
            static_oob,
            attention,
            tuple(records),
            keep_connection,
        )
        attempt = self._attempt(request, possible)
        self._attempts[uuid] = attempt
        try:
            return await attempt.run(self._timing.establishment)
        finally:
            del self._attempts[uuid]
            self._leaving = [each for each in (*self._leaving, attempt) if not each.finished]

    def _attempt(self, request: Request, possible: Bearer) -> Attempt:
        label = ("provisioner", *self._label, request.uuid, next(self._numbers))
        random, uniform = self._randomness.stream(*label), self._randomness.uniform(*label)
        machine = ProvisionerMachine(random, limits=self._limits, timeout=self._timeout)
        dialing = partial(self._dial, possible=possible, random=random, uniform=uniform)
        return Attempt(self._tools, request, machine, dialing)

    async def _dial(
        self, attempt: Conversation, *, possible: Bearer, random: RandomBytes, uniform: Uniform
    ) -> Line:
        """Return a line to the device, which is waited for where that is needed."""
        uuid, machine, told = attempt.request.uuid, attempt.machine, attempt.on_effects
        if possible != Bearer.ADV:
            found = await self.discovery.find_soon(uuid, possible)
            if not found.bearers & possible & Bearer.ADV:
                return self._gatt_line(attempt, found)
        return AdvLine(
            self._place.runner,
            uuid,
            machine,
            told,
            random=random,
            uniform=uniform,
            timing=self._timing,
        )

    def _gatt_line(self, attempt: Conversation, found: DeviceDiscovered) -> Line:
        client = self._place.gatt_client
        if client is None or found.peer is None:
            raise no_bearer(Bearer.GATT)
        return GattLine(
            client,
            found.peer,
            attempt.machine,
            attempt.on_effects,
            self._place.timebase,
            timing=self._gatt_timing,
            keep=attempt.request.keep_connection,
        )

    @property
    def _busy(self) -> bool:
        return any(not each.finished for each in (*self._attempts.values(), *self._leaving))


def _check(device_public: bytes | None, attention: int) -> None:
    if device_public is not None and len(device_public) != _PUBLIC_SIZE:
        raise InputError("A public key has 64 octets, X and Y.", code="bad-public-key")
    if attention not in range(256):
        raise InputError("Attention takes 0 to 255 seconds.", code="bad-attention")
