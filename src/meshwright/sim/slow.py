"""A provisioning machine with the speed of a small processor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import Effect
from meshwright.core.provisioning.fields import PduType

ECDH_FASTEST, ECDH_SLOWEST = 0.020, 0.300


class SlowMachine:
    """Takes 20-300 ms for the ECDH after a Public Key; the radio goes on meanwhile."""

    def __init__(self, machine: ProvisioningMachine, uniform: Callable[[], float]) -> None:
        self._machine = machine
        self._uniform = uniform
        self._waiting: deque[bytes] = deque()
        self._busy_until: float | None = None

    def bearer_opened(self, now: float) -> list[Effect]:
        self._rest()
        return self._machine.bearer_opened(now)

    def bearer_closed(self, now: float) -> list[Effect]:
        self._rest()
        return self._machine.bearer_closed(now)

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        self._waiting.append(pdu)
        return self._work(now)

    def next_deadline(self) -> float | None:
        deadline = self._machine.next_deadline()
        if self._busy_until is None or deadline is None:
            return deadline if self._busy_until is None else self._busy_until
        return min(self._busy_until, deadline)

    def handle_deadline(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        if self._busy_until is not None and self._busy_until <= now:
            self._busy_until = None
            effects = self._machine.receive(self._waiting.popleft(), now)
        return [*effects, *self._work(now), *self._machine.handle_deadline(now)]

    def _work(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while self._waiting and self._busy_until is None:
            if self._waiting[0][:1] == bytes([PduType.PUBLIC_KEY]):
                span = ECDH_SLOWEST - ECDH_FASTEST
                self._busy_until = now + ECDH_FASTEST + span * self._uniform()
            else:
                effects += self._machine.receive(self._waiting.popleft(), now)
        return effects

    def _rest(self) -> None:
        self._waiting.clear()
        self._busy_until = None
