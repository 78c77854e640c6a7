"""`meshwright doctor`: on datagrams, on emulated controllers behind TCP, and on what is not there.

What is wrong with controllers is tested in `tests/services/test_doctor.py`; here it is shown.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import meshwright
from tests.cli.emulated import VANISHING, controllers

BRIEF = ("--packets", "20", "--seconds", "0.1")
WIDTH = 80

loopback = pytest.mark.allow_hosts(["127.0.0.1"])


def codes(findings: list[dict[str, Any]]) -> list[str]:
    return [str(finding["code"]) for finding in findings]


# Without a radio.


def test_the_machine_is_looked_at() -> None:
    done = meshwright("doctor")
    assert (done.status, done.err) == (0, "")
    for start in ("This machine", "  Python  ", "usb:0 - ", "bleak - ", "unix:LOCAL,REMOTE - "):
        assert any(line.startswith(start) for line in done.out.splitlines()), start
    assert "can be used at any time" in done.out


def test_the_machine_as_json() -> None:
    told = meshwright("doctor", "--json").json
    assert set(told) == {"machine", "kinds"}
    assert told["machine"]["python"] == str(Path(sys.executable).resolve())
    assert told["machine"]["bumble"]
    kinds = {kind["form"]: kind for kind in told["kinds"]}
    assert kinds["unix:LOCAL,REMOTE"]["usable"] is True
    for kind in told["kinds"]:
        faults = [each for each in kind["findings"] if each["level"] == "fault"]
        assert not (kind["usable"] and faults)
        assert set(kind) == {"form", "purpose", "found", "usable", "findings"}


# Datagrams.


def test_one_radio_of_datagrams(tmp_path: Path) -> None:
    spec = f"unix:{tmp_path / 'a'},{tmp_path / 'b'}"
    done = meshwright("doctor", "--radio", spec, *BRIEF)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"{spec}\n")
    assert "  sent                  20 of 20 packets\n" in done.out
    assert "(no-pb-gatt)" in done.out
    assert "(nobody-there)" in done.out
    assert done.out.endswith("No faults: it can provision over PB-ADV.\n")


def test_two_radios_of_datagrams(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    radios = ("--radio", f"unix:{one},{other}", "--radio", f"unix:{other},{one}")
    done = meshwright("doctor", *radios, *BRIEF)
    assert done.status == 0
    assert done.out.count("  heard                 20 of 20 sent, loss 0%\n") == 2
    assert "(nobody-there)" not in done.out
    assert done.out.endswith("No faults: they hear each other.\n")


def test_two_radios_that_do_not_hear_each_other(tmp_path: Path) -> None:
    specs = [f"unix:{tmp_path / name},{tmp_path / 'nobody'}" for name in "ab"]
    done = meshwright("doctor", "--radio", specs[0], "--radio", specs[1], *BRIEF, "--json")
    assert done.status == 1
    told = done.json
    assert (told["fit"], told["faults"]) == (False, 2)
    assert codes(told["pair"]["findings"]) == ["nothing-heard", "nothing-heard"]
    assert [way["loss"] for way in told["pair"]["packets"]] == [1.0, 1.0]


# Controllers.


@loopback
def test_one_controller_in_a_process_of_its_own() -> None:
    with controllers("ExtendedController") as (spec,):
        command = [sys.executable, "-m", "meshwright", "doctor", "--radio", spec, *BRIEF]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == spec
    assert all(len(line) <= WIDTH for line in lines)
    shown = {line[2:24].strip(): line[24:] for line in lines if line.startswith("  ")}
    assert shown["extended advertising"] == "yes"
    assert shown["sets for packets"] == "3, ended by the controller"
    assert shown["shortest interval"] == "20 ms"
    assert shown["provisions over"] == "PB-ADV, PB-GATT"
    assert shown["sent"] == "20 of 20 packets"
    assert lines[-1] == "No faults: it can provision over PB-ADV and PB-GATT."


@loopback
def test_two_controllers_as_json() -> None:
    with controllers("MeshController", 2) as specs:
        done = meshwright("doctor", "--radio", specs[0], "--radio", specs[1], *BRIEF, "--json")
    assert (done.status, done.err) == (0, "")
    told = done.json
    assert told["fit"] is True
    for radio in told["radios"]:
        assert radio["opened"] is True
        assert radio["facts"]["shortest_interval_ms"] == 20
        assert radio["facts"]["bearers"] == ["PB-ADV", "PB-GATT"]
    for way in told["pair"]["packets"]:
        assert way["sent"] == 20
        assert way["heard"] > 15
        assert way["rssi"] == -50
    assert [way["round_trips"] for way in told["pair"]["gatt"]] == [50, 50]
    assert all(way["round_trips_a_second"] > 1 for way in told["pair"]["gatt"])


@loopback
def test_two_controllers_for_people() -> None:
    with controllers("MeshController", 2) as specs:
        done = meshwright("doctor", "--radio", specs[0], "--radio", specs[1], *BRIEF)
    assert done.status == 0
    assert f"Packets from {specs[0]} to {specs[1]}\n" in done.out
    assert f"GATT: {specs[0]} connects to {specs[1]}\n" in done.out
    assert "  strength              -50 dBm\n" in done.out
    assert done.out.count("  round trips           50 of 50, ") == 2


@loopback
def test_a_controller_that_takes_no_short_interval() -> None:
    with controllers("SlowController") as (spec,):
        done = meshwright("doctor", "--radio", spec, "--packets", "5", "--seconds", "0")
    assert done.status == 0
    assert "  warning  The controller takes no advertising interval under 100 ms" in done.out
    assert "slice=20" in done.out


@loopback
def test_bumbles_own_controllers_hear_nothing() -> None:
    """They drop what a legacy controller sends to nobody in particular, and say nothing."""
    with controllers("stock_controller", 2) as specs:
        radios = [option for spec in specs for option in ("--radio", f"{spec}?sets=0")]
        done = meshwright("doctor", *radios, *BRIEF)
    assert done.status == 1
    assert done.out.count("(nothing-heard)") == 2
    assert done.out.endswith("2 faults; see above what to do.\n")


@loopback
def test_a_controller_that_vanishes_in_the_middle() -> None:
    with controllers(VANISHING) as (spec,):
        done = meshwright("doctor", "--radio", spec, "--packets", "500", "--json")
    assert done.status == 1
    (radio,) = done.json["radios"]
    assert radio["opened"] is True
    assert radio["facts"]["hci_version"]
    assert codes(radio["findings"])[-1] == "radio-lost"


# What cannot be opened.


@loopback
def test_nobody_at_the_port() -> None:
    with controllers("MeshController") as (spec,):
        pass
    done = meshwright("doctor", "--radio", spec)
    assert (done.status, done.err) == (5, "")
    assert "(radio-not-found)" in done.out
    assert done.out.endswith("\nIt cannot be opened.\n")


@pytest.mark.parametrize(
    ("spec", "status", "code"),
    [
        ("usb:77", 5, {"usb-unavailable", "radio-not-found"}),
        ("serial:/dev/no-such-port,1000000", 5, {"radio-not-found"}),
        ("vhci:/dev/no-such-device", 5, {"radio-not-found"}),
        ("unix:only-one", 2, {"bad-radio"}),
        ("nonsense:0", 2, {"unknown-radio"}),
        ("usb:0?volume=11", 2, {"bad-radio"}),
    ],
)
def test_what_cannot_be_opened_is_a_finding(spec: str, status: int, code: set[str]) -> None:
    done = meshwright("doctor", "--radio", spec, "--json")
    assert (done.status, done.err) == (status, "")
    (radio,) = done.json["radios"]
    assert radio["opened"] is False
    assert set(codes(radio["findings"])) & code
    assert done.json["fit"] is False
    shown = meshwright("doctor", "--radio", spec)
    assert shown.status == status
    assert shown.out.endswith("\nIt cannot be opened.\n")


def test_one_of_two_that_cannot_be_opened(tmp_path: Path) -> None:
    spec = f"unix:{tmp_path / 'a'},{tmp_path / 'b'}"
    done = meshwright("doctor", "--radio", spec, "--radio", spec, *BRIEF)
    assert done.status == 2
    assert "(radio-in-use)" in done.out
    assert "20 of 20 packets" in done.out
    assert done.out.endswith("They cannot both be opened.\n")


WITHOUT = """
import sys
sys.modules[sys.argv[1]] = None
from meshwright.cli.main import run
run(["doctor", "--radio", sys.argv[2], "--json"])
"""
"""A process of its own, because what has been imported cannot be taken back."""


@pytest.mark.parametrize(("library", "spec"), [("bumble", "usb:0"), ("bleak", "bleak")])
def test_a_missing_library_is_named(library: str, spec: str) -> None:
    command = [sys.executable, "-c", WITHOUT, library, spec]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (5, "")
    (radio,) = json.loads(done.stdout)["radios"]
    first = radio["findings"][0]
    assert first["code"] == "missing-library"
    assert f"The library {library} is not installed" in first["sentence"]
    assert first["remedy"].splitlines()[-1] == "pip install 'meshwright[radio]'"
    assert codes(radio["findings"]).count("missing-library") == 1


def test_three_radios_are_too_many() -> None:
    done = meshwright("doctor", *("--radio", "usb:0") * 3)
    assert done.status == 2
    assert "Give one radio or two." in done.err
