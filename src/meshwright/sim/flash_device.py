"""A device that lives in a flash file, on any radio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from meshwright.core.discovery.beacon import OobInformation
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.radio.station import Station
from meshwright.randomness import Randomness, Uniform
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.roles.device_events import DeviceEvents, Joined
from meshwright.roles.transceiver import Transceiver
from meshwright.sim.flash import FlashFile, Membership
from meshwright.sim.line_device import attempts_of, device_options, keep_failures
from meshwright.sim.node import VirtualNode


def _as_it_is(machine: ProvisioningMachine, _uniform: Uniform) -> ProvisioningMachine:
    return machine


@dataclass(frozen=True, slots=True)
class Build:
    """How a device is built, besides what is in its flash.

    `options` stand in for those that follow from the flash; `wrap` may put a slow processor between
    bearer and machine.
    """

    bearers: Bearer = Bearer.ADV
    options: DeviceOptions | None = None
    oob_information: OobInformation = OobInformation.ON_DEVICE
    uri: str | None = None
    events: DeviceEvents = field(default_factory=DeviceEvents)
    wrap: Callable[[ProvisioningMachine, Uniform], ProvisioningMachine] = _as_it_is


class FlashDevice:
    """One device from power-on to power-off: unprovisioned or a node, as its flash says.

    Its randomness derives from its address and the number of times it was powered on, so that no
    run repeats another's. Without a UUID in its flash it is silent.
    """

    def __init__(
        self,
        flash: FlashFile,
        place: Station | Transceiver,
        randomness: Randomness,
        build: Build | None = None,
    ) -> None:
        flash.store(replace(flash.content, boots=flash.content.boots + 1))
        self.flash = flash
        self._place = Transceiver.of(place)
        self._build = build or Build()
        self._options = self._build.options or device_options(flash)
        self._label = (flash.content.address.hex(), flash.content.boots)
        self._randomness = randomness
        self._uniform = randomness.uniform("virtual device", *self._label)
        self._wake()

    @property
    def is_node(self) -> bool:
        """Tell whether it is a member of a network; only demos and tests may look."""
        return self.flash.content.membership is not None

    def enter(self, value: str) -> None:
        """Take what a person enters; raises `InputError` (`bad-oob-value`)."""
        if self.device is not None:
            self.device.enter(value)

    def let_go(self) -> bool:
        """Take no session any more; tell whether a Provisioner's link has to be closed for that.

        The Link Close then leaves within a second.
        """
        if self.device is None:
            return False
        held = self.device.link is not None
        self.device.disable(self._build.bearers)
        return held

    def _wake(self) -> None:
        uuid = self.flash.content.uuid
        self.device: Device | None = None
        if self.is_node:
            self._serve()
        elif uuid is not None:
            self.device = self._wait_for_provisioner(uuid)

    def _wait_for_provisioner(self, uuid: UUID) -> Device:
        build, uniform = self._build, self._uniform
        return Device(
            self._place,
            uuid,
            self._options,
            randomness=self._randomness,
            events=replace(build.events, persist=self._join, attempts_changed=self._keep_failures),
            bearers=build.bearers,
            uri=build.uri,
            oob_information=build.oob_information,
            attempts=attempts_of(self.flash),
            label=self._label,
            wrap=lambda machine: build.wrap(machine, uniform),
        )

    def _keep_failures(self, failures: int) -> None:
        keep_failures(self.flash, failures)
        self._build.events.attempts_changed(failures)

    def _join(self, joined: Joined) -> None:
        """Keep it in flash before Complete can leave, as real firmware has to do it."""
        membership = Membership(joined.data, joined.device_key)
        self.flash.store(replace(self.flash.content, membership=membership))
        self._build.events.persist(joined)
        self._serve()

    def _serve(self) -> None:
        if self._place.can_advertise:
            elements = self._options.elements
            self.node = VirtualNode(self.flash, self._place.runner, self._uniform, elements)
