"""Whole sessions of ours over datagrams: several programs on one air of socket files."""

from __future__ import annotations

from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
from tests.interop.bluez.ours import Device, Provisioner, Wish, radio
from tests.radio.leaping import LeapingLoop
from tests.radio.waiting import until

from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.policy import ZERO_TOUCH
from meshwright.radio.runner import Runner
from meshwright.randomness import SeededRandomness

PAIR = KeyPair.generate(SeededRandomness(1).stream("pair"))
UUIDS = [bytes(15) + bytes([number]) for number in (1, 2)]


@pytest.mark.parametrize("options", ["", "?length=no", "?pacing=0"])
def test_one_provisioner_and_two_devices(tmp_path: Path, options: str) -> None:
    names = [str(tmp_path / name) for name in ("gateway", "lamp", "switch")]

    async def main() -> None:
        async with AsyncExitStack() as stack:
            runners: list[Runner] = []
            for name in names:
                places = [name, *(other for other in names if other != name)]
                opening = radio(f"unix:{','.join(places)}{options}")
                runners.append(await stack.enter_async_context(opening))
            await _provision(runners)

    with closing(LeapingLoop()) as loop:
        loop.run_until_complete(main())


async def _provision(runners: list[Runner]) -> None:
    gateway, *others = runners
    device_options = DeviceOptions(key_pair=PAIR)
    devices = [Device(each, uuid, device_options) for each, uuid in zip(others, UUIDS, strict=True)]
    sessions = [
        Provisioner(
            gateway,
            uuid,
            Wish(ProvisioningData(bytes(16), 0, 0, 0, address), ZERO_TOUCH, PAIR.public),
        )
        for address, uuid in enumerate(UUIDS, start=1)
    ]
    for session in sessions:
        await session.ended()
    await until(lambda: all(device.links_closed for device in devices))
    for session, device in zip(sessions, devices, strict=True):
        assert session.failure is None
        assert device.node is not None
        assert device.node.device_key == session.device_key
    assert [device.node and device.node.data.address for device in devices] == [1, 2]
