"""Arbitrary packet sequences at one end of a link: the fuzzer is the air, the clock and the radio.

The first octet chooses a scenario, every further one what happens next. Chances are the same every
time, so that the octets of a valid session lead into its deep states.
"""

from __future__ import annotations

from collections.abc import Callable

from fuzz.invariant import check_error, must, weight
from fuzz.octets import Decisions
from fuzz.scenarios import SCENARIOS, UUID, Scenario
from meshwright.core.bearers import generic
from meshwright.core.bearers.link import Link
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.effects import CloseReason, Effect, Lane, Transmit, Withdraw
from meshwright.core.errors import InputError
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.randomness import SeededRandomness

LINK_ID = bytes.fromhex("11223344")
MOST_EFFECTS = 32
LIGHTEST_BAR = 64 * 1024
"""Octets that one open link may hold."""

_LONGEST_PACKET = 29
_MOST_STEPS = 256
_MOST_DEADLINES = 20_000
_END_OF_TIME = 3_600.0
"""Nobody waits longer than that for a peer that says nothing."""

_WAITS = (0.01, 0.05, 0.25, 1.0, 6.0, 31.0, 61.0, 121.0)
_SENDERS = (b"PEER..", b"STRANG", None)


class Air:
    """One session, driven by decisions."""

    def __init__(
        self,
        link: Link,
        machine: DeviceMachine | ProvisionerMachine,
        decisions: Decisions,
        scenario: Scenario,
    ) -> None:
        self.session = Session(link, machine)
        self.link, self.machine, self.scenario = link, machine, scenario
        self.decisions = decisions
        self.now = 0.0
        self.told: list[Effect] = []
        self._at_radio: dict[Lane, Transmit] = {}

    def run(self) -> Air:
        """Let everything happen that the octets say, then nothing any more."""
        for _ in range(_MOST_STEPS):
            if not self.decisions.left:
                break
            _HAPPENINGS[self.decisions.octet() % len(_HAPPENINGS)](self)
            must(weight(self.session) <= LIGHTEST_BAR, "a link holds too much")
        self._settle()
        return self

    def act(self, effects: list[Effect]) -> None:
        """Carry out effects as a driver does; the Provisioner's owner answers them."""
        must(len(effects) <= MOST_EFFECTS, "too many effects at once")
        for effect in effects:
            if isinstance(effect, Transmit):
                must(len(effect.payload) <= _LONGEST_PACKET, "a packet that no radio can send")
                self._at_radio[effect.lane] = effect
            elif isinstance(effect, Withdraw):
                self._at_radio.pop(effect.lane, None)
            else:
                self.told.append(effect)
                self._lead(effect)

    def _lead(self, effect: Effect) -> None:
        if isinstance(self.machine, ProvisionerMachine):
            wanted = self.scenario.lead(self.machine, effect, self.now)
            self.act(self.session.carry_out(wanted, self.now))

    # What can happen.

    def hear_octets(self) -> None:
        self._hear(self.decisions.sized()[:_LONGEST_PACKET])

    def hear_packet(self) -> None:
        number = bytes([self.decisions.octet()])
        self._hear(self.link.link_id + number + self.decisions.sized()[:24])

    def hear_pdu(self) -> None:
        """Hear a whole provisioning PDU under the number that is expected."""
        octets = self.decisions.sized()
        if not octets:
            return
        number = bytes([self.link._peer_next])
        for segment in generic.segment(octets):
            self._hear(self.link.link_id + number + segment)
        self.radio_sends()

    def hear_control(self) -> None:
        opcode = self.decisions.octet() % 4
        if opcode == generic.ControlOpcode.LINK_OPEN:
            link_id = LINK_ID if self.decisions.octet() % 2 == 0 else b"OTHR"
            self._hear(link_id + b"\0" + generic.link_open(UUID))
        elif opcode == generic.ControlOpcode.LINK_ACK:
            self._hear(self.link.link_id + b"\0" + generic.LINK_ACK)
        elif opcode == generic.ControlOpcode.LINK_CLOSE:
            self._hear(self.link.link_id + b"\0" + generic.link_close(self.decisions.octet()))
        else:
            self._hear(self.link.link_id + bytes([self.decisions.octet()]) + generic.ACK)

    def _hear(self, payload: bytes) -> None:
        self.act(self.session.receive(payload, self.now, _SENDERS[0]))

    def hear_somebody(self) -> None:
        sender = self.decisions.one_of(_SENDERS)
        payload = self.link.link_id + self.decisions.sized()[:25]
        self.act(self.session.receive(payload, self.now, sender))

    def acknowledge(self) -> None:
        """Send what waits, hear it acknowledged, and so on with all that waits behind it."""
        for _ in range(8):
            self.pass_time(0.06)
            self.radio_sends()
            number = self.link._outgoing.number if self.link._outgoing else 0
            self._hear(self.link.link_id + bytes([number]) + generic.ACK)

    def radio_sends(self) -> None:
        for lane in list(self._at_radio):
            if self._at_radio.pop(lane, None) is not None:
                self.act(self.session.transmitted(lane, self.now))

    def wait(self) -> None:
        self.pass_time(self.decisions.one_of(_WAITS))

    def enter(self) -> None:
        """Let the person enter something."""
        text = self.decisions.sized().decode("utf-8", "replace")
        machine = self.machine
        if isinstance(machine, ProvisionerMachine) and machine._state.name != "ENTRY_NEEDED":
            return  # its owner does not ask a person before it is asked
        try:
            self.act(self.session.carry_out(machine.enter(text, self.now), self.now))
        except InputError as error:
            check_error(error)

    def close(self) -> None:
        reason = self.decisions.one_of(list(CloseReason))
        self.act(self.session.carry_out(self.link.close(reason, self.now), self.now))

    # Time.

    def pass_time(self, seconds: float) -> None:
        """Let time pass and the radio send at once."""
        until = self.now + seconds
        for _ in range(_MOST_DEADLINES):
            deadline = self.session.next_deadline()
            if deadline is None or deadline > until:
                self.now = until
                return
            self._meet(deadline)
        must(False, "deadlines without end")

    def _meet(self, deadline: float) -> None:
        self.now = max(self.now, deadline)
        self.act(self.session.handle_deadline(self.now))
        for _ in range(4):
            again = self.session.next_deadline()
            if again is None or again > self.now:
                break
            self.act(self.session.handle_deadline(self.now))
        again = self.session.next_deadline()
        must(again is None or again > self.now, "a deadline that stays in the past")
        self.radio_sends()

    def _settle(self) -> None:
        """Nobody says anything any more: all waiting has an end."""
        self.radio_sends()
        self.pass_time(_END_OF_TIME)
        must(self.session.next_deadline() is None, "a machine that waits for ever")
        if isinstance(self.link, ProvisionerLink):
            must(self.session.finished, "a link that is never finished")


_HAPPENINGS: tuple[Callable[[Air], None], ...] = (
    Air.hear_pdu,
    Air.hear_packet,
    Air.hear_octets,
    Air.hear_control,
    Air.hear_somebody,
    Air.radio_sends,
    Air.acknowledge,
    Air.wait,
    Air.enter,
    Air.close,
)
HEAR_PDU, HEAR_CONTROL, ACKNOWLEDGE, ENTER = b"\0", b"\3", b"\6", b"\x08"


def device(data: bytes) -> Air:
    """Let a device on PB-ADV hear anything."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    link = DeviceLink(UUID, SeededRandomness(1).uniform("delays"))
    return Air(link, scenario.device(), decisions, scenario).run()


def provisioner(data: bytes) -> Air:
    """Let a Provisioner on PB-ADV hear anything."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    link = ProvisionerLink(UUID, LINK_ID, SeededRandomness(1).uniform("delays"))
    air = Air(link, scenario.provisioner(), decisions, scenario)
    air.act(link.open(0.0))
    return air.run()
