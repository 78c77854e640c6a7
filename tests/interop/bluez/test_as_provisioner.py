"""bluetooth-meshd as the provisioner and our device."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.interop.bluez.application import Agent, Application
from tests.interop.bluez.meshd import PROGRAM, Meshd, running_meshd
from tests.interop.bluez.ours import Device, radio
from tests.radio.waiting import until

from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.beacon import CERTIFICATE_BASED, OobInformation
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import Algorithms, ErrorCode
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.radio.runner import Runner
from meshwright.randomness import SystemRandomness

pytestmark = pytest.mark.system(PROGRAM, "dbus-daemon", "gcc")

ADDRESS, ELEMENTS = 0x0123, 3
STATIC = StaticOob(OobKind.BINARY, bytes(range(0x10, 0x20)))
OTHER_STATIC = bytes(16)
KEY_PAIR = KeyPair.generate(SystemRandomness().stream())


class Site:
    """A daemon with a network of its own, and our radio beside it."""

    def __init__(self, meshd: Meshd, application: Application, runner: Runner) -> None:
        self.meshd, self.application, self.runner = meshd, application, runner
        self.uuid = uuid4().bytes

    async def provision(self, device: Device) -> tuple[Any, ...]:
        """Let the daemon do its work; returns how it ended."""
        self.application.start_heard = lambda: device.started
        await self.application.scan()
        await self.application.event("ScanResult")
        await self.application.add_node(self.uuid)
        outcome = await self.application.event("AddNodeComplete", "AddNodeFailed")
        await until(lambda: device.links_closed)
        return outcome

    async def assert_node(self, device: Device) -> None:
        """Provision `device` and check that both sides agree on everything."""
        outcome = await self.provision(device)
        assert outcome == ("AddNodeComplete", self.uuid, ADDRESS, ELEMENTS), self.meshd.log
        assert device.node is not None
        assert device.node.data.address == ADDRESS
        net_key, device_keys = await self.application.exported_keys()
        assert device.node.data.net_key == net_key
        assert device.node.device_key == device_keys[ADDRESS]


@asynccontextmanager
async def site(shim: Path, agent: Agent | None = None) -> AsyncIterator[Site]:
    async with running_meshd(shim) as meshd, radio(meshd.radio) as runner:
        application = Application(meshd, agent, address=ADDRESS)
        await application.create_network(uuid4().bytes)
        yield Site(meshd, application, runner)


@pytest.mark.parametrize("algorithms", [Algorithms.CMAC, Algorithms.CMAC | Algorithms.HMAC])
def test_no_oob(shim: Path, algorithms: Algorithms) -> None:
    async def main() -> None:
        async with site(shim) as here:
            options = DeviceOptions(ELEMENTS, algorithms)
            await here.assert_node(Device(here.runner, here.uuid, options))

    asyncio.run(main())


def test_static_oob(shim: Path) -> None:
    async def main() -> None:
        agent = Agent(("static-oob",), static_oob=STATIC.auth_value(16))
        async with site(shim, agent) as here:
            options = DeviceOptions(ELEMENTS, static_oob=STATIC)
            await here.assert_node(Device(here.runner, here.uuid, options))

    asyncio.run(main())


def test_wrong_static_oob(shim: Path) -> None:
    async def main() -> None:
        agent = Agent(("static-oob",), static_oob=OTHER_STATIC)
        async with site(shim, agent) as here:
            options = DeviceOptions(ELEMENTS, static_oob=STATIC)
            device = Device(here.runner, here.uuid, options)
            outcome = await here.provision(device)
            # It hears Failed where it waits for Random, and calls any such PDU bad.
            assert outcome == ("AddNodeFailed", here.uuid, "bad-pdu")
            assert "Expected 06, Got:09" in here.meshd.log
            assert [each.error for each in device.refused] == [ErrorCode.CONFIRMATION_FAILED]
            assert device.node is None
            _, device_keys = await here.application.exported_keys()
            assert ADDRESS not in device_keys

    asyncio.run(main())


@pytest.mark.parametrize("static", [None, STATIC], ids=["alone", "and static OOB"])
def test_oob_public_key(shim: Path, static: StaticOob | None) -> None:
    async def main() -> None:
        names = ("public-oob", "static-oob") if static else ("public-oob",)
        value = static.auth_value(16) if static else b""
        agent = Agent(names, public_key=KEY_PAIR.public, static_oob=value)
        async with site(shim, agent) as here:
            options = DeviceOptions(ELEMENTS, key_pair=KEY_PAIR, static_oob=static)
            device = Device(here.runner, here.uuid, options)
            await here.assert_node(device)

    asyncio.run(main())


def test_our_beacon_is_read(shim: Path) -> None:
    async def main() -> None:
        async with site(shim) as here:
            oob = CERTIFICATE_BASED | OobInformation.ON_BOX
            Device(here.runner, here.uuid, DeviceOptions(), oob)
            await here.application.scan()
            event = await here.application.event("ScanResult")
            assert event == ("ScanResult", here.uuid + oob.to_bytes(2, "big"))

    asyncio.run(main())
