"""Two sessions on a perfect wire with a hand-moved clock: what one transmits the other receives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from meshwright.core.driver import PacketMachine
from meshwright.core.effects import Effect, Transmit

AIRTIME = 0.001


@dataclass
class End:
    """One machine on the wire and what it told its owner."""

    machine: PacketMachine
    address: bytes
    on_effect: Callable[[Effect, float], list[Effect]] = lambda _effect, _now: []
    events: list[Effect] = field(default_factory=list)

    def told(self, kind: type[Effect]) -> list[Effect]:
        return [event for event in self.events if isinstance(event, kind)]


@dataclass
class Wire:
    """Moves time from deadline to deadline; `lost(payload)` drops a packet."""

    left: End
    right: End
    now: float = 0.0
    lost: Callable[[bytes], bool] = lambda _payload: False
    packets: list[tuple[float, bytes, bytes]] = field(default_factory=list)

    def act(self, end: End, effects: list[Effect]) -> None:
        """Carry out what `end` wants; its owner may answer an event with more effects."""
        pending = list(effects)
        while pending:
            effect = pending.pop(0)
            if isinstance(effect, Transmit):
                pending += self._put_on_air(end, effect)
            else:
                end.events.append(effect)
                pending += end.on_effect(effect, self.now)

    def _put_on_air(self, end: End, packet: Transmit) -> list[Effect]:
        self.now += AIRTIME
        self.packets.append((self.now, end.address, packet.payload))
        other = self.right if end is self.left else self.left
        effects = end.machine.transmitted(packet.lane, self.now)
        if not self.lost(packet.payload):
            self.act(other, other.machine.receive(packet.payload, self.now, end.address))
        return effects

    def run(self, seconds: float) -> None:
        """Run for so long, or until nobody waits for anything."""
        end_of_time = self.now + seconds
        while True:
            deadlines = [(self._deadline(end), end.address, end) for end in (self.left, self.right)]
            when, _, end = min(deadlines, key=lambda entry: entry[:2])
            if when > end_of_time:
                self.now = max(self.now, min(when, end_of_time))
                return
            self.now = max(self.now, when)
            self.act(end, end.machine.handle_deadline(self.now))

    @staticmethod
    def _deadline(end: End) -> float:
        deadline = end.machine.next_deadline()
        return float("inf") if deadline is None else deadline
