"""S10, S11 and S18: who copies a UUID, floods the air or changes its face keeps nobody out."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from uuid import UUID

import pytest
from tests.pki.forging import Site
from tests.services.conftest import Worlds
from tests.services.site_world import Actor, RestlessRadio, World, options_of

from meshwright.core.bearers import generic
from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.discovery.beacon import CERTIFICATE_BASED, UnprovisionedBeacon, advertisement
from meshwright.core.provisioning.codec import encode
from meshwright.core.provisioning.pdu import Failed
from meshwright.radio.simulated.propagation import Faults
from meshwright.services.report import ResultKind
from meshwright.sim.flash import FlashFile

SEEDS = range(1, 6)


def rogue_of(world: World, site: Site) -> FlashFile:
    """Make a device with the UUID of the first and a chain of another manufacturer."""
    return world.flash(1, authorized=False, name="rogue", site=site, uuid=world.uuid(1))


def assert_only(world: World, genuine: FlashFile) -> None:
    """Check that the genuine device, and it alone, is the node."""
    [node] = world.register.nodes()
    member = genuine.content.membership
    assert member is not None
    assert (node.uuid, node.device_key) == (genuine.content.uuid, member.device_key)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("first", ["rogue", "genuine", "together"])
def test_the_genuine_device_gets_in_and_its_rogue_does_not(
    worlds: Worlds, other_site: Site, first: str, seed: int
) -> None:
    world = worlds(seed, faults=Faults(loss=0.05))
    genuine, rogue = world.flash(1), rogue_of(world, other_site)
    order = [rogue, genuine] if first == "rogue" else [genuine, rogue]
    commissioner = world.commissioner()
    commissioner.start()
    world.power(order[0])
    world.air.run_until(world.air.time() + (0.0 if first == "together" else 2.0))
    world.power(order[1])
    assert world.air.run_until(lambda: commissioner.finished, limit=200)
    report = commissioner.report()
    assert report.unaccounted == 0
    assert_only(world, genuine)
    assert rogue.content.membership is None
    [refusal] = [each for each in report.refusals if each.sender == rogue.content.address]
    assert refusal.code == "path-untrusted"


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_a_rogue_under_the_address_of_its_victim_wins_nothing(
    worlds: Worlds, other_site: Site, seed: int
) -> None:
    world = worlds(seed)
    genuine, rogue = world.flash(1), rogue_of(world, other_site)
    radio = world.air.radio(genuine.content.address)
    actor = Actor(world, world.uuid(1), options_of(rogue), radio=radio)
    world.power(genuine)
    commissioner = world.commissioner(patience=300.0)
    commissioner.start()
    # It can disturb for as long as it is there, as any jammer can, but no longer.
    world.air.run_until(20.0)
    actor.power_off()
    radio.switch_off()
    assert world.air.run_until(lambda: commissioner.finished, limit=400)
    assert not actor.became
    assert_only(world, genuine)


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_a_rogue_with_a_new_address_for_every_packet(
    worlds: Worlds, other_site: Site, seed: int
) -> None:
    world = worlds(seed)
    genuine, rogue = world.flash(1), rogue_of(world, other_site)
    numbers = count()
    radio = RestlessRadio(world, lambda: b"\xc1" + next(numbers).to_bytes(5, "big"))
    actor = Actor(world, world.uuid(1), options_of(rogue), radio=radio)
    world.power(genuine)
    commissioner = world.commissioner(patience=300.0)
    commissioner.start()
    world.air.run_until(60.0)
    actor.power_off()
    radio.switch_off()
    assert world.air.run_until(lambda: commissioner.finished, limit=500)
    assert not actor.became
    assert_only(world, genuine)


def test_a_genuine_device_with_a_new_address_for_every_packet_joins(world: World) -> None:
    flash = world.flash(1)
    numbers = count()
    radio = RestlessRadio(world, lambda: b"\xc2" + next(numbers).to_bytes(5, "big"))
    actor = Actor(world, world.uuid(1), options_of(flash), radio=radio)
    assert world.run().unaccounted == 0
    [node] = world.register.nodes()
    assert actor.became[0].device_key == node.device_key


SPOILERS: dict[str, Callable[[bytes], list[bytes]]] = {
    "silent": lambda _pdu: [],
    "always failing": lambda _pdu: [encode(Failed(7))],
    "talking nonsense": lambda _pdu: [b"\x3f\xff"],
}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
@pytest.mark.parametrize("edit", SPOILERS.values(), ids=SPOILERS)
def test_a_rogue_that_only_spoils_is_passed_by(
    worlds: Worlds, edit: Callable[[bytes], list[bytes]], seed: int
) -> None:
    world = worlds(seed)
    genuine = world.flash(1)
    spoiler = Actor(world, world.uuid(1), options_of(genuine), edit=edit)
    world.power(genuine)
    report = world.run(limit=150)
    assert report.unaccounted == 0
    assert_only(world, genuine)
    assert not spoiler.became


def test_a_copy_of_a_device_with_its_key_does_not_become_a_second_node(world: World) -> None:
    flash = world.flash(1)
    copies = [Actor(world, world.uuid(1), options_of(flash)) for _ in range(2)]
    report = world.run()
    [node] = world.register.nodes()
    assert [each.became[0].device_key for each in copies if each.became] == [node.device_key]
    assert {refusal.code for refusal in report.refusals} == {"already-node"}


def test_a_node_that_beacons_again_is_examined_and_left_alone(world: World) -> None:
    flash = world.flash(1)
    device = world.power(flash)
    assert world.run().unaccounted == 0
    [node] = world.register.nodes()
    device.power_off()
    Actor(world, world.uuid(1), options_of(flash))  # reset behind the owner's back
    report = world.run()
    [result] = report.assets
    assert result.kind is ResultKind.NODE
    assert [refusal.code for refusal in report.refusals] == ["already-node"]
    assert world.register.nodes() == [node]


def test_a_node_takes_no_link_any_more(world: World) -> None:
    flash = world.flash(1)
    world.power(flash)
    assert world.run().unaccounted == 0
    world.air.run_until(world.air.time() + 5)
    senders: list[bytes] = []
    world.air.capture(lambda _now, sender, _data: senders.append(sender))
    radio = world.air.radio(b"\xc0other")
    opening = b"\1\2\3\4\0" + generic.link_open(world.uuid(1).bytes)
    for _ in range(50):
        radio.transmit(structure(AdType.PB_ADV, opening))
        world.air.run_until(world.air.time() + 0.1)
    assert set(senders) == {radio.address}


# Strangers.


def test_a_uuid_that_differs_in_one_digit_is_a_stranger(world: World) -> None:
    flash = world.flash(1)
    near = UUID(int=world.uuid(1).int ^ 1)
    Actor(world, near, options_of(flash))
    report = world.run(patience=10)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.UNACCOUNTED, "not-heard")
    assert [stranger.uuid for stranger in report.strangers] == [near]
    assert not world.register.attempts()


def test_ten_thousand_strangers_cost_little_and_keep_nobody_out(world: World) -> None:
    flash = world.flash(1)
    world.power(flash)
    flood = world.air.radio(b"\xc0flood")
    numbers = iter(range(10_000))

    def one_more() -> None:
        number = next(numbers, None)
        if number is not None:
            uuid = UUID(int=(number << 64) + 5)
            flood.transmit(advertisement(UnprovisionedBeacon(uuid, CERTIFICATE_BASED)))
            world.air.call_at(world.air.time() + 0.031, one_more)

    one_more()
    commissioner = world.commissioner()
    commissioner.start()
    assert world.air.run_until(lambda: commissioner.finished, limit=310)
    report = commissioner.report()
    assert report.unaccounted == 0
    assert len(report.strangers) <= 1024
    assert len(world.progress) < 2_000
    assert len(world.register.attempts()) < 5


def test_beacons_that_are_no_beacons_are_nothing(world: World) -> None:
    flash = world.flash(1)
    world.power(flash)
    radio = world.air.radio(b"\xc0noise")
    uuid = world.uuid(1).bytes
    for data in (
        b"",
        b"\0",
        b"\0" + uuid[:9],
        b"\0" + uuid,
        b"\0" + uuid + b"\1",
        b"\1" + uuid * 1,
    ):
        radio.transmit(structure(AdType.MESH_BEACON, data))
        world.air.run_until(world.air.time() + 0.05)
    commissioner = world.commissioner()
    commissioner.start()
    for data in (
        b"\0",
        b"\0" + uuid[:9],
        b"\0" + uuid,
        b"\0" + uuid + b"\1",
        b"\0" + uuid + bytes(9),
    ):
        radio.transmit(structure(AdType.MESH_BEACON, data))
        world.air.run_until(world.air.time() + 0.05)
    assert world.air.run_until(lambda: commissioner.finished, limit=60)
    assert commissioner.report().unaccounted == 0


def test_somebody_with_endless_addresses_does_not_flood_the_display(world: World) -> None:
    """It beacons without a certificate, and each address is refused anew."""
    genuine = world.flash(1)
    numbers = count()
    radio = RestlessRadio(world, lambda: b"\xc3" + next(numbers).to_bytes(5, "big"))
    Actor(world, world.uuid(1), options_of(genuine), radio=radio, oob=0, period=0.2)
    report = world.run(patience=30.0)
    assert report.unaccounted == 1
    assert len(report.refusals) > 50
    refused = [each for each in world.progress if each.kind is ResultKind.REFUSED]
    assert 0 < len(refused) <= 10


def test_a_device_that_was_lost_without_end_is_tried_again_all_the_same(world: World) -> None:
    """Somebody who answers from ever new addresses can make attempts fail thousands of times."""
    genuine = world.flash(1)
    commissioner = world.commissioner()
    commissioner.start()
    commissioner._targets[world.uuid(1).bytes]._failures = 5000
    spoiler = Actor(
        world, world.uuid(1), options_of(genuine), edit=lambda _pdu: [encode(Failed(7))]
    )
    lost = lambda: commissioner._targets[world.uuid(1).bytes]._failures > 5000  # noqa: E731
    assert world.air.run_until(lost, limit=60)
    spoiler.power_off()
    world.power(genuine)
    assert world.air.run_until(lambda: commissioner.finished, limit=200)
    assert_only(world, genuine)
