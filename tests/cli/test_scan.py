"""`meshwright scan`, on a radio of datagrams."""

from __future__ import annotations

import json
import os
import pty
import re
from pathlib import Path
from uuid import UUID

from tests.cli.commands import meshwright, refused
from tests.cli.listening import listening

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    advertisement,
)
from meshwright.core.discovery.uri import encode_uri, uri_hash

STRANGER = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
URI = encode_uri("https://mesh.example/d")
BEACON = advertisement(UnprovisionedBeacon(STRANGER, OobInformation.NUMBER, uri_hash(URI)))


def asset_of(home: Path) -> tuple[UUID, str]:
    done = meshwright("assets", "list", "--home", home, "--json")
    first = done.json["assets"][0]
    return UUID(first["uuid"]), str(first["name"])


def test_devices_are_lines_when_nobody_watches(tmp_path: Path) -> None:
    with listening(tmp_path, "scan") as scan:
        scan.send(BEACON)
        assert scan.out.readline() == "2c8f706a  number  PB-ADV\n"
        scan.send(BEACON)  # nothing new
        scan.send(structure(AdType.URI, URI))
        assert scan.out.readline() == "2c8f706a  number  PB-ADV  https://mesh.example/d\n"
        assert scan.interrupted() == "1 device.\n"


def test_devices_on_the_list_have_their_names(plant: Path, tmp_path: Path) -> None:
    uuid, name = asset_of(plant)
    with listening(tmp_path, "scan", "--home", plant, "--full") as scan:
        scan.send(advertisement(UnprovisionedBeacon(uuid, CERTIFICATE_BASED)))
        assert scan.out.readline() == f"{uuid}  certificate, records  PB-ADV  {name}\n"
        # The home is not held up meanwhile.
        assert meshwright("assets", "list", "--home", plant).status == 0
        scan.send(BEACON)
        assert scan.out.readline() == f"{STRANGER}  number  PB-ADV\n"
        assert scan.interrupted() == "2 devices, 1 on the list.\n"


def test_a_node_that_beacons_is_pointed_out(site: Path, tmp_path: Path) -> None:
    uuid, name = asset_of(site)
    with listening(tmp_path, "scan", "--home", site) as scan:
        scan.send(advertisement(UnprovisionedBeacon(uuid)))
        assert scan.out.readline().endswith(f"  no OOB  PB-ADV  {name} (was a node)\n")


def test_json_is_one_object_at_the_end(plant: Path, tmp_path: Path) -> None:
    uuid, name = asset_of(plant)
    with listening(tmp_path, "scan", "--home", plant, "--json") as scan:
        for beacon in (BEACON, advertisement(UnprovisionedBeacon(uuid, CERTIFICATE_BASED))):
            scan.send(beacon)
        scan.send(structure(AdType.URI, URI))
        scan.heard_all()
        found = json.loads(scan.interrupted())
    stranger, asset = found["devices"]
    assert stranger == {
        "uuid": str(STRANGER),
        "rssi": None,
        "address": None,
        "oob": 32,
        "oob_names": ["number"],
        "bearers": ["PB-ADV"],
        "uri": "https://mesh.example/d",
        "uri_hash": uri_hash(URI).hex(),
        "heard": 1,
        "asset": None,
        "network": None,
        "node": None,
    }
    assert (asset["uuid"], asset["asset"], asset["network"]) == (str(uuid), name, "hall")
    assert asset["node"] is False


def test_a_terminal_shows_a_table(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    with listening(tmp_path, "scan", terminal=theirs) as scan:
        os.close(theirs)
        scan.send(BEACON)
        shown = ""
        while "PB-ADV" not in shown:
            shown += os.read(ours, 4096).decode()
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()
        head = next(line for line in lines if "bearers" in line)
        assert head.split() == ["device", "rssi", "OOB", "bearers", "URI", "age", "asset"]
        row = next(line for line in lines if "PB-ADV" in line)
        assert row.split()[:3] == ["2c8f706a", "number", "PB-ADV"]
        scan.interrupted()
    os.close(ours)


def test_a_time_can_be_set(tmp_path: Path) -> None:
    spec = f"unix:{tmp_path / 'a'},{tmp_path / 'b'}"
    done = meshwright("scan", "--radio", spec, "--seconds", "0.01")
    assert (done.status, done.out) == (0, "0 devices.\n")


def test_errors_are_sentences(tmp_path: Path) -> None:
    refused(meshwright("scan", "--radio", "tin-can"), 2, "unknown-radio")
    spec = f"unix:{tmp_path / 'a'},{tmp_path / 'b'}"
    refused(meshwright("scan", "--radio", spec, "--home", tmp_path / "none"), 2, "no-home")
    assert meshwright("scan").status == 2
