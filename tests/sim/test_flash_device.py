"""A device that lives in its flash: on either bearer, from power-on to power-off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.roles.roles_world import BEARERS, IN_BAND, ONE, World

from meshwright.core.errors import InputError
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import AuthenticationMethod, InputAction
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.roles.bearers import Bearer
from meshwright.roles.device_events import DeviceEvents, Joined
from meshwright.roles.provisioned import ProvisionedNode, ProvisioningError
from meshwright.sim.flash import Flash, FlashFile, VolatileFlash
from meshwright.sim.flash_device import Build, FlashDevice

ADDRESS = b"\xc0lamp1"
STATIC = StaticOob(OobKind.NUMERIC, 40613)
BY_HAND = replace(IN_BAND, methods=(AuthenticationMethod.INPUT,))
OTHER = StaticOob(OobKind.NUMERIC, 40614)


@pytest.fixture
def flash(tmp_path: Path) -> FlashFile:
    made = FlashFile.create(tmp_path / "lamp.json", ADDRESS)
    made.store(replace(made.content, uuid=ONE))
    return made


def powered(world: World, flash: FlashFile, **build: object) -> FlashDevice:
    build.setdefault("events", world.device_events())
    return FlashDevice(flash, world.place(), world.randomness, Build(**build))  # type: ignore[arg-type] # handed on


async def provisioned(world: World, **request: object) -> ProvisionedNode:
    events = world.provisioner_events(show=world.hear("provisioner", "show"))
    async with world.provisioner(events=events) as provisioner:
        return await provisioner.provision(ONE, **request)  # type: ignore[arg-type] # handed on


@pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
def test_it_is_a_node_in_flash_before_anybody_is_told(flash: FlashFile, bearer: Bearer) -> None:
    world = World()
    seen: list[Joined] = []

    def persist(joined: Joined) -> None:
        kept = FlashFile.open(flash.path).content.membership
        assert kept is not None
        assert (kept.data, kept.device_key) == (joined.data, joined.device_key)
        assert world.noted("provisioner", "node_added") == []
        seen.append(joined)

    device = powered(world, flash, bearers=bearer, events=world.device_events(persist=persist))
    node = world.run(provisioned(world, bearer=bearer))
    assert device.is_node
    assert [joined.device_key for joined in seen] == [node.device_key]
    again = powered(World(2), FlashFile.open(flash.path), bearers=bearer)
    assert again.is_node
    assert again.device is None


def test_flash_that_cannot_be_written_makes_no_node(flash: FlashFile) -> None:
    class FullDiskError(Exception):
        pass

    class Full(VolatileFlash):
        def store(self, content: Flash) -> None:
            if content.membership is not None:
                raise FullDiskError
            super().store(content)

    world = World()
    device = powered(world, Full(flash.content), bearers=Bearer.ADV)
    with pytest.raises(FullDiskError):
        world.run(provisioned(world))
    assert not device.is_node
    assert world.noted("device", "complete") == []


@pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
def test_letting_go_closes_the_link_and_is_final(flash: FlashFile, bearer: Bearer) -> None:
    world = World()
    device = powered(world, flash, bearers=bearer, options=asking())

    async def main() -> str:
        with pytest.raises(ProvisioningError) as caught:
            await provisioned(world, bearer=bearer, policy=BY_HAND)
        return caught.value.code

    def let_go() -> None:
        assert device.let_go()

    world.air.call_at(20.0, let_go)
    assert world.run(main()) == "link-lost"
    assert world.air.time() < 25.0
    assert not device.let_go()
    with pytest.raises(ProvisioningError) as caught:
        world.run(provisioned(world, bearer=bearer))
    assert caught.value.code == "no-answer"


def asking() -> DeviceOptions:
    """Return a device at which nobody enters anything."""
    return DeviceOptions(input_actions=(InputAction.PUSH,), input_size=1)


def test_there_is_nothing_to_let_go_of_without_a_session(flash: FlashFile) -> None:
    world = World()
    assert not powered(world, flash).let_go()
    flash.store(replace(flash.content, uuid=None))
    blank = powered(World(2), flash)
    assert not blank.let_go()
    blank.enter("5")  # and nobody is asked


def test_what_is_entered_reaches_the_session(flash: FlashFile) -> None:
    world = World()
    device = powered(world, flash, options=asking())

    def wrong_first() -> None:
        with pytest.raises(InputError):
            device.enter("never")
        device.enter(str(world.noted("provisioner", "show")[0][2]))

    world.air.call_at(20.0, wrong_first)
    assert world.run(provisioned(world, policy=BY_HAND)).authentication.method == "input"


def test_failures_are_counted_in_flash(flash: FlashFile) -> None:
    flash.store(replace(flash.content, static_oob=STATIC))
    told: list[int] = []
    world = World()
    powered(world, flash, events=DeviceEvents(attempts_changed=told.append))
    with pytest.raises(ProvisioningError) as caught:
        world.run(provisioned(world, static_oob=OTHER))
    assert caught.value.code == "refused-by-device"
    assert FlashFile.open(flash.path).content.failures == 1
    assert told == [1]
    world.run(provisioned(world, static_oob=STATIC))
    assert FlashFile.open(flash.path).content.failures == 0
    assert told == [1, 0]


def test_options_stand_in_for_those_of_the_flash(flash: FlashFile) -> None:
    flash.store(replace(flash.content, static_oob=STATIC))
    world = World()
    powered(world, flash, options=DeviceOptions(elements=3))
    node = world.run(provisioned(world))
    assert (node.elements, node.authentication.method) == (3, "no-oob")
