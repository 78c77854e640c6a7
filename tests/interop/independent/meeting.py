"""Where a role of ours meets a peer: two sockets and one loop, in leaping time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from tests.interop.independent.antenna import BEACON, Antenna
from tests.interop.independent.audit import Sent, audit
from tests.interop.independent.instant import InstantLoop
from tests.interop.independent.link import Link, Manners, open_link
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.speech import Person
from tests.interop.independent.toolbox import Dice

from meshwright import (
    AuthenticationPolicy,
    Bearer,
    Device,
    DeviceEvents,
    DeviceOptions,
    NetworkCredentials,
    ProvisionedNode,
    Provisioner,
    ProvisionerEvents,
    ProvisioningError,
    SystemRandomness,
    opened_station,
)
from meshwright.core.provisioning.fields import Algorithm, AuthenticationMethod
from meshwright.core.provisioning.records import RecordLimits
from meshwright.radio.station import Station

T = TypeVar("T")
ONE = UUID("6c696e67-616f-4000-8000-000000000001")
NETWORK = NetworkCredentials(bytes(range(16)), key_index=0x123, flags=2, iv_index=0x01020304)
ADDRESS = 0x0B0C
DATA = bytes(range(16)) + bytes.fromhex("0123 02 01020304 0b0c")
ANY = AuthenticationPolicy(
    algorithms=(Algorithm.HMAC, Algorithm.CMAC),
    require_oob_public_key=False,
    methods=tuple(AuthenticationMethod),
    static_with_cmac=True,
    require_known_static=False,
)
"""Takes whatever the device can do."""
POLITE = Manners()


def run(program: Coroutine[Any, Any, T]) -> T:
    """Run `program` in leaping time, an hour at most."""
    with asyncio.Runner(loop_factory=InstantLoop) as runner:
        return runner.run(asyncio.wait_for(program, 3600))


@asynccontextmanager
async def air(folder: Path) -> AsyncIterator[tuple[Station, Antenna]]:
    """Open a station of ours, and an antenna of the peer."""
    ours, theirs = folder / "ours", folder / "theirs"
    antenna = Antenna(theirs, ours)
    try:
        async with opened_station(f"unix:{ours},{theirs}") as station:
            yield station, antenna
    finally:
        antenna.close()


@dataclass
class OurDevice:
    """A device of ours, and what the peer has of it."""

    device: Device
    antenna: Antenna
    person: Person
    dice: Dice
    manners: Manners
    told: list[tuple[Any, ...]] = field(default_factory=list)
    link: Link | None = None

    async def open(self) -> Link:
        """Wait for a beacon and open a link."""
        beacon = await self.antenna.hear(BEACON)
        assert beacon[:17] == b"\0" + ONE.bytes
        self.link = await open_link(self.antenna, ONE.bytes, self.manners, self.dice)
        return self.link

    def audit(self) -> Sent:
        """Return what the device has sent on the last link."""
        assert self.link is not None
        return audit(self.antenna, self.link.link_id, 0x80)


@asynccontextmanager
async def our_device(
    folder: Path, options: DeviceOptions | None = None, manners: Manners = POLITE, seed: str = ""
) -> AsyncIterator[OurDevice]:
    """Put a device of ours on the air; what it shows is read, what is shown is entered."""
    shown: asyncio.Queue[str] = asyncio.Queue()
    asked = asyncio.Event()
    told: list[tuple[Any, ...]] = []
    events = DeviceEvents(
        show=lambda _challenge, value: shown.put_nowait(value),
        entry_needed=lambda _challenge: asked.set(),
        attention=lambda seconds: told.append(("attention", seconds)),
        refused=lambda code: told.append(("refused", int(code))),
        link_closed=lambda _bearer, reason: told.append(("closed", int(reason))),
    )
    async with air(folder) as (station, antenna):
        antenna.lose(Dice(seed), manners.loss)
        device = Device(
            station,
            ONE,
            options,
            randomness=SystemRandomness(),
            events=events,
            bearers=Bearer.ADV,
        )

        async def enter(value: str) -> None:
            await asked.wait()
            device.enter(value)

        person = Person(enter, shown.get)
        meeting = OurDevice(device, antenna, person, Dice(seed), manners, told)
        try:
            yield meeting
        finally:
            if meeting.link is not None:
                meeting.link.leave()
            device.suspend()


@dataclass
class Outcome:
    """What came of a meeting of a peer's device with our Provisioner."""

    node: ProvisionedNode | None
    error: ProvisioningError | None
    reason: int | None
    """Of the Link Close that the peer has heard; None when it has heard none."""
    sent: Sent
    """What our Provisioner has sent on the link."""
    seconds: float


@asynccontextmanager
async def peer_device(
    folder: Path, ability: Ability, manners: Manners = POLITE, seed: str = ""
) -> AsyncIterator[tuple[PeerDevice, Station]]:
    """Put a device of the peer on the air."""
    async with air(folder) as (station, antenna):
        antenna.lose(Dice(seed), manners.loss)
        peer = PeerDevice(ability, Dice(seed))
        peer.antenna, peer.uuid, peer.manners = antenna, ONE.bytes, manners
        yield peer, station


async def meet(
    peer: PeerDevice,
    station: Station,
    *,
    events: ProvisionerEvents | None = None,
    policy: AuthenticationPolicy = ANY,
    limits: RecordLimits | None = None,
    **more: Any,  # noqa: ANN401 - handed on
) -> Outcome:
    """Let our Provisioner provision the peer's device."""
    begun = asyncio.get_running_loop().time()
    node, failure = None, None
    running = asyncio.ensure_future(peer.run())
    async with Provisioner(
        station,
        NETWORK,
        randomness=SystemRandomness(),
        policy=policy,
        events=events,
        limits=limits,
    ) as provisioner:
        try:
            node = await provisioner.provision(ONE, address=ADDRESS, **more)
        except ProvisioningError as error:
            failure = error
    seconds = asyncio.get_running_loop().time() - begun
    await asyncio.sleep(1.0)
    reason = await _ended(running)
    sent = audit(peer.antenna, peer.link.link_id, 0x00)
    return Outcome(node, failure, reason, sent, seconds)


async def _ended(running: asyncio.Task[int]) -> int | None:
    if not running.done():
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return None
    return running.result()
