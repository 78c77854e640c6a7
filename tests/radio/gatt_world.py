"""A Provisioner and a device on simulated GATT, with the real links and machines."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from tests.core.provisioning.pair import CERTIFIED, DATA

from meshwright.core.bearers.pb_gatt import DeviceGattLink, ProvisionerGattLink
from meshwright.core.bearers.proxy_sar import PROVISIONING_SERVICE, Reassembler
from meshwright.core.discovery.beacon import CERTIFICATE_BASED, UnprovisionedBeacon
from meshwright.core.discovery.service_data import (
    MeshService,
    decode_provisioning,
    encode_provisioning,
)
from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import Authenticated, BecameNode, RecordRead, RecordsListed
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.records import RecordLimits
from meshwright.radio.gatt import ServiceReport
from meshwright.radio.gatt_driven import GattDriven
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.gatt import GattAir
from meshwright.radio.simulated.propagation import Faults
from meshwright.randomness import SeededRandomness

UUID_A = UUID("70cf7c97-32a3-45b6-9149-4810d2e9cbf4")
RECORDS = {0: bytes(range(200)) * 2, 1: bytes(range(250)) * 2 + bytes(100)}
"""Of the sizes that a base URI and a device certificate may have."""
OPTIONS = DeviceOptions(elements=2, key_pair=CERTIFIED, records=RECORDS, fragment_limit=1461)
PROVISIONER, DEVICE = b"PROVIS", b"DEVICE"

E = TypeVar("E", bound=Effect)


class Attempt:
    """One session of the Provisioner, which reads all records first."""

    def __init__(self, world: World, report: ServiceReport, *, keep: bool) -> None:
        self.told: list[Effect] = []
        self.records: dict[int, bytes | None] = {}
        self.finished = 0
        self._policy = world.policy
        random = world.randomness.stream("session", world.air.time())
        self.machine = ProvisionerMachine(random, limits=world.limits)
        self.link = ProvisionerGattLink(keep=keep)
        self.driven = GattDriven(
            self.link, self.machine, self._on_effects, world.air, lambda _: self._on_finished()
        )
        self.driven.connect(world.client, report)

    def events(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.told if isinstance(effect, kind)]

    def _on_finished(self) -> None:
        self.finished += 1

    def _on_effects(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            self.told.append(effect)
            self.driven.carry_out(self._answer(effect, now))

    def _answer(self, effect: Effect, now: float) -> list[Effect]:
        match effect:
            case LinkOpened():
                return self.machine.list_records(now)
            case RecordsListed(ids):
                self.records = dict.fromkeys(ids)
                return self._read(now)
            case RecordRead(record_id, content):
                self.records[record_id] = content
                return self._read(now)
            case Authenticated():
                return self.machine.send_data(DATA, now)
            case _:
                return []

    def _read(self, now: float) -> list[Effect]:
        for record_id, content in self.records.items():
            if content is None:
                return self.machine.read_record(record_id, now)
        return self.machine.invite(now, policy=self._policy, device_public=CERTIFIED.public)


class World:
    """The air, the device that waits to be provisioned, and every value that passed."""

    def __init__(
        self,
        *,
        mtu: int = 247,
        loss: float = 0.0,
        seed: int = 1,
        options: DeviceOptions = OPTIONS,
        policy: AuthenticationPolicy = ZERO_TOUCH,
        limits: RecordLimits | None = None,
        hand_on: bool = False,
    ) -> None:
        self.policy, self.limits = policy, limits
        self.randomness = SeededRandomness(seed)
        self.air = Air(self.randomness.uniform("air"), faults=Faults(loss=loss))
        self.gatts = GattAir(self.air)
        self.passed: list[tuple[float, bytes, bytes, bytes]] = []
        self.gatts.capture(lambda *seen: self.passed.append(seen))
        self.client = self.gatts.gatt(self.air.radio(PROVISIONER), mtu=mtu)
        self.server = self.gatts.gatt(self.air.radio(DEVICE), mtu=mtu)
        self.told_device: list[Effect] = []
        self._hand_on = hand_on
        self.device_link = DeviceGattLink(keep=hand_on)
        self.device = GattDriven(
            self.device_link,
            DeviceMachine(options, self.randomness.stream("device")),
            self._on_device_effects,
            self.air,
        )
        data = encode_provisioning(UnprovisionedBeacon(UUID_A, CERTIFICATE_BASED))
        self.server.serve(MeshService.PROVISIONING, lambda: data, self.device.accept, interval=0.1)

    def _on_device_effects(self, effects: list[Effect], _now: float) -> None:
        for effect in effects:
            self.told_device.append(effect)
            if isinstance(effect, BecameNode):
                self.server.stop()
                if self._hand_on:
                    self.device.close(CloseReason.SUCCESS)

    def device_events(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.told_device if isinstance(effect, kind)]

    def wait(self, condition: Callable[[], object], seconds: float = 120.0) -> bool:
        limit = self.air.time() + seconds
        return self.air.run_until(lambda: bool(condition()), limit=limit)

    def attempt(self, *, keep: bool = False) -> Attempt:
        """Find the device and begin; everything else happens while time passes."""
        found: list[ServiceReport] = []
        self.client.watch(lambda report, _now: found.append(report))
        assert self.wait(lambda: found)
        self.client.watch(None)
        assert decode_provisioning(found[0].data).uuid == UUID_A
        return Attempt(self, found[0], keep=keep)

    def run(self, *, keep: bool = False) -> Attempt:
        """Make an attempt and let it come to its end on both sides."""
        attempt = self.attempt(keep=keep)
        closed = len(self.device_events(LinkClosed))
        assert self.wait(lambda: attempt.finished)
        self.wait(lambda: len(self.device_events(LinkClosed)) > closed, 10.0)
        return attempt

    def pdus(self, sender: bytes) -> list[bytes]:
        """Return the provisioning PDUs that `sender` put on the air."""
        reassembler, found = Reassembler(PROVISIONING_SERVICE), []
        for when, source, _, value in self.passed:
            message = reassembler.receive(value, when) if source == sender else None
            if message is not None:
                found.append(message.content)
        return found
