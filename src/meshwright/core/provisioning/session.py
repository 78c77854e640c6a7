"""A provisioning machine on a bearer: one machine for the driver, events for the owner."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.driver import Bearer, ProvisioningMachine
from meshwright.core.effects import (
    CloseLink,
    Effect,
    Lane,
    LinkClosed,
    LinkOpened,
    PduReceived,
    SendPdu,
)


class Session:
    """Passes effects between bearer and machine; what is for neither goes to the driver.

    `LinkOpened` and `LinkClosed` go to the machine and on to the owner.
    """

    def __init__(self, bearer: Bearer, machine: ProvisioningMachine) -> None:
        self.bearer = bearer
        self.machine = machine
        self._bearer_deadline = bearer.next_deadline
        self._machine_deadline: float | None = None
        self._steps: dict[type[Effect], Callable[..., list[Effect]]] = {
            SendPdu: lambda effect, now: bearer.send(effect.pdu, now),
            CloseLink: lambda effect, now: bearer.close(effect.reason, now),
            PduReceived: lambda effect, now: machine.receive(effect.pdu, now),
            LinkOpened: lambda _effect, now: machine.bearer_opened(now),
            LinkClosed: lambda _effect, now: machine.bearer_closed(now),
        }

    @property
    def finished(self) -> bool:
        return self.bearer.finished

    def next_deadline(self) -> float | None:
        bearer, machine = self._bearer_deadline(), self._machine_deadline
        if bearer is None:
            return machine
        return bearer if machine is None or bearer <= machine else machine

    def handle_deadline(self, now: float) -> list[Effect]:
        effects = self.bearer.handle_deadline(now)
        if self._machine_deadline is not None and self._machine_deadline <= now:
            return self._carry_out([*effects, *self.machine.handle_deadline(now)], now)
        return self.carry_out(effects, now)

    def receive(self, payload: bytes, now: float, sender: bytes | None) -> list[Effect]:
        effects = self.bearer.receive(payload, now, sender)
        return self.carry_out(effects, now) if effects else effects

    def transmitted(self, lane: Lane, now: float) -> list[Effect]:
        effects = self.bearer.transmitted(lane, now)
        return self.carry_out(effects, now) if effects else effects

    def carry_out(self, effects: list[Effect], now: float) -> list[Effect]:
        """Carry out effects of the bearer or the machine; return those for the driver."""
        steps = self._steps
        for effect in effects:
            if type(effect) in steps:
                return self._carry_out(effects, now)
        return effects  # as for most packets: nothing for the machine

    def _carry_out(self, effects: list[Effect], now: float) -> list[Effect]:
        outward: list[Effect] = []
        self._take_steps(effects, now, outward)
        # Nothing else moves the machine's deadline: whatever is asked of it makes an effect.
        self._machine_deadline = self.machine.next_deadline()
        return outward

    def _take_steps(self, effects: list[Effect], now: float, outward: list[Effect]) -> None:
        """Do what each effect asks, and what follows from it, before the next."""
        for effect in effects:
            step = self._steps.get(type(effect))
            if step is None or type(effect) in _FOR_BOTH:
                outward.append(effect)
            if step is not None:
                self._take_steps(step(effect, now), now, outward)


_FOR_BOTH = frozenset({LinkOpened, LinkClosed})
