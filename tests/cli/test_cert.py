"""`meshwright cert check`: the published chains, a chain of a home, and wrong input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import Done, meshwright, refused

from meshwright.cli.exits import ExitStatus
from meshwright.pki.certificate_file import to_pem
from meshwright.sim.flash import FlashFile

CHAINS = Path(__file__).parent.parent / "chains"
INDEX: list[dict[str, Any]] = json.loads((CHAINS / "index.json").read_text())["chains"]
GOOD = next(each for each in INDEX if each["name"] == "good")
STATUSES = {True: ExitStatus.DONE, False: ExitStatus.TRUST}


def check(case: dict[str, Any], *more: object) -> Done:
    options = [("--roots", CHAINS / each) for each in case["roots"]]
    options += [("--crl", CHAINS / each) for each in case["crls"]]
    options += [("--policy", each) for each in case["policies"]]
    flat = [each for pair in options for each in pair]
    asked = ("--uuid", case["uuid"], "--at", case["at"], *flat, *more)
    return meshwright("cert", "check", CHAINS / case["chain"], *asked)


@pytest.mark.parametrize("case", INDEX, ids=[each["name"] for each in INDEX])
def test_published_chains_end_as_the_index_says(case: dict[str, Any]) -> None:
    done = check(case, "--json")
    assert (done.status, done.err) == (STATUSES[case["accepted"]], "")
    assert (done.json["accepted"], done.json["code"]) == (case["accepted"], case["code"])
    assert set(case["findings"]) <= {each["code"] for each in done.json["findings"]}
    told = check(case)
    assert (told.status, told.err) == (done.status, "")
    for finding in done.json["findings"]:
        assert f"({finding['code']}): {finding['sentence']} [{finding['clause']}]\n" in told.out
    verdict = told.out.splitlines()[-1]
    assert verdict.startswith("Accepted at " if case["accepted"] else "Refused at ")
    assert done.json["sentence"] in verdict


def test_a_person_reads_who_it_is_and_how_far_up_it_goes() -> None:
    done = check(GOOD)
    first, *rest = done.out.splitlines()
    assert first == f"Device {GOOD['uuid']} of Acme, company 8001, product 03ff"
    roles = [line.split()[0] for line in rest if "  CN=" in line]
    assert roles == ["device", "intermediate", "root"]
    assert rest[-2:] == [
        "Revocation was not checked.",
        "Accepted at 2026-11-21 12:00:00. The chain is valid and leads to a trusted root.",
    ]


def test_a_program_reads_the_same(tmp_path: Path) -> None:
    found = check(GOOD, "--json").json
    assert found["uuid"] == GOOD["uuid"]
    assert (found["company_id"], found["product_id"]) == (0x8001, 0x03FF)
    assert (found["organization"], found["status"], found["complete"]) == (
        "Acme",
        "unchecked",
        True,
    )
    assert found["required_policies"] == GOOD["policies"]
    assert [each["role"] for each in found["path"]] == ["device", "intermediate", "root"]
    assert found["not_before"] == found["path"][0]["not_before"]
    assert (found["findings"], found["unused"]) == ([], [])
    assert list(tmp_path.iterdir()) == []


def test_the_time_is_now_or_as_it_is_said() -> None:
    case = next(each for each in INDEX if each["name"] == "too-late")
    for at in ("2026-11-21T13:00:00+01:00", "2026-11-21T12:00:00", "2026-11-22 12:00:00Z"):
        assert check({**case, "at": at}).status == 0
    files = (CHAINS / GOOD["chain"], "--roots", CHAINS / GOOD["roots"][0])
    assert "at" in meshwright("cert", "check", *files, "--json").json


def test_without_a_policy_a_missing_one_is_a_warning() -> None:
    case = next(each for each in INDEX if each["name"] == "leaf-policy")
    done = check({**case, "policies": []}, "--json")
    assert (done.status, done.json["required_policies"]) == (0, [])
    assert [(each["level"], each["code"]) for each in done.json["findings"]] == [
        ("warning", "policy-missing")
    ]


def test_a_chain_of_a_home_against_its_roots(plant: Path, tmp_path: Path) -> None:
    flash = plant / "flash/device-0001.json"
    chain = tmp_path / "lamp.pem"
    chain.write_text("".join(map(to_pem, chain_of(flash))), encoding="ascii")
    done = meshwright("cert", "check", chain, "--home", plant, "--json")
    assert (done.status, done.json["code"]) == (0, None), done
    assert len(done.json["required_policies"]) == 1
    other = meshwright("cert", "check", CHAINS / GOOD["chain"], "--home", plant, "--json")
    assert (other.status, other.json["code"]) == (3, "path-untrusted")


def chain_of(flash: Path) -> list[bytes]:
    """Return the records of a device that are certificates."""
    records = FlashFile.open(flash).content.records.values()
    return [each for each in records if each.startswith(b"\x30\x82")]


@pytest.mark.parametrize(
    ("option", "value", "code"),
    [
        ("--at", "noon", "bad-time"),
        ("--at", "0001-01-01T00:00+14:00", "bad-time"),
        ("--uuid", "lamp", "bad-uuid"),
        ("--policy", "ours", "bad-policy"),
        ("--crl", CHAINS / "good.pem", "no-crl"),
        ("--roots", CHAINS / "index.json", "no-certificates"),
        ("--roots", CHAINS / "leaf-cut.pem", "bad-root"),
    ],
)
def test_input_that_cannot_be_used(option: str, value: object, code: str) -> None:
    done = check(GOOD, option, value, "--json")
    message = refused(done, ExitStatus.USAGE, code)
    assert done.json == {"error": {"code": code, "message": message}}


def test_files_that_cannot_be_used() -> None:
    roots = ("--roots", CHAINS / GOOD["roots"][0])
    done = meshwright("cert", "check", CHAINS / "index.json", *roots)
    refused(done, ExitStatus.USAGE, "no-certificates")
    two = (CHAINS / "good.pem", CHAINS / "other-root.pem")
    refused(meshwright("cert", "check", *two, *roots), ExitStatus.USAGE, "which-certificate")
