"""Both machines in one talk: what each sends goes through `fate` before the other receives it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from fuzz.invariant import check_error, must
from fuzz.scenarios import DATA, Scenario
from meshwright.core.effects import Effect, LinkOpened, SendPdu
from meshwright.core.errors import InputError
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    Provisioned,
    SessionFailed,
    ValueToShow,
)

Fate = Callable[[bytes], list[bytes]]
"""Takes a PDU and returns what arrives instead."""

_STEPS = 400
MOST_EFFECTS = 16
"""Of one call; a session needs seven."""


@dataclass
class Talk:
    """Two machines without a bearer, their owners and the person between them."""

    scenario: Scenario
    fate: Fate = lambda pdu: [pdu]
    typed: Callable[[str], str] = lambda value: value
    now: float = 0.0
    by_provisioner: list[Effect] = field(default_factory=list)
    by_device: list[Effect] = field(default_factory=list)
    sent_by_provisioner: list[bytes] = field(default_factory=list)
    sent_by_device: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.provisioner, self.device = self.scenario.provisioner(), self.scenario.device()
        self._to_device: deque[bytes] = deque()
        self._to_provisioner: deque[bytes] = deque()
        self._shown: list[str] = []
        self.entered = ""

    def run(self) -> Talk:
        """Talk to the end; whoever has not ended gets the time to give up."""
        self._device_does(self.device.bearer_opened(self.now))
        self._provisioner_does(self.provisioner.bearer_opened(self.now))
        self._provisioner_does(self.scenario.lead(self.provisioner, LinkOpened(), self.now))
        for _ in range(_STEPS):
            if not self._step():
                break
        self._give_up()
        return self

    def _step(self) -> bool:
        """Hand over one PDU or, when there is none, one value."""
        if self._to_device:
            self._device_does(self.device.receive(self._to_device.popleft(), self.now))
        elif self._to_provisioner:
            octets = self._to_provisioner.popleft()
            self._provisioner_does(self.provisioner.receive(octets, self.now))
        elif self._shown:
            self._carry(self._shown.pop())
        else:
            return False
        return True

    def _carry(self, value: str) -> None:
        """Enter a value wherever one is asked for, as a person would."""
        value = self.entered = self.typed(value)
        try:
            if self.provisioner.state == "ENTRY_NEEDED":
                self._provisioner_does(self.provisioner.enter(value, self.now))
            self._device_does(self.device.enter(value, self.now))
        except InputError as error:
            check_error(error)

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        deadline = self.provisioner.next_deadline()
        if deadline is not None and deadline <= self.now:
            self._provisioner_does(self.provisioner.handle_deadline(self.now))
        deadline = self.device.next_deadline()
        if deadline is not None and deadline <= self.now:
            self._device_does(self.device.handle_deadline(self.now))

    def _give_up(self) -> None:
        for _ in range(4):
            self.wait(200.0)
        self._provisioner_does(self.provisioner.bearer_closed(self.now))
        self._device_does(self.device.bearer_closed(self.now))
        must(self.provisioner.next_deadline() is None, "a Provisioner that waits for ever")
        must(self.device.next_deadline() is None, "a device that waits for ever")

    def _device_does(self, effects: list[Effect]) -> None:
        must(len(effects) <= MOST_EFFECTS, "too many effects at once")
        self.by_device += effects
        for effect in effects:
            if isinstance(effect, SendPdu):
                self.sent_by_device.append(effect.pdu)
                self._to_provisioner.extend(self.fate(effect.pdu))
            elif isinstance(effect, ValueToShow):
                self._shown.append(effect.value)

    def _provisioner_does(self, effects: list[Effect]) -> None:
        must(len(effects) <= MOST_EFFECTS, "too many effects at once")
        for effect in effects:
            self.by_provisioner.append(effect)
            if isinstance(effect, SendPdu):
                self.sent_by_provisioner.append(effect.pdu)
                self._to_device.extend(self.fate(effect.pdu))
            elif isinstance(effect, ValueToShow):
                self._shown.append(effect.value)
            self._provisioner_does(self.scenario.lead(self.provisioner, effect, self.now))

    def check(self) -> None:
        """Check that both agree, or that nobody became anything."""
        keys = [e.device_key for e in self.by_provisioner if isinstance(e, Authenticated)]
        nodes = [e for e in self.by_device if isinstance(e, BecameNode)]
        ends = [e for e in self.by_provisioner if isinstance(e, SessionFailed | Provisioned)]
        must(len(ends) == 1, "not exactly one end of a session")
        must(len(nodes) <= 1, "a device that became a node twice")
        for node in nodes:
            must([node.device_key] == keys, "a node with another key than the Provisioner's")
            must(node.data == DATA, "a node with other data than the Provisioner's")
