"""Every mistake gets one clear sentence, its own code and exit status, and loses nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from PIL import Image
from tests.cli.commands import meshwright, refused

from meshwright.cli.exits import ExitStatus, status_of
from meshwright.cli.main import cli
from meshwright.core import errors

USAGE, TRUST, STORE = ExitStatus.USAGE, ExitStatus.TRUST, ExitStatus.STORE
PHRASE = "correct horse battery staple"
HEX_KEY = "ab" * 32


def commands(group: click.Group | None = None, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """List every command there is."""
    group = group or cli
    found: list[tuple[str, ...]] = []
    for name in group.list_commands(click.Context(cli)):
        command = group.get_command(click.Context(cli), name)
        inner = (*path, name)
        found += commands(command, inner) if isinstance(command, click.Group) else [inner]
    return found


COMMANDS = commands()
ON_A_RADIO = {
    "device run": (),
    "provision": ("0" * 32,),
    "scan": (),
    "sniff": (),
}
"""Commands that need a radio and no home, and what they need besides."""
WITHOUT_HOME = {"demo", "doctor", "init", *ON_A_RADIO}
ON_A_HOME = [each for each in COMMANDS if " ".join(each) not in WITHOUT_HOME]


def test_the_commands_are_those_of_the_issue() -> None:
    assert [" ".join(each) for each in COMMANDS] == [
        "assets add",
        "assets list",
        "assets oob",
        "assets retry",
        "assets unaccounted",
        "ca create",
        "ca show",
        "cert check",
        "commission",
        "demo",
        "device run",
        "doctor",
        "factory make",
        "init",
        "network create",
        "network show",
        "nodes list",
        "provision",
        "scan",
        "sniff",
    ]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_shows_an_example_that_fits_the_terminal(command: tuple[str, ...]) -> None:
    done = meshwright(*command, "--help")
    assert (done.status, done.err) == (0, "")
    assert f"  meshwright {' '.join(command)}" in done.out.partition("Examples:")[2]
    assert "--json" in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert meshwright(*command, "-h").out == done.out


def test_short_helps_are_whole() -> None:
    for command in ((), *sorted({each[:1] for each in COMMANDS if len(each) > 1})):
        done = meshwright(*command, "--help")
        assert "..." not in done.out.partition("Commands:")[2]


def test_the_version_is_told() -> None:
    assert meshwright("--version").out.startswith("meshwright 0.")


def arguments_of(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return what a command needs to get as far as the home."""
    given = {
        "assets add": ("--uuid", "0" * 32),
        "assets oob": ("lamp", "--remove-static-oob"),
        "assets retry": ("lamp",),
        "cert check": (__file__,),
        "network create": ("hall",),
    }
    return (*command, *given.get(" ".join(command), ()))


@pytest.mark.parametrize("command", ON_A_HOME, ids=" ".join)
def test_a_home_is_needed(tmp_path: Path, command: tuple[str, ...]) -> None:
    arguments = arguments_of(command)
    refused(meshwright(*arguments), USAGE, "no-home")
    refused(meshwright(*arguments, "--home", tmp_path), USAGE, "no-home")
    refused(meshwright(*arguments, "--home", tmp_path / "nowhere"), USAGE, "no-home")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ON_A_HOME, ids=" ".join)
def test_programs_get_the_error_as_an_object(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = meshwright(*arguments_of(command), "--home", tmp_path, "--json")
    message = refused(done, USAGE, "no-home")
    assert done.json == {"error": {"code": "no-home", "message": message}}


@pytest.mark.parametrize("command", ON_A_RADIO)
def test_a_radio_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = (*command.split(), *ON_A_RADIO[command])
    assert meshwright(*arguments).status == USAGE
    done = meshwright(*arguments, "--radio", "tin-can", "--json")
    assert done.json["error"]["code"] == "unknown-radio"
    assert "Error (unknown-radio): There is no radio of the kind 'tin-can'" in done.err
    assert done.status == USAGE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("frob",),
        ("assets", "frob"),
        ("assets", "add"),
        ("cert", "check"),
        ("cert", "check", "nowhere.pem"),
        ("commission", "--loss", "2"),
        ("commission", "--links", "0"),
        ("demo", "--devices", "0"),
        ("demo", "--devices", "many"),
        ("device", "run", "--radio", "unix:d,p", "--elements", "0"),
        ("device", "run", "--radio", "unix:d,p", "--output", "shout"),
        ("factory", "make", "--devices", "-1"),
        ("init", "--company-id", "5f1x", "--home", "x"),
        ("init", "--company-id", "12345", "--home", "x"),
        ("init", "--lifetime-days", "0", "--home", "x"),
        ("init", "--passphrase", "--key-file", "k", "--home", "x"),
        ("network", "create"),
        ("provision", "--radio", "unix:d,p"),
        ("provision", "0" * 32, "--radio", "unix:d,p", "--timeout", "0"),
        ("provision", "0" * 32, "--radio", "unix:d,p", "--method", "prayer"),
    ],
    ids=" ".join,
)
def test_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = meshwright(*arguments, "--json")
    assert done.status == USAGE
    assert done.json["error"]["code"] == "usage"
    assert "Error: " in done.err
    assert list(tmp_path.iterdir()) == []


# What is not there, or not what it should be.


def picture(path: Path) -> Path:
    Image.new("L", (300, 300), 200).save(path)
    return path


def text(path: Path, content: str = "no picture") -> Path:
    path.write_text(content, encoding="utf-8")
    return path


INPUTS: dict[str, tuple[Callable[[Path], tuple[object, ...]], str]] = {
    "a UUID that is none": (lambda _: ("assets", "add", "--uuid", "lamp"), "bad-uuid"),
    "a picture that is not there": (
        lambda at: ("assets", "add", at / "no.png"),
        "unreadable-image",
    ),
    "a picture that is none": (
        lambda at: ("assets", "add", text(at / "a.png")),
        "unreadable-image",
    ),
    "a folder for a picture": (lambda at: ("assets", "add", at), "unreadable-image"),
    "a picture without a label": (lambda at: ("assets", "add", picture(at / "b.png")), "no-label"),
    "an unknown network": (lambda _: ("nodes", "list", "--network", "attic"), "unknown-network"),
    "another unknown network": (lambda _: ("commission", "--network", "x"), "unknown-network"),
    "a network shown that is not": (lambda _: ("network", "show", "attic"), "unknown-network"),
    "a network that is there": (lambda _: ("network", "create", "hall"), "network-exists"),
    "a network without a name": (lambda _: ("network", "create", ""), "bad-name"),
    "a name that draws": (lambda _: ("network", "create", "\x1b[2J"), "bad-name"),
    "a CA that is there": (lambda _: ("ca", "create"), "authority-exists"),
    "an asset under another name": (
        lambda at: ("assets", "add", at / "plant/labels/device-0001.png", "--name", "lamp"),
        "asset-exists",
    ),
}


@pytest.mark.parametrize(("arguments", "code"), INPUTS.values(), ids=INPUTS)
def test_input_that_cannot_be_used(
    plant: Path, arguments: Callable[[Path], tuple[object, ...]], code: str
) -> None:
    before = meshwright("assets", "list", "--home", plant, "--json").json
    done = meshwright(*arguments(plant.parent), "--home", plant)
    refused(done, USAGE, code)
    assert meshwright("assets", "list", "--home", plant, "--json").json == before


def test_one_bad_picture_enters_none(plant: Path) -> None:
    meshwright("factory", "make", "--devices", 1, "--home", plant)
    bad = picture(plant.parent / "blank.png")
    done = meshwright("assets", "add", plant / "labels/device-0003.png", bad, "--home", plant)
    refused(done, USAGE, "no-label")
    assert len(meshwright("assets", "list", "--home", plant, "--json").json["assets"]) == 2


def test_which_network_has_to_be_said_when_there_are_several(plant: Path) -> None:
    meshwright("network", "create", "yard", "--home", plant)
    message = refused(meshwright("commission", "--home", plant), USAGE, "which-network")
    assert "hall, yard" in message


def test_each_step_names_the_one_that_is_missing(tmp_path: Path) -> None:
    home = tmp_path / "new"
    meshwright("init", "--home", home)
    done = meshwright("factory", "make", "--home", home)
    assert "ca create" in refused(done, USAGE, "no-authority")
    done = meshwright("assets", "add", "--uuid", "0" * 32, "--home", home)
    assert "network create" in refused(done, USAGE, "no-network")
    refused(meshwright("commission", "--home", home), USAGE, "no-network")
    meshwright("network", "create", "hall", "--home", home)
    done = meshwright("commission", "--home", home)
    assert "ca create" in refused(done, TRUST, "missing-root")


# Making a home.


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--organization", "", "bad-name"),
        ("--organization", "x" * 65, "bad-name"),
        ("--organization", "two\nlines", "bad-name"),
        ("--company-id", "05f1", "bad-vendor"),
        ("--lifetime-days", "99999999999", "bad-lifetime"),
        ("--label-base", "ftp://x", "bad-base-uri"),
        ("--label-base", "https://a.host.much.too.long.for.a.label.example/path", "label-too-long"),
    ],
)
def test_a_home_that_could_never_work_is_not_made(
    tmp_path: Path, option: str, value: str, code: str
) -> None:
    done = meshwright("init", "--home", tmp_path / "new", option, value)
    refused(done, USAGE, code)
    assert list(tmp_path.iterdir()) == []


def test_a_home_is_never_made_over_something(plant: Path, tmp_path: Path) -> None:
    refused(meshwright("init", "--home", plant), USAGE, "home-exists")
    full = tmp_path / "full"
    full.mkdir()
    text(full / "letters.txt")
    refused(meshwright("init", "--home", full), USAGE, "not-empty")
    assert [path.name for path in full.iterdir()] == ["letters.txt"]
    assert meshwright("nodes", "list", "--home", plant).status == 0


# Secrets.


def test_a_passphrase_opens_the_home_and_nothing_else_does(tmp_path: Path) -> None:
    home = tmp_path / "vault"
    assert meshwright("init", "--home", home, MESHWRIGHT_PASSPHRASE=PHRASE).status == 0
    assert not (home / "master.key").exists()
    show = ("network", "show", "--home", home)
    assert meshwright(*show, MESHWRIGHT_PASSPHRASE=PHRASE).status == 0
    refused(meshwright(*show, MESHWRIGHT_PASSPHRASE=PHRASE + "!"), TRUST, "wrong-secret")
    refused(meshwright(*show), TRUST, "no-secret")
    refused(meshwright(*show, MESHWRIGHT_KEY=HEX_KEY), TRUST, "no-secret")


def test_a_key_in_the_environment(tmp_path: Path) -> None:
    home = tmp_path / "vault"
    assert meshwright("init", "--home", home, MESHWRIGHT_KEY=HEX_KEY).status == 0
    show = ("network", "show", "--home", home)
    assert meshwright(*show, MESHWRIGHT_KEY=HEX_KEY).status == 0
    refused(meshwright(*show, MESHWRIGHT_KEY="cd" * 32), TRUST, "wrong-secret")
    refused(meshwright(*show, MESHWRIGHT_KEY="short"), TRUST, "bad-secret")
    refused(meshwright(*show), TRUST, "no-secret")


def test_key_files(plant: Path, tmp_path: Path) -> None:
    own, moved = plant / "master.key", tmp_path / "moved.key"
    own.rename(moved)
    show = ("network", "show", "--home", plant)
    assert str(own) in refused(meshwright(*show), TRUST, "no-key-file")
    assert meshwright(*show, "--key-file", moved).status == 0
    assert meshwright(*show, MESHWRIGHT_KEY_FILE=str(moved)).status == 0
    moved.chmod(0o644)
    assert "chmod 600" in refused(meshwright(*show, "--key-file", moved), TRUST, "key-file-exposed")
    moved.chmod(0o600)
    moved.write_text(HEX_KEY, encoding="ascii")
    refused(meshwright(*show, "--key-file", moved), TRUST, "wrong-secret")
    moved.write_text("garbage", encoding="ascii")
    refused(meshwright(*show, "--key-file", moved), TRUST, "bad-secret")


def test_a_key_file_of_ones_own_choice(tmp_path: Path) -> None:
    home, key = tmp_path / "plant", tmp_path / "plant.key"
    assert meshwright("init", "--home", home, "--key-file", key).status == 0
    assert key.stat().st_mode & 0o777 == 0o600
    assert meshwright("network", "show", "--home", home).status == 0


def test_a_lost_ca_key_is_named(plant: Path) -> None:
    (plant / "ca/batch-1.key").rename(plant / "batch-1.key")
    make = ("factory", "make", "--home", plant)
    done = meshwright(*make)
    assert done.status == TRUST
    assert "batch-1.key" in done.err
    text(plant / "ca/batch-1.key", "garbage")
    assert meshwright(*make).status == TRUST
    (plant / "batch-1.key").replace(plant / "ca/batch-1.key")
    assert meshwright(*make).status == 0


# Damage.

DAMAGES: dict[str, tuple[str, bytes, ExitStatus, str]] = {
    "a database of something else": ("register.db", b"x" * 5000, STORE, "damaged-database"),
    "an empty database": ("register.db", b"", USAGE, "no-database"),
    "a keyring that is no JSON": ("keyring.json", b"{", STORE, "damaged-keyring"),
    "a keyring of another kind": ("keyring.json", b'{"format": 1}', STORE, "damaged-keyring"),
    "settings that are no TOML": ("home.toml", b"[[[", USAGE, "bad-settings"),
    "settings in another encoding": ("home.toml", b"\xff\xfe", USAGE, "bad-settings"),
    "settings that are unknown": ("home.toml", b"color = 3", USAGE, "bad-settings"),
    "settings of another type": ("home.toml", b"secret = 3", USAGE, "bad-settings"),
    "no settings in the file": ("home.toml", b"", USAGE, "bad-settings"),
    "flash that is no JSON": ("flash/device-0001.json", b"\0", STORE, "damaged-flash"),
    "flash of another kind": ("flash/device-0001.json", b"[]", STORE, "damaged-flash"),
    "flash without end": ("flash/device-0001.json", b"[" * 100_000, STORE, "damaged-flash"),
}


@pytest.mark.parametrize(("name", "content", "status", "code"), DAMAGES.values(), ids=DAMAGES)
def test_damage_is_named_and_nothing_else_is_lost(
    plant: Path, name: str, content: bytes, status: ExitStatus, code: str
) -> None:
    path = plant / name
    before = path.read_bytes()
    path.write_bytes(content)
    message = refused(meshwright("commission", "--home", plant), status, code)
    assert path.name in message
    assert path.read_bytes() == content
    path.write_bytes(before)
    assert meshwright("commission", "--home", plant).status == 0


def test_a_database_that_is_damaged_inside(site: Path) -> None:
    database = site / "register.db"
    octets = bytearray(database.read_bytes())
    for page in range(4096, len(octets), 4096):
        octets[page : page + 64] = b"\xff" * 64
    database.write_bytes(octets)
    for command in (("nodes", "list"), ("commission",), ("assets", "list")):
        refused(meshwright(*command, "--home", site), STORE, "damaged-database")


def test_a_sealed_key_that_was_changed(site: Path) -> None:
    with sqlite3.connect(site / "register.db") as connection:
        connection.execute("UPDATE networks SET net_key = zeroblob(44)")
    connection.close()
    refused(meshwright("network", "show", "--home", site), STORE, "damaged-database")


def test_a_missing_database_is_not_made_anew(site: Path) -> None:
    (site / "register.db").unlink()
    refused(meshwright("nodes", "list", "--home", site), USAGE, "no-database")
    assert not (site / "register.db").exists()


def test_a_file_that_is_not_a_device_is_named(plant: Path) -> None:
    text(plant / "flash/notes.json", "{}")
    message = refused(meshwright("commission", "--home", plant), STORE, "damaged-flash")
    assert "notes.json" in message
    text(plant / "flash/device-old.json", "{}")
    assert meshwright("factory", "make", "--home", plant).status == 0


# The table of statuses.


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InputError("x"), 2),
        (errors.TrustError("x"), 3),
        (errors.StoreError("x"), 4),
        (errors.MachineError("x"), 5),
        (errors.PeerError("x"), 1),
        (errors.MalformedError("x"), 1),
        (errors.MeshwrightError("x"), 1),
        (FileNotFoundError("x"), 4),
        (RuntimeError("x"), 5),
    ],
)
def test_every_kind_of_error_has_a_status(error: Exception, status: int) -> None:
    assert status_of(error) == status


def test_a_mistake_of_ours_is_one_sentence_too(
    plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("meshwright.cli.nodes.table", broken)
    done = meshwright("nodes", "list", "--home", plant)
    assert "secret" not in refused(done, 5, "internal")
    assert json.dumps(done.out) == '""'
