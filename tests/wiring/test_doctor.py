"""Examining radios by their names."""

from __future__ import annotations

import asyncio
import re
from importlib import import_module
from pathlib import Path

import pytest
from tests.cli.emulated import ROOT, controllers

from meshwright.radio.examine.kinds import KINDS, kind_of
from meshwright.radio.examine.surroundings import Machine
from meshwright.services.doctor import Effort
from meshwright.wiring.doctor import examine, open_examined
from meshwright.wiring.radios import _ADAPTERS

BRIEF = Effort(packets=5, seconds=0.0)


def test_every_kind_of_radio_has_an_adapter() -> None:
    assert {kind.library for kind in KINDS} == set(_ADAPTERS)
    assert all(kind_of(kind.form) is kind for kind in KINDS)
    for module in _ADAPTERS.values():
        assert callable(import_module(module).open_station)


def test_datagrams(tmp_path: Path) -> None:
    spec = f"unix:{tmp_path / 'here'},{tmp_path / 'there'}"
    found = asyncio.run(examine([spec], BRIEF))
    assert (found.error, found.faults) == (None, 0)
    assert [fact.key for fact in found.radios[0].facts] == [
        "bearers",
        "address",
        "packets_a_second",
    ]
    assert not (tmp_path / "here").exists()


def test_the_machine_is_asked_before_anything_is_opened(tmp_path: Path) -> None:
    empty = Machine(root=tmp_path, platform="linux", installed=lambda _library: True)
    found = asyncio.run(examine(["serial:/dev/ttyACM0,1000000"], BRIEF, empty))
    assert [finding.code for finding in found.findings] == ["radio-not-found"]
    assert found.findings[0].remedy == "Plug it in; no serial port is here."


FINDING = re.compile(r'Level\.[A-Z]+,(?:  # .*)?\s+"([a-z-]+)"')


def test_every_code_of_a_finding_is_documented() -> None:
    radio = ROOT / "src" / "meshwright" / "radio"
    sources = [path.read_text(encoding="utf-8") for path in sorted(radio.rglob("*.py"))]
    found = {code for source in sources for code in FINDING.findall(source)}
    assert len(found) >= 30
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert [code for code in sorted(found) if f"| `{code}` |" not in page] == []


@pytest.mark.allow_hosts(["127.0.0.1"])
def test_a_controller_is_opened_with_what_was_found_out() -> None:
    async def main(spec: str) -> None:
        examined = await open_examined(f"{spec}?sets=2")
        facts = {fact.key: fact.value for fact in examined.facts}
        assert (facts["advertising_sets"], facts["packet_sets"]) == (4, 2)
        assert examined.station.name == f"{spec}?sets=2"
        await examined.station.close()

    with controllers("ExtendedController") as (spec,):
        asyncio.run(main(spec))
