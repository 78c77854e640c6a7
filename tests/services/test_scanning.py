"""What a scan says of devices, with and without a home."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.discovery.beacon import OobInformation
from meshwright.registry.entities import Asset, Node, NodeState
from meshwright.roles.bearers import Bearer
from meshwright.roles.discovery import DeviceDiscovered
from meshwright.services.assets import Standing
from meshwright.services.scanning import Found, found_among, short_names

NAME = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
NEXT = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd9")
OTHER = UUID("99999999-e5ef-11f1-a553-d3749ad8dfd8")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ASSET = Asset(1, NAME, "lamp", None, "typed", NOON)


def device(uuid: UUID, first: float = 0.0, bearers: Bearer = Bearer.ADV) -> DeviceDiscovered:
    oob = OobInformation.CERTIFICATE | OobInformation.RECORDS
    return DeviceDiscovered(uuid, oob, None, None, bearers, None, None, first, 9.0, 1)


def test_devices_stand_in_the_order_in_which_they_were_heard() -> None:
    standing = Standing(ASSET, None, None, None)
    found = found_among([device(OTHER, 2.0), device(NAME, 1.0)], {NAME: standing})
    assert [(each.device.uuid, each.asset) for each in found] == [(NAME, "lamp"), (OTHER, "")]


def test_words_for_a_device() -> None:
    found = Found(device(NAME, bearers=Bearer.AUTO))
    assert found.oob_names == ["certificate", "records"]
    assert found.bearer_names == ["PB-ADV", "PB-GATT"]


def test_a_node_that_asks_to_be_provisioned_is_pointed_out() -> None:
    node = Node(1, 1, NAME, 1, 0x0002, 1, bytes(16), NodeState.NODE, NOON, NOON, None)
    assert Found(device(NAME), Standing(ASSET, None, node, None)).asset == "lamp (was a node)"


@pytest.mark.parametrize(
    ("uuids", "length"),
    [([], 0), ([NAME], 8), ([NAME, OTHER], 8), ([NAME, NEXT], 36), ([NAME, NEXT, OTHER], 36)],
)
def test_names_are_as_short_as_they_can_be(uuids: list[UUID], length: int) -> None:
    assert {len(name) for name in short_names(uuids).values()} == ({length} if length else set())


@given(st.sets(st.uuids(), max_size=8))
def test_short_names_are_never_mistaken(uuids: set[UUID]) -> None:
    names = short_names(uuids)
    assert len(set(names.values())) == len(uuids)
    assert all(str(uuid).startswith(name) for uuid, name in names.items())
