"""The runner with a small real machine, on an air without chance."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.radio.echo import DELAY, Answered, EchoMachine, Heard, UnknownLaneError
from tests.radio.recorder import Recorder, never_random

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.effects import Effect, Lane, Priority, Transmit
from meshwright.core.errors import InputError
from meshwright.radio.errors import RadioError
from meshwright.radio.interests import link_pattern
from meshwright.radio.port import HOST_10, OWN_TIMING, Pacing, Report
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.propagation import TURNAROUND

A, B = b"LNKA", b"LNKB"
FOREVER = 1e6


@dataclass
class Owner:
    """Keeps what machines tell it."""

    effects: list[Effect] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def __call__(self, effects: list[Effect], now: float) -> None:
        self.effects += effects
        self.times.append(now)


class World:
    """A runner, and a peer that sends and hears raw packets."""

    def __init__(self, pacing: Pacing = OWN_TIMING) -> None:
        self.air = Air(never_random)
        self.runner = Runner(self.air.radio(b"runner", pacing, hop=FOREVER), self.air)
        self.peer = Recorder(self.air.radio(b"remote", OWN_TIMING, hop=FOREVER))
        self.owner = Owner()

    def drive(self, link: bytes = A, answers: int = 1_000_000) -> EchoMachine:
        machine = EchoMachine(link, answers)
        self.runner.add(machine, self.owner, link_pattern(link))
        return machine

    def say(self, payload: bytes, when: float) -> None:
        self.air.call_at(when, partial(self.peer.radio.transmit, payload))

    def ask(self, data: bytes, when: float = 1.0) -> None:
        self.say(structure(AdType.PB_ADV, data), when)


@pytest.fixture
def world() -> World:
    return World()


def test_pumps_packets_and_deadlines(world: World) -> None:
    machine = world.drive()
    world.ask(A + b"hello")
    world.air.run_until(2.0)
    assert world.peer.payloads == [structure(AdType.PB_ADV, A + b"hello")]
    heard_at = world.owner.times[0]
    assert machine.deadlines_handled == [heard_at + DELAY]
    assert world.owner.effects == [Heard(b"hello", b"remote"), Answered()]
    assert world.owner.times[1] == machine.answered_at[0] > heard_at + DELAY


def test_a_machine_hears_what_it_wants(world: World) -> None:
    world.drive(A)
    world.drive(B)
    everything = EchoMachine(b"")
    all_of_it = Owner()
    world.runner.add(everything, all_of_it)
    world.ask(A + b"1", 1.0)
    world.ask(B + b"2", 2.0)
    world.ask(b"XXXX", 3.0)
    world.say(structure(AdType.MESH_BEACON, A + b"3"), 4.0)
    world.air.run_until(5.0)
    assert [e.data for e in world.owner.effects if isinstance(e, Heard)] == [b"1", b"2"]
    heard = [e.data for e in all_of_it.effects if isinstance(e, Heard)]
    assert heard == [A + b"1", B + b"2", b"XXXX"]


def test_a_machine_may_change_what_it_wants(world: World) -> None:
    machine = world.drive(A)
    machine.link = B
    world.runner.retune(machine, link_pattern(B))
    world.ask(A + b"1", 1.0)
    world.ask(B + b"2", 2.0)
    world.air.run_until(3.0)
    assert world.owner.effects[0] == Heard(b"2", b"remote")
    world.runner.remove(machine)
    world.runner.retune(machine, link_pattern(A))
    assert world.runner.machines == ()


@pytest.mark.parametrize("planned", [[2.0, 1.5], [1.5, 2.0, 1.7], [5.0, 1.5, 3.0, 1.6]])
def test_a_deadline_may_move_either_way(world: World, planned: list[float]) -> None:
    machine = world.drive()
    for when in planned:
        world.runner.perform(machine, machine.answer_at(when))
    world.air.run_until(10.0)
    assert machine.deadlines_handled[-1] == planned[-1]
    assert len(machine.answered_at) == 1


def test_a_finished_machine_is_let_go(world: World) -> None:
    machine = world.drive(answers=1)
    world.ask(A + b"1", 1.0)
    world.ask(A + b"2", 2.0)
    world.air.run_until(3.0)
    assert len(machine.answered_at) == 1
    assert world.runner.machines == ()


def test_nothing_of_a_removed_machine_is_sent_or_called(world: World) -> None:
    machine, other = world.drive(A), world.drive(B)
    world.runner.perform(other, other.send(b"first"))
    world.runner.perform(machine, machine.send(b"waiting"))
    world.runner.perform(machine, machine.answer_at(1.0))
    world.runner.remove(machine)
    world.runner.remove(machine)
    world.air.run_until(2.0)
    assert machine.deadlines_handled == []
    assert world.peer.payloads == [structure(AdType.PB_ADV, B + b"first")]


def test_a_removed_machine_on_the_air_is_not_told(world: World) -> None:
    machine = world.drive()
    world.runner.perform(machine, machine.send(b"x"))
    world.runner.remove(machine)
    world.air.run_until(1.0)
    assert len(world.peer.payloads) == 1
    assert machine.answered_at == []


def test_a_withdrawn_packet_is_not_sent(world: World) -> None:
    first, second = world.drive(A), world.drive(B)
    world.runner.perform(first, first.send(b"on the air"))
    world.runner.perform(second, second.send(b"waits"))
    world.runner.perform(second, second.give_up())
    world.air.run_until(1.0)
    assert world.peer.payloads == [structure(AdType.PB_ADV, A + b"on the air")]
    assert world.runner.machines == (first,)


def test_what_was_replaced_on_the_air_is_not_reported(world: World) -> None:
    machine = world.drive()
    world.runner.perform(machine, machine.send(b"old"))
    world.runner.perform(machine, machine.send(b"new"))
    world.air.run_until(1.0)
    assert world.peer.payloads == [structure(AdType.PB_ADV, A + data) for data in (b"old", b"new")]
    assert len(machine.answered_at) == 1


def test_progress_decides_among_machines(world: World) -> None:
    machines = [world.drive(bytes([number]) * 4) for number in range(4)]
    for machine, progress in zip(machines, (0, 1, 5, 3), strict=True):
        world.runner.perform(machine, machine.send(b"", progress))
    world.air.run_until(1.0)
    assert [payload[2] for payload in world.peer.payloads] == [0, 2, 3, 1]


def test_one_machine_may_remove_the_next_one_that_hears(world: World) -> None:
    first, second = EchoMachine(b""), EchoMachine(b"")
    second_owner = Owner()
    world.runner.add(first, lambda _effects, _now: world.runner.remove(second))
    world.runner.add(second, second_owner)
    world.ask(A)
    world.air.run_until(2.0)
    assert second_owner.effects == []


def test_a_machine_can_be_added_again(world: World) -> None:
    machine = world.drive()
    world.runner.add(machine, world.owner, link_pattern(A))
    world.ask(A + b"1")
    world.air.run_until(2.0)
    assert world.owner.effects == [Heard(b"1", b"remote"), Answered()]
    assert world.runner.machines == (machine,)


def test_effects_of_an_unknown_machine_are_a_mistake(world: World) -> None:
    machine = EchoMachine(A)
    world.runner.perform(machine, [])
    with pytest.raises(RadioError) as caught:
        world.runner.perform(machine, machine.send(b""))
    assert caught.value.code == "not-driven"


def test_an_exception_of_a_machine_is_not_swallowed(world: World) -> None:
    machine = world.drive()
    world.runner.perform(machine, [Transmit(Lane.ACK, A, Priority.ACK)])
    with pytest.raises(UnknownLaneError):  # the echo machine has no such lane
        world.air.run_until(2.0)


# Packets without a machine.


def test_subscribers_hear_every_structure_of_their_type(world: World) -> None:
    heard: list[tuple[bytes, Report, float]] = []
    end = world.runner.subscribe(AdType.MESH_BEACON, lambda *seen: heard.append(seen))
    beacon, uri = structure(AdType.MESH_BEACON, b"beacon"), structure(AdType.URI, b"uri")
    world.say(beacon, 1.0)
    world.say(uri + beacon, 2.0)
    world.say(uri, 3.0)
    world.air.run_until(4.0)
    assert [(data, report.payload) for data, report, _ in heard] == [
        (b"beacon", beacon),
        (b"beacon", uri + beacon),
    ]
    end()
    end()
    world.say(beacon, 5.0)
    world.air.run_until(6.0)
    assert len(heard) == 2


def test_a_packet_is_sent_once_and_reported(world: World) -> None:
    sent: list[float] = []
    world.runner.send(AdType.MESH_MESSAGE, b"message", Priority.SEGMENT, sent=sent.append)
    world.air.run_until(1.0)
    assert world.peer.payloads == [structure(AdType.MESH_MESSAGE, b"message")]
    assert len(sent) == 1


def test_packets_with_a_key_replace_each_other_and_can_be_withdrawn(world: World) -> None:
    world.runner.send(AdType.MESH_MESSAGE, b"on the air")
    for data in (b"1", b"2", b"3"):
        world.runner.send(AdType.MESH_BEACON, data, key="beacon")
    world.runner.send(AdType.MESH_BEACON, b"other", key="other")
    world.runner.withdraw("other")
    world.runner.withdraw("unknown")
    world.runner.send(AdType.MESH_MESSAGE, b"no key")
    world.runner.send(AdType.MESH_MESSAGE, b"no key")
    world.air.run_until(1.0)
    assert [payload[2:] for payload in world.peer.payloads] == [
        b"on the air",
        b"3",
        b"no key",
        b"no key",
    ]


def test_beacons_wait_for_everything_else(world: World) -> None:
    machine = world.drive()
    world.runner.send(AdType.MESH_MESSAGE, b"on the air")
    world.runner.send(AdType.MESH_BEACON, b"beacon")
    world.runner.perform(machine, machine.send(b"segment"))
    world.air.run_until(1.0)
    assert [payload[2:] for payload in world.peer.payloads] == [
        b"on the air",
        A + b"segment",
        b"beacon",
    ]


def test_refuses_what_fits_no_packet(world: World) -> None:
    with pytest.raises(InputError):
        world.runner.send(AdType.MESH_MESSAGE, bytes(30))


@given(st.lists(st.binary(min_size=1, max_size=31), max_size=5))
def test_strangers_may_send_anything(payloads: list[bytes]) -> None:
    world = World()
    heard: list[bytes] = []
    machine = EchoMachine(b"")
    world.runner.add(machine, world.owner)
    world.runner.subscribe(AdType.MESH_BEACON, lambda data, *_: heard.append(data))
    for number, payload in enumerate(payloads):
        world.say(payload, 1.0 + number)
    world.air.run_until(10.0)
    assert world.runner.counters.heard >= len(heard)
    assert world.runner.machines == (machine,)


# Figures.


def test_counts_waits_and_shares() -> None:
    world = World(HOST_10)
    for number in range(4):
        world.runner.send(AdType.MESH_MESSAGE, bytes([number]) * 29)
    world.air.run_until(1.0)
    counters = world.runner.counters
    event = TURNAROUND + 3 * 0.000_376 + 2 * 0.000_150
    assert counters.sent == 4
    assert counters.waited == pytest.approx(0.010 + 0.020 + 0.030)
    assert counters.on_air == pytest.approx(4 * event)
