"""Both roles on a real event loop and real randomness, over datagrams on one machine."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.roles.roles_world import IN_BAND, NETWORK, ONE

from meshwright.randomness import SystemRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.roles.device_events import Joined
from meshwright.roles.provisioned import ProvisionedNode
from meshwright.roles.provisioner import Provisioner
from meshwright.wiring.radios import opened_station

URI = "https://example.org/lamp"


async def both(folder: Path) -> tuple[ProvisionedNode, Joined]:
    one, other = folder / "one", folder / "other"
    async with (
        asyncio.timeout(60.0),
        opened_station(f"unix:{one},{other}") as here,
        opened_station(f"unix:{other},{one}") as there,
    ):
        randomness = SystemRandomness()
        device = Device(there, ONE, randomness=randomness, bearers=Bearer.ADV, uri=URI)
        async with Provisioner(here, NETWORK, randomness=randomness, policy=IN_BAND) as provisioner:
            async for found in provisioner.discovery:
                if found.uri == URI:
                    node = await provisioner.provision(found.uuid)
                    return node, await device.provisioned()
    raise AssertionError("the device was never heard")


def test_a_device_joins_in_real_time(tmp_path: Path) -> None:
    node, joined = asyncio.run(both(tmp_path))
    assert (node.device_key, node.address) == (joined.device_key, joined.data.address)
