"""Peers that behave differently within the specification: each gets through, in both roles."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from tests.interop.independent import record_book
from tests.interop.independent.cases import RECORDS, Case, capabilities
from tests.interop.independent.framing import Kind
from tests.interop.independent.link import Link, Manners
from tests.interop.independent.meeting import DATA, meet, our_device, peer_device, run
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.peer_provisioner import PeerProvisioner, Wish
from tests.interop.independent.speech import INPUT, OUTPUT
from tests.interop.independent.test_matrix import (
    be_provisioned_by_ours,
    check_node,
    people,
    provision_our_device,
)

from meshwright import DeviceOptions
from meshwright.core.provisioning.records import RecordLimits

NO_DELAY = (0.0, 0.0)
MANNERS = {
    "answers replace acks": Manners(ack_after=0.2),
    "answers replace acks, slowly": Manners(ack_after=1.0, retransmit=2.0),
    "deaf while it waits for an ack": Manners(deaf_while_sending=True),
    "deaf and quick": Manners(deaf_while_sending=True, delay=NO_DELAY, retransmit=0.1),
    "repeats every 0.1 s": Manners(retransmit=0.1),
    "repeats every 0.1 s without a delay": Manners(retransmit=0.1, delay=NO_DELAY),
    "repeats every 2 s": Manners(retransmit=2.0),
    "every packet three times": Manners(copies=(3, 3), delay=NO_DELAY),
    "every packet one to three times": Manners(copies=(1, 3)),
    "segments in any order": Manners(shuffled=True),
    "segments in any order, several times": Manners(shuffled=True, copies=(1, 3), retransmit=0.1),
    "no delay": Manners(delay=NO_DELAY),
    "Link Open every 20 ms": Manners(open_every=0.0, delay=(0.02, 0.02)),
    "Link Open goes on": Manners(opens_on=True),
    "Link Close once": Manners(closes=1),
    "never closes": Manners(closes=0),
}
WAYS = [
    Case(),
    Case(algorithm=0, oob_key=True, method=OUTPUT, action=3, size=6),
    Case(method=INPUT, action=3, size=8),
]


@pytest.mark.parametrize("case", WAYS, ids=lambda case: case.name)
@pytest.mark.parametrize("manners", MANNERS.values(), ids=MANNERS)
def test_our_device(tmp_path: Path, manners: Manners, case: Case) -> None:
    run(provision_our_device(tmp_path, case, 57, manners))


@pytest.mark.parametrize("case", WAYS, ids=lambda case: case.name)
@pytest.mark.parametrize("manners", MANNERS.values(), ids=MANNERS)
def test_our_provisioner(tmp_path: Path, manners: Manners, case: Case) -> None:
    run(be_provisioned_by_ours(tmp_path, case, 57, manners))


# Records, in all sizes that a device may answer with.

LARGE = bytes(range(256)) * 5


@pytest.mark.parametrize("asked", [1, 57, 58, 66, 1461, 65_535])
@pytest.mark.parametrize("limit", [57, 1461])
def test_our_device_hands_out_any_size(tmp_path: Path, asked: int, limit: int) -> None:
    record = LARGE if asked > 1 else LARGE[:60]

    async def main() -> None:
        options = DeviceOptions(records={1: record}, fragment_limit=limit)
        async with our_device(tmp_path, options) as ours:
            link = await ours.open()
            assert await record_book.read_all(link, asked) == {1: record}
            await link.send(record_book.request(1, len(record), asked))
            pdu = await link.receive()
            out_of_bounds = f"0b02 0001 {len(record):04x} {len(record):04x}"
            assert pdu == bytes.fromhex(out_of_bounds)
            assert ours.audit().complaints == []

    run(main())


def test_our_device_has_an_empty_record(tmp_path: Path) -> None:
    async def main() -> None:
        async with our_device(tmp_path, DeviceOptions(records={0x12: b"", 1: b"x"})) as ours:
            link = await ours.open()
            assert await record_book.get_list(link) == [1, 0x12]
            await link.send(record_book.request(0x12, 0, 57))
            assert await link.receive() == bytes.fromhex("0b02 0012 0000 0000")
            assert await record_book.read(link, 1, 57) == b"x"

    run(main())


@pytest.mark.parametrize("limit", [1, 19, 57, 58, 200, 1461])
def test_our_provisioner_takes_shorter_answers(tmp_path: Path, limit: int) -> None:
    """A device may answer with less than it is asked for; one of 65-octet PDUs with 57."""
    record = LARGE if limit > 20 else LARGE[:100]
    ability = Ability(
        capabilities(), records={1: record}, fragment_limit=limit, oob_information=256
    )

    async def main() -> None:
        async with peer_device(tmp_path, ability) as (peer, station):
            outcome = await meet(
                peer, station, records=(1,), limits=RecordLimits(fragment_octets=1461)
            )
            assert outcome.node is not None, outcome.error
            assert outcome.node.records == {1: record}
            assert outcome.sent.complaints == []

    run(main())


# Devices with odd but legal offers.

ODD = {
    "RFU algorithms": capabilities(algorithms=0xFFFF),
    "RFU public key types": capabilities(key=0xFE),
    "RFU OOB types": capabilities(oob=0xFC),
    "RFU actions": capabilities(output=(8, 0xFFE0), inputs=(8, 0xFFF0)),
    "RFU sizes": capabilities(output=(9, 0x1F), inputs=(255, 0x0F)),
    "actions without a size": capabilities(output=(0, 0x1F), inputs=(0, 0x0F)),
    "sizes without an action": capabilities(output=(8, 0), inputs=(8, 0)),
    "255 elements": capabilities(elements=255),
    "everything": capabilities(
        elements=9, algorithms=0xFFFF, key=0xFE, oob=0xFC, output=(255, 0xFFFF), inputs=(9, 0xFFFF)
    ),
}


@pytest.mark.parametrize("offered", ODD.values(), ids=ODD)
def test_our_provisioner_tolerates_odd_offers(tmp_path: Path, offered: bytes) -> None:
    ability = Ability(
        offered,
        records={1: b"first", 0x7777: b"unknown"},
        extensions=0xFFFF,
        oob_information=0xFFFF,
    )

    async def main() -> None:
        async with peer_device(tmp_path, ability) as (peer, station):
            outcome = await meet(peer, station, records=(1,))
            assert outcome.node is not None, outcome.error
            assert outcome.node.device_key == peer.keys.device_key
            assert peer.start == bytes([1, 0, 0, 0, 0])
            assert outcome.node.records[1] == b"first"
            assert outcome.sent.complaints == []

    run(main())


def test_our_provisioner_takes_an_empty_list(tmp_path: Path) -> None:
    async def main() -> None:
        async with peer_device(tmp_path, Ability(capabilities())) as (peer, station):
            outcome = await meet(peer, station, records=(1, 2))
            assert outcome.node is not None, outcome.error
            assert outcome.node.records == {}
            assert outcome.sent.complaints == []

    run(main())


def test_our_provisioner_takes_a_pair_of_pdus(tmp_path: Path) -> None:
    """Public Key and Input Complete back to back (4.4.5.5.4.3)."""
    case = Case(method=INPUT, action=2, size=4)

    def both(_peer: PeerDevice, pdu: bytes) -> list[bytes]:
        return [pdu, bytes([Kind.INPUT_COMPLETE])]

    async def main() -> None:
        ability = Ability(case.capabilities, records=RECORDS)
        async with peer_device(tmp_path, ability) as (peer, station):
            peer.spoils = {Kind.PUBLIC_KEY: both, Kind.INPUT_COMPLETE: lambda *_: []}
            outcome = await meet(
                peer, station, events=people(peer, case), attention=3, records=tuple(RECORDS)
            )
            check_node(outcome, peer, case)

    run(main())


def test_our_device_forgets_a_session_and_starts_another(tmp_path: Path) -> None:
    """Closed at every step for any reason, it is there again with other secrets."""
    steps = ("invite", "start", "exchange", "authenticate", "commit", "prove", "hand over", "end")

    async def main() -> None:
        async with our_device(tmp_path, Case().options) as ours:
            said: list[bytes] = []
            for reason, step in enumerate(steps):
                link = await ours.open()
                peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
                await peer.until(step)
                await link.close(reason)
                await asyncio.sleep(1.0)
                assert ("closed", reason) in ours.told
                assert ours.audit().complaints == []
                said += [peer.device_public, peer.device_confirmation]
            fresh = [each for each in said if each]
            assert len(set(fresh)) == len(fresh)
            assert ours.device.is_provisioned

    run(main())


def test_our_device_ignores_other_links(tmp_path: Path) -> None:
    """While a link is open, nothing with another Link ID counts (5.3.2)."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
            await peer.until("exchange")
            other = Link(ours.antenna, b"nope", 0x00, replace(Manners(), closes=1), ours.dice)
            await other.packet(0, b"\x03" + ours.device.uuid.bytes)
            await other.transmit(0, [b"\x00\x00\x02\x14\x00\x00"])
            await other.close(2)
            await asyncio.sleep(1.0)
            assert ours.antenna.packets(b"nope") == []
            await peer._exchange()
            assert peer.device_public

    run(main())
