"""One end of a link, driven by decisions: the fuzzer is the peer, the clock and the radio.

Chances are the same every time, so that the octets of a valid session lead into its deep states.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

from fuzz.invariant import check_error, must, weight
from fuzz.octets import Decisions
from fuzz.scenarios import Scenario
from meshwright.core.driver import Bearer
from meshwright.core.effects import (
    CloseReason,
    Disconnect,
    Effect,
    Lane,
    Transmit,
    Withdraw,
)
from meshwright.core.errors import InputError
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session

MOST_EFFECTS = 32
HEAVIEST = 64 * 1024
"""Octets that one open link may hold."""

_MOST_STEPS = 256
_WEIGHED_EVERY = 16
_MOST_DEADLINES = 20_000
_END_OF_TIME = 3_600.0
"""Nobody waits longer than that for a peer that says nothing."""

_WAITS = (0.01, 0.05, 0.25, 1.0, 6.0, 31.0, 61.0, 121.0)


class End(ABC):
    """One session; `happenings` is what an octet can make happen to it."""

    happenings: ClassVar[tuple[Callable[..., None], ...]]
    longest_packet: ClassVar[int]

    def __init__(
        self,
        link: Bearer,
        machine: DeviceMachine | ProvisionerMachine,
        decisions: Decisions,
        scenario: Scenario,
    ) -> None:
        self.session = Session(link, machine)
        self.bearer, self.machine, self.scenario = link, machine, scenario
        self.decisions = decisions
        self.now = 0.0
        self.told: list[Effect] = []
        self._at_radio: dict[Lane, Transmit] = {}

    def run(self) -> Self:
        """Let everything happen that the octets say, then nothing any more."""
        for step in range(_MOST_STEPS):
            if not self.decisions.left:
                break
            self.decisions.one_of(self.happenings)(self)
            if step % _WEIGHED_EVERY == 0:
                self._weigh()
        self._weigh()
        self._settle()
        return self

    def _weigh(self) -> None:
        must(weight(self.session) <= HEAVIEST, "a link holds too much")

    def act(self, effects: list[Effect]) -> None:
        """Carry out effects as a driver does; the Provisioner's owner answers them."""
        must(len(effects) <= MOST_EFFECTS, "too many effects at once")
        for effect in effects:
            if isinstance(effect, Transmit):
                fits = len(effect.payload) <= self.longest_packet
                must(fits, "a packet that no radio can send")
                self._at_radio[effect.lane] = effect
            elif isinstance(effect, Withdraw):
                self._at_radio.pop(effect.lane, None)
            else:
                self.told.append(effect)
                self._on_told(effect)

    def _on_told(self, effect: Effect) -> None:
        if isinstance(effect, Disconnect):
            self._at_radio.clear()
        if isinstance(self.machine, ProvisionerMachine):
            wanted = self.scenario.lead(self.machine, effect, self.now)
            self.act(self.session.carry_out(wanted, self.now))

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Tell whether the link is open."""

    # What can happen on any bearer.

    @abstractmethod
    def acknowledge(self) -> None:
        """Let all that waits arrive at the peer."""

    def hear(self, payload: bytes, sender: bytes | None = b"PEER..") -> None:
        """Hear one packet."""
        self.act(self.session.receive(payload, self.now, sender))

    def radio_sends(self) -> None:
        """Let the radio send what it has."""
        for lane in list(self._at_radio):
            if self._at_radio.pop(lane, None) is not None:
                self.act(self.session.transmitted(lane, self.now))

    def wait(self) -> None:
        """Let some time pass."""
        self.pass_time(self.decisions.one_of(_WAITS))

    def enter(self) -> None:
        """Let the person enter something."""
        text = self.decisions.sized().decode("utf-8", "replace")
        machine = self.machine
        if isinstance(machine, ProvisionerMachine) and machine.state != "ENTRY_NEEDED":
            return  # its owner does not ask a person before it is asked
        try:
            self.act(self.session.carry_out(machine.enter(text, self.now), self.now))
        except InputError as error:
            check_error(error)

    def close(self) -> None:
        """Let the owner close the link."""
        reason = self.decisions.one_of(list(CloseReason))
        self.act(self.session.carry_out(self.bearer.close(reason, self.now), self.now))

    # Time.

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in which the radio sends at once."""
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
        for _ in range(4):
            self.act(self.session.handle_deadline(self.now))
            again = self.session.next_deadline()
            if again is None or again > self.now:
                break
        else:
            must(False, "a deadline that stays in the past")
        self.radio_sends()

    def _settle(self) -> None:
        """Nobody says anything any more: all waiting has an end."""
        self.radio_sends()
        self.pass_time(_END_OF_TIME)
        must(self.session.next_deadline() is None, "a machine that waits for ever")
        must(not self.is_open, "a link that stays open for ever")
        if isinstance(self.machine, ProvisionerMachine):
            must(self.session.finished, "a link that is never finished")
