"""The owner's list: how devices are named, where they came from, and what each is now."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from tests.services.site_world import World

from meshwright.core.errors import InputError
from meshwright.factory.labels import print_label
from meshwright.services.assets import (
    Candidate,
    enter_assets,
    named,
    scan_labels,
    standings,
    typed,
)
from meshwright.services.networks import choose_network, create_network

ONE, TWO, THREE = (UUID(int=number << 100) for number in (1, 2, 3))


def test_devices_are_named_after_their_pictures(tmp_path: Path) -> None:
    for name, uuid in (("hall", ONE), ("yard", TWO)):
        print_label(tmp_path / f"{name}.png", "https://mesh.example/d", uuid)
    found = scan_labels([tmp_path / "yard.png", tmp_path / "hall.png"])
    assert found == [
        Candidate(TWO, "yard", "label yard.png"),
        Candidate(ONE, "hall", "label hall.png"),
    ]


def test_typed_devices_are_known_as_typed() -> None:
    assert typed([str(ONE).upper()]) == [Candidate(ONE, str(ONE), "typed")]
    with pytest.raises(InputError, match="32 hex digits") as refused:
        typed(["lamp"])
    assert refused.value.code == "bad-uuid"


def test_each_device_is_taken_once_as_it_was_first_found() -> None:
    seen = [Candidate(ONE, "hall", "label hall.png"), Candidate(ONE, str(ONE), "typed")]
    assert named(seen) == seen[:1]


def test_only_namesakes_are_numbered() -> None:
    shelf = [Candidate(uuid, "shelf", "label shelf.png") for uuid in (ONE, TWO)]
    lone = Candidate(THREE, "hall", "typed")
    assert [each.name for each in named([*shelf, lone])] == ["shelf 1", "shelf 2", "hall"]
    assert [each.name for each in named([*shelf, lone], "lamp")] == ["lamp 1", "lamp 2", "lamp 3"]
    assert [each.name for each in named([lone], "lamp")] == ["lamp"]


def test_standings_tell_nodes_from_those_that_were_tried_and_those_that_were_not(
    world: World,
) -> None:
    store = world.register
    flash = world.flash(1)
    world.power(flash)
    entered = enter_assets(store, typed([str(ONE)]), world.network)
    yard = create_network(store, "yard", world.randomness)
    other = enter_assets(store, typed([str(TWO)]), yard)
    world.run(patience=20.0)
    node, unheard, elsewhere = standings(store)
    assert node.node is not None
    assert (node.asset.uuid, node.last) == (flash.content.uuid, None)
    assert node.network == unheard.network == store.network("hall")
    assert ([unheard.asset], unheard.node, unheard.last) == (entered, None, None)
    assert ([elsewhere.asset], elsewhere.network) == (other, yard)
    assert standings(store, "yard") == [elsewhere]


def test_the_only_network_need_not_be_named(world: World) -> None:
    assert choose_network(world.register, None) == world.network
    yard = create_network(world.register, "yard", world.randomness)
    assert choose_network(world.register, "yard") == yard
    assert yard.net_key != yard.app_key
    with pytest.raises(InputError, match="hall, yard") as refused:
        choose_network(world.register, None)
    assert refused.value.code == "which-network"
