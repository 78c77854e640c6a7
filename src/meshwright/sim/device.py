"""A virtual device under power: it beacons, is provisioned, and is a node from then on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import UUID

from meshwright.core.bearers.generic import MAXIMUM_PDU
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import CERTIFICATE_BASED, OobInformation
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import Priority
from meshwright.core.models.device_access import DeviceChannel, NodeAccess
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.provisioning.device import DeviceOptions
from meshwright.core.provisioning.records import RESPONSE_HEADER
from meshwright.radio.port import Report
from meshwright.radio.simulated import Air, SimulatedRadio
from meshwright.randomness import Randomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.roles.device_events import DeviceEvents, Joined
from meshwright.roles.transceiver import Transceiver
from meshwright.sim.flash import FlashFile, Membership
from meshwright.sim.line_device import key_pair_of
from meshwright.sim.slow import SlowMachine

_ANSWER_FASTEST, _ANSWER_SLOWEST = 0.020, 0.050
_SEQUENCES_AHEAD = 64


class VirtualDevice:
    """One device on an air, from power-on to power-off.

    Its randomness derives from its address and the number of times it was powered on, so that no
    run repeats another's.
    """

    def __init__(self, flash: FlashFile, air: Air, randomness: Randomness) -> None:
        flash.store(replace(flash.content, boots=flash.content.boots + 1))
        self.flash = flash
        self._label = (flash.content.address.hex(), flash.content.boots)
        self._randomness = randomness
        self._uniform = randomness.uniform("virtual device", *self._label)
        self._air = air
        self.radio: SimulatedRadio = air.radio(flash.content.address)
        self._place = Transceiver(air, radio=self.radio)
        self._runner = self._place.runner
        self._wake()

    @property
    def is_node(self) -> bool:
        """Tell whether it is a member of a network; only demos and tests may look."""
        return self.flash.content.membership is not None

    def power_off(self) -> None:
        """Take it off the air, in the middle of anything; what is in flash stays."""
        self.radio.switch_off()
        self.radio.listen(None)
        if self._device is not None:
            self._device.suspend()

    def _wake(self) -> None:
        membership, uuid = self.flash.content.membership, self.flash.content.uuid
        self._device: Device | None = None
        if membership is not None:
            self._serve(membership)
        elif uuid is not None:
            self._device = self._wait_for_provisioner(uuid)

    # Unprovisioned.

    def _wait_for_provisioner(self, uuid: UUID) -> Device:
        content = self.flash.content
        oob = CERTIFICATE_BASED if content.records else OobInformation.NONE
        options = DeviceOptions(
            key_pair=key_pair_of(self.flash),
            records=content.records,
            fragment_limit=MAXIMUM_PDU - RESPONSE_HEADER,
        )
        return Device(
            self._place,
            uuid,
            options,
            randomness=self._randomness,
            events=DeviceEvents(persist=self._join),
            bearers=Bearer.ADV,
            oob_information=oob | OobInformation.ON_DEVICE,
            label=self._label,
            wrap=self._slowed,
        )

    def _slowed(self, machine: ProvisioningMachine) -> ProvisioningMachine:
        return SlowMachine(machine, self._uniform)

    def _join(self, joined: Joined) -> None:
        """Keep it in flash before Complete can leave, as real firmware has to do it."""
        membership = Membership(joined.data, joined.device_key)
        self._remember(membership)
        self._serve(membership)

    def _remember(self, membership: Membership) -> None:
        self.flash.store(replace(self.flash.content, membership=membership))

    # A node.

    def _serve(self, membership: Membership) -> None:
        data = membership.data
        channel = DeviceChannel(
            NetworkKeys.derive(data.net_key),
            IvIndex.told(data.iv_index, data.flags),
            membership.device_key,
        )
        addresses = range(data.address, data.address + 1)
        self._node = NodeAccess(channel, addresses=addresses, next_sequence=self._next_sequence)
        self._sequence = self._leased = membership.next_sequence
        self._runner.subscribe(AdType.MESH_MESSAGE, self._on_message)

    def _next_sequence(self) -> int:
        if self._sequence == self._leased:
            self._leased += _SEQUENCES_AHEAD
            membership = self.flash.content.membership
            assert membership is not None  # noqa: S101 - only a node is asked
            self._remember(replace(membership, next_sequence=self._leased))
        self._sequence += 1
        return self._sequence - 1

    def _on_message(self, network_pdu: bytes, _report: Report, now: float) -> None:
        for answer in self._node.receive(network_pdu, now):
            wait = _ANSWER_FASTEST + (_ANSWER_SLOWEST - _ANSWER_FASTEST) * self._uniform()
            self._air.call_at(now + wait, partial(self._answer, answer))

    def _answer(self, network_pdu: bytes) -> None:
        self._runner.send(AdType.MESH_MESSAGE, network_pdu, Priority.SEGMENT)
