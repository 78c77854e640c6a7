"""A real Provisioner and a real device in sessions on real links of either bearer.

Whoever is hostile speaks through a tap: it sees the PDUs that its machine has received and sends
others than its machine wants to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from fuzz.scenarios import UUID, Scenario
from tests.core.wire import AIRTIME, ON_TIME, End, Fate, Wire

from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.bearers.pb_gatt import DeviceGattLink, ProvisionerGattLink
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import Disconnect, Effect, SendPdu
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    EntryNeeded,
    Provisioned,
    SessionFailed,
    ValueToShow,
)
from meshwright.core.provisioning.fields import ErrorCode, PduType
from meshwright.core.provisioning.session import Session
from meshwright.randomness import SeededRandomness

BEARERS = ("PB-ADV", "PB-GATT")
LIMIT = 1_000.0
"""Seconds of virtual time in which everything has to be over."""

Tap = Callable[["Tapped", bytes], list[bytes]]
"""Takes what a machine wants to send and returns what is sent."""

E = TypeVar("E", bound=Effect)


def honest(_tapped: Tapped, pdu: bytes) -> list[bytes]:
    """Send what the machine wants to send."""
    return [pdu]


class Tapped:
    """A machine whose PDUs go through a tap."""

    def __init__(self, machine: ProvisioningMachine, tap: Tap) -> None:
        self.machine, self.tap = machine, tap
        self.heard: list[bytes] = []
        self.sent: list[bytes] = []

    def of_type(self, pdu_type: PduType) -> bytes:
        """Return the PDU of this type that was heard last."""
        return next(pdu for pdu in reversed(self.heard) if pdu[0] == pdu_type)

    def through(self, effects: list[Effect]) -> list[Effect]:
        """Pass effects through the tap."""
        passed: list[Effect] = []
        for effect in effects:
            if isinstance(effect, SendPdu):
                sent = self.tap(self, effect.pdu)
                self.sent += sent
                passed += [SendPdu(pdu) for pdu in sent]
            else:
                passed.append(effect)
        return passed

    def bearer_opened(self, now: float) -> list[Effect]:
        return self.through(self.machine.bearer_opened(now))

    def bearer_closed(self, now: float) -> list[Effect]:
        return self.through(self.machine.bearer_closed(now))

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        self.heard.append(pdu)
        return self.through(self.machine.receive(pdu, now))

    def next_deadline(self) -> float | None:
        return self.machine.next_deadline()

    def handle_deadline(self, now: float) -> list[Effect]:
        return self.through(self.machine.handle_deadline(now))


class Scene:
    """One attempt at one device; `machine` may stand for the device."""

    def __init__(
        self,
        bearer: str,
        scenario: Scenario,
        *,
        by_provisioner: Tap = honest,
        by_device: Tap = honest,
        machine: ProvisioningMachine | None = None,
        fate: Fate = lambda _packet: ON_TIME,
        silent_at: type[Effect] | None = None,
        person: bool = True,
        seed: int = 1,
    ) -> None:
        self.scenario, self._silent_at, self._person = scenario, silent_at, person
        randomness = SeededRandomness(seed)
        self.provisioner = scenario.provisioner(seed)
        self.device = machine or scenario.device(seed)
        self.left_tap = Tapped(self.provisioner, by_provisioner)
        self.right_tap = Tapped(self.device, by_device)
        self._values: dict[bool, str] = {}
        self._asked: set[bool] = set()
        self._make_links(bearer, randomness.uniform("delays"), randomness.stream("link")(4))
        self.left = Session(self.link, self.left_tap)
        self.right = Session(self.device_link, self.right_tap)
        self.wire = Wire(
            End(self.left, b"PROVIS", self._on_left),
            End(self.right, b"DEVICE", self._on_right),
            fate=fate,
        )

    def _make_links(self, bearer: str, uniform: Callable[[], float], link_id: bytes) -> None:
        self.link: ProvisionerLink | ProvisionerGattLink
        self.device_link: DeviceLink | DeviceGattLink
        if bearer == "PB-ADV":
            self.link = ProvisionerLink(UUID, link_id, uniform)
            self.device_link = DeviceLink(UUID, uniform)
        else:
            self.link, self.device_link = ProvisionerGattLink(), DeviceGattLink()

    def start(self) -> Scene:
        """Begin to open the link."""
        wire = self.wire
        wire.act(wire.left, self.link.open(wire.now))
        if isinstance(self.device_link, DeviceGattLink):
            wire.act(
                wire.right, self.right.carry_out(self.device_link.connected(69, wire.now), wire.now)
            )
        if isinstance(self.link, ProvisionerGattLink):
            wire.act(wire.left, self.left.carry_out(self.link.connected(69, wire.now), wire.now))
        return self

    def run(self, seconds: float = LIMIT) -> Scene:
        """Let everything happen; it must come to an end by itself."""
        self.wire.run(seconds)
        return self

    def play(self) -> Scene:
        """Start, run to the end, and check what is true after every attempt."""
        self.start().run()
        self.check_over()
        return self

    def say(self, octets: bytes, *, by_device: bool) -> None:
        """Let one side send a PDU that its machine knows nothing of."""
        session, end = (self.right, self.wire.right) if by_device else (self.left, self.wire.left)
        self.wire.act(end, session.carry_out([SendPdu(octets)], self.wire.now))

    # What the owners, the person and the connection do.

    def _on_left(self, effect: Effect, now: float) -> list[Effect]:
        if isinstance(effect, Disconnect):
            self._hang_up(self.wire.right)
        self._mind(effect, is_device=False)
        if self._silent_at is not None and isinstance(effect, self._silent_at):
            return []
        wanted = self.left_tap.through(self.scenario.lead(self.provisioner, effect, now))
        return self.left.carry_out(wanted, now)

    def _on_right(self, effect: Effect, _now: float) -> list[Effect]:
        if isinstance(effect, Disconnect):
            self._hang_up(self.wire.left)
        self._mind(effect, is_device=True)
        return []

    def _hang_up(self, end: End) -> None:
        session, link = (
            (self.left, self.link) if end is self.wire.left else (self.right, self.device_link)
        )

        def gone() -> None:
            assert isinstance(link, ProvisionerGattLink | DeviceGattLink)
            now = self.wire.now
            self.wire.act(end, session.carry_out(link.disconnected(now), now))

        self.wire._at(self.wire.now + AIRTIME, gone)

    def _mind(self, effect: Effect, *, is_device: bool) -> None:
        """Be the person: carry a value from where it is shown to where it is asked for."""
        if not self._person:
            return
        if isinstance(effect, ValueToShow):
            self._values[not is_device] = effect.value
        elif isinstance(effect, EntryNeeded):
            self._asked.add(is_device)
        for asker in self._asked & set(self._values):
            self._asked.discard(asker)
            self.wire._at(self.wire.now + 1.0, lambda asker=asker: self._enter(asker))  # type: ignore[misc]

    def _enter(self, asker: bool) -> None:
        now, value = self.wire.now, self._values[asker]
        if not asker:
            effects = self.left_tap.through(self.provisioner.enter(value, now))
            self.wire.act(self.wire.left, self.left.carry_out(effects, now))
        elif hasattr(self.device, "enter"):
            effects = self.right_tap.through(self.device.enter(value, now))
            self.wire.act(self.wire.right, self.right.carry_out(effects, now))

    # What became of it.

    def told_provisioner(self, kind: type[E]) -> list[E]:
        """Return what the Provisioner told its owner."""
        return self.wire.left.told(kind)

    def told_device(self, kind: type[E]) -> list[E]:
        """Return what the device told its owner."""
        return self.wire.right.told(kind)

    @property
    def failures(self) -> list[str]:
        """The codes with which the Provisioner's session failed."""
        return [failed.code for failed in self.told_provisioner(SessionFailed)]

    @property
    def succeeded(self) -> bool:
        """Tell whether both sides say so, with the same key."""
        keys = [each.device_key for each in self.told_provisioner(Authenticated)]
        nodes = [each.device_key for each in self.told_device(BecameNode)]
        return bool(self.told_provisioner(Provisioned)) and keys == nodes

    def check_over(self) -> None:
        """Nobody waits for anything, and no link is open."""
        assert self.left.next_deadline() is None
        assert self.right.next_deadline() is None
        assert self.left.finished
        assert not self.device_link.is_open

    def assert_refused(self, code: str) -> None:
        """Expect the Provisioner to have refused before any Data left."""
        assert self.failures == [code]
        assert not self.told_provisioner(Authenticated)
        assert not self.told_device(BecameNode)
        assert PduType.DATA not in {pdu[0] for pdu in self.left_tap.sent}

    def assert_refused_by_device(self, error: int) -> None:
        """Expect the device to have sent Failed and the Provisioner to have heard it."""
        assert not self.told_device(BecameNode)
        failed = [pdu for pdu in self.right_tap.sent if pdu[0] == PduType.FAILED]
        unexpected = bytes([PduType.FAILED, ErrorCode.UNEXPECTED_PDU])
        assert failed[:1] == [bytes([PduType.FAILED, error])]
        assert set(failed[1:]) <= {unexpected}, "what follows a failure is unexpected (5.4.4)"
        assert [each.error for each in self.told_provisioner(SessionFailed)] == [error]
