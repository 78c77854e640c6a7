"""The way of a device, one command after the other, and what programs read of each."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.commands import meshwright

HEX = re.compile(r"[0-9a-f]{64}")


def told(home: Path, *command: object) -> dict[str, Any]:
    """Run a command that must succeed and say nothing but its object."""
    done = meshwright(*command, "--home", home, "--json")
    assert (done.status, done.err) == (0, ""), done
    assert isinstance(done.json, dict)
    return done.json


def test_what_the_factory_tells_programs(tmp_path: Path) -> None:
    home = tmp_path / "plant"
    made = told(home, "init")
    assert made == {"home": str(home), "secret": "key-file", "key_file": "master.key"}
    roots = told(home, "ca", "create")
    assert set(roots) == {"root_sha256", "batch_sha256"}
    assert all(HEX.fullmatch(digest) for digest in roots.values())
    devices = told(home, "factory", "make", "--devices", 3)["devices"]
    assert [set(device) for device in devices] == [{"name", "uuid", "label"}] * 3
    assert all(UUID(device["uuid"]).version == 1 for device in devices)
    assert len({device["uuid"] for device in devices}) == 3

    network = told(home, "network", "create", "hall")
    assert (network["name"], network["nodes"], network["assets"]) == ("hall", 0, 0)
    assert network["next_address"] == 2
    added = told(home, "assets", "add", *[device["label"] for device in devices])["assets"]
    assert [asset["uuid"] for asset in added] == [device["uuid"] for device in devices]
    assert [asset["name"] for asset in added] == ["device-0001", "device-0002", "device-0003"]
    assert {asset["network"] for asset in added} == {"hall"}


def test_what_the_site_tells_programs(plant: Path) -> None:
    missing = told(plant, "assets", "unaccounted")["assets"]
    assert [row["state"] for row in missing] == ["unaccounted"] * 2
    report = told(plant, "commission")
    assert list(report) == [
        "network",
        "unaccounted",
        "strangers",
        "simulated_seconds",
        "refusals",
        "assets",
        "allowed",
    ]
    assert report["allowed"] == []
    for row in report["assets"]:
        assert row["authentication"] == {
            "algorithm": "hmac",
            "key": "certificate",
            "method": "no-oob",
            "action": None,
            "size": 0,
            "weaknesses": [],
            "reason": "HMAC with the certified public key and no OOB value.",
        }
    assert (report["unaccounted"], report["strangers"], report["refusals"]) == (0, 0, [])
    assert sorted(row["address"] for row in report["assets"]) == [2, 3]
    assert {row["outcome"] for row in report["assets"]} == {"node"}
    assert all(row["seconds_on_air"] > 0.5 for row in report["assets"])

    nodes = told(plant, "nodes", "list")["nodes"]
    assert [node["address"] for node in nodes] == [2, 3]
    assert {node["uuid"] for node in nodes} == {row["uuid"] for row in missing}
    assert [node["authentication"] for node in nodes] == [
        row["authentication"] for row in report["assets"]
    ]
    listed = told(plant, "assets", "list", "--network", "hall")["assets"]
    assert {row["state"] for row in listed} == {"node"}
    assert told(plant, "assets", "unaccounted") == {"assets": []}
    [shown] = told(plant, "network", "show")["networks"]
    assert (shown["nodes"], shown["assets"], shown["next_address"]) == (2, 2, 4)
    assert shown == told(plant, "network", "show", "hall")["networks"][0]


def test_a_second_run_finds_nothing_to_do(site: Path) -> None:
    done = meshwright("commission", "--home", site)
    assert done.status == 0
    assert "Unaccounted: 0." in done.out


def test_a_second_batch_of_devices_joins_later(site: Path) -> None:
    meshwright("factory", "make", "--devices", 1, "--home", site)
    assert meshwright("assets", "add", site / "labels/device-0003.png", "--home", site).status == 0
    report = meshwright("commission", "--home", site, "--json")
    assert report.status == 0
    assert sorted(row["address"] for row in report.json["assets"]) == [2, 3, 4]


def test_a_device_that_is_not_on_the_list_stays_outside_and_unnamed(plant: Path) -> None:
    meshwright("factory", "make", "--devices", 1, "--home", plant)
    done = meshwright("commission", "--home", plant, "--json")
    assert done.status == 0
    assert done.json["strangers"] == 1
    stranger = [path.stem for path in plant.glob("flash/*.json")]
    assert len(stranger) == 3
    assert len(done.json["assets"]) == 2


def test_a_run_that_is_not_complete_says_so(plant: Path) -> None:
    (plant / "flash" / "device-0002.json").unlink()
    done = meshwright("commission", "--home", plant, "--patience", 20, "--json")
    assert done.status == 1
    assert done.json["unaccounted"] == 1
    [row] = [row for row in done.json["assets"] if row["name"] == "device-0002"]
    assert (row["outcome"], row["code"]) == ("unaccounted", "not-heard")
    assert (row["address"], row["seconds_on_air"]) == (None, None)
    text = meshwright("commission", "--home", plant, "--patience", 20)
    assert text.status == 1
    assert "Unaccounted: 1." in text.out


def test_the_table_of_what_is_missing_says_when_and_why(plant: Path) -> None:
    meshwright("commission", "--home", plant, "--patience", 5, "--loss", 0.95)
    [first, *_] = meshwright("assets", "unaccounted", "--home", plant, "--json").json["assets"]
    assert first["last_seen"] is None or first["last_seen"].startswith("2026-01-01T00:00:")
    assert "reason" in meshwright("assets", "unaccounted", "--home", plant).out


@pytest.mark.parametrize("where", ["before", "after", "environment"])
def test_the_home_can_be_said_in_three_places(site: Path, tmp_path: Path, where: str) -> None:
    other = str(tmp_path / "elsewhere")
    done = {
        "before": lambda: meshwright("--home", site, "nodes", "list", MESHWRIGHT_HOME=other),
        "after": lambda: meshwright(
            "--home", other, "nodes", "list", "--home", site, MESHWRIGHT_HOME=other
        ),
        "environment": lambda: meshwright("nodes", "list", MESHWRIGHT_HOME=str(site)),
    }[where]()
    assert done.status == 0
    assert "device-0001" in done.out


def test_assets_by_hand_by_picture_and_together(plant: Path, tmp_path: Path) -> None:
    from PIL import Image

    assert meshwright("network", "create", "yard", "--home", plant).status == 0
    meshwright("factory", "make", "--devices", 2, "--home", plant)
    labels = [Image.open(plant / f"labels/device-000{number}.png") for number in (3, 4)]
    photo = Image.new("L", (labels[0].width * 2, labels[0].height), 255)
    for place, label in enumerate(labels):
        photo.paste(label, (place * label.width, 0))
    photo.save(tmp_path / "shelf.png")
    uuid = "3F0C1D2E-0000-11F0-8000-0123456789AB"
    done = meshwright(
        *("assets", "add", tmp_path / "shelf.png", "--uuid", uuid, "--uuid", uuid.lower()),
        *("--network", "yard", "--home", plant, "--json"),
    )
    assert done.status == 0
    names = [asset["name"] for asset in done.json["assets"]]
    assert names == ["shelf 1", "shelf 2", uuid.lower()]
    sources = [asset["source"] for asset in done.json["assets"]]
    assert sources == ["label shelf.png", "label shelf.png", "typed"]
    named = meshwright(
        *("assets", "add", "--uuid", UUID(int=1 << 120), "--uuid", UUID(int=1 << 121)),
        *("--name", "Flurlämpchen", "--network", "yard", "--home", plant),
    )
    assert "Flurlämpchen 1" in named.out
    assert "Flurlämpchen 2" in named.out
    assert "2 devices may join the network yard." in named.out


def test_entering_an_asset_again_changes_nothing(plant: Path) -> None:
    before = meshwright("assets", "list", "--home", plant, "--json").json
    again = meshwright("assets", "add", plant / "labels/device-0001.png", "--home", plant)
    assert again.status == 0
    assert meshwright("assets", "list", "--home", plant, "--json").json == before


def test_tables_without_rows_are_sentences(tmp_path: Path) -> None:
    home = tmp_path / "new"
    meshwright("init", "--home", home)
    for command in (("assets", "list"), ("assets", "unaccounted"), ("nodes", "list")):
        done = meshwright(*command, "--home", home)
        assert (done.status, done.out.count("\n")) == (0, 1)
        assert done.out.endswith(".\n")
    assert meshwright("network", "show", "--home", home).out == "There is no network yet.\n"


def test_what_an_interrupted_line_left_is_counted_too(plant: Path) -> None:
    (plant / "labels/device-0001.png").unlink()
    done = meshwright("factory", "make", "--home", plant)
    counted = [line.split(":")[0] for line in done.out.splitlines() if line.startswith("Factory ")]
    assert counted == ["Factory 1/2", "Factory 2/2"]
    assert "Made 2 devices" in done.out


@pytest.mark.system("openssl")
def test_the_root_can_be_handed_on(plant: Path, tmp_path: Path) -> None:
    shown = told(plant, "ca", "show")["roots"]
    assert [HEX.fullmatch(root["sha256"]) is not None for root in shown] == [True]
    file = tmp_path / "root.pem"
    file.write_text(meshwright("ca", "show", "--pem", "--home", plant).out, encoding="ascii")
    command = ["openssl", "x509", "-in", str(file), "-noout", "-fingerprint", "-sha256"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip().partition("=")[2].replace(":", "").lower() == shown[0]["sha256"]
