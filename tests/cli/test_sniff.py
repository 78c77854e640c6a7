"""`meshwright sniff`, on a recorded demo and on a radio."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.cli.commands import Done, meshwright, refused
from tests.cli.listening import PATIENCE, listening

from meshwright.core.discovery.beacon import UnprovisionedBeacon, advertisement
from meshwright.core.readable.items import Kind
from meshwright.radio.capture import read_capture

NAME = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
BEACON = advertisement(UnprovisionedBeacon(NAME))
TIME = re.compile(r"\d\d:\d\d:\d\d\.\d{3}  ")


@pytest.fixture(scope="module")
def air(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recorded demo with one device, a stranger and a rogue."""
    folder = tmp_path_factory.mktemp("air")
    path = folder / "air.pcap"
    done = meshwright("demo", "--devices", 1, "--home", folder / "home", "--pcap", path)
    assert done.status == 0
    return path


def objects(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_demo_is_recorded_the_same_every_time(air: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pcap"
    meshwright("demo", "--devices", 1, "--home", tmp_path / "home", "--pcap", again)
    assert again.read_bytes() == air.read_bytes()


def test_a_recorded_file_stays_as_it_is(air: Path, tmp_path: Path) -> None:
    before = air.read_bytes()
    done = meshwright("demo", "--devices", 1, "--home", tmp_path / "home", "--pcap", air)
    refused(done, 2, "file-exists")
    refused(meshwright("sniff", "--read", air, "--pcap", air), 2, "file-exists")
    assert air.read_bytes() == before


def test_a_file_is_read_into_lines_and_a_summary(air: Path) -> None:
    done = meshwright("sniff", "--read", air)
    assert (done.status, done.err) == (0, "")
    *lines, summary = done.out.splitlines()
    assert all(TIME.match(line) for line in lines)
    assert any("Capabilities: 1 element; algorithms CMAC, HMAC" in line for line in lines)
    assert any(line.endswith("Complete") for line in lines)
    assert any(line.endswith(" (again)") for line in lines)
    packets = len(list(read_capture(air)))
    assert summary.startswith(f"{packets} packets: ")
    assert len(lines) == sum(map(int, re.findall(r"[a-z-]+ (\d+)", summary.partition(";")[0])))


def test_json_has_one_object_a_line(air: Path) -> None:
    *lines, summary = objects(meshwright("sniff", "--read", air, "--json"))
    assert {line["kind"] for line in lines} <= set(Kind)
    capabilities = next(line for line in lines if line.get("pdu") == "capabilities")
    assert capabilities["elements"] == 1
    assert capabilities["radio"] == str(air)
    assert re.fullmatch(r"([0-9a-f]{2}:){5}[0-9a-f]{2}", capabilities["address"])
    assert capabilities["payload"].startswith("1629")
    assert capabilities["time"].startswith("2026-")
    assert summary["kind"] == "summary"
    assert summary["packets"] == len(list(read_capture(air)))
    assert sum(summary["kinds"].values()) == len(lines)


def test_only_and_no_repeats_leave_out_lines(air: Path) -> None:
    def kinds(*options: str) -> list[str]:
        *lines, _ = objects(meshwright("sniff", "--read", air, "--json", *options))
        return [line["kind"] for line in lines]

    beacons = kinds("--only", "beacons")
    assert set(beacons) == {"unprovisioned-beacon"}
    assert len(kinds("--only", "beacons", "--no-repeats")) == 3  # device, stranger, rogue
    assert "unprovisioned-beacon" not in kinds("--only", "links")
    assert len(kinds("--only", "links", "--only", "beacons")) == len(kinds())
    everything = objects(meshwright("sniff", "--read", air, "--json"))
    uuid = next(line["uuid"] for line in everything if line["kind"] == "link-open")
    assert set(kinds("--only", uuid)) >= {"unprovisioned-beacon", "link-open", "provisioning-pdu"}


def test_what_is_read_can_be_recorded_again(air: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.pcap"
    assert meshwright("sniff", "--read", air, "--pcap", copy).status == 0
    assert copy.read_bytes() == air.read_bytes()


@pytest.mark.parametrize("options", [(), ("--radio", "unix:a,b", "--read", __file__)])
def test_a_radio_or_a_file_is_needed(options: tuple[str, ...]) -> None:
    done = meshwright("sniff", *options)
    assert done.status == 2
    assert "Say what to listen to with --radio" in done.err


def test_errors_are_sentences(tmp_path: Path) -> None:
    refused(meshwright("sniff", "--read", __file__), 2, "bad-capture")
    refused(meshwright("sniff", "--read", __file__, "--only", "me"), 2, "bad-uuid")
    refused(meshwright("sniff", "--radio", "tin-can"), 2, "unknown-radio")
    missing = tmp_path / "missing" / "a.pcap"
    refused(meshwright("sniff", "--read", __file__, "--pcap", missing), 4, "capture-failed")


# On a radio.


def test_a_radio_is_heard_until_ctrl_c(tmp_path: Path) -> None:
    path = tmp_path / "heard.pcap"
    with listening(tmp_path, "sniff", "--pcap", path) as sniffer:
        sniffer.send(BEACON)
        line = sniffer.out.readline()
        assert TIME.match(line)
        assert line.endswith(f"  unprovisioned device {NAME}; OOB none\n")
        assert len(list(read_capture(path))) == 1  # already in the file
        sniffer.send(BEACON)
        assert sniffer.out.readline().endswith("(again)\n")
        rest = sniffer.interrupted()
    assert rest == "2 packets: unprovisioned-beacon 2; said before: 1.\n"
    assert [packet.payload for packet in read_capture(path)] == [BEACON, BEACON]


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    with listening(tmp_path, "sniff", "--json") as sniffer:
        sniffer.out.close()
        sniffer.send(BEACON)
        assert sniffer.process.wait(timeout=PATIENCE) == 1
        assert sniffer.process.stderr is not None
        assert sniffer.process.stderr.read() == ""


def test_a_time_can_be_set(tmp_path: Path) -> None:
    spec = f"unix:{tmp_path / 'a'},{tmp_path / 'b'}"
    done = meshwright("sniff", "--radio", spec, "--seconds", "0.01", "--json")
    assert done.status == 0
    assert done.json == {"kind": "summary", "packets": 0, "repeated": 0, "kinds": {}}
    assert meshwright("sniff", "--radio", spec, "--seconds", "0.01").out == "0 packets.\n"
