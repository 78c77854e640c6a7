"""The same two peers over PB-GATT, with a Proxy SAR of their own, at several ATT_MTU."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from tests.interop.independent import record_book
from tests.interop.independent.cases import OOB_PAIR, RECORDS, Case
from tests.interop.independent.gatt_link import GattLink, proxy_pdus
from tests.interop.independent.link import LinkClosedError
from tests.interop.independent.meeting import ADDRESS, ANY, DATA, NETWORK, ONE
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.peer_provisioner import PeerProvisioner, Wish
from tests.interop.independent.speech import Person
from tests.interop.independent.test_broken_devices import ROWS as DEVICE_ROWS
from tests.interop.independent.test_broken_devices import Row as DeviceRow
from tests.interop.independent.test_broken_provisioners import ROWS, Row
from tests.interop.independent.test_matrix import people
from tests.interop.independent.toolbox import Dice

from meshwright import (
    Bearer,
    Device,
    DeviceEvents,
    DeviceOptions,
    Provisioner,
    ProvisionerEvents,
    ProvisioningError,
    SeededRandomness,
    Transceiver,
)
from meshwright.radio.gatt import GattConnection, MeshService, ServiceReport
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.gatt import GattAir, SimulatedGatt
from meshwright.radio.simulated.virtual_loop import run as run_on_air

MTUS = (23, 69, 247, 517)
CASES = [
    Case(),
    Case(algorithm=0, oob_key=True, method=2, action=4, size=6),
    Case(method=3, size=2),
]


@dataclass
class Place:
    """An air with a transceiver of ours, and one of the peer."""

    air: Air
    ours: Transceiver
    theirs: SimulatedGatt
    randomness: SeededRandomness


def place(mtu: int) -> Place:
    """Return a new one; both sides can do `mtu`."""
    randomness = SeededRandomness(7)
    air = Air(randomness.uniform("air"))
    connections = GattAir(air)
    radio = air.radio(b"\xc0OURS1")
    ours = connections.gatt(radio, mtu=mtu)
    theirs = connections.gatt(air.radio(b"\xc0THEIR"), mtu=mtu)
    whole = Transceiver(air, radio=radio, gatt_client=ours, gatt_server=ours)
    return Place(air, whole, theirs, randomness)


def run(where: Place, program: Coroutine[Any, Any, None]) -> None:
    """Run `program` in the time of the air."""
    run_on_air(where.air, program, limit=3600.0)


# Our device.


async def connect(where: Place) -> GattLink:
    """Find our device, and enable its notifications."""
    found: asyncio.Future[ServiceReport] = asyncio.get_running_loop().create_future()

    def on_report(report: ServiceReport, _now: float) -> None:
        if report.service is MeshService.PROVISIONING and not found.done():
            found.set_result(report)

    where.theirs.watch(on_report)
    report = await found
    where.theirs.watch(None)
    assert report.data[:16] == ONE.bytes
    assert report.data[16:] in (b"\0\0", b"\x80\x01")  # with records: bits 7 and 8, low octet first
    link = GattLink()
    link.connection = where.theirs.connect(report, link)
    await link.opened
    return link


def our_device(where: Place, options: DeviceOptions) -> tuple[Device, Person]:
    """Put a device of ours on the air."""
    shown: asyncio.Queue[str] = asyncio.Queue()
    asked = asyncio.Event()
    events = DeviceEvents(
        show=lambda _challenge, value: shown.put_nowait(value),
        entry_needed=lambda _challenge: asked.set(),
    )
    device = Device(
        where.ours,
        ONE,
        options,
        randomness=where.randomness,
        events=events,
        bearers=Bearer.GATT,
    )

    async def enter(value: str) -> None:
        await asked.wait()
        device.enter(value)

    return device, Person(enter, shown.get)


@pytest.mark.parametrize("mtu", MTUS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_our_device(case: Case, mtu: int) -> None:
    where = place(mtu)

    async def main() -> None:
        device, person = our_device(where, case.options)
        link = await connect(where)
        assert await record_book.read_all(link, 57) == RECORDS
        wish = Wish(case.start, DATA, OOB_PAIR.public)
        device_key = await PeerProvisioner(link, wish, Dice(case.name), person).provision()
        assert link.connection is not None
        link.connection.disconnect()
        joined = await device.provisioned()
        assert joined.device_key == device_key
        assert joined.data.encode() == DATA

    run(where, main())


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_our_device_fails_the_session(row: Row) -> None:
    where = place(69)

    async def main() -> None:
        device, person = our_device(where, row.options)
        link = await connect(where)
        wish = Wish(row.case.start, DATA, OOB_PAIR.public)
        peer = PeerProvisioner(link, wish, Dice(""), person)
        await peer.until(row.step)
        await asyncio.sleep(1.0)
        count = len(link.values)
        await link.send(row.bad if isinstance(row.bad, bytes) else row.bad(peer))
        assert await link.receive() == bytes([9, row.code])
        await asyncio.sleep(10.0)
        assert link.values[count:] == [bytes([3, 9, row.code])]
        assert not device.is_provisioned

    run(where, main())


SAR = {
    "a continuation alone": [b"\x83x"],
    "a last alone": [b"\xc3x"],
    "first twice": [b"\x43" + bytes(65), b"\x43" + bytes(65)],
    "complete in between": [b"\x43" + bytes(65), b"\x03\0\0"],
    "twenty seconds": [b"\x43" + bytes(65)],
}


@pytest.mark.parametrize("values", SAR.values(), ids=SAR)
def test_our_device_disconnects(values: list[bytes]) -> None:
    """Unexpected SAR, or 20 s without the rest (6.3.2.2); then it is there again."""
    where = place(69)

    async def main() -> None:
        device, _ = our_device(where, DeviceOptions())
        link = await connect(where)
        assert link.connection is not None
        for value in values:
            link.connection.send(value)
            await asyncio.sleep(1.0)
        async with asyncio.timeout(20.0):
            await link.closed()
        assert link.values == []
        again = await connect(where)
        await PeerProvisioner(again, Wish(Case().start, DATA), Dice("")).provision()
        assert device.is_provisioned

    run(where, main())


@pytest.mark.parametrize("kind", [0x00, 0x01, 0x02, 0x04, 0x3F])
def test_our_device_ignores_other_messages(kind: int) -> None:
    where = place(69)

    async def main() -> None:
        device, _ = our_device(where, DeviceOptions())
        link = await connect(where)
        assert link.connection is not None
        link.connection.send(bytes([kind]) + bytes(20))
        await asyncio.sleep(1.0)
        await PeerProvisioner(link, Wish(Case().start, DATA), Dice("")).provision()
        assert device.is_provisioned

    run(where, main())


# Our Provisioner.


async def meet(
    where: Place,
    peer: PeerDevice,
    events: ProvisionerEvents | None = None,
    **more: Any,  # noqa: ANN401 - handed on
) -> tuple[Any, GattLink]:
    """Let our Provisioner meet the peer's device; return node or error, and the link."""
    link = GattLink()
    oob = where_oob(peer)

    def accept(connection: GattConnection, _now: float) -> GattLink:
        link.connection = connection
        return link

    where.theirs.serve(MeshService.PROVISIONING, lambda: ONE.bytes + oob, accept, interval=0.1)

    async def serve() -> int:
        await link.opened
        where.theirs.stop()
        return await peer.serve(link)

    running = asyncio.ensure_future(serve())
    result: Any = None
    async with Provisioner(
        where.ours, NETWORK, randomness=where.randomness, policy=ANY, events=events
    ) as provisioner:
        try:
            result = await provisioner.provision(ONE, Bearer.GATT, address=ADDRESS, **more)
        except ProvisioningError as error:
            result = error
    with suppress(LinkClosedError):
        await running
    return result, link


def where_oob(peer: PeerDevice) -> bytes:
    """OOB Information, in the order of GATT (7.1.2.2.1)."""
    return peer.ability.oob_information.to_bytes(2, "little")


@pytest.mark.parametrize("mtu", MTUS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_our_provisioner(case: Case, mtu: int) -> None:
    where = place(mtu)

    async def main() -> None:
        pair = OOB_PAIR if case.oob_key else None
        ability = Ability(case.capabilities, pair, records=RECORDS, oob_information=1 << 8)
        peer = PeerDevice(ability, Dice(case.name))
        node, _ = await meet(
            where,
            peer,
            people(peer, case),
            device_public=pair and pair.public,
            records=tuple(RECORDS),
        )
        assert node.device_key == peer.keys.device_key
        assert node.records == RECORDS
        assert peer.data == DATA

    run(where, main())


BROKEN = {name: row for name, row in DEVICE_ROWS.items() if not row.after}


@pytest.mark.parametrize("row", BROKEN.values(), ids=BROKEN)
def test_our_provisioner_disconnects(row: DeviceRow) -> None:
    """It says no Failed, and ends the connection at once (9.4)."""
    where = place(69)

    async def main() -> None:
        pair = OOB_PAIR if row.case.oob_key else None
        peer = PeerDevice(Ability(row.case.capabilities, pair), Dice(""))
        bad = row.bad
        peer.spoils = {row.instead: lambda peer, _: [bad if isinstance(bad, bytes) else bad(peer)]}
        error, link = await meet(
            where, peer, people(peer, row.case), device_public=pair and pair.public
        )
        assert isinstance(error, ProvisioningError)
        assert error.code == row.code
        assert not any(value[:2] == b"\x03\x09" for value in link.values)

    run(where, main())


def test_printed_sample() -> None:
    """First octets of a PDU of 65 octets at an ATT_MTU of 23 (8.8)."""
    assert [each[0] for each in proxy_pdus(bytes(65), 20)] == [0x43, 0x83, 0x83, 0xC3]
