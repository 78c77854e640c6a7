"""Assets and attempts: who may join, what was tried, what is missing."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.registry.registry_world import (
    APP_KEY,
    DEVICE_KEY,
    NET_KEY,
    begun,
    code_of,
    device,
    open_register,
)

from meshwright.clock import ManualClock
from meshwright.core.errors import MeshwrightError
from meshwright.registry.entities import Asset, Attempt, Network, NewAsset, Outcome, Unaccounted
from meshwright.registry.errors import AlreadyExistsError, ConflictError, NotFoundError
from meshwright.registry.register import Register


@pytest.fixture
def other(register: Register) -> Network:
    return register.create_network("other", uuid=device(99), net_key=NET_KEY, app_key=APP_KEY)


def test_an_asset_is_entered_and_found(
    register: Register, network: Network, clock: ManualClock
) -> None:
    lamp = register.add_asset(device(1), "lamp", network.id, "label 1.png")
    spare = register.add_asset(device(2), "spare")
    assert lamp == Asset(1, device(1), "lamp", network.id, "label 1.png", clock.now())
    assert register.asset(device(1)) == lamp
    assert register.assets() == [lamp, spare]
    assert register.assets(network.id) == [lamp]


def test_entering_the_same_again_changes_nothing(register: Register, network: Network) -> None:
    lamp = register.add_asset(device(1), "lamp", network.id, "label")
    lines = register.verify_audit()
    assert register.add_asset(device(1), "lamp", network.id, "another list") == lamp
    assert register.verify_audit() == lines


def test_an_asset_belongs_to_one_network_and_has_one_name(
    register: Register, network: Network, other: Network
) -> None:
    register.add_asset(device(1), "lamp", network.id)
    for name, network_id, code in (
        ("lamp", other.id, "asset-elsewhere"),
        ("lamp", None, "asset-elsewhere"),
        ("light", network.id, "asset-exists"),
    ):
        with pytest.raises(AlreadyExistsError) as refused:
            register.add_asset(device(1), name, network_id)
        assert code_of(refused) == code
    assert [asset.name for asset in register.assets()] == ["lamp"]


def test_unknown_networks_and_assets(register: Register) -> None:
    with pytest.raises(NotFoundError) as refused:
        register.add_asset(device(1), "lamp", 7)
    assert code_of(refused) == "unknown-network"
    with pytest.raises(NotFoundError) as missing:
        register.asset(device(1))
    assert code_of(missing) == "unknown-asset"


def test_a_list_is_entered_whole_and_in_order(register: Register, network: Network) -> None:
    known = register.add_asset(device(700), "lamp 700", network.id)
    items = [NewAsset(device(n), f"lamp {n}", network.id) for n in range(1300)]
    entered = register.add_many([*items, items[3]])
    assert [asset.uuid for asset in entered] == [device(n) for n in [*range(1300), 3]]
    assert entered[700] == known
    assert len(register.assets(network.id)) == 1300
    assert register.add_many([]) == []


@pytest.mark.parametrize(
    "last",
    [
        NewAsset(device(1), "another name", 1),
        NewAsset(device(1), "lamp", None),
        NewAsset(device(2), "lamp", 7),
        NewAsset(device(2), "", 1),
    ],
)
def test_a_list_with_one_mistake_enters_nothing(
    register: Register, network: Network, last: NewAsset
) -> None:
    lines = register.verify_audit()
    with pytest.raises(MeshwrightError):
        register.add_many([NewAsset(device(1), "lamp", network.id), last])
    assert register.assets() == []
    assert register.verify_audit() == lines


def test_attempts_are_numbered_for_ever(
    register: Register, network: Network, other: Network, path: Path, clock: ManualClock
) -> None:
    first = begun(register, network, 1)
    assert (first.number, first.started, first.ended) == (1, clock.now(), None)
    register.end_attempt(first.id, Outcome.FAILED, "timeout", "The device fell silent.")
    again = open_register(path)
    assert again.begin_attempt(network.id, device(1)).number == 2
    assert register.begin_attempt(network.id, device(1), "c0:ff:ee:00:00:01").number == 3
    assert begun(register, network, 2).number == 1
    assert [each.number for each in register.attempts(network.id, device(1))] == [1, 2, 3]
    assert [each.uuid for each in register.attempts(uuid=device(2))] == [device(2)]
    assert register.attempts(other.id) == []


def test_nobody_tries_what_is_not_on_the_list(
    register: Register, network: Network, other: Network
) -> None:
    register.add_asset(device(1), "lamp", other.id)
    register.add_asset(device(2), "spare")
    for number in (1, 2, 3):
        with pytest.raises(NotFoundError) as refused:
            register.begin_attempt(network.id, device(number))
        assert code_of(refused) == "unknown-asset"


def test_an_attempt_ends_once(register: Register, network: Network, clock: ManualClock) -> None:
    attempt = begun(register, network, 1)
    clock.advance(3)
    ended = register.end_attempt(attempt.id, Outcome.REFUSED, "no-path", "No path to a root.")
    assert ended == Attempt(
        *(attempt.id, network.id, device(1), 1, "", attempt.started, clock.now()),
        *(Outcome.REFUSED, "no-path", "No path to a root."),
    )
    lines = register.verify_audit()
    clock.advance(3)
    again = register.end_attempt(attempt.id, Outcome.REFUSED, "no-path", "No path to a root.")
    assert again == ended
    assert register.verify_audit() == lines
    with pytest.raises(ConflictError) as refused:
        register.end_attempt(attempt.id, Outcome.NODE)
    assert code_of(refused) == "attempt-ended"
    with pytest.raises(NotFoundError) as unknown:
        register.end_attempt(attempt.id + 1, Outcome.NODE)
    assert code_of(unknown) == "unknown-attempt"


def test_what_a_killed_process_left_open_is_closed(
    register: Register, network: Network, other: Network
) -> None:
    attempts = [begun(register, network, number) for number in (1, 2, 3)]
    elsewhere = begun(register, other, 4)
    register.end_attempt(attempts[1].id, Outcome.NODE)
    closed = register.close_interrupted(network.id)
    assert [(each.uuid, each.outcome) for each in closed] == [
        (device(1), Outcome.INTERRUPTED),
        (device(3), Outcome.INTERRUPTED),
    ]
    assert all(each.ended for each in register.attempts(network.id))
    assert [each.id for each in register.close_interrupted()] == [elsewhere.id]
    assert register.close_interrupted() == []


def test_the_unaccounted_and_why(register: Register, network: Network, other: Network) -> None:
    missing = register.add_asset(device(1), "never heard", network.id)
    attempt = begun(register, network, 2)
    register.end_attempt(attempt.id, Outcome.FAILED, "timeout", "The device fell silent.")
    again = register.begin_attempt(network.id, device(2))
    refused = register.end_attempt(again.id, Outcome.REFUSED, "no-path", "No path to a root.")
    joined = begun(register, network, 3)
    node = register.reserve_node(joined.id, 1, DEVICE_KEY)
    waiting = [entry.asset.uuid for entry in register.unaccounted(network.id)]
    assert waiting == [device(1), device(2), device(3)]
    register.confirm_node(node.id)
    elsewhere = register.add_asset(device(4), "elsewhere", other.id)
    spare = register.add_asset(device(5), "spare")
    assert register.unaccounted(network.id) == [
        Unaccounted(missing, None),
        Unaccounted(register.asset(device(2)), refused),
    ]
    assert [entry.asset for entry in register.unaccounted()][2:] == [elsewhere, spare]


def test_text_from_the_air_is_stored_whatever_it_holds(
    register: Register, network: Network, path: Path
) -> None:
    attempt = begun(register, network, 1)
    register.end_attempt(attempt.id, Outcome.FAILED, "odd", "\udcff\x00 \U0001f4a1")
    (stored,) = open_register(path).attempts()
    assert stored.reason == "\\udcff\x00 \U0001f4a1"
    register.verify_audit()


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM attempts",
        "DELETE FROM assets",
        "UPDATE attempts SET outcome = 'perhaps', ended = started",
        "UPDATE attempts SET outcome = 'node'",
        "INSERT INTO attempts (network_id, uuid, number, sender, started)"
        " SELECT network_id, uuid, number, sender, started FROM attempts",
        "INSERT INTO attempts (network_id, uuid, number, sender, started)"
        " SELECT network_id, zeroblob(16), number, sender, started FROM attempts",
        "UPDATE assets SET uuid = 'text'",
        "UPDATE assets SET network_id = 7",
    ],
)
def test_the_database_itself_keeps_the_history(
    register: Register, network: Network, path: Path, statement: str
) -> None:
    begun(register, network, 1)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)
