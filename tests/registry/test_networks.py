"""Networks: keys at rest, names, sequence numbers."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from tests.registry.registry_world import (
    APP_KEY,
    DEVICE_KEY,
    NET_KEY,
    NETWORK_UUID,
    code_of,
    device,
    open_register,
    reserved,
)

from meshwright.clock import ManualClock
from meshwright.core.errors import InputError, StoreError
from meshwright.registry.database import Database
from meshwright.registry.entities import Network
from meshwright.registry.errors import AlreadyExistsError, ExhaustedError, NotFoundError
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register


def test_a_new_network_is_as_the_specification_says(
    register: Register, network: Network, clock: ManualClock, path: Path
) -> None:
    assert network == Network(
        id=1,
        uuid=NETWORK_UUID,
        name="home",
        net_key_index=0,
        net_key=NET_KEY,
        app_key_index=0,
        app_key=APP_KEY,
        iv_index=0,
        flags=0,
        provisioner_address=0x0001,
        next_address=0x0002,
        next_sequence=0,
        created=clock.now(),
    )
    again = open_register(path)
    assert again.network("home") == network
    assert again.network_by_id(network.id) == network
    assert register.networks() == [network]


def test_keys_never_show(network: Network) -> None:
    assert NET_KEY.hex() not in repr(network)
    assert repr(NET_KEY) not in repr(network)
    assert repr(APP_KEY) not in repr(network)


@pytest.mark.parametrize(("name", "uuid"), [("home", device(1)), ("other", NETWORK_UUID)])
def test_a_name_and_a_uuid_belong_to_one_network(
    register: Register, network: Network, name: str, uuid: UUID
) -> None:
    with pytest.raises(AlreadyExistsError) as refused:
        register.create_network(name, uuid=uuid, net_key=NET_KEY, app_key=APP_KEY)
    assert code_of(refused) == "network-exists"
    assert register.networks() == [network]


def test_an_unknown_network(register: Register) -> None:
    with pytest.raises(NotFoundError) as by_name:
        register.network("home")
    with pytest.raises(NotFoundError) as by_number:
        register.network_by_id(7)
    assert code_of(by_name) == code_of(by_number) == "unknown-network"


def test_keys_have_16_octets(register: Register) -> None:
    with pytest.raises(InputError):
        register.create_network("home", uuid=NETWORK_UUID, net_key=NET_KEY[:15], app_key=APP_KEY)


def test_no_plaintext_key_is_ever_on_the_disk(
    register: Register, network: Network, path: Path
) -> None:
    node = reserved(register, network, 1)
    register.confirm_node(node.id)
    files = list(path.parent.iterdir())
    assert path.with_name("register.db-wal") in files
    stored = b"".join(each.read_bytes() for each in files)
    assert b"home" in stored
    for key in (NET_KEY, APP_KEY, DEVICE_KEY):
        assert key not in stored
        assert key.hex().encode() not in stored
        assert key.hex().upper().encode() not in stored


def test_another_keyring_opens_nothing(
    database: Database, clock: ManualClock, network: Network
) -> None:
    other = Register(database, Keyring(bytes(32)), clock)
    with pytest.raises(StoreError) as refused:
        other.network(network.name)
    assert code_of(refused) == "damaged-database"


def test_a_sealed_key_opens_only_in_its_own_row(
    register: Register, network: Network, path: Path
) -> None:
    register.create_network("other", uuid=device(9), net_key=bytes(16), app_key=bytes(16))
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "UPDATE networks SET net_key = (SELECT net_key FROM networks WHERE id = 2) WHERE id = 1"
        )
        connection.commit()
    with pytest.raises(StoreError) as refused:
        register.network(network.name)
    assert code_of(refused) == "damaged-database"


def test_sequence_numbers_are_handed_out_once(
    register: Register, network: Network, path: Path
) -> None:
    assert register.reserve_sequence(network.id, 100) == 0
    assert register.reserve_sequence(network.id, 1) == 100
    assert open_register(path).reserve_sequence(network.id, 5) == 101
    assert register.network("home").next_sequence == 106


def test_sequence_numbers_end_at_24_bits(register: Register, network: Network) -> None:
    assert register.reserve_sequence(network.id, (1 << 24) - 1) == 0
    with pytest.raises(ExhaustedError) as refused:
        register.reserve_sequence(network.id, 2)
    assert code_of(refused) == "sequence-exhausted"
    assert register.reserve_sequence(network.id, 1) == (1 << 24) - 1


def test_sequence_numbers_of_nothing(register: Register, network: Network) -> None:
    with pytest.raises(NotFoundError):
        register.reserve_sequence(network.id + 1, 1)
    with pytest.raises(InputError):
        register.reserve_sequence(network.id, 0)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE networks SET next_address = next_address - 1",
        "UPDATE networks SET next_sequence = next_sequence - 1",
        "UPDATE networks SET next_address = 32769",
        "UPDATE networks SET iv_index = 4294967296",
        "UPDATE networks SET name = x'00'",
        "DELETE FROM networks",
    ],
)
def test_the_database_itself_lets_no_counter_go_back(
    register: Register, network: Network, path: Path, statement: str
) -> None:
    register.reserve_sequence(network.id, 10)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
