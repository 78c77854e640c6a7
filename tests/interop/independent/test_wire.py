"""What ours says on the air besides PDUs: beacons, offers, numbers, times; and what a loss does."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.interop.independent import record_book
from tests.interop.independent.antenna import BEACON
from tests.interop.independent.cases import Case, capabilities
from tests.interop.independent.framing import ACK, cut
from tests.interop.independent.link import Manners
from tests.interop.independent.meeting import DATA, ONE, meet, our_device, peer_device, run
from tests.interop.independent.peer_device import Ability
from tests.interop.independent.peer_provisioner import PeerProvisioner, Wish
from tests.interop.independent.test_broken_provisioners import ABLE, ONLY_OOB
from tests.interop.independent.test_matrix import (
    be_provisioned_by_ours,
    provision_our_device,
)

from meshwright import DeviceOptions
from meshwright.core.provisioning.records import RecordLimits

OFFERS = {
    "nothing but keys": (DeviceOptions(), capabilities()),
    "everything": (
        ABLE,
        capabilities(elements=2, key=1, oob=1, output=(4, 0b01001), inputs=(4, 0b0101)),
    ),
    "only OOB": (
        ONLY_OOB,
        capabilities(
            elements=2, algorithms=2, key=1, oob=3, output=(4, 0b01001), inputs=(4, 0b0101)
        ),
    ),
}


@pytest.mark.parametrize(("options", "octets"), OFFERS.values(), ids=OFFERS)
def test_capabilities_of_our_device(tmp_path: Path, options: DeviceOptions, octets: bytes) -> None:
    async def main() -> None:
        async with our_device(tmp_path, options) as ours:
            peer = PeerProvisioner(await ours.open(), Wish(Case().start, DATA), ours.dice)
            await peer.until("start")
            assert peer.capabilities == octets

    run(main())


def test_attention_ends_with_start(tmp_path: Path) -> None:
    async def main() -> None:
        async with our_device(tmp_path) as ours:
            wish = Wish(Case().start, DATA, attention=200)
            peer = PeerProvisioner(await ours.open(), wish, ours.dice)
            await peer.until("start")
            assert ours.told == [("attention", 200)]
            await peer._start()
            assert ours.told == [("attention", 200), ("attention", 0)]

    run(main())


def test_our_device_is_silent_while_a_link_is_open(tmp_path: Path) -> None:
    """No beacon from the first PDU on (5.3.2)."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            peer = PeerProvisioner(await ours.open(), Wish(Case().start, DATA), ours.dice)
            await peer.until("start")
            since = asyncio.get_running_loop().time()
            await asyncio.sleep(30.0)
            assert [each for each in ours.antenna.heard if each.at > since] == []

    run(main())


def test_beacon_of_our_device(tmp_path: Path) -> None:
    async def main() -> None:
        async with our_device(tmp_path) as ours:
            assert await ours.antenna.hear(BEACON) == b"\0" + ONE.bytes + b"\0\0"

    run(main())


def test_records_are_told_of_in_the_beacon(tmp_path: Path) -> None:
    """Support of records forces bit 8 of the OOB Information (3.10.2)."""

    async def main() -> None:
        async with our_device(tmp_path, DeviceOptions(records={1: b"x"})) as ours:
            beacon = await ours.antenna.hear(BEACON)
            assert beacon[17] & 1

    run(main())


def test_numbers_wrap(tmp_path: Path) -> None:
    """Transactions go from 0x7F to 0x00 and from 0xFF to 0x80 (5.2.1)."""
    records = {1: bytes(number % 256 for number in range(300))}

    async def device(folder: Path) -> None:
        async with our_device(folder, DeviceOptions(records=records)) as ours:
            link = await ours.open()
            assert await record_book.read(link, 1, 1) == records[1]
            numbers = list(dict.fromkeys(link.acknowledged))
            assert numbers == [*range(0x80, 0x100)]
            await PeerProvisioner(link, Wish(Case().start, DATA), ours.dice).provision()
            assert ours.device.is_provisioned

    async def provisioner(folder: Path) -> None:
        ability = Ability(capabilities(), records=records)
        async with peer_device(folder, ability) as (peer, station):
            limits = RecordLimits(fragment_octets=1, requests=400)
            outcome = await meet(peer, station, records=(1,), limits=limits)
            assert outcome.node is not None, outcome.error
            assert outcome.node.records == records

    for name, meeting in (("device", device), ("provisioner", provisioner)):
        (tmp_path / name).mkdir()
        run(meeting(tmp_path / name))


def test_delays_of_acks(tmp_path: Path) -> None:
    """20 to 50 ms before each Ack, drawn anew (5.3.3); the radio may add its 10 ms."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            await link.send(b"\0\0")
            await asyncio.sleep(1.0)
            loop, delays = asyncio.get_running_loop(), []
            for _ in range(50):
                since = loop.time()
                await link.antenna.send(0x29, link.link_id + b"\0" + cut(b"\0\0")[0])
                await asyncio.sleep(1.0)
                heard = ours.antenna.heard[-1]
                assert heard.data == link.link_id + b"\0" + ACK
                delays.append(heard.at - since)
            assert 0.02 - 1e-6 < min(delays) < 0.03
            assert 0.04 < max(delays) < 0.05 + 1e-6

    run(main())


LOSSY = {
    "a fifth": (0.2, Manners()),
    "a fifth, repeated often": (0.2, Manners(retransmit=0.2)),
    "a fifth, answers replace acks": (0.2, Manners(ack_after=0.2, retransmit=0.3)),
    "two fifths": (0.4, Manners(retransmit=0.3, closes=8)),
    "two fifths, deaf": (0.4, Manners(retransmit=0.3, deaf_while_sending=True, closes=8)),
}


@pytest.mark.parametrize(("loss", "manners"), LOSSY.values(), ids=LOSSY)
@pytest.mark.parametrize("case", [Case(), Case(algorithm=0, oob_key=True)], ids=lambda c: c.name)
def test_on_a_lossy_air(tmp_path: Path, case: Case, loss: float, manners: Manners) -> None:
    both = replace(manners, loss=loss)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    run(provision_our_device(tmp_path / "a", case, 57, both))
    run(be_provisioned_by_ours(tmp_path / "b", case, 57, both))
