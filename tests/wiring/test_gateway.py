"""A run over a real radio: the same as on the simulated air, over the datagrams of one machine."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path

import pytest
from tests.radio.leaping import LeapingLoop
from tests.radio.waiting import until

from meshwright.core.errors import TrustError
from meshwright.radio.errors import RadioError
from meshwright.randomness import SystemRandomness
from meshwright.services.assets import enter_assets, named, scan_labels
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.networks import create_network
from meshwright.services.report import CommissioningReport
from meshwright.sim.flash import FlashFile
from meshwright.sim.flash_device import FlashDevice
from meshwright.wiring.gateway import commission_on
from meshwright.wiring.home import Home, SecretSource, create, opened
from meshwright.wiring.manufacture import make_devices, names_due
from meshwright.wiring.radios import opened_station

DEVICES = 2


@contextmanager
def plant(folder: Path, *, seed: int | None = None) -> Iterator[Home]:
    path = folder / "plant"
    create(path, SecretSource(), seed=seed)
    with opened(path, SecretSource()) as home:
        home.authorities.create(home.settings.manufacturer)
        made = make_devices(home, names_due(home, DEVICES))
        network = create_network(home.register, "hall", home.randomness)
        labels = scan_labels([device.label for device in made])
        enter_assets(home.register, named(labels, "lamp"), network)
        yield home


def places(folder: Path) -> list[str]:
    """Name the radio of the gateway, then those of the devices; each hears the others."""
    names = [str(folder / name) for name in ("gateway", *map(str, range(DEVICES)))]
    return [f"unix:{','.join([name, *(n for n in names if n != name)])}" for name in names]


async def commission(home: Home, folder: Path, *, powered: bool = True) -> CommissioningReport:
    gateway, *others = places(folder)
    flashes = [FlashFile.open(path) for path in sorted(home.flash.glob("*.json"))]
    async with AsyncExitStack() as stack:
        for spec, flash in zip(others, flashes if powered else [], strict=False):
            station = await stack.enter_async_context(opened_station(spec))
            FlashDevice(flash, station, SystemRandomness())
        options = CommissioningOptions(patience=10.0)
        network = home.register.network("hall")
        return await commission_on(gateway, home, network, options, lambda _progress: None)


def test_every_device_on_the_list_becomes_a_node(tmp_path: Path) -> None:
    with plant(tmp_path) as home, closing(LeapingLoop()) as loop:
        report = loop.run_until_complete(commission(home, tmp_path))
        assert report.unaccounted == 0
        assert {result.address for result in report.assets} == {2, 3}
        assert len(home.register.nodes()) == DEVICES


def test_ctrl_c_ends_a_run_in_order(tmp_path: Path) -> None:
    async def interrupted(home: Home) -> CommissioningReport:
        running = asyncio.ensure_future(commission(home, tmp_path, powered=False))
        await until((tmp_path / "gateway").exists)
        os.kill(os.getpid(), signal.SIGINT)
        return await running

    with plant(tmp_path) as home, closing(asyncio.new_event_loop()) as loop:
        report = loop.run_until_complete(interrupted(home))
        assert report.unaccounted == DEVICES


def test_a_seeded_home_does_not_reach_real_devices(tmp_path: Path) -> None:
    with plant(tmp_path, seed=1) as home, closing(LeapingLoop()) as loop:
        with pytest.raises(TrustError) as refused:
            loop.run_until_complete(commission(home, tmp_path, powered=False))
        assert refused.value.code == "predictable-randomness"


def test_a_radio_without_packets_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from meshwright.radio.datagrams import radio as datagrams

    opener = datagrams.open_station

    async def without_packets(spec: str) -> object:
        return replace(await opener(spec), radio=None)

    monkeypatch.setattr(datagrams, "open_station", without_packets)
    with plant(tmp_path) as home, closing(LeapingLoop()) as loop:
        with pytest.raises(RadioError) as refused:
            loop.run_until_complete(commission(home, tmp_path, powered=False))
        assert refused.value.code == "no-bearer"
