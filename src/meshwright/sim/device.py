"""A virtual device under power: it beacons, is provisioned, and is a node from then on."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from uuid import UUID

from meshwright.core.bearers.generic import MAXIMUM_PDU
from meshwright.core.bearers.pb_adv import DeviceLink
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    encode_beacon,
)
from meshwright.core.effects import Effect, LinkClosed, LinkOpened, Priority
from meshwright.core.models.device_access import DeviceChannel, NodeAccess
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.provisioning.device import BecameNode, DeviceMachine, DeviceOptions
from meshwright.core.provisioning.records import RESPONSE_HEADER
from meshwright.core.provisioning.session import Session
from meshwright.radio.interests import link_pattern, open_pattern
from meshwright.radio.port import Report
from meshwright.radio.runner import Runner
from meshwright.radio.simulated import Air, SimulatedRadio
from meshwright.radio.virtual_time import VirtualTimer
from meshwright.randomness import Randomness
from meshwright.sim.flash import FlashFile, Membership
from meshwright.sim.line_device import key_pair_of
from meshwright.sim.slow import SlowMachine

BEACON_FASTEST, BEACON_SLOWEST = 0.5, 1.0
_LINGER = 1.0
_ANSWER_FASTEST, _ANSWER_SLOWEST = 0.020, 0.050
_SEQUENCES_AHEAD = 64
_BEACON = "beacon"


class VirtualDevice:
    """One device on an air, from power-on to power-off.

    Its randomness derives from its address and the number of times it was powered on, so that no
    run repeats another's.
    """

    def __init__(self, flash: FlashFile, air: Air, randomness: Randomness) -> None:
        flash.store(replace(flash.content, boots=flash.content.boots + 1))
        self.flash = flash
        label = ("device", flash.content.address.hex(), flash.content.boots)
        self._random = randomness.stream(*label)
        self._uniform = randomness.uniform(*label)
        self._air = air
        self.radio: SimulatedRadio = air.radio(flash.content.address)
        self._runner = Runner(self.radio, air)
        self._beacon_timer: VirtualTimer | None = None
        self._wake()

    @property
    def is_node(self) -> bool:
        """Tell whether it is a member of a network; only demos and tests may look."""
        return self.flash.content.membership is not None

    def power_off(self) -> None:
        """Take it off the air, in the middle of anything; what is in flash stays."""
        self.radio.switch_off()
        self.radio.listen(None)
        self._quiet()
        for machine in self._runner.machines:
            self._runner.remove(machine)

    def _wake(self) -> None:
        membership = self.flash.content.membership
        if membership is not None:
            self._serve(membership)
        elif self.flash.content.uuid is not None:
            self._wait_for_provisioner(self.flash.content.uuid.bytes)

    # Unprovisioned.

    def _wait_for_provisioner(self, uuid: bytes) -> None:
        content = self.flash.content
        options = DeviceOptions(
            key_pair=key_pair_of(self.flash),
            records=content.records,
            fragment_limit=MAXIMUM_PDU - RESPONSE_HEADER,
        )
        machine = SlowMachine(DeviceMachine(options, self._random), self._uniform)
        self._link = DeviceLink(uuid, self._uniform)
        self._session = Session(self._link, machine)
        self._runner.add(self._session, self._on_effects, open_pattern(uuid))
        self._beacon_later(self._uniform() * BEACON_SLOWEST)

    def _beacon_later(self, wait: float) -> None:
        self._quiet()
        self._beacon_timer = self._air.call_at(self._air.time() + wait, self._beacon)

    def _quiet(self) -> None:
        if self._beacon_timer is not None:
            self._beacon_timer.cancel()
        self._runner.withdraw(_BEACON)

    def _beacon(self) -> None:
        """Beacon every half to whole second, but not while a Provisioner holds the device."""
        oob = CERTIFICATE_BASED if self.flash.content.records else OobInformation.NONE
        beacon = UnprovisionedBeacon(UUID(bytes=self._link.uuid), oob | OobInformation.ON_DEVICE)
        self._beacon_later(BEACON_FASTEST + (BEACON_SLOWEST - BEACON_FASTEST) * self._uniform())
        data = encode_beacon(beacon)
        self._runner.send(AdType.MESH_BEACON, data, Priority.BEACON, key=_BEACON)

    def _on_effects(self, effects: list[Effect], _now: float) -> None:
        for effect in effects:
            if isinstance(effect, LinkOpened):
                self._hold()
            elif isinstance(effect, BecameNode):
                # In flash before Complete can leave, as real firmware has to do it.
                membership = Membership(effect.data, effect.device_key)
                self._remember(membership)
                self._serve(membership)
            elif isinstance(effect, LinkClosed):
                self._release(effect)

    def _remember(self, membership: Membership) -> None:
        self.flash.store(replace(self.flash.content, membership=membership))

    def _hold(self) -> None:
        self._quiet()
        self._runner.retune(self._session, link_pattern(self._link.link_id))

    def _release(self, closed: LinkClosed) -> None:
        """Beacon again after a failure; a node only lets its own Link Closes leave."""
        leave = partial(self._runner.remove, self._session)
        if self.is_node and closed.by_peer:
            leave()
        elif self.is_node:
            self._air.call_at(self._air.time() + _LINGER, leave)
        else:
            self._runner.retune(self._session, open_pattern(self._link.uuid))
            self._beacon_later(BEACON_FASTEST)

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
