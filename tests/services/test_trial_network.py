"""A network in one file: what is kept, when, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError, StoreError
from meshwright.core.provisioning.authentication import Authentication, KeySource
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.randomness import SeededRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.provisioned import NetworkCredentials, ProvisionedNode
from meshwright.services.trial_network import TrialNetwork, _decode, _encode

RANDOM = SeededRandomness(1).stream("trial")
ONE, TWO = UUID(int=1), UUID(int=2)
HOW = Authentication("hmac", KeySource.IN_BAND, "output", "numeric", 8)


def node(uuid: UUID = ONE, address: int = 2, elements: int = 1) -> ProvisionedNode:
    capabilities = DeviceOptions(elements).capabilities()
    key = bytes([address & 0xFF]) * 16
    return ProvisionedNode(uuid, address, elements, key, 0, Bearer.ADV, capabilities, HOW)


def opened(path: Path) -> TrialNetwork:
    return TrialNetwork.open(path, RANDOM)


def test_a_new_file_is_there_at_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "hall.json"
    made = opened(path)
    assert path.stat().st_mode & 0o777 == 0o600
    again = opened(path)
    assert again.credentials == made.credentials
    assert again.nodes == []
    assert [each.name for each in tmp_path.iterdir()] == ["hall.json"]


def test_a_node_is_kept_before_it_is_one_and_confirmed_after(tmp_path: Path) -> None:
    path = tmp_path / "hall.json"
    network = opened(path)
    assert network.pending is None
    network.add(node())
    [kept] = opened(path).nodes
    assert (kept.uuid, kept.address, kept.elements, kept.confirmed) == (ONE, 2, 1, False)
    assert (kept.device_key, kept.authentication) == (b"\2" * 16, HOW)
    assert network.pending == kept
    network.confirm(node())
    assert [each.confirmed for each in opened(path).nodes] == [True]
    assert network.pending is None


def test_addresses_go_on_where_they_were(tmp_path: Path) -> None:
    path = tmp_path / "hall.json"
    network = opened(path)
    network.add(node(ONE, network.addresses(ONE, 3), 3))
    again = opened(path)
    assert again.addresses(TWO, 2) == 5
    again.add(node(TWO, 0x0007, 2))
    assert again.addresses(TWO, 2) == 5
    assert again.addresses(TWO, 3) == 9


def test_two_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "hall.json"
    one, two = opened(path), opened(path)
    one.add(node(ONE, one.addresses(ONE, 2), 2))
    two.add(node(TWO, two.addresses(TWO, 1), 1))
    one.confirm(node(ONE, 2, 2))
    two.confirm(node(TWO, 4, 1))
    kept = [(each.uuid, each.address, each.confirmed) for each in opened(path).nodes]
    assert kept == [(ONE, 2, True), (TWO, 4, True)]


@pytest.mark.parametrize("address", [1, 2, 4])
def test_an_address_is_not_given_twice(tmp_path: Path, address: int) -> None:
    network = opened(tmp_path / "hall.json")
    network.add(node(ONE, 2, 3))
    before = (tmp_path / "hall.json").read_bytes()
    with pytest.raises(InputError) as caught:
        network.add(node(TWO, address, 2))
    assert caught.value.code == "address-taken"
    assert f"0x{address:04x}" in str(caught.value)
    assert (tmp_path / "hall.json").read_bytes() == before
    network.check(5)


def test_a_network_that_is_kept_nowhere() -> None:
    network = TrialNetwork.draw(RANDOM)
    assert network.credentials != TrialNetwork.draw(RANDOM).credentials
    network.add(node())
    assert network.addresses(TWO, 1) == 3
    network.confirm(node())
    assert [each.confirmed for each in network.nodes] == [True]


def test_another_file_in_its_place_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "hall.json"
    network = opened(path)
    path.unlink()
    opened(path)
    before = path.read_bytes()
    for use in (lambda: network.add(node()), lambda: network.addresses(ONE, 1)):
        with pytest.raises(StoreError) as caught:
            use()
        assert caught.value.code == "network-file-replaced"
    assert path.read_bytes() == before


def test_a_place_that_is_not_there_is_noticed_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "no" / "hall.json")
    network = opened(tmp_path / "hall.json")
    (tmp_path / "hall.json").unlink()
    with pytest.raises(FileNotFoundError):
        network.add(node())


def test_keys_are_not_in_a_repr() -> None:
    network = TrialNetwork.draw(RANDOM)
    network.add(node())
    shown = repr((network.credentials, network.nodes))
    assert network.credentials.net_key.hex() not in shown
    assert repr(network.credentials.net_key) not in shown
    assert repr(b"\2" * 16) not in shown


# Damage.


def content(change: Callable[[dict[str, Any]], object]) -> bytes:
    network = TrialNetwork.draw(RANDOM)
    network.add(node())
    found = json.loads(_encode(network.credentials, network.nodes))
    change(found)
    return json.dumps(found).encode()


def _set(*keys: Any) -> Callable[[dict[str, Any]], object]:  # noqa: ANN401 - a path and a value
    *path, last, value = keys

    def change(found: dict[str, Any]) -> None:
        inner: Any = found
        for key in path:
            inner = inner[key]
        inner[last] = value

    return change


DAMAGES = {
    "nothing": b"",
    "no JSON": b"{",
    "a list": b"[]",
    "nested without end": b"[" * 100_000,
    "another format": content(_set("format", "x")),
    "no NetKey": content(lambda found: found.pop("net_key")),
    "a short NetKey": content(_set("net_key", "00")),
    "a NetKey of letters": content(_set("net_key", "x" * 32)),
    "an index that no key has": content(_set("key_index", 0x1000)),
    "an index that is none": content(_set("key_index", "0")),
    "flags that are reserved": content(_set("flags", 4)),
    "a true IV Index": content(_set("iv_index", True)),
    "an IV Index without end": content(_set("iv_index", float("inf"))),
    "an IV Index below zero": content(_set("iv_index", -1)),
    "nodes that are none": content(_set("nodes", 5)),
    "a node that is none": content(_set("nodes", [5])),
    "a UUID that is none": content(_set("nodes", 0, "uuid", "lamp")),
    "an address of a group": content(_set("nodes", 0, "address", 0xC000)),
    "no elements": content(_set("nodes", 0, "elements", 0)),
    "elements without end": content(_set("nodes", 0, "elements", 10**12)),
    "a long DevKey": content(_set("nodes", 0, "device_key", "00" * 17)),
    "no authentication": content(_set("nodes", 0, "authentication", None)),
    "a method of tomorrow": content(_set("nodes", 0, "authentication", "method", "prayer")),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named_and_the_file_stays(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "hall.json"
    path.write_bytes(damage)
    with pytest.raises(StoreError) as caught:
        opened(path)
    assert caught.value.code == "damaged-network-file"
    assert "hall.json" in str(caught.value)
    assert path.read_bytes() == damage


@given(
    net_key=st.binary(min_size=16, max_size=16),
    key_index=st.integers(0, 0xFFF),
    flags=st.integers(0, 3),
    iv_index=st.integers(0, 0xFFFFFFFF),
    sizes=st.lists(st.integers(1, 255), max_size=5),
)
def test_whatever_is_written_is_read(
    net_key: bytes, key_index: int, flags: int, iv_index: int, sizes: list[int]
) -> None:
    network = TrialNetwork(NetworkCredentials(net_key, key_index, flags, iv_index), [])
    for size in sizes:
        network.add(node(ONE, network.addresses(ONE, size), size))
    assert _decode(_encode(network.credentials, network.nodes)) == (
        network.credentials,
        network.nodes,
    )
