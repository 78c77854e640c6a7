"""Machines on a wire with a hand-moved clock: two that talk, or one that is led by the hand."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TypeVar

from meshwright.core.driver import PacketMachine
from meshwright.core.effects import Effect, Lane, Transmit, Withdraw
from meshwright.randomness import Uniform

AIRTIME = 0.001
ON_TIME = (0.0,)
NEVER = float("inf")

Owner = Callable[[Effect, float], list[Effect]]
"""Takes an event of a machine and the time; returns what the machine wants next."""
Fate = Callable[[bytes], Sequence[float]]
"""Takes a packet and returns how late each copy of it arrives; none, when it is lost."""

E = TypeVar("E", bound=Effect)


@dataclass(eq=False)
class End:
    """One machine on the wire and what it told its owner."""

    machine: PacketMachine
    address: bytes | None
    on_effect: Owner = lambda _effect, _now: []
    events: list[Effect] = field(default_factory=list)
    waiting: dict[Lane, Transmit] = field(default_factory=dict)

    def told(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def deadline(self) -> float:
        deadline = self.machine.next_deadline()
        return NEVER if deadline is None else deadline


@dataclass
class Wire:
    """Moves time from one happening to the next.

    What one transmits the other receives after `AIRTIME`, unless `lost` or `fate` have other plans.
    As with a real driver, a machine is not told of packets that it withdrew.
    """

    left: End
    right: End
    now: float = 0.0
    lost: Callable[[bytes], bool] = lambda _payload: False
    fate: Fate = lambda _payload: ON_TIME
    packets: list[tuple[float, bytes | None, bytes]] = field(default_factory=list)
    _flying: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _serial: count[int] = field(default_factory=count)

    def act(self, end: End, effects: list[Effect]) -> None:
        """Carry out what `end` wants; its owner may answer an event with more effects."""
        pending = list(effects)
        while pending:
            effect = pending.pop(0)
            if isinstance(effect, Transmit):
                self._put_on_air(end, effect)
            elif isinstance(effect, Withdraw):
                end.waiting.pop(effect.lane, None)
            else:
                end.events.append(effect)
                pending += end.on_effect(effect, self.now)

    def _put_on_air(self, end: End, packet: Transmit) -> None:
        end.waiting[packet.lane] = packet
        arrival = self.now + AIRTIME
        self.packets.append((arrival, end.address, packet.payload))
        self._at(arrival, lambda: self._left(end, packet))
        other = self.right if end is self.left else self.left
        copies = () if self.lost(packet.payload) else self.fate(packet.payload)
        for late in copies:
            self._at(arrival + late, lambda: self.deliver(other, packet.payload, end.address))

    def _at(self, when: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._flying, (when, next(self._serial), happen))

    def _left(self, end: End, packet: Transmit) -> None:
        if end.waiting.get(packet.lane) is packet:
            del end.waiting[packet.lane]
            self.act(end, end.machine.transmitted(packet.lane, self.now))

    def deliver(self, end: End, payload: bytes, sender: bytes | None) -> None:
        """Let `end` hear a packet now; it need not come from the other end."""
        self.act(end, end.machine.receive(payload, self.now, sender))

    def run(self, seconds: float) -> None:
        """Run for so long; nothing is left undone that is due by then."""
        end_of_time = self.now + seconds
        while self.step(end_of_time):
            pass
        self.now = end_of_time

    def step(self, until: float = NEVER) -> bool:
        """Let the next thing happen; return False when there is none by `until`."""
        landing = self._flying[0][0] if self._flying else NEVER
        end = min((self.left, self.right), key=End.deadline)
        when = min(landing, end.deadline())
        if when == NEVER or when > until:
            return False
        self.now = max(self.now, when)
        if landing <= end.deadline():
            heapq.heappop(self._flying)[2]()
        else:
            self.act(end, end.machine.handle_deadline(self.now))
        return True


def bad_air(
    uniform: Uniform, *, loss: float = 0.0, doubling: float = 0.0, lateness: float = 0.0
) -> Fate:
    """Lose and double packets with these probabilities, and delay each copy up to `lateness`."""

    def fate(_payload: bytes) -> list[float]:
        if uniform() < loss:
            return []
        copies = 2 if uniform() < doubling else 1
        return [uniform() * lateness for _ in range(copies)]

    return fate


@dataclass
class Alone:
    """One machine without a peer: what it sends leaves at once and is written down.

    `sent` holds the time and content of each packet, `told` what it told its owner.
    """

    machine: PacketMachine
    now: float = 0.0
    sent: list[tuple[float, bytes]] = field(default_factory=list)
    told: list[Effect] = field(default_factory=list)

    def act(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Transmit):
                self.sent.append((self.now, effect.payload))
                self.act(self.machine.transmitted(effect.lane, self.now))
            elif not isinstance(effect, Withdraw):
                self.told.append(effect)

    def hear(self, *payloads: bytes, sender: bytes | None = None) -> None:
        for payload in payloads:
            self.act(self.machine.receive(payload, self.now, sender))

    def run(self, seconds: float) -> list[bytes]:
        """Let so much time pass; return what was sent meanwhile."""
        before, end_of_time = len(self.sent), self.now + seconds
        while (deadline := self.machine.next_deadline()) is not None and deadline <= end_of_time:
            self.now = max(self.now, deadline)
            self.act(self.machine.handle_deadline(self.now))
        self.now = end_of_time
        return [payload for _, payload in self.sent[before:]]

    def times(self, payload: bytes) -> list[float]:
        """When `payload` was sent, rounded to microseconds."""
        return [round(when, 6) for when, sent in self.sent if sent == payload]

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in self.told if isinstance(event, kind)]
