"""The demo: every seed works, the same seed is the same run, and no secret shows."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.commands import Done, meshwright, refused

from meshwright.sim.flash import FlashFile
from meshwright.wiring.home import SecretSource, opened

ROW = [
    "uuid",
    "name",
    "authorized",
    "outcome",
    "code",
    "reason",
    "address",
    "seconds_on_air",
    "retransmissions",
]


def demo(home: Path, *, devices: int, seed: int) -> Done:
    return meshwright("demo", "--devices", devices, "--seed", seed, "--home", home, "--json")


def check_complete(told: dict[str, Any], devices: int) -> None:
    rows = told["devices"]
    authorized = [row for row in rows if row["authorized"]]
    assert told["unaccounted"] == 0
    assert len(rows) == devices + 2
    assert {row["outcome"] for row in authorized} == {"node"}
    assert len({row["address"] for row in authorized}) == len(authorized) == devices
    outside = {row["name"]: (row["outcome"], row["code"]) for row in rows if not row["authorized"]}
    assert outside == {
        "rogue": ("refused", "path-untrusted"),
        "stranger": ("refused", "not-on-list"),
    }


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("devices", [1, 10])
def test_seeds(tmp_path: Path, devices: int, seed: int) -> None:
    done = demo(tmp_path / "home", devices=devices, seed=seed)
    assert (done.status, done.err) == (0, "")
    check_complete(done.json, devices)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Done]:
    """Return the home of a demo and what it has said; do not change it."""
    home = tmp_path_factory.mktemp("demo") / "home"
    return home, demo(home, devices=3, seed=11)


def test_the_object_is_as_promised(finished: tuple[Path, Done]) -> None:
    home, done = finished
    told = done.json
    assert list(told) == ["seed", "home", "unaccounted", "simulated_seconds", "devices"]
    assert (told["seed"], told["home"]) == (11, str(home))
    assert 3 < told["simulated_seconds"] < 200
    for row in told["devices"]:
        assert list(row) == ROW
        assert UUID(row["uuid"]).version == 1
        assert isinstance(row["authorized"], bool)
        assert isinstance(row["retransmissions"], int)
        if row["outcome"] == "node":
            assert (row["code"], row["reason"]) == (None, None)
            assert 0.5 < row["seconds_on_air"] < told["simulated_seconds"]
        else:
            assert row["address"] is None
            assert row["reason"].endswith(".")
    victim = next(row for row in told["devices"] if row["name"] == "device-0001")
    rogue = next(row for row in told["devices"] if row["name"] == "rogue")
    assert rogue["uuid"] == victim["uuid"]


def test_the_same_seed_is_the_same_run(tmp_path: Path, finished: tuple[Path, Done]) -> None:
    home, first = finished
    again = demo(tmp_path / "elsewhere", devices=3, seed=11)
    assert again.out.replace(str(tmp_path / "elsewhere"), str(home)) == first.out
    other = demo(tmp_path / "other", devices=3, seed=12).json
    assert other["devices"][0]["uuid"] != first.json["devices"][0]["uuid"]


def test_a_finished_demo_shows_its_result_again(
    tmp_path: Path, finished: tuple[Path, Done]
) -> None:
    home = Path(shutil.copytree(finished[0], tmp_path / "copy"))
    again = demo(home, devices=3, seed=11)
    assert again.status == 0
    check_complete(again.json, 3)
    before = {row["name"]: row["address"] for row in finished[1].json["devices"]}
    assert {row["name"]: row["address"] for row in again.json["devices"]} == before


def test_lines_for_people(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = meshwright("demo", "--devices", 2, "--home", home)
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[0] == f"Home: {home}"
    for stage, total in (("Factory", 3), ("Labels", 3), ("Assets", 2), ("Site", 2)):
        counted = [line for line in lines if line.startswith(f"{stage} ")]
        assert [line.split(":")[0] for line in counted] == [
            f"{stage} {number}/{total}" for number in range(1, total + 1)
        ]
    assert "unaccounted assets: 0." in done.out
    assert f"Labels: {home}/labels" in lines
    assert "\x1b" not in done.out


def test_a_demo_that_is_not_complete_says_so(tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = meshwright("demo", "--devices", 1, "--loss", 0.95, "--home", home, "--json")
    assert done.status == 1
    assert done.json["unaccounted"] == 1
    assert demo(home, devices=1, seed=1).status == 0


def test_the_home_of_something_else_is_left_alone(
    plant: Path, tmp_path: Path, finished: tuple[Path, Done]
) -> None:
    before = sorted(path.name for path in plant.iterdir())
    refused(meshwright("demo", "--home", plant), 2, "other-home")
    assert sorted(path.name for path in plant.iterdir()) == before
    message = refused(meshwright("demo", "--home", finished[0], "--seed", 5), 2, "other-home")
    assert "--devices 3 --seed 11" in message
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").touch()
    refused(meshwright("demo", "--home", tmp_path / "letters"), 2, "not-empty")


def secrets_of(home: Path) -> dict[str, bytes]:
    """Collect every secret of a home from where it is kept."""
    found: dict[str, bytes] = {}
    with opened(home, SecretSource()) as place:
        for network in place.register.networks():
            found |= {"net key": network.net_key, "app key": network.app_key}
        for node in place.register.nodes():
            found[f"device key {node.address}"] = node.device_key
    for path in home.glob("flash/*.json"):
        content = FlashFile.open(path).content
        found[path.stem] = (content.private_key or 0).to_bytes(32, "big")
    found["master key"] = bytes.fromhex((home / "master.key").read_text(encoding="ascii"))
    return found


def test_no_secret_is_ever_shown_or_kept_in_the_clear(
    tmp_path: Path, finished: tuple[Path, Done]
) -> None:
    home = Path(shutil.copytree(finished[0], tmp_path / "copy"))
    said = finished[1].out + finished[1].err
    for command in (
        ("demo", "--devices", 3, "--seed", 11),
        ("nodes", "list"),
        ("network", "show"),
        ("assets", "list"),
        ("commission",),
    ):
        for options in ((), ("--json",)):
            done = meshwright(*command, *options, "--home", home)
            assert done.status == 0
            said += done.out + done.err
    secrets = secrets_of(home)
    assert len(secrets) >= 2 + 3 + 5 + 1
    with opened(home, SecretSource()) as place:
        said += json.dumps([repr(line) for line in place.register.audit_lines()])
        said += repr([*place.register.nodes(), *place.register.networks(), place])
    kept = b"".join(path.read_bytes() for path in home.glob("register.db*"))
    kept += b"".join(path.read_bytes() for path in home.glob("ca/*"))
    kept += (home / "keyring.json").read_bytes() + (home / "home.toml").read_bytes()
    for name, secret in secrets.items():
        assert secret.hex() not in said.lower(), name
        assert secret not in kept, name
        assert secret.hex().encode() not in kept.lower(), name


def test_what_holds_secrets_is_private(finished: tuple[Path, Done]) -> None:
    home = finished[0]
    private = [
        *("master.key", "keyring.json", "register.db", "home.toml"),
        *("ca/root.key", "ca/batch-1.key", "flash/device-0001.json"),
    ]
    for name in private:
        assert (home / name).stat().st_mode & 0o077 == 0, name
    assert home.stat().st_mode & 0o077 == 0
