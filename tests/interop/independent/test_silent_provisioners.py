"""Provisioners that fall silent or talk nonsense: when and how our device closes the link (9.3)."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from tests.interop.independent.antenna import BEACON, PB_ADV
from tests.interop.independent.cases import Case
from tests.interop.independent.framing import ACK, CLOSE, cut
from tests.interop.independent.link import Link, LinkClosedError, Manners
from tests.interop.independent.meeting import DATA, ONE, OurDevice, our_device, run
from tests.interop.independent.peer_provisioner import STEPS, PeerProvisioner, Wish

TIMEOUT = 1
OUTPUT = Case(method=2, action=3, size=6)
INPUT = Case(method=3, action=2, size=4)
SILENCES = {
    "invite": (Case(), 60),
    "start": (Case(), 60),
    "exchange": (Case(), 60),
    "commit": (Case(), 60),
    "prove": (Case(), 60),
    "hand over": (Case(), 60),
}
ENTRIES = {
    "start": (OUTPUT, 60),
    "exchange": (OUTPUT, 120),
    "authenticate": (INPUT, 120),
    "commit": (OUTPUT, 120),
}


async def closes_for_timeout(ours: OurDevice, link: Link, seconds: float) -> None:
    """Nothing is said before the time is over; then Link Close, and no Failed (5.4.4)."""
    loop = asyncio.get_running_loop()
    since, place = loop.time(), len(ours.antenna.packets(link.link_id))
    assert await link.closed() == TIMEOUT
    assert seconds - 1 < loop.time() - since < seconds + 1
    await asyncio.sleep(1.0)
    said = ours.antenna.packets(link.link_id)[place:]
    assert set(said) == {bytes([0, CLOSE, TIMEOUT])}
    assert len(said) >= 4
    await ours.antenna.hear(BEACON)
    assert not ours.device.is_provisioned


@pytest.mark.parametrize(
    ("step", "case", "seconds"),
    [(step, *row) for rows in (SILENCES, ENTRIES) for step, row in rows.items()],
    ids=lambda value: value.name if isinstance(value, Case) else str(value),
)
def test_silence(tmp_path: Path, step: str, case: Case, seconds: int) -> None:
    async def main() -> None:
        async with our_device(tmp_path, case.options) as ours:
            link = await ours.open()
            peer = PeerProvisioner(link, Wish(case.start, DATA), ours.dice, ours.person)
            await peer.until(step)
            await closes_for_timeout(ours, link, seconds)

    run(main())


def test_no_acknowledgment(tmp_path: Path) -> None:
    """Capabilities are repeated for 30 s, all the same, and then the link is closed (5.3.3)."""

    async def main() -> None:
        async with our_device(tmp_path, manners=Manners(ack_after=1000.0)) as ours:
            link = await ours.open()
            await link.transmit(0, cut(b"\0\0"))
            await link.closed()
            await asyncio.sleep(1.0)
            heard = [each for each in ours.antenna.heard if each.data[:4] == link.link_id]
            times = [each.at for each in heard if each.data[4] == 0x80]
            assert 29 < times[-1] - times[0] <= 30.1
            gaps = [late - early for early, late in pairwise(times)]
            assert 0.1 < min(gaps) <= max(gaps) < 2.0
            sent = ours.audit()
            assert sent.complaints == []
            assert sent.closes[:4] == [TIMEOUT] * 4
            assert list(sent.pdus) == [0x80]

    run(main())


@pytest.mark.parametrize("reason", [0, 1, 2, 3, 255])
def test_every_link_close_is_obeyed(tmp_path: Path, reason: int) -> None:
    """Whatever its Reason (5.3.1.4.3); nothing is said on that link any more."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
            await peer.until("commit")
            place = len(ours.antenna.packets(link.link_id))
            await link.close(reason)
            await ours.antenna.hear(BEACON)
            assert ours.antenna.packets(link.link_id)[place:] == []
            assert ("closed", reason) in ours.told

    run(main())


def test_a_device_that_has_failed_does_not_hold_the_link_for_ever(tmp_path: Path) -> None:
    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            await link.send(b"\x3f")
            assert await link.receive() == b"\x09\x01"
            await closes_for_timeout(ours, link, 60)

    run(main())


JUNK = {
    "wrong FCS": [b"\x00\x00\x02\x15\x00\x00"],
    "TotalLength too long": [b"\x00\x00\x03\x14\x00\x00"],
    "TotalLength zero": [b"\x00\x00\x00\xff"],
    "a continuation alone": [b"\x06" + bytes(23)],
    "an Ack with padding": [b"\x05"],
    "an Ack with data": [b"\x01\x00"],
    "unknown bearer control": [b"\x0f", b"\x13" + bytes(16), b"\xff"],
    "Link Ack": [b"\x07"],
    "Link Close without a reason": [b"\x0b"],
    "Link Close with two": [b"\x0b\x00\x00"],
    "Link Open for another": [b"\x03" + bytes(16)],
    "nothing": [b""],
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
@pytest.mark.parametrize("step", ["invite", "commit"])
def test_nonsense_is_dropped(tmp_path: Path, junk: list[bytes], step: str) -> None:
    """No Ack, no answer, and the link works on (2.2, 2.4)."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
            await peer.until(step)
            await asyncio.sleep(1.0)
            place = len(ours.antenna.packets(link.link_id))
            number = len(set(ours.audit().acked))
            for packet in junk * 2:
                await link.packet(number, packet)
            await asyncio.sleep(2.0)
            assert ours.antenna.packets(link.link_id)[place:] == []
            await finish(peer, step)
            assert ours.device.is_provisioned
            assert ours.audit().complaints == []

    run(main())


async def finish(peer: PeerProvisioner, step: str) -> None:
    """Go through the steps from `step` on."""
    names = list(STEPS)
    for name in names[names.index(step) :]:
        await STEPS[name](peer)


@pytest.mark.parametrize("number", [0x01, 0x40, 0x7F, 0x80, 0xFF])
def test_numbers_out_of_turn_are_dropped(tmp_path: Path, number: int) -> None:
    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            await link.transmit(number, cut(b"\0\0"))
            await asyncio.sleep(2.0)
            assert bytes([number]) + ACK not in ours.antenna.packets(link.link_id)
            peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
            await peer.provision()

    run(main())


def test_what_was_acknowledged_is_acknowledged_again(tmp_path: Path) -> None:
    """Each further segment is answered with an Ack and never delivered twice (5.3.3)."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
            await peer.until("commit")
            place = len(ours.antenna.packets(link.link_id))
            for segment in reversed(cut(b"\x03" + peer.pair.public)):
                await link.packet(2, segment)
                await asyncio.sleep(0.2)
            assert ours.antenna.packets(link.link_id)[place:] == [b"\x02" + ACK] * 3
            await finish(peer, "commit")

    run(main())


def test_a_link_open_of_another_after_the_end(tmp_path: Path) -> None:
    """A node does not answer Link Open (3.11.7), and beacons no more (5.3.2)."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            await PeerProvisioner(link, Wish(Case().start, DATA), ours.dice).provision()
            await link.close()
            await asyncio.sleep(1.0)
            place = len(ours.antenna.heard)
            for _ in range(5):
                await ours.antenna.send(PB_ADV, b"next\0\x03" + ONE.bytes)
                await asyncio.sleep(1.0)
            assert ours.antenna.heard[place:] == []

    run(main())


def test_both_ends_survive_a_failed_of_the_provisioner(tmp_path: Path) -> None:
    """BlueZ sends Failed and closes at once: the device is there again."""

    async def main() -> None:
        async with our_device(tmp_path) as ours:
            link = await ours.open()
            peer = PeerProvisioner(link, Wish(Case().start, DATA), ours.dice)
            await peer.until("commit")
            try:
                async with asyncio.timeout(0.1):
                    await link.send(b"\x09\x02")
            except (TimeoutError, LinkClosedError):
                pass
            await link.close(2)
            await ours.antenna.hear(BEACON)
            link = await ours.open()
            await PeerProvisioner(link, Wish(Case().start, DATA), ours.dice).provision()
            assert ours.device.is_provisioned

    run(main())
