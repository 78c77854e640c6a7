"""Our side: the real machines, links, runner and datagram radio."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from tests.radio.waiting import until

from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import (
    OobInformation,
    UnprovisionedBeacon,
    encode_beacon,
    heard_beacon,
)
from meshwright.core.effects import Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    AttentionChanged,
    Authenticated,
    BecameNode,
    CapabilitiesReceived,
    Provisioned,
    SessionFailed,
    SessionRefused,
)
from meshwright.core.provisioning.fields import Algorithm
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.core.provisioning.values import StaticOob
from meshwright.radio.interests import link_pattern, open_pattern
from meshwright.radio.port import Report
from meshwright.radio.runner import Runner
from meshwright.randomness import SystemRandomness
from meshwright.wiring.radios import opened_station

ALSO_CMAC = AuthenticationPolicy(
    algorithms=(Algorithm.HMAC, Algorithm.CMAC),
    require_oob_public_key=False,
    static_with_cmac=True,
)
"""The policy switch that BlueZ needs: it knows no HMAC."""

BEACON_INTERVAL = 0.1
_RANDOMNESS = SystemRandomness()


@dataclass(frozen=True, slots=True)
class Wish:
    """What the owner of a provisioner knows about the device and gives it."""

    data: ProvisioningData
    policy: AuthenticationPolicy = ALSO_CMAC
    device_public: bytes | None = None
    static_oob: StaticOob | None = None


class Provisioner:
    """One session of ours with one device."""

    def __init__(self, runner: Runner, uuid: bytes, wish: Wish) -> None:
        self.choice: Choice | None = None
        self.device_key = b""
        self.provisioned = False
        self.failure: SessionFailed | None = None
        self._runner, self._wish = runner, wish
        link_id = _RANDOMNESS.stream()(4)
        link = ProvisionerLink(uuid, link_id, _RANDOMNESS.uniform())
        self._machine = ProvisionerMachine(_RANDOMNESS.stream())
        self._session = Session(link, self._machine)
        now = runner.timebase.time()
        runner.add(self._session, self._on_effects, link_pattern(link_id))
        runner.perform(self._session, self._session.carry_out(link.open(now), now))

    async def ended(self) -> None:
        """Wait until the session is over and its last packet has left."""
        await until(lambda: self._session not in self._runner.machines)

    def _on_effects(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            answer = self._answer(effect, now)
            self._runner.perform(self._session, self._session.carry_out(answer, now))

    def _answer(self, effect: Effect, now: float) -> list[Effect]:
        if isinstance(effect, LinkOpened):
            return self._invite(now)
        if isinstance(effect, CapabilitiesReceived):
            self.choice = effect.choice
        if isinstance(effect, Authenticated):
            self.device_key = effect.device_key
            return self._machine.send_data(self._wish.data, now)
        if isinstance(effect, Provisioned):
            self.provisioned = True
        if isinstance(effect, SessionFailed):
            self.failure = effect
        return []

    def _invite(self, now: float) -> list[Effect]:
        wish = self._wish
        return self._machine.invite(
            now,
            policy=wish.policy,
            device_public=wish.device_public,
            static_oob=wish.static_oob,
        )


class Device:
    """A device of ours that beacons until somebody opens a link."""

    def __init__(
        self,
        runner: Runner,
        uuid: bytes,
        options: DeviceOptions,
        oob: OobInformation = OobInformation.NONE,
    ) -> None:
        self.node: BecameNode | None = None
        self.refused: list[SessionRefused] = []
        self.links_closed = 0
        self.started = False
        self._runner = runner
        self._uuid = uuid
        self._beacon = encode_beacon(UnprovisionedBeacon(UUID(bytes=uuid), oob))
        self._link = DeviceLink(uuid, _RANDOMNESS.uniform())
        self._session = Session(self._link, DeviceMachine(options, _RANDOMNESS.stream()))
        runner.add(self._session, self._on_effects, open_pattern(uuid))
        self._send_beacon()

    def _send_beacon(self) -> None:
        if self.node is not None or self._session not in self._runner.machines:
            return
        if not self._link.is_open:
            self._runner.send(AdType.MESH_BEACON, self._beacon, key=self._uuid)
        timebase = self._runner.timebase
        timebase.call_at(timebase.time() + BEACON_INTERVAL, self._send_beacon)

    def _on_effects(self, effects: list[Effect], _now: float) -> None:
        for effect in effects:
            if isinstance(effect, LinkOpened):
                self._runner.retune(self._session, link_pattern(self._link.link_id))
            elif isinstance(effect, LinkClosed):
                self.links_closed += 1
                self._runner.retune(self._session, open_pattern(self._uuid))
            elif isinstance(effect, AttentionChanged):
                self.started |= effect.seconds == 0  # the daemon always wants some until Start
            elif isinstance(effect, BecameNode):
                self.node = effect
            elif isinstance(effect, SessionRefused):
                self.refused.append(effect)


@dataclass(slots=True)
class Neighbourhood:
    """Unprovisioned devices that were heard."""

    beacons: list[UnprovisionedBeacon] = field(default_factory=list)

    def heard(self, _data: bytes, report: Report, _now: float) -> None:
        beacon = heard_beacon(report.payload)
        if beacon is not None:
            self.beacons.append(beacon)


@asynccontextmanager
async def radio(spec: str) -> AsyncIterator[Runner]:
    """Open a radio by its name, with a runner on it that ends with it."""
    async with opened_station(spec) as station:
        assert station.radio is not None
        runner = Runner(station.radio, station.timebase)
        yield runner
        for machine in runner.machines:
            runner.remove(machine)
