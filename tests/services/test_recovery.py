"""A device that took its Data just before we lost it is found again by its DevKey alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.services.conftest import Worlds
from tests.services.site_world import Actor, World, options_of

from meshwright.core.discovery.ad import AdType
from meshwright.core.effects import Priority
from meshwright.core.provisioning.fields import PduType
from meshwright.radio.port import Report
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.propagation import Faults
from meshwright.registry.entities import Node, NodeState, Outcome
from meshwright.services.commissioning import Commissioner
from meshwright.sim.device import VirtualDevice
from meshwright.sim.flash import FlashFile


class Dead(BaseException):
    """The process has died here."""


def until_membership(world: World, flash: FlashFile) -> tuple[Commissioner, VirtualDevice]:
    """Run to the moment when the device is a node and we do not know it yet."""
    device = world.power(flash)
    commissioner = world.commissioner()
    commissioner.start()
    assert world.air.run_until(lambda: device.is_node, limit=60)
    assert not world.register.nodes()
    [reserved] = world.register.reserved()
    assert reserved.device_key == device.flash.content.membership.device_key  # type: ignore[union-attr] # is_node
    return commissioner, device


def dead(commissioner: Commissioner) -> None:
    """Take a provisioner off the air as a kill would: it says nothing any more."""
    runner = commissioner._runner
    runner.radio.switch_off()  # type: ignore[attr-defined] # a simulated radio
    runner.radio.listen(None)
    for machine in runner.machines:
        runner.remove(machine)


def test_a_node_that_we_lost_is_found_by_the_next_run(world: World) -> None:
    flash = world.flash(1)
    commissioner, _ = until_membership(world, flash)
    dead(commissioner)
    report = world.run()
    [result] = report.assets
    [node] = world.register.nodes()
    assert (report.unaccounted, result.address) == (0, node.address)
    assert world.agrees(flash)
    [attempt] = world.register.attempts()  # nobody tried to provision it again
    assert attempt.outcome in (Outcome.INTERRUPTED, Outcome.NODE)
    assert result.seconds_on_air is None


def test_it_is_found_after_it_was_switched_off_and_on(world: World) -> None:
    flash = world.flash(1)
    commissioner, device = until_membership(world, flash)
    dead(commissioner)
    device.power_off()
    world.power(FlashFile.open(flash.path))
    assert world.run().unaccounted == 0
    assert world.agrees(flash)


def test_it_is_found_on_an_air_that_loses_half_of_everything(worlds: Worlds) -> None:
    world = worlds(4, faults=Faults(loss=0.5))
    flash = world.flash(1)
    commissioner, _ = until_membership(world, flash)
    dead(commissioner)
    assert world.run().unaccounted == 0
    assert world.agrees(flash)


def test_it_is_found_within_the_run_when_only_complete_was_lost(world: World) -> None:
    flash = world.flash(1)
    device = world.power(flash)
    commissioner = world.commissioner()
    commissioner.start()
    assert world.air.run_until(lambda: device.is_node, limit=60)
    # The link dies, the node lives on.
    device.power_off()
    world.power(FlashFile.open(flash.path))
    assert world.air.run_until(lambda: commissioner.finished, limit=200)
    assert commissioner.report().unaccounted == 0
    assert world.agrees(flash)
    [attempt] = world.register.attempts()
    assert attempt.uuid == flash.content.uuid


def test_a_device_that_never_got_its_data_gets_another_address(world: World) -> None:
    flash = world.flash(1)
    device = world.power(flash)
    commissioner = world.commissioner()
    commissioner.start()
    assert world.air.run_until(lambda: bool(world.register.reserved()), limit=60)
    dead(commissioner)
    [first] = world.register.reserved()
    assert not device.is_node
    device.power_off()
    world.power(FlashFile.open(flash.path))
    assert world.run().unaccounted == 0
    [burnt] = world.register.nodes(state=NodeState.BURNT)
    [node] = world.register.nodes()
    assert burnt.id == first.id
    assert node.address != first.address
    assert node.device_key != first.device_key
    assert world.agrees(flash)


def test_a_node_that_does_not_answer_keeps_its_range(world: World) -> None:
    flash = world.flash(1)
    commissioner, device = until_membership(world, flash)
    dead(commissioner)
    device.power_off()
    report = world.run(patience=30.0)
    assert report.unaccounted == 1
    assert report.seconds < 40
    [kept] = world.register.reserved()
    world.power(FlashFile.open(flash.path))
    assert world.run().unaccounted == 0
    [node] = world.register.nodes()
    assert (node.id, node.device_key) == (kept.id, kept.device_key)


def test_nobody_but_the_node_can_answer_for_it(world: World) -> None:
    """Everything on the air is echoed back, shifted and flipped; only the DevKey counts."""
    flash = world.flash(1)
    commissioner, device = until_membership(world, flash)
    dead(commissioner)
    device.power_off()
    echo = Runner(world.air.radio(b"\xc0echo!"), world.air)

    def repeat(data: bytes, _report: Report, _now: float) -> None:
        for octets in (data, data[:-1] + bytes([data[-1] ^ 1]), data[::-1], data[:9]):
            echo.send(AdType.MESH_MESSAGE, octets, Priority.SEGMENT)

    echo.subscribe(AdType.MESH_MESSAGE, repeat)
    assert world.run(patience=20.0).unaccounted == 1
    assert not world.register.nodes()


def test_questions_never_use_a_sequence_number_twice(world: World) -> None:
    flash = world.flash(1)
    commissioner, device = until_membership(world, flash)
    dead(commissioner)
    device.power_off()
    asked: list[bytes] = []
    listener = Runner(world.air.radio(b"\xc0log!!"), world.air)
    listener.subscribe(AdType.MESH_MESSAGE, lambda data, _report, _now: asked.append(data))
    for _ in range(3):
        world.run(patience=10.0)
    assert len(asked) > 20
    assert len(set(asked)) == len(asked)


def reserved_for_ever(world: World) -> Node:
    """Reserve an address for a device that will never have it."""
    world.flash(7)
    attempt = world.register.begin_attempt(world.network.id, world.uuid(7))
    return world.register.reserve_node(attempt.id, 1, bytes(range(16)))


def test_many_lost_nodes_are_found_together(worlds: Worlds) -> None:
    world = worlds(6, faults=Faults(loss=0.1))
    flashes = [world.flash(number) for number in range(1, 7)]
    devices = [world.power(flash) for flash in flashes]

    # Complete never arrives: every link is cut at the moment its device becomes a node.
    commissioner = world.commissioner(patience=60.0)
    commissioner.start()
    gone: set[VirtualDevice] = set()

    def cut() -> bool:
        for device in devices:
            if device.is_node and device not in gone:
                gone.add(device)
                device.power_off()
        return len(gone) == len(devices)

    assert world.air.run_until(cut, limit=100)
    dead(commissioner)
    assert len(world.register.reserved()) == 6
    stray = reserved_for_ever(world)
    for flash in flashes:
        world.power(FlashFile.open(flash.path))
    report = world.run(patience=20.0)
    assert report.unaccounted == 1
    assert all(world.agrees(flash) for flash in flashes)
    assert [node.id for node in world.register.reserved()] == [stray.id]


@pytest.mark.parametrize(
    "lie", [lambda _pdu: [], lambda _pdu: [bytes([9, 1])]], ids=["silent", "failed"]
)
def test_a_device_that_keeps_complete_to_itself_does_not_hold_the_run(
    world: World, lie: Callable[[bytes], list[bytes]]
) -> None:
    def edit(octets: bytes) -> list[bytes]:
        return lie(octets) if octets[0] == PduType.COMPLETE else [octets]

    flash = world.flash(1)
    actor = Actor(world, world.uuid(1), options_of(flash), edit=edit)
    report = world.run(patience=50.0)
    assert report.unaccounted == 1
    [reserved] = world.register.reserved()
    assert actor.became[0].device_key == reserved.device_key


def test_a_kill_between_finding_a_node_and_burning_its_other_reservation(world: World) -> None:
    """The leftover is burnt by the next run, which does not wait for anybody to answer it."""
    flash = world.flash(1)
    commissioner, _ = until_membership(world, flash)
    dead(commissioner)
    [taken] = world.register.reserved()
    attempt = world.register.begin_attempt(world.network.id, taken.uuid)
    leftover = world.register.reserve_node(attempt.id, 1, bytes(16))
    world.register.confirm_node(taken.id)
    report = world.run()
    assert report.unaccounted == 0
    assert report.seconds < 10
    assert world.register.reserved() == []
    [burnt] = world.register.nodes(state=NodeState.BURNT)
    assert burnt.id == leftover.id
    assert world.agrees(flash)
