"""A provisioner's end of one link, the same on every bearer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from meshwright.core.bearers.pb_adv import LINK_ID_SIZE, ProvisionerLink
from meshwright.core.bearers.pb_gatt import ProvisionerGattLink
from meshwright.core.bearers.timing import GattTiming, LinkTiming
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Effect
from meshwright.core.provisioning.session import Session
from meshwright.radio.gatt import GattClient, GattConnection, ServiceReport
from meshwright.radio.gatt_driven import GattDriven
from meshwright.radio.interests import link_pattern
from meshwright.radio.port import Timebase
from meshwright.radio.runner import Runner
from meshwright.randomness import RandomBytes, Uniform
from meshwright.roles.bearers import Bearer

OnEffects = Callable[[list[Effect], float], object]


class Line(Protocol):
    """One link to one device."""

    bearer: Bearer

    def open(self) -> None:
        """Begin; `LinkOpened` or `LinkClosed` follows."""

    def perform(self, effects: list[Effect]) -> None:
        """Carry out what a call to the machine has returned."""

    def close(self, reason: CloseReason) -> None:
        """End the link; harmless when it has ended."""

    @property
    def finished(self) -> bool:
        """Tell whether the last packet has left."""

    def release(self) -> GattConnection | None:
        """Give back a connection that was kept."""


class AdvLine:
    """A PB-ADV link."""

    bearer = Bearer.ADV

    def __init__(
        self,
        runner: Runner,
        uuid: UUID,
        machine: ProvisioningMachine,
        on_effects: OnEffects,
        *,
        random: RandomBytes,
        uniform: Uniform,
        timing: LinkTiming,
    ) -> None:
        self._runner = runner
        self._on_effects = on_effects
        self._link = ProvisionerLink(uuid.bytes, random(LINK_ID_SIZE), uniform, timing=timing)
        self._session = Session(self._link, machine)

    def open(self) -> None:
        self._runner.add(self._session, self._on_effects, link_pattern(self._link.link_id))
        self.perform(self._link.open(self._runner.timebase.time()))

    def perform(self, effects: list[Effect]) -> None:
        outward = self._session.carry_out(effects, self._runner.timebase.time())
        self._runner.perform(self._session, outward)

    def close(self, reason: CloseReason) -> None:
        self.perform(self._link.close(reason, self._runner.timebase.time()))

    @property
    def finished(self) -> bool:
        return self._session.finished

    def release(self) -> GattConnection | None:
        return None


class GattLine:
    """A PB-GATT link to whoever sent `report`; `keep` leaves the connection open at the end."""

    bearer = Bearer.GATT

    def __init__(
        self,
        client: GattClient,
        report: ServiceReport,
        machine: ProvisioningMachine,
        on_effects: OnEffects,
        timebase: Timebase,
        *,
        timing: GattTiming,
        keep: bool,
    ) -> None:
        self._client = client
        self._report = report
        link = ProvisionerGattLink(timing=timing, keep=keep)
        self._driven = GattDriven(link, machine, on_effects, timebase)

    def open(self) -> None:
        self._driven.connect(self._client, self._report)

    def perform(self, effects: list[Effect]) -> None:
        self._driven.carry_out(effects)

    def close(self, reason: CloseReason) -> None:
        self._driven.close(reason)

    @property
    def finished(self) -> bool:
        return self._driven.session.finished

    def release(self) -> GattConnection | None:
        return self._driven.release()
