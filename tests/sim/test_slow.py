"""The processor of a virtual device: an ECDH takes its time, everything else takes none."""

from __future__ import annotations

import pytest

from meshwright.core.effects import Effect, SendPdu
from meshwright.sim.slow import ECDH_FASTEST, ECDH_SLOWEST, SlowMachine

KEY, OTHER = b"\3" + bytes(64), b"\5" + bytes(16)


class Echo:
    """A machine that answers at once with what it got, and wants to be called at 100."""

    deadline: float | None = 100.0

    def __init__(self) -> None:
        self.called: list[float] = []

    def bearer_opened(self, _now: float) -> list[Effect]:
        return []

    def bearer_closed(self, _now: float) -> list[Effect]:
        return []

    def receive(self, pdu: bytes, _now: float) -> list[Effect]:
        return [SendPdu(pdu)]

    def next_deadline(self) -> float | None:
        return self.deadline

    def handle_deadline(self, now: float) -> list[Effect]:
        self.called.append(now)
        return []


def slow(chance: float = 0.5) -> tuple[SlowMachine, Echo]:
    machine = Echo()
    return SlowMachine(machine, lambda: chance), machine


def pdus(effects: list[Effect]) -> list[bytes]:
    return [effect.pdu for effect in effects if isinstance(effect, SendPdu)]


def test_a_public_key_takes_20_to_300_milliseconds() -> None:
    for chance, wait in ((0.0, ECDH_FASTEST), (1.0, ECDH_SLOWEST)):
        machine, _ = slow(chance)
        assert machine.receive(KEY, 10.0) == []
        deadline = machine.next_deadline()
        assert deadline is not None
        assert deadline == pytest.approx(10.0 + wait)
        assert machine.handle_deadline(deadline - 0.001) == []
        assert pdus(machine.handle_deadline(deadline)) == [KEY]
    assert (ECDH_FASTEST, ECDH_SLOWEST) == (0.020, 0.300)


def test_what_comes_meanwhile_waits_and_keeps_its_order() -> None:
    machine, _ = slow()
    machine.receive(KEY, 0.0)
    assert machine.receive(OTHER, 0.01) == []
    assert machine.receive(KEY, 0.02) == []
    first = machine.next_deadline()
    assert first is not None
    assert pdus(machine.handle_deadline(first)) == [KEY, OTHER]
    second = machine.next_deadline()
    assert second is not None
    assert second > first
    assert pdus(machine.handle_deadline(second)) == [KEY]
    assert machine.next_deadline() == 100.0


def test_everything_else_takes_no_time() -> None:
    machine, _ = slow()
    assert pdus(machine.receive(OTHER, 0.0)) == [OTHER]
    assert pdus(machine.receive(b"", 0.0)) == [b""]


def test_the_deadlines_of_the_machine_are_kept() -> None:
    machine, inner = slow()
    assert machine.next_deadline() == 100.0
    machine.receive(KEY, 99.99)
    assert machine.next_deadline() == 100.0
    machine.handle_deadline(100.0)
    assert inner.called == [100.0]
    inner.deadline = None
    assert machine.next_deadline() == pytest.approx(100.15)


def test_a_link_that_closes_or_opens_ends_the_work() -> None:
    for end in (SlowMachine.bearer_closed, SlowMachine.bearer_opened):
        machine, _ = slow()
        machine.receive(KEY, 0.0)
        machine.receive(OTHER, 0.0)
        end(machine, 0.01)
        assert machine.next_deadline() == 100.0
        assert machine.handle_deadline(1.0) == []
        assert pdus(machine.receive(OTHER, 1.0)) == [OTHER]
