"""What is known of an asset beforehand: sealed, replaced, counted, and never shown."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import create_engine
from tests.registry.registry_world import (
    DEVICE_KEY,
    begun,
    code_of,
    device,
    open_register,
)

from meshwright.clock import ManualClock
from meshwright.core.crypto import KeyPair
from meshwright.core.errors import MeshwrightError
from meshwright.core.provisioning.authentication import Authentication, KeySource, Weakening
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.registry.database import Database
from meshwright.registry.entities import FailedTry, Network, NewAsset, Outcome
from meshwright.registry.errors import AlreadyExistsError, DamagedDatabaseError, NotFoundError
from meshwright.registry.keyring import Keyring
from meshwright.registry.migrations.runner import configuration
from meshwright.registry.register import Register

STATIC = StaticOob(OobKind.ALPHANUMERIC, "9B7K2MXQ4TWZ")
OTHER = StaticOob(OobKind.NUMERIC, 19655)
KEY, OTHER_KEY = KeyPair(77).public, KeyPair(78).public
CHOSEN = Authentication("hmac", KeySource.CERTIFICATE, "static")
WEAK = Authentication(
    "cmac", KeySource.IN_BAND, "output", "numeric", 6, (Weakening.CMAC, Weakening.IN_BAND_KEY)
)


def everything_in(path: Path) -> bytes:
    """Return all octets of the database and its log."""
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


@pytest.mark.parametrize("static", [STATIC, OTHER, StaticOob(OobKind.BINARY, bytes(range(32)))])
def test_a_static_value_is_sealed_and_found_again(
    register: Register, network: Network, path: Path, static: StaticOob
) -> None:
    [asset] = register.add_many([NewAsset(device(1), "lamp", network.id, "", static)])
    assert (asset.has_static_oob, asset.public_key) == (True, None)
    assert open_register(path).static_oob(device(1)) == static
    assert register.assets(network.id) == [asset]
    assert register.unaccounted()[0].asset == asset
    secret = static.value if isinstance(static.value, bytes) else str(static.value).encode()
    stored = everything_in(path)
    assert secret not in stored
    assert secret.hex().encode() not in stored
    audit = "".join(line.details for line in register.audit_lines(device(1)))
    assert secret.decode("latin-1") not in audit
    assert static.kind.name.lower() in audit


def test_a_sealed_value_opens_for_its_own_asset_only(
    register: Register, network: Network, path: Path
) -> None:
    register.add_many([NewAsset(device(n), f"lamp {n}", network.id, "", STATIC) for n in (1, 2)])
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT uuid, static_oob FROM credentials").fetchall()
        for (uuid, _), (_, sealed) in zip(rows, reversed(rows), strict=True):
            connection.execute(
                "UPDATE credentials SET static_oob = ? WHERE uuid = ?", (sealed, uuid)
            )
        connection.commit()
    with pytest.raises(DamagedDatabaseError):
        register.static_oob(device(1))


def test_what_is_sealed_and_no_value_is_damage(
    register: Register, network: Network, path: Path, keyring: Keyring
) -> None:
    register.add_many([NewAsset(device(1), "lamp", network.id, "", STATIC)])
    for nonsense in (b"", b"binary:xyz", b"\xff"):
        sealed = keyring.seal(nonsense, "static-oob", device(1))
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("UPDATE credentials SET static_oob = ?", (sealed,))
            connection.commit()
        with pytest.raises(DamagedDatabaseError):
            register.static_oob(device(1))


def test_values_and_keys_are_replaced_and_removed(register: Register, network: Network) -> None:
    register.add_asset(device(1), "lamp", network.id)
    assert register.static_oob(device(1)) is None
    register.set_static_oob(device(1), STATIC)
    register.set_public_key(device(1), KEY)
    register.set_static_oob(device(1), OTHER)
    asset = register.asset(device(1))
    assert (register.static_oob(device(1)), asset.public_key) == (OTHER, KEY)
    register.set_static_oob(device(1), None)
    register.set_public_key(device(1), None)
    asset = register.asset(device(1))
    assert (asset.has_static_oob, asset.public_key) == (False, None)
    assert register.static_oob(device(1)) is None
    actions = [line.action for line in register.audit_lines(device(1))]
    assert actions == [
        "asset-added",
        "static-oob-set",
        "public-key-set",
        "static-oob-set",
        "static-oob-removed",
        "public-key-removed",
    ]
    register.verify_audit()


@pytest.mark.parametrize("key", [b"", bytes(64), KEY[:63], KEY + b"\0", b"\x04" + KEY[:63]])
def test_a_key_is_a_point_of_the_curve(register: Register, network: Network, key: bytes) -> None:
    register.add_asset(device(1), "lamp", network.id)
    with pytest.raises(MeshwrightError) as refused:
        register.set_public_key(device(1), key)
    assert code_of(refused) == "bad-public-key"
    with pytest.raises(MeshwrightError):
        register.add_many([NewAsset(device(2), "lamp", network.id, public_key=key or b"x")])
    assert [asset.uuid for asset in register.assets()] == [device(1)]


def test_an_unknown_asset_has_nothing(register: Register) -> None:
    assert register.static_oob(device(1)) is None
    changes: list[Callable[[], None]] = [
        lambda: register.set_static_oob(device(1), STATIC),
        lambda: register.set_public_key(device(1), KEY),
        lambda: register.forgive(device(1)),
    ]
    for change in changes:
        with pytest.raises(NotFoundError) as refused:
            change()
        assert code_of(refused) == "unknown-asset"


def test_entering_an_asset_again_adds_what_was_not_known(
    register: Register, network: Network
) -> None:
    register.add_asset(device(1), "lamp", network.id)
    item = NewAsset(device(1), "lamp", network.id, "a list", STATIC, KEY)
    [asset] = register.add_many([item])
    assert (asset.has_static_oob, asset.public_key) == (True, KEY)
    lines = register.verify_audit()
    assert register.add_many([item]) == [asset]
    assert register.verify_audit() == lines
    assert register.add_asset(device(1), "lamp", network.id) == asset


@pytest.mark.parametrize(
    ("static", "key", "code"),
    [(OTHER, None, "static-oob-exists"), (None, OTHER_KEY, "public-key-exists")],
)
def test_entering_an_asset_again_replaces_nothing(
    register: Register, network: Network, static: StaticOob | None, key: bytes | None, code: str
) -> None:
    register.add_many([NewAsset(device(1), "lamp", network.id, "", STATIC, KEY)])
    lines = register.verify_audit()
    items = [
        NewAsset(device(2), "other", network.id, "", OTHER),
        NewAsset(device(1), "lamp", network.id, "", static, key),
    ]
    with pytest.raises(AlreadyExistsError) as refused:
        register.add_many(items)
    assert code_of(refused) == code
    assert register.static_oob(device(1)) == STATIC
    assert register.asset(device(1)).public_key == KEY
    assert register.verify_audit() == lines


# How an attempt was authenticated.


@pytest.mark.parametrize("chosen", [CHOSEN, WEAK])
def test_a_node_keeps_how_it_was_authenticated(
    register: Register, network: Network, path: Path, chosen: Authentication
) -> None:
    attempt = begun(register, network, 1)
    node = register.reserve_node(attempt.id, 1, DEVICE_KEY, chosen)
    assert node.authentication == chosen
    again = open_register(path)
    assert again.reserved() == [node]
    confirmed = again.confirm_node(node.id)
    assert confirmed.authentication == chosen
    assert [each.authentication for each in again.attempts()] == [chosen]
    reasons = [line.details for line in register.audit_lines(device(1))]
    assert any(chosen.reason in each for each in reasons)


def test_an_attempt_keeps_what_had_been_chosen(register: Register, network: Network) -> None:
    attempt = begun(register, network, 1)
    end = (attempt.id, Outcome.REFUSED, "confirmation-failed", "No.")
    ended = register.end_attempt(*end, authentication=CHOSEN)
    assert ended.authentication == CHOSEN
    assert register.attempts() == [ended]
    assert register.unaccounted()[0].last == ended
    assert register.end_attempt(*end, authentication=CHOSEN) == ended
    assert register.failed_tries() == []


def test_failed_tries_count_until_they_are_forgiven(
    register: Register, network: Network, clock: ManualClock
) -> None:
    register.add_asset(device(1), "lamp", network.id)

    def fail(sender: str, chosen: Authentication = CHOSEN) -> FailedTry:
        clock.advance(5)
        attempt = register.begin_attempt(network.id, device(1), sender)
        register.end_attempt(
            attempt.id, Outcome.REFUSED, "x", "X.", authentication=chosen, unproven=True
        )
        return FailedTry(device(1), sender, chosen.key, clock.now())

    first, second = fail("c00000000001"), fail("c00000000002", WEAK)
    harmless = register.begin_attempt(network.id, device(1), "c00000000001")
    register.end_attempt(harmless.id, Outcome.FAILED, "link-lost", "Gone.", authentication=CHOSEN)
    assert register.failed_tries() == register.failed_tries(network.id) == [first, second]
    assert register.failed_tries(network.id + 1) == []
    register.forgive(device(1))
    assert register.failed_tries() == []
    assert register.audit_lines(device(1))[-1].action == "retry-allowed"
    third = fail("c00000000001")
    assert register.failed_tries() == [third]
    register.set_static_oob(device(1), OTHER)
    assert register.failed_tries() == []
    fail("c00000000001")
    register.set_public_key(device(1), KEY)
    assert register.failed_tries() == []


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '"x"', '{"key": "certificate"}', "{" * 9, '{"method": "magic"}']
)
def test_what_is_no_authentication_is_damage(
    register: Register, network: Network, path: Path, text: str
) -> None:
    attempt = begun(register, network, 1)
    register.reserve_node(attempt.id, 1, DEVICE_KEY, CHOSEN)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE authentications SET chosen = ?", (text,))
        connection.commit()
    with pytest.raises(DamagedDatabaseError):
        register.reserved()


# From the release before.


def test_a_register_of_the_first_release_is_brought_up_to_date(tmp_path: Path, empty: Path) -> None:
    old = tmp_path / "old.db"
    with create_engine(f"sqlite:///{old}").connect() as connection:
        command.upgrade(configuration(connection), "0001")
        connection.commit()
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(
            "INSERT INTO networks VALUES (1, zeroblob(16), 'hall', 0, x'00', 0, x'00', 0, 0, 1, 2,"
            " 0, '2026-03-01T12:00:00.000000Z');"
            "INSERT INTO assets VALUES (1, zeroblob(16), 'lamp', 1, '',"
            " '2026-03-01T12:00:00.000000Z');"
        )
    register = open_register(old)
    [asset] = register.assets()
    assert (asset.name, asset.has_static_oob, asset.public_key) == ("lamp", False, None)
    register.set_static_oob(asset.uuid, STATIC)
    attempt = register.begin_attempt(1, asset.uuid)
    register.end_attempt(attempt.id, Outcome.REFUSED, "x", "X.", authentication=CHOSEN)
    assert [each.authentication for each in register.attempts()] == [CHOSEN]
    fresh = tmp_path / "fresh.db"
    shutil.copy(empty, fresh)
    query = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"
    with Database.open(fresh).reading() as new, register._desk.database.reading() as updated:
        assert [*new.exec_driver_sql(query)] == [*updated.exec_driver_sql(query)]
