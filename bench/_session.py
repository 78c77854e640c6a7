"""One provisioning session between both roles, in every way to authenticate it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.crypto import KeyPair
from meshwright.core.effects import Effect, LinkOpened, Transmit
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    EntryNeeded,
    RecordRead,
    RecordsListed,
    ValueToShow,
)
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    InputAction,
    OutputAction,
    RecordId,
)
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.randomness import SeededRandomness

DEVICE = UUID("1b9d6bcd-bbfd-11f0-8000-ab8dfbbd4bed")
DATA = ProvisioningData(bytes(16), 0, 0, 0, 2)
STATIC = StaticOob(OobKind.BINARY, bytes(range(32)))

Leads = dict[type[Effect], Callable[[Any, float], list[Effect]]]
"""What the owner of a machine does about each kind of event."""
Validate = Callable[[bytes], bytes]
"""Takes a device certificate and returns the key it certifies; raises when it does not."""


@dataclass(frozen=True)
class Way:
    """How a session is authenticated; `certificate` is read over the air and checked."""

    algorithm: Algorithm
    method: AuthenticationMethod = AuthenticationMethod.NO_OOB
    oob_key: bool = False
    certificate: bytes | None = None

    @property
    def name(self) -> str:
        key = "certificate read" if self.certificate else "key known" if self.oob_key else "in band"
        return f"{self.algorithm.name}, {key}, {self.method.name.replace('_', ' ').lower()}"

    @cached_property
    def policy(self) -> AuthenticationPolicy:
        """What the Provisioner accepts: this way and no other."""
        return AuthenticationPolicy(
            algorithms=tuple(Algorithm),
            require_oob_public_key=self.oob_key,
            methods=(self.method,),
            static_with_cmac=True,
        )

    @cache  # noqa: B019 - a device is built once, and there are few
    def device(self, pair: KeyPair) -> DeviceOptions:
        """Return the device that is authenticated so."""
        options = DeviceOptions(
            algorithms=Algorithms(self.algorithm.offered_as),
            key_pair=pair if self.oob_key else None,
            static_oob=STATIC,
            output_actions=(OutputAction.NUMERIC,),
            output_size=8,
            input_actions=(InputAction.NUMERIC,),
            input_size=8,
        )
        if self.certificate is None:
            return options
        records: dict[int, bytes] = {RecordId.DEVICE_CERTIFICATE: self.certificate}
        return replace(options, records=records, fragment_limit=1461)


class End:
    """One end of a session, and what its owner does about each event."""

    def __init__(self, session: Session, leads: Leads) -> None:
        self.session = session
        self.leads = leads

    def lead(self, effect: Effect, now: float) -> list[Effect]:
        """Return what the owner wants next of machine and bearer."""
        step = self.leads.get(type(effect))
        return [] if step is None else step(effect, now)


class Sessions:
    """Makes sessions with one device."""

    def __init__(self, pair: KeyPair, validate: Validate, seed: int = 1) -> None:
        randomness = SeededRandomness(seed)
        self._random, self._uniform = randomness.stream("sessions"), randomness.uniform("sessions")
        self._pair = pair
        self._validate = validate

    def run(self, way: Way, arrives: Callable[[Transmit], bool] | None = None) -> Wire:
        """Provision the device once, from Link Open to the last Link Close; return the wire."""
        wire = Wire(*self.ends(way), arrives)
        _Person(wire)
        wire.open()
        wire.run()
        assert wire.nodes == 1, "the device did not become a node"
        return wire

    def ends(self, way: Way) -> tuple[End, End]:
        """Return Provisioner and device, with owners who want a node and enter no values."""
        uniform = self._uniform
        provisioner, leads, device = self.machines(way)
        link = ProvisionerLink(DEVICE.bytes, self._random(4), uniform)
        return (
            End(Session(link, provisioner), leads),
            End(Session(DeviceLink(DEVICE.bytes, uniform), device), {}),
        )

    def machines(self, way: Way) -> tuple[ProvisionerMachine, Leads, DeviceMachine]:
        """Return the Provisioner's machine, what its owner does, and the device's machine."""
        device = DeviceMachine(way.device(self._pair), self._random)
        provisioner = ProvisionerMachine(self._random)
        return provisioner, self._leads(way, provisioner), device

    def _leads(self, way: Way, machine: ProvisionerMachine) -> Leads:
        static = STATIC if way.method is AuthenticationMethod.STATIC else None  # used when known

        def invite(public: bytes | None, now: float) -> list[Effect]:
            return machine.invite(now, policy=way.policy, device_public=public, static_oob=static)

        def begin(_opened: LinkOpened, now: float) -> list[Effect]:
            if way.certificate is not None:
                return machine.list_records(now)
            return invite(self._pair.public if way.oob_key else None, now)

        return {
            LinkOpened: begin,
            RecordsListed: lambda _effect, now: machine.read_record(1, now),
            RecordRead: lambda effect, now: invite(self._validate(effect.content), now),
            Authenticated: lambda _effect, now: machine.send_data(DATA, now),
        }


class Wire:
    """Carries every packet at once to the other end; the clock jumps from deadline to deadline.

    `arrives` sees every packet and says whether it does.
    """

    def __init__(
        self, provisioner: End, device: End, arrives: Callable[[Transmit], bool] | None = None
    ) -> None:
        self.provisioner, self.device = provisioner, device
        self.nodes = 0
        self.provisioned_at = self.now = 0.0
        self._arrives = arrives

    def open(self) -> None:
        """Let the Provisioner open its link."""
        link = self.provisioner.session.bearer
        assert isinstance(link, ProvisionerLink)
        self.act(self.provisioner, link.open(self.now))

    def act(self, end: End, effects: list[Effect]) -> None:
        """Carry out what a session asks for."""
        # As short as it can be: what is measured is the sessions, not this.
        for effect in effects:
            if type(effect) is Transmit:
                if self._arrives is None or self._arrives(effect):
                    other = self.device if end is self.provisioner else self.provisioner
                    heard = other.session.receive(effect.payload, self.now, None)
                    if heard:
                        self.act(other, heard)
                end.session.transmitted(effect.lane, self.now)
            elif type(effect) in end.leads:
                self.act(end, end.session.carry_out(end.lead(effect, self.now), self.now))
            elif type(effect) is BecameNode:
                self.nodes += 1
                self.provisioned_at = self.now

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Run until neither end waits for anything, or until `until`."""
        first, second = self.provisioner, self.device
        mine_next, other_next = first.session.next_deadline, second.session.next_deadline
        while until is None or not until():
            mine, other = mine_next(), other_next()
            if other is None or (mine is not None and mine <= other):
                end, due = first, mine
            else:
                end, due = second, other
            if due is None:
                return
            self.now = due
            effects = end.session.handle_deadline(due)
            if effects:
                self.act(end, effects)


class _Person:
    """Reads a value at one end and enters it at the other, at once."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._value: str | None = None
        self._asked: End | None = None
        for end in (wire.provisioner, wire.device):
            end.leads |= self._leads(end)

    def _leads(self, end: End) -> Leads:
        def read(shown: ValueToShow, _now: float) -> list[Effect]:
            self._value = shown.value
            self._enter()
            return []

        def ask(_needed: EntryNeeded, _now: float) -> list[Effect]:
            self._asked = end
            self._enter()
            return []

        return {ValueToShow: read, EntryNeeded: ask}

    def _enter(self) -> None:
        end, value, now = self._asked, self._value, self._wire.now
        if end is None or value is None:
            return
        machine = end.session.machine
        assert isinstance(machine, ProvisionerMachine | DeviceMachine)
        self._wire.act(end, end.session.carry_out(machine.enter(value, now), now))
