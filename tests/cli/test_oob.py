"""What is known of a device beforehand: entered without being shown, used, forgotten."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.cli.commands import Done, meshwright, refused

from meshwright.cli.exits import ExitStatus
from meshwright.clock import ManualClock
from meshwright.core.crypto import KeyPair, load_public_key
from meshwright.core.provisioning.authentication import Authentication, KeySource, Weakening
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.registry.entities import Outcome
from meshwright.services.given_keys import is_hex_key, public_key_in
from meshwright.sim.flash import FlashFile
from meshwright.wiring.home import SecretSource, opened

USAGE = ExitStatus.USAGE
NAME = "device-0001"
SECRET = "00112233445566778899aabbccddeeff"
KEY = KeyPair(77).public
POINT = load_public_key(KEY)
UUID = "3f0c1d2e-0000-11f0-8000-0123456789ab"


def known(home: Path, name: str = NAME) -> dict[str, Any]:
    """Tell what the list says about one device."""
    rows = meshwright("assets", "list", "--home", home, "--json").json["assets"]
    [row] = [row for row in rows if row["name"] == name]
    return {key: row[key] for key in ("static_oob", "public_key")}


def stored(home: Path, name: str = NAME) -> StaticOob | None:
    with opened(home, SecretSource()) as found:
        [asset] = [each for each in found.register.assets() if each.name == name]
        return found.register.static_oob(asset.uuid)


def assert_hidden(*told: Done) -> None:
    for done in told:
        assert SECRET not in done.out + done.err


def test_a_value_comes_from_a_file_and_is_never_shown(plant: Path, tmp_path: Path) -> None:
    (tmp_path / "lamp.oob").write_text(f"{SECRET}\n")
    done = meshwright(
        *("assets", "oob", NAME, "--static-oob", tmp_path / "lamp.oob", "--home", plant)
    )
    assert done.status == 0
    assert "a static OOB value" in done.out
    assert known(plant) == {"static_oob": True, "public_key": None}
    assert stored(plant) == StaticOob(OobKind.BINARY, bytes.fromhex(SECRET))
    assert_hidden(done, meshwright("assets", "list", "--home", plant, "--json"))
    removed = meshwright("assets", "oob", NAME, "--remove-static-oob", "--home", plant, "--json")
    assert removed.json["static_oob"] is False
    assert stored(plant) is None


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("alphanumeric", "9B7K\n", "9B7K"),
        ("numeric", "019655", 19655),
        ("binary", "00:ff", b"\0\xff"),
    ],
)
def test_a_value_comes_from_the_input(
    plant: Path, monkeypatch: pytest.MonkeyPatch, kind: str, text: str, value: bytes | str | int
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    arguments = ("--static-oob", "-", "--static-oob-kind", kind)
    done = meshwright(
        *("assets", "add", "--uuid", UUID, "--name", "lamp", *arguments, "--home", plant, "--json")
    )
    assert (done.status, done.json["assets"][0]["static_oob"]) == (0, True)
    assert stored(plant, "lamp") == StaticOob(OobKind[kind.upper()], value)


def test_what_is_no_value_changes_nothing_and_is_not_shown(plant: Path, tmp_path: Path) -> None:
    (tmp_path / "lamp.oob").write_text(f"{SECRET} and more")
    arguments = ("--static-oob", tmp_path / "lamp.oob", "--home", plant)
    for command in (("assets", "oob", NAME), ("assets", "add", "--uuid", UUID)):
        done = meshwright(*command, *arguments)
        refused(done, USAGE, "bad-static-oob")
        assert_hidden(done)
    assert stored(plant) is None
    assert len(meshwright("assets", "list", "--home", plant, "--json").json["assets"]) == 2


@pytest.mark.parametrize(
    "content",
    [
        KEY,
        KEY.hex().encode(),
        b"04" + KEY.hex().upper().encode() + b"\n",
        POINT.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        POINT.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["octets", "hex", "uncompressed point", "PEM", "DER"],
)
def test_a_key_is_taken_as_people_have_it(plant: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lamp.key").write_bytes(content)
    done = meshwright(
        *("assets", "oob", NAME, "--public-key", tmp_path / "lamp.key", "--home", plant, "--json")
    )
    assert (done.status, done.json["public_key"]) == (0, KEY.hex())
    removed = meshwright("assets", "oob", NAME, "--remove-public-key", "--home", plant, "--json")
    assert removed.json["public_key"] is None


def test_a_key_may_stand_on_the_command_line(plant: Path) -> None:
    done = meshwright("assets", "oob", NAME, "--public-key", KEY.hex(), "--home", plant, "--json")
    assert done.json["public_key"] == KEY.hex() == known(plant)["public_key"]
    assert is_hex_key(KEY.hex())
    assert not is_hex_key("lamp.key")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(64),
        b"00" * 64,
        KEY[:63],
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        ec.derive_private_key(7, ec.SECP384R1())
        .public_key()
        .public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        b"\xff" * 5000,
    ],
)
def test_what_is_no_key(plant: Path, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "lamp.key").write_bytes(content)
    done = meshwright(
        *("assets", "oob", NAME, "--public-key", tmp_path / "lamp.key", "--home", plant)
    )
    refused(done, USAGE, "bad-public-key")
    assert known(plant)["public_key"] is None


def test_a_key_that_people_have_is_read_whole() -> None:
    assert public_key_in(b":".join([KEY.hex().encode()])) == KEY


@pytest.mark.parametrize(
    "arguments",
    [
        ("assets", "oob", NAME),
        ("assets", "oob", NAME, "--static-oob", "nowhere.oob"),
        ("assets", "oob", NAME, "--public-key", "nowhere.key"),
        ("assets", "oob", NAME, "--public-key", KEY.hex(), "--remove-public-key"),
        ("assets", "add", "--uuid", UUID, "--uuid", UUID[:-1] + "c", "--public-key", KEY.hex()),
        ("commission", "--allow", "everything"),
    ],
    ids=" ".join,
)
def test_wrong_usage(plant: Path, arguments: tuple[str, ...]) -> None:
    done = meshwright(*arguments, "--home", plant)
    assert done.status == USAGE
    assert "Error:" in done.err


def test_devices_are_found_by_name_or_uuid(plant: Path) -> None:
    meshwright("network", "create", "yard", "--home", plant)
    for uuid in (UUID, UUID[:-1] + "c"):
        arguments = ("--uuid", uuid, "--name", "lamp", "--network", "yard")
        assert meshwright("assets", "add", *arguments, "--home", plant).status == 0
    remove = ("--remove-static-oob", "--home", plant)
    assert meshwright("assets", "oob", UUID.upper(), *remove).status == 0
    refused(meshwright("assets", "oob", "lamp", *remove), USAGE, "which-asset")
    refused(meshwright("assets", "retry", "bulb", "--home", plant), USAGE, "unknown-asset")


# At the site.


def test_a_device_that_does_not_offer_its_value_stays_outside_until_a_person_allows_it(
    plant: Path, tmp_path: Path
) -> None:
    (tmp_path / "lamp.oob").write_text(SECRET)
    file = ("--static-oob", tmp_path / "lamp.oob")
    assert meshwright("assets", "oob", NAME, *file, "--home", plant).status == 0
    done = meshwright("commission", "--home", plant, "--patience", 20, "--json")
    assert done.status == 1
    [row] = [row for row in done.json["assets"] if row["name"] == NAME]
    assert (row["outcome"], row["code"], row["authentication"]) == ("refused", "downgrade", None)
    assert "demands the static OOB value" in row["reason"]

    again = meshwright("commission", "--home", plant, "--allow", "without-static")
    assert again.status == 0
    assert "Allowed beyond zero-touch: without-static; used for 1 node." in again.out
    assert "weak: without-static" in again.out
    listed = meshwright("nodes", "list", "--home", plant)
    assert "HMAC, certificate, weak: without-static" in listed.out
    nodes = meshwright("nodes", "list", "--home", plant, "--json").json["nodes"]
    weak = [node["authentication"]["weaknesses"] for node in nodes if node["name"] == NAME]
    assert weak == [["without-static"]]
    with opened(plant, SecretSource()) as found:
        lines = [line for line in found.register.audit_lines() if line.action == "policy-weakened"]
    assert [(line.subject, line.details) for line in lines] == [
        ("hall", '{"allowed":"without-static"}')
    ]


def test_a_virtual_device_and_its_owner_prove_their_value(plant: Path, tmp_path: Path) -> None:
    flash = FlashFile.open(plant / "flash" / f"{NAME}.json")
    value = StaticOob(OobKind.BINARY, bytes.fromhex(SECRET))
    flash.store(replace(flash.content, static_oob=value))
    (tmp_path / "lamp.oob").write_text(SECRET[::-1])
    entered = ("assets", "oob", NAME, "--static-oob", tmp_path / "lamp.oob", "--home", plant)
    assert meshwright(*entered).status == 0
    wrong = meshwright("commission", "--home", plant, "--patience", 20, "--json")
    [row] = [row for row in wrong.json["assets"] if row["name"] == NAME]
    assert (wrong.status, row["outcome"], row["code"]) == (1, "refused", "oob-value-refused")
    assert FlashFile.open(flash.path).content.failures == 1

    (tmp_path / "lamp.oob").write_text(SECRET)
    assert meshwright(*entered).status == 0
    right = meshwright("commission", "--home", plant, "--json")
    assert right.status == 0
    [row] = [row for row in right.json["assets"] if row["name"] == NAME]
    chosen = row["authentication"]
    assert (chosen["key"], chosen["method"], chosen["weaknesses"]) == ("certificate", "static", [])
    assert FlashFile.open(flash.path).content.failures == 0
    assert "HMAC, certificate, static" in meshwright("nodes", "list", "--home", plant).out
    assert_hidden(wrong, right)


def test_every_allowance_is_offered(plant: Path) -> None:
    allowed = [argument for each in Weakening for argument in ("--allow", each.value)]
    done = meshwright("commission", "--home", plant, *allowed, "--json")
    assert done.status == 0
    assert done.json["allowed"] == [each.value for each in Weakening]
    weak = [row["authentication"]["weaknesses"] for row in done.json["assets"]]
    assert weak == [[], []]  # allowed, and not needed


def test_a_device_that_failed_too_often_is_listed_until_a_person_says_so(plant: Path) -> None:
    chosen = Authentication("hmac", KeySource.CERTIFICATE, "static")
    with opened(plant, SecretSource()) as found:
        assert isinstance(found.clock, ManualClock)
        register = found.register
        [asset] = [each for each in register.assets() if each.name == NAME]
        for _ in range(10):
            attempt = register.begin_attempt(asset.network_id or 0, asset.uuid, "c00000000001")
            end = (Outcome.REFUSED, "oob-value-refused", "The device refused our OOB value.")
            register.end_attempt(attempt.id, *end, authentication=chosen, unproven=True)

    def row() -> dict[str, Any]:
        rows = meshwright("assets", "unaccounted", "--home", plant, "--json").json["assets"]
        return next(row for row in rows if row["name"] == NAME)

    assert row()["code"] == "locked-out"
    assert f"meshwright assets retry {asset.uuid}" in row()["reason"]
    done = meshwright("assets", "retry", NAME, "--home", plant)
    assert done.status == 0
    assert "tried again" in done.out
    assert row()["code"] == "oob-value-refused"
    told = meshwright("assets", "retry", asset.uuid, "--home", plant, "--json")
    assert told.json == {"uuid": str(asset.uuid), "name": NAME}
