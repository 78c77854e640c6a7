"""Radios by name."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from meshwright.core.errors import InputError
from meshwright.radio.examine.kinds import KINDS
from meshwright.wiring.radios import open_station, opened_station


def test_datagrams_are_opened_by_their_names(tmp_path: Path) -> None:
    spec = f"unix:{tmp_path / 'here'},{tmp_path / 'there'}"

    async def main() -> None:
        async with opened_station(spec) as station:
            assert station.name == spec
            assert station.radio is not None
            assert station.timebase is asyncio.get_running_loop()
            assert (tmp_path / "here").is_socket()
        assert not (tmp_path / "here").exists()

    asyncio.run(main())


@pytest.mark.enable_socket
def test_udp_is_opened_by_its_name() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]

    async def main() -> None:
        async with opened_station(f"udp:127.0.0.1:{port},127.0.0.1:{port ^ 1}") as station:
            assert station.radio is not None

    asyncio.run(main())


@pytest.mark.parametrize("spec", ["", "radio", "tcp:127.0.0.1:1", "USB:0", "usb0"])
def test_an_unknown_kind_is_told_what_there_is(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        asyncio.run(open_station(spec))
    assert caught.value.code == "unknown-radio"
    assert all(kind.form in str(caught.value) for kind in KINDS)


def test_an_adapters_refusal_comes_through() -> None:
    with pytest.raises(InputError) as caught:
        asyncio.run(open_station("unix:only-one"))
    assert caught.value.code == "bad-radio"


WITHOUT = """
import asyncio, sys
sys.modules[sys.argv[1]] = None
from meshwright.core.errors import MachineError
from meshwright.wiring.radios import open_station
try:
    asyncio.run(open_station(sys.argv[2]))
except MachineError as error:
    print(error.code, error)
"""
"""A process of its own, because what has been imported cannot be taken back."""


@pytest.mark.parametrize(
    ("library", "spec"),
    [("bumble", "usb:0"), ("bumble", "tcp-client:127.0.0.1:1"), ("bleak", "bleak")],
)
def test_a_missing_library_is_named(library: str, spec: str) -> None:
    command = [sys.executable, "-c", WITHOUT, library, spec]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert said.startswith(f"missing-library {spec} needs the library {library}")
    assert "pip install 'meshwright[radio]'" in said
