"""A device on PB-ADV: it beacons until a Provisioner holds it, and again when it is let go."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from meshwright.core.bearers.pb_adv import DeviceLink
from meshwright.core.discovery.ad import AdType
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Effect, Priority
from meshwright.core.provisioning.session import Session
from meshwright.radio.interests import link_pattern, open_pattern
from meshwright.radio.port import Timer
from meshwright.radio.runner import Runner
from meshwright.randomness import Uniform
from meshwright.roles.advertised import Advertised, BeaconTiming

_LINGER = 1.0
"""Seconds in which a node's last Link Closes leave."""


class AdvertisingEnd:
    """The PB-ADV end of one device; its effects go to `on_effects`."""

    def __init__(
        self,
        runner: Runner,
        advertised: Advertised,
        uniform: Uniform,
        on_effects: Callable[[list[Effect]], object],
        *,
        timing: BeaconTiming,
    ) -> None:
        self._runner = runner
        self._uuid = advertised.uuid
        self._beacon, self._uri = advertised.beacon(), advertised.uri_data()
        self._uniform = uniform
        self._on_effects = on_effects
        self._timing = timing
        self._timer: Timer | None = None
        self._session: Session | None = None
        self._leaving: Session | None = None

    def start(self, machine: ProvisioningMachine) -> None:
        """Beacon and wait for a Link Open."""
        self._link = DeviceLink(self._uuid.bytes, self._uniform)
        self._session = Session(self._link, machine)
        pattern = open_pattern(self._uuid.bytes)
        self._runner.add(self._session, lambda effects, _now: self._on_effects(effects), pattern)
        self._beacon_later(self._uniform() * self._timing.slowest)

    def pause(self) -> None:
        """Be silent and deaf; an open link is forgotten."""
        self._quiet()
        for session in (self._session, self._leaving):
            if session is not None:
                self._runner.remove(session)
        self._session = self._leaving = None

    def hold(self) -> None:
        """Be silent but for the link that has opened (3.10.2)."""
        self._quiet()
        if self._session is not None:
            self._runner.retune(self._session, link_pattern(self._link.link_id))

    def release(self) -> None:
        """Beacon again after a link."""
        if self._session is not None:
            self._runner.retune(self._session, open_pattern(self._uuid.bytes))
            self._beacon_later(self._timing.fastest)

    def leave(self, *, by_peer: bool) -> None:
        """Be a node from now on: only our own Link Closes still leave."""
        session, self._session = self._session, None
        self._quiet()
        if session is None:
            return
        leave = partial(self._runner.remove, session)
        if by_peer:
            leave()
        else:
            self._leaving = session
            self._runner.timebase.call_at(self._runner.timebase.time() + _LINGER, leave)

    def settle(self) -> None:
        """Wait for the Link Close of the Provisioner."""

    def perform(self, effects: list[Effect]) -> None:
        """Carry out what a call to the machine has returned."""
        if self._session is not None:
            outward = self._session.carry_out(effects, self._runner.timebase.time())
            self._runner.perform(self._session, outward)

    def close(self, reason: CloseReason) -> None:
        """Close an open link."""
        self.perform(self._link.close(reason, self._runner.timebase.time()))

    def _beacon_later(self, wait: float) -> None:
        timebase = self._runner.timebase
        self._timer = timebase.call_at(timebase.time() + wait, self._send_beacon)

    def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._runner.withdraw((self, AdType.MESH_BEACON))
        self._runner.withdraw((self, AdType.URI))

    def _send_beacon(self) -> None:
        fastest, slowest = self._timing.fastest, self._timing.slowest
        self._beacon_later(fastest + (slowest - fastest) * self._uniform())
        self._send(AdType.MESH_BEACON, self._beacon)
        if self._uri is not None:
            self._send(AdType.URI, self._uri)

    def _send(self, kind: AdType, data: bytes) -> None:
        self._runner.send(kind, data, Priority.BEACON, key=(self, kind))
