"""Addresses and DevKeys: durable, in range, never twice."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite
from tests.registry.registry_world import (
    APP_KEY,
    DEVICE_KEY,
    NET_KEY,
    begun,
    code_of,
    device,
    open_register,
    reserved,
)

from meshwright.clock import ManualClock
from meshwright.core.errors import InputError, MeshwrightError
from meshwright.registry.entities import Network, Node, NodeState, Outcome
from meshwright.registry.errors import ConflictError, ExhaustedError, NotFoundError
from meshwright.registry.register import Register
from meshwright.registry.store.attempts import _AUTHORIZED
from meshwright.registry.store.nodes import _ONE, _PLACE


def test_a_reservation_is_durable_when_it_is_told(
    register: Register, network: Network, clock: ManualClock, path: Path
) -> None:
    attempt = begun(register, network, 1)
    node = register.reserve_node(attempt.id, 3, DEVICE_KEY)
    assert node == Node(
        *(1, network.id, device(1), attempt.id, 0x0002, 3, DEVICE_KEY),
        *(NodeState.RESERVED, clock.now(), None, None),
    )
    assert DEVICE_KEY.hex() not in repr(node)
    assert repr(DEVICE_KEY) not in repr(node)
    again = open_register(path)
    assert again.reserved(network.id) == [node]
    assert again.nodes(network.id) == []
    assert again.node_of(network.id, device(1)) is None
    assert again.network("home").next_address == 0x0005


def test_ranges_follow_each_other_in_each_network(register: Register, network: Network) -> None:
    other = register.create_network("other", uuid=device(99), net_key=NET_KEY, app_key=APP_KEY)
    assert [reserved(register, network, n, n).address for n in (1, 2, 3)] == [2, 3, 5]
    assert reserved(register, other, 4).address == 2


def test_a_node_is_confirmed_once(register: Register, network: Network, clock: ManualClock) -> None:
    node = reserved(register, network, 1)
    clock.advance(2)
    confirmed = register.confirm_node(node.id)
    assert (confirmed.state, confirmed.settled) == (NodeState.NODE, clock.now())
    lines = register.verify_audit()
    clock.advance(2)
    assert register.confirm_node(node.id) == confirmed
    assert register.verify_audit() == lines
    assert register.nodes(network.id) == register.nodes() == [confirmed]
    assert register.reserved() == []
    assert register.node_of(network.id, device(1)) == confirmed
    with pytest.raises(ConflictError) as refused:
        register.burn_reservation(node.id, "too late")
    assert code_of(refused) == "already-node"


def test_a_burnt_range_is_never_used_again(register: Register, network: Network) -> None:
    node = reserved(register, network, 1, 4)
    burnt = register.burn_reservation(node.id, "no answer")
    assert (burnt.state, burnt.reason) == (NodeState.BURNT, "no answer")
    assert register.burn_reservation(node.id, "again").reason == "no answer"
    with pytest.raises(ConflictError) as refused:
        register.confirm_node(node.id)
    assert code_of(refused) == "reservation-burnt"
    assert reserved(register, network, 2).address == 6
    assert register.nodes(network.id, NodeState.BURNT) == [burnt]


def test_a_device_is_at_most_one_node_of_a_network(register: Register, network: Network) -> None:
    first = reserved(register, network, 1)
    second = register.reserve_node(register.begin_attempt(network.id, device(1)).id, 2, DEVICE_KEY)
    third = register.begin_attempt(network.id, device(1))
    register.confirm_node(second.id)
    with pytest.raises(ConflictError) as refused:
        register.confirm_node(first.id)
    assert code_of(refused) == "already-node"
    with pytest.raises(ConflictError) as late:
        register.reserve_node(third.id, 2, DEVICE_KEY)
    assert code_of(late) == "already-node"
    register.burn_reservation(first.id, "replaced")
    assert [node.id for node in register.nodes(network.id)] == [second.id]


def test_an_attempt_takes_one_range_while_it_is_open(register: Register, network: Network) -> None:
    attempt = begun(register, network, 1)
    register.reserve_node(attempt.id, 1, DEVICE_KEY)
    with pytest.raises(ConflictError) as twice:
        register.reserve_node(attempt.id, 1, DEVICE_KEY)
    assert code_of(twice) == "attempt-reserved"
    ended = register.begin_attempt(network.id, device(1))
    register.end_attempt(ended.id, Outcome.FAILED)
    with pytest.raises(ConflictError) as late:
        register.reserve_node(ended.id, 1, DEVICE_KEY)
    assert code_of(late) == "attempt-ended"
    assert register.network("home").next_address == 3


def test_what_does_not_exist(register: Register, network: Network) -> None:
    calls: dict[str, Callable[[], object]] = {
        "unknown-attempt": lambda: register.reserve_node(7, 1, DEVICE_KEY),
        "unknown-node": lambda: register.confirm_node(7),
    }
    for code, call in calls.items():
        with pytest.raises(NotFoundError) as refused:
            call()
        assert code_of(refused) == code
    with pytest.raises(NotFoundError):
        register.burn_reservation(7, "nothing")
    assert register.node_of(network.id, device(1)) is None


@pytest.mark.parametrize(
    ("elements", "key"), [(0, DEVICE_KEY), (256, DEVICE_KEY), (1, DEVICE_KEY[1:])]
)
def test_a_reservation_that_makes_no_sense(
    register: Register, network: Network, elements: int, key: bytes
) -> None:
    attempt = begun(register, network, 1)
    with pytest.raises(InputError):
        register.reserve_node(attempt.id, elements, key)


def set_network(path: Path, *, own: int, following: int) -> None:
    """Take a network to where it would be after years."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE networks SET provisioner_address = ?, next_address = ?", (own, following)
        )
        connection.commit()


def test_the_last_addresses(register: Register, network: Network, path: Path) -> None:
    set_network(path, own=1, following=0x7FFD)
    attempt = begun(register, network, 1)
    with pytest.raises(ExhaustedError) as refused:
        register.reserve_node(attempt.id, 4, DEVICE_KEY)
    assert code_of(refused) == "addresses-exhausted"
    assert register.reserve_node(attempt.id, 3, DEVICE_KEY).address == 0x7FFD
    with pytest.raises(ExhaustedError):
        reserved(register, network, 2, 1)
    assert register.network("home").next_address == 0x8000


@pytest.mark.parametrize(("elements", "address"), [(1, 0x10), (2, 0x10), (3, 0x13), (4, 0x13)])
def test_the_provisioners_own_address_is_stepped_over(
    register: Register, network: Network, path: Path, elements: int, address: int
) -> None:
    set_network(path, own=0x12, following=0x10)
    assert reserved(register, network, 1, elements).address == address
    assert reserved(register, network, 2, elements).address > 0x12 or elements == 1


def test_processes_that_share_a_network_never_share_an_address(
    register: Register, network: Network, path: Path
) -> None:
    attempts = [[begun(register, network, 10 * k + n) for n in range(10)] for k in range(4)]
    registers = [open_register(path) for _ in attempts]
    barrier = threading.Barrier(4)
    taken: list[int] = []
    failures: list[MeshwrightError] = []

    def work(number: int) -> None:
        barrier.wait()
        try:
            for attempt in attempts[number]:
                node = registers[number].reserve_node(attempt.id, 1 + number, DEVICE_KEY)
                taken.extend(range(node.address, node.address + node.elements))
        except MeshwrightError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken) == list(range(2, 102))
    register.verify_audit()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE nodes SET address = 2",
        "UPDATE nodes SET state = 'node'",
        "UPDATE nodes SET state = 'perhaps'",
        "UPDATE nodes SET elements = 0",
        "UPDATE nodes SET address = 0x7FFF, elements = 2 WHERE id = 1",
        "UPDATE nodes SET attempt_id = 1",
        "UPDATE nodes SET device_key = NULL",
    ],
)
def test_the_database_itself_refuses_a_second_node(
    register: Register, network: Network, path: Path, statement: str
) -> None:
    reserved(register, network, 1)
    reserved(register, network, 1)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)


@pytest.mark.parametrize("query", [_PLACE, _AUTHORIZED, _ONE])
def test_what_every_provisioning_asks_is_found_by_index(
    register: Register, query: Select[*tuple[object, ...]]
) -> None:
    statement = query.compile(dialect=sqlite.dialect())
    values = (None,) * len(statement.positiontup or [])
    with register._desk.database.reading() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        steps = [row[3] for row in plan]
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and "INDEX" not in step]


def test_a_device_key_opens_only_in_its_own_row(
    register: Register, network: Network, path: Path
) -> None:
    reserved(register, network, 1)
    reserved(register, network, 2)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE nodes SET device_key = (SELECT device_key FROM nodes WHERE id = 2)"
        )
        connection.commit()
    with pytest.raises(MeshwrightError) as refused:
        register.reserved(network.id)
    assert code_of(refused) == "damaged-database"
