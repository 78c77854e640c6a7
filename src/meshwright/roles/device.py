"""A device as its firmware sees it: who may find it, what it shows, and how it becomes a node.

Everything is called back on the station's timebase, without asyncio; `provisioned` is there for
programs that have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

from meshwright.core.discovery.beacon import OobInformation
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened
from meshwright.core.errors import InputError
from meshwright.core.provisioning.attempts import Attempts
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    AttemptsChanged,
    AttentionChanged,
    BecameNode,
    EntryNeeded,
    SessionRefused,
    ValueShown,
    ValueToShow,
)
from meshwright.radio.station import Station
from meshwright.randomness import Randomness, Uniform
from meshwright.roles.advertised import Advertised, BeaconTiming, information_of
from meshwright.roles.advertising_end import AdvertisingEnd
from meshwright.roles.bearers import Bearer
from meshwright.roles.device_events import DeviceEvents, End, Joined
from meshwright.roles.entry import Entered, as_text
from meshwright.roles.gatt_end import GattEnd
from meshwright.roles.transceiver import Transceiver, no_bearer


def _unchanged(machine: ProvisioningMachine) -> ProvisioningMachine:
    return machine


class Device:
    """One device on a station, unprovisioned or a node.

    It is silent until `enable` or `bearers` says how it may be provisioned; both bearers may be
    enabled, and while a link is open on one the other is silent too. As a node it says nothing;
    what a node does in its network is another's business.

    `oob_information` needs no bits for its records: they are set with them (3.10.2). With `joined`
    it is a node from the start. `attempts` counts failed authentications across
    restarts. `label` tells runs with the same seed apart. `wrap` may put something between
    bearer and machine, such as a slow processor.
    """

    def __init__(
        self,
        place: Station | Transceiver,
        uuid: UUID,
        options: DeviceOptions | None = None,
        *,
        randomness: Randomness,
        events: DeviceEvents | None = None,
        bearers: Bearer = Bearer.NONE,
        uri: str | None = None,
        oob_information: OobInformation = OobInformation.NONE,
        beacons: BeaconTiming | None = None,
        joined: Joined | None = None,
        attempts: Attempts | None = None,
        label: tuple[object, ...] = (),
        wrap: Callable[[ProvisioningMachine], ProvisioningMachine] = _unchanged,
    ) -> None:
        self._place = Transceiver.of(place)
        self._place.check(randomness)
        self.uuid = uuid
        self.options = options or DeviceOptions()
        self._events = events or DeviceEvents()
        label = ("device", uuid, *label)
        self._random, uniform = randomness.stream(*label), randomness.uniform(*label)
        self._attempts = attempts or Attempts()
        self._wrap = wrap
        self._joined = joined
        self._enabled = Bearer.NONE
        self._held: Bearer | None = None
        self._asked: Challenge | None = None
        self._suspended = False
        self._waiting: list[asyncio.Future[Joined]] = []
        oob = oob_information | information_of(self.options.records)
        advertised = Advertised(uuid, oob, uri)
        self._ends = dict(self._make_ends(advertised, uniform, beacons or BeaconTiming()))
        self._renew()
        if bearers:
            self.enable(bearers)

    def _make_ends(
        self, advertised: Advertised, uniform: Uniform, timing: BeaconTiming
    ) -> Iterator[tuple[Bearer, End]]:
        place = self._place
        if place.can_advertise:
            told = partial(self._on_effects, Bearer.ADV)
            yield Bearer.ADV, AdvertisingEnd(place.runner, advertised, uniform, told, timing=timing)
        if place.gatt_server is not None:
            told = partial(self._on_effects, Bearer.GATT)
            yield (
                Bearer.GATT,
                GattEnd(
                    place.gatt_server,
                    place.timebase,
                    advertised,
                    told,
                    interval=timing.connectable,
                    on_kept=self._events.connection_kept,
                ),
            )

    def _renew(self) -> None:
        self._machine = DeviceMachine(self.options, self._random, attempts=self._attempts)
        self._driven = self._wrap(self._machine)

    # What the program asks for.

    @property
    def joined(self) -> Joined | None:
        """What made it a node; None while it is none."""
        return self._joined

    @property
    def is_provisioned(self) -> bool:
        """Tell whether it is a node."""
        return self._joined is not None

    @property
    def link(self) -> Bearer | None:
        """The bearer on which a Provisioner holds it at present."""
        return self._held

    def enable(self, bearers: Bearer) -> None:
        """Let it be provisioned on `bearers` too.

        Raises `InputError` (`already-provisioned`) on a node, `RadioError` (`no-bearer`) for what
        the station cannot do.
        """
        self._check_unprovisioned()
        for bearer in bearers:
            if bearer not in self._ends:
                raise no_bearer(bearer)
        before, self._enabled = self._enabled, self._enabled | bearers
        if self._idle:
            self._start(bearers & ~before)

    def disable(self, bearers: Bearer) -> None:
        """Let it not be provisioned on `bearers` any more; a link there is closed."""
        stopping, held = bearers & self._enabled, self._held
        self._enabled &= ~bearers
        for bearer in stopping:
            if bearer is held:
                self._ends[bearer].close(CloseReason.FAIL)
            else:
                self._ends[bearer].pause()

    def suspend(self) -> None:
        """Be silent and deaf until `resume`; a Provisioner's link is left hanging."""
        self._suspended = True
        self._drop()

    def resume(self) -> None:
        """End `suspend`; an unprovisioned device can be found again."""
        if not self._suspended:
            return
        self._suspended = False
        self._start(self._enabled)

    def enter(self, value: Entered) -> None:
        """Take the value that the provisioner shows, after `entry_needed`.

        Raises `InputError` (`bad-oob-value`) for what cannot be such a value; it can be entered
        again. Nothing happens when nothing was asked, or the session is over.
        """
        if self._held is not None and self._asked is not None:
            text = as_text(value, self._asked)
            effects = self._machine.enter(text, self._place.timebase.time())
            self._ends[self._held].perform(effects)

    def provision_locally(self, data: ProvisioningData, device_key: bytes) -> None:
        """Make it a node without a provisioner, for tests.

        Raises `InputError`: `already-provisioned`, or `bad-provisioning-data` for what no
        provisioner could hand over.
        """
        self._check_unprovisioned()
        fits = len(data.net_key) == len(device_key) == _KEY_SIZE
        if not (fits and data.well_formed and data.assignable(self.options.elements)):
            raise InputError(
                "These keys and addresses make no node; look at their sizes and ranges.",
                code="bad-provisioning-data",
            )
        self._drop()
        self._join(Joined(data, device_key))

    def reset(self) -> None:
        """Be unprovisioned again; `enable` lets it be found, as after power-on."""
        self._drop()
        self._enabled = Bearer.NONE
        self._joined = None
        self._renew()
        self._events.reset()

    async def provisioned(self) -> Joined:
        """Wait until it is a node."""
        if self._joined is not None:
            return self._joined
        future: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return await future

    # Between bearers and machine.

    @property
    def _idle(self) -> bool:
        return self._held is None and not self._suspended

    def _start(self, bearers: Bearer) -> None:
        for bearer in bearers:
            self._ends[bearer].start(self._driven)

    def _drop(self) -> None:
        """Be off every bearer at once, in the middle of anything."""
        held, self._held = self._held, None
        for end in self._ends.values():
            end.pause()
        if held is not None:
            effects = self._driven.bearer_closed(self._place.timebase.time())
            self._on_effects(held, effects)
            self._events.link_closed(held, CloseReason.FAIL)

    def _check_unprovisioned(self) -> None:
        if self._joined is not None:
            raise InputError(
                "The device is a node already; reset it first.", code="already-provisioned"
            )

    def _on_effects(self, bearer: Bearer, effects: list[Effect]) -> None:
        for effect in effects:
            _HANDLERS[type(effect)](self, bearer, effect)

    def _on_opened(self, bearer: Bearer, _effect: LinkOpened) -> None:
        self._held = bearer
        for other, end in self._ends.items():
            if other is bearer:
                end.hold()
            else:
                end.pause()
        self._events.link_opened(bearer)

    def _on_closed(self, bearer: Bearer, effect: LinkClosed) -> None:
        self._held = None
        if bearer in self._enabled:
            self._ends[bearer].release()
        else:
            self._ends[bearer].leave(by_peer=effect.by_peer)
        self._events.link_closed(bearer, effect.reason)
        if self._idle:
            self._start(self._enabled & ~bearer)

    def _on_entry_needed(self, _bearer: Bearer, effect: EntryNeeded) -> None:
        self._asked = effect.challenge
        self._events.entry_needed(effect.challenge)

    def _on_node(self, bearer: Bearer, effect: BecameNode) -> None:
        self._join(Joined(effect.data, effect.device_key))
        self._ends[bearer].settle()

    def _join(self, joined: Joined) -> None:
        """Be a node once it is durable, and before Complete can leave."""
        try:
            self._events.persist(joined)
        except BaseException:
            self._drop()
            self._renew()
            self._start(self._enabled)
            raise
        self._joined = joined
        self._enabled = Bearer.NONE
        self._events.complete(joined.data.key_index, joined.data.address)
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(joined)


_KEY_SIZE = 16
_HANDLERS: dict[type[Effect], Callable[[Device, Bearer, Any], object]] = {
    LinkOpened: Device._on_opened,
    LinkClosed: Device._on_closed,
    BecameNode: Device._on_node,
    AttentionChanged: lambda device, _, effect: device._events.attention(effect.seconds),
    ValueToShow: lambda device, _, effect: device._events.show(effect.challenge, effect.value),
    ValueShown: lambda device, *_: device._events.stop_showing(),
    EntryNeeded: Device._on_entry_needed,
    SessionRefused: lambda device, _, effect: device._events.refused(effect.error),
    AttemptsChanged: lambda device, _, effect: device._events.attempts_changed(effect.failures),
}
