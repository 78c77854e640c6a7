"""Our provisioner and bluetooth-meshd as the device."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from tests.interop.bluez.application import Agent, Application
from tests.interop.bluez.meshd import PROGRAM, TIMER_DIVISOR, Membership, Meshd, running_meshd
from tests.interop.bluez.ours import ALSO_CMAC, Neighbourhood, Provisioner, Wish, radio
from tests.radio.waiting import until

from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import OobInformation, UnprovisionedBeacon
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.fields import (
    Algorithm,
    AuthenticationMethod,
    ErrorCode,
    PublicKeyType,
)
from meshwright.core.provisioning.policy import ZERO_TOUCH
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.radio.runner import Runner
from meshwright.randomness import SystemRandomness

pytestmark = pytest.mark.system(PROGRAM, "dbus-daemon", "gcc")

STATIC = bytes(range(0x10, 0x20))
OTHER_STATIC = bytes(16)
RANDOM = SystemRandomness().stream()
Method = AuthenticationMethod


class Site:
    """A daemon that waits to be provisioned, and our radio beside it."""

    def __init__(self, meshd: Meshd, application: Application, runner: Runner) -> None:
        self.meshd, self.application, self.runner = meshd, application, runner
        self.uuid = uuid4().bytes
        self.data = ProvisioningData(RANDOM(16), 0x0123, 0, 0x01020304, 0x0456)

    async def provision(
        self,
        *,
        device_public: bytes | None = None,
        static_oob: bytes | None = None,
    ) -> Provisioner:
        """Let our provisioner do its work."""
        static = None if static_oob is None else StaticOob(OobKind.BINARY, static_oob)
        return await self.session(Wish(self.data, ALSO_CMAC, device_public, static))

    async def session(self, wish: Wish) -> Provisioner:
        await self.application.join(self.uuid)
        ours = Provisioner(self.runner, self.uuid, wish)
        await ours.ended()
        return ours

    async def assert_node(self, ours: Provisioner) -> None:
        """Check that both sides agree on everything."""
        assert ours.failure is None, f"{ours.failure}\n{self.meshd.log}"
        assert ours.provisioned
        assert (await self.application.event("JoinComplete", "JoinFailed"))[0] == "JoinComplete"
        await until(lambda: self.meshd.stored(self.uuid))
        expected = Membership(ours.device_key, self.data.net_key, self.data.address)
        assert self.meshd.stored(self.uuid) == expected


@asynccontextmanager
async def site(
    shim: Path, agent: Agent | None = None, divisor: int = TIMER_DIVISOR
) -> AsyncIterator[Site]:
    async with running_meshd(shim, divisor) as meshd, radio(meshd.radio) as runner:
        yield Site(meshd, Application(meshd, agent), runner)


def test_no_oob(shim: Path) -> None:
    async def main() -> None:
        async with site(shim) as here:
            ours = await here.provision()
            await here.assert_node(ours)
            assert ours.choice is not None
            assert ours.choice.start.algorithm == Algorithm.CMAC
            assert ours.choice.start.method == Method.NO_OOB

    asyncio.run(main())


def test_static_oob(shim: Path) -> None:
    async def main() -> None:
        agent = Agent(("static-oob",), static_oob=STATIC)
        async with site(shim, agent) as here:
            ours = await here.provision(static_oob=STATIC)
            await here.assert_node(ours)
            assert ours.choice is not None
            assert ours.choice.start.method == Method.STATIC

    asyncio.run(main())


def test_wrong_static_oob(shim: Path) -> None:
    async def main() -> None:
        agent = Agent(("static-oob",), static_oob=STATIC)
        async with site(shim, agent) as here:
            ours = await here.provision(static_oob=OTHER_STATIC)
            assert not ours.provisioned
            assert ours.failure is not None
            assert ours.failure.code == "refused-by-device"
            assert ours.failure.error == ErrorCode.CONFIRMATION_FAILED
            assert ours.device_key == b""
            event = await here.application.event("JoinComplete", "JoinFailed")
            assert event == ("JoinFailed", "confirmation-failed")
            assert here.meshd.stored(here.uuid) is None

    asyncio.run(main())


@pytest.mark.parametrize("static", [None, STATIC], ids=["alone", "and static OOB"])
def test_oob_public_key(shim: Path, static: bytes | None) -> None:
    async def main() -> None:
        private, public = key_pair()
        names = ("public-oob", "static-oob") if static else ("public-oob",)
        agent = Agent(names, private_key=private, static_oob=static or b"")
        async with site(shim, agent) as here:
            ours = await here.provision(device_public=public, static_oob=static)
            await here.assert_node(ours)
            assert ours.choice is not None
            assert ours.choice.start.public_key == PublicKeyType.OOB
            assert ours.choice.start.method == (Method.STATIC if static else Method.NO_OOB)

    asyncio.run(main())


def test_another_key_than_the_device_has(shim: Path) -> None:
    async def main() -> None:
        private, _ = key_pair()
        _, other = key_pair()
        async with site(shim, Agent(("public-oob",), private_key=private)) as here:
            ours = await here.provision(device_public=other)
            assert not ours.provisioned
            assert ours.failure is not None
            assert ours.failure.error == ErrorCode.CONFIRMATION_FAILED
            assert here.meshd.stored(here.uuid) is None

    asyncio.run(main())


def key_pair() -> tuple[bytes, bytes]:
    """Return a private and a public key, 32 and 64 octets."""
    private = b"\x01" + RANDOM(31)  # below the order of the curve
    return private, KeyPair.generate(lambda _count: private).public


@pytest.mark.parametrize("divisor", [TIMER_DIVISOR, 1], ids=["fast", "in real time"])
def test_zero_touch_refuses_what_knows_no_hmac(shim: Path, divisor: int) -> None:
    async def main() -> None:
        async with site(shim, divisor=divisor) as here:
            ours = await here.session(Wish(here.data, ZERO_TOUCH))
            assert ours.failure is not None
            assert ours.failure.code == "downgrade"
            event = await here.application.event("JoinComplete", "JoinFailed")
            assert event[0] == "JoinFailed"
            assert here.meshd.stored(here.uuid) is None

    asyncio.run(main())


def test_a_device_that_was_refused_can_be_tried_again(shim: Path) -> None:
    async def main() -> None:
        async with site(shim) as here:
            await here.session(Wish(here.data, ZERO_TOUCH))
            await here.application.event("JoinFailed")
            await here.assert_node(await here.provision())

    asyncio.run(main())


def test_its_beacon_is_read(shim: Path) -> None:
    async def main() -> None:
        agent = Agent(oob_information=("machine-code-2d", "on-paper"))
        async with site(shim, agent) as here:
            neighbourhood = Neighbourhood()
            here.runner.subscribe(AdType.MESH_BEACON, neighbourhood.heard)
            await here.application.join(here.uuid)
            await until(lambda: neighbourhood.beacons)
            oob = OobInformation.MACHINE_READABLE_2D | OobInformation.ON_PAPER
            expected = UnprovisionedBeacon(UUID(bytes=here.uuid), oob)
            assert neighbourhood.beacons[0] == expected

    asyncio.run(main())
