"""One machine on a runner: its effects carried out, its deadline kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.driver import PacketMachine
from meshwright.core.effects import Effect, Lane, Transmit, Withdraw
from meshwright.radio.outbox import Outbox
from meshwright.radio.port import Report, Timebase, Timer

OnEffects = Callable[[list[Effect], float], object]
"""Takes what a machine tells its owner, and the time."""


class Driven:
    """Carries out what `machine` asks for and passes on the rest."""

    __slots__ = ("_armed", "_finished", "_on_effects", "_outbox", "_timebase", "_timer", "machine")

    def __init__(
        self,
        machine: PacketMachine,
        on_effects: OnEffects,
        outbox: Outbox,
        timebase: Timebase,
        finished: Callable[[PacketMachine], object],
    ) -> None:
        self.machine = machine
        self._on_effects = on_effects
        self._outbox = outbox
        self._timebase = timebase
        self._finished = finished
        self._timer: Timer | None = None
        self._armed = 0.0

    def heard(self, data: bytes, report: Report, now: float) -> None:
        """Give the machine a packet."""
        self.perform(self.machine.receive(data, now, report.address), now)

    def perform(self, effects: list[Effect], now: float) -> None:
        """Carry out `effects` and look at the deadline again."""
        others = [effect for effect in effects if not self._for_radio(effect, now)]
        self._keep_deadline()
        if len(others) < len(effects):
            self._outbox.pump(now)
        if others:
            self._on_effects(others, now)
        if self.machine.finished:
            self._finished(self.machine)

    def stop(self) -> None:
        """Let go of the machine: nothing of it is sent and no deadline kept."""
        for lane in Lane:
            self._outbox.withdraw((self, lane))
        if self._timer is not None:
            self._timer.cancel()

    def _for_radio(self, effect: Effect, now: float) -> bool:
        if isinstance(effect, Transmit):
            self._outbox.put(
                (self, effect.lane),
                structure(AdType.PB_ADV, effect.payload),
                effect.priority,
                now,
                progress=effect.progress,
                sent=partial(self._sent, effect.lane),
            )
            return True
        if isinstance(effect, Withdraw):
            self._outbox.withdraw((self, effect.lane))
            return True
        return False

    def _sent(self, lane: Lane, now: float) -> None:
        self.perform(self.machine.transmitted(lane, now), now)

    def _keep_deadline(self) -> None:
        # A timer that is early costs one idle call; moving it each time would cost far more.
        deadline = self.machine.next_deadline()
        if deadline is None or (self._timer is not None and self._armed <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed = deadline
        self._timer = self._timebase.call_at(deadline, self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._timebase.time()
        self.perform(self.machine.handle_deadline(now), now)
