"""Who is there, as a program learns of it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.roles.roles_world import BEARERS, ONE, World

from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    encode_beacon,
)
from meshwright.core.discovery.uri import encode_uri, uri_hash
from meshwright.core.effects import Priority
from meshwright.radio.gatt import MeshService, ServiceReport
from meshwright.radio.port import Report
from meshwright.roles.bearers import Bearer
from meshwright.roles.discovery import MOST_URIS, DeviceDiscovered, Discovery

URI = "https://example.org/lamp"


class Sayer:
    """Somebody who sends whatever it likes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._runner = world.place().runner

    def say(self, kind: AdType, data: bytes, times: int = 3) -> None:
        for _ in range(times):  # some are lost at channel hops
            self._runner.send(kind, data, Priority.BEACON)
            self._world.air.run_until(self._world.air.time() + 0.1)

    def beacon(self, uuid: UUID, *, uri: str | None = None, oob: int = 0) -> None:
        hashed = None if uri is None else uri_hash(encode_uri(uri))
        beacon = UnprovisionedBeacon(uuid, OobInformation(oob), hashed)
        self.say(AdType.MESH_BEACON, encode_beacon(beacon))


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def discovery(world: World) -> Discovery:
    return Discovery(world.place(fast=True)).start()


@pytest.fixture
def told(discovery: Discovery) -> list[DeviceDiscovered]:
    told: list[DeviceDiscovered] = []
    discovery.subscribe(told.append)
    return told


def test_a_device_is_told_once_for_each_change(
    world: World, discovery: Discovery, told: list[DeviceDiscovered]
) -> None:
    device = world.device(bearers=Bearer.ADV, oob_information=OobInformation.ON_DEVICE)
    world.air.run_until(10.0)
    device.enable(Bearer.GATT)
    world.air.run_until(20.0)
    assert [(each.uuid, each.bearers) for each in told] == [(ONE, Bearer.ADV), (ONE, Bearer.AUTO)]
    found = discovery.find(ONE)
    assert found is not None
    assert found.oob == OobInformation.ON_DEVICE
    assert not found.has_certificate
    assert found.first_heard < 3.0
    assert found.last_heard > 19.0
    assert found.count > 100
    assert (found.rssi, found.address) == (told[0].rssi, told[0].address)
    assert found.address is not None
    assert [each.uuid for each in discovery.devices] == [ONE]


def test_a_uri_is_matched_by_its_hash(world: World, told: list[DeviceDiscovered]) -> None:
    world.device(uri=URI, oob_information=CERTIFICATE_BASED)
    world.air.run_until(10.0)
    assert told[-1].uri == URI
    assert told[-1].uri_hash == uri_hash(encode_uri(URI))
    assert told[-1].has_certificate


@pytest.mark.parametrize("uri_first", [True, False])
def test_the_uri_may_come_before_or_after_and_from_anybody(
    world: World, discovery: Discovery, told: list[DeviceDiscovered], uri_first: bool
) -> None:
    sayer, other = Sayer(world), Sayer(world)
    if uri_first:
        other.say(AdType.URI, encode_uri(URI))
    sayer.beacon(ONE, uri=URI)
    if not uri_first:
        other.say(AdType.URI, encode_uri(URI))
    found = discovery.find(ONE)
    assert found is not None
    assert found.uri == URI
    assert [each.uri for each in told] == ([URI] if uri_first else [None, URI])


def test_another_uri_is_no_match(world: World, discovery: Discovery) -> None:
    sayer = Sayer(world)
    sayer.beacon(ONE, uri=URI)
    sayer.say(AdType.URI, encode_uri(URI + "s"))
    found = discovery.find(ONE)
    assert found is not None
    assert (found.uri, found.uri_hash) == (None, uri_hash(encode_uri(URI)))


def test_service_data_leaves_the_uri_of_the_beacon_alone(
    world: World, told: list[DeviceDiscovered]
) -> None:
    world.device(uri=URI, bearers=Bearer.AUTO)
    world.air.run_until(20.0)
    assert len(told) <= 3
    assert (told[-1].uri, told[-1].bearers) == (URI, Bearer.AUTO)


def test_what_changes_in_the_beacon_is_told(world: World, told: list[DeviceDiscovered]) -> None:
    sayer = Sayer(world)
    for oob in (0, 1, 1, 0x8001):
        sayer.beacon(ONE, oob=oob)
    assert [each.oob for each in told] == [0, 1, 0x8001]


def test_nothing_is_told_to_whoever_has_left_or_when_it_is_stopped(
    world: World, discovery: Discovery
) -> None:
    told: list[DeviceDiscovered] = []
    leave = discovery.subscribe(told.append)
    leave()
    leave()
    world.device()
    world.air.run_until(5.0)
    assert told == []
    discovery.stop()
    before = discovery.devices
    world.air.run_until(10.0)
    assert discovery.devices == before
    discovery.start().start()
    world.air.run_until(15.0)
    assert discovery.devices[0].last_heard > 10.0


def test_a_forgotten_device_is_new_again(
    world: World, discovery: Discovery, told: list[DeviceDiscovered]
) -> None:
    sayer = Sayer(world)
    sayer.beacon(ONE)
    discovery.forget(ONE)
    discovery.forget(ONE)
    assert discovery.find(ONE) is None
    sayer.beacon(ONE)
    assert [each.uuid for each in told] == [ONE, ONE]


def test_iteration_begins_with_what_is_known_and_goes_on(world: World) -> None:
    async def program() -> list[tuple[UUID, str | None, Bearer]]:
        discovery = Discovery(world.place(fast=True)).start()
        world.device(UUID(int=1), bearers=Bearer.ADV)
        await asyncio.sleep(5.0)
        found = []
        async for device in discovery:
            found.append((device.uuid, device.uri, device.bearers))
            if len(found) == 1:
                world.device(UUID(int=2), bearers=Bearer.GATT)
            if len(found) == 2:
                return found
        return found

    assert world.run(program()) == [
        (UUID(int=1), None, Bearer.ADV),
        (UUID(int=2), None, Bearer.GATT),
    ]


def test_a_slow_reader_gets_the_latest_of_each_device(world: World, discovery: Discovery) -> None:
    async def program() -> list[int]:
        changes = discovery.changes()
        world.device(UUID(int=9))
        first = await anext(changes)
        for oob in (1, 2, 4):
            heard(discovery, ONE, oob)
        second = await anext(changes)
        await changes.aclose()  # type: ignore[attr-defined] # it is a generator
        return [first.uuid.int, second.oob]

    assert world.run(program()) == [9, 4]
    assert discovery._subscribers == []


def heard(discovery: Discovery, uuid: UUID, oob: int = 0) -> None:
    """Let a beacon be heard without an air, for those who send very many."""
    data = encode_beacon(UnprovisionedBeacon(uuid, OobInformation(oob)))
    discovery._on_beacon(data, Report(data), 1.0)


async def collected(discovery: Discovery, seconds: float) -> list[DeviceDiscovered]:
    found = []
    try:
        async with asyncio.timeout(seconds):
            async for device in discovery:
                found.append(device)  # noqa: PERF401 - what came before the end shall be kept
    except TimeoutError:
        pass
    return found


def test_a_flood_of_uuids_is_bounded(world: World) -> None:
    discovery = Discovery(world.place(), limit=16)

    async def program() -> list[DeviceDiscovered]:
        reader = asyncio.ensure_future(collected(discovery, 10.0))
        await asyncio.sleep(1.0)
        for number in range(5_000):
            heard(discovery, UUID(int=number))
        return await reader

    found = world.run(program())
    assert len(discovery.devices) == 16
    assert discovery.forgotten == 5_000 - 16
    assert [device.uuid.int for device in found] == [*range(5_000 - 16, 5_000)]


def test_whoever_is_heard_again_is_not_forgotten(world: World) -> None:
    discovery = Discovery(world.place(), limit=4)
    for number in range(100):
        heard(discovery, ONE)
        heard(discovery, UUID(int=number))
    assert discovery.find(ONE) is not None


def test_a_flood_of_uris_is_bounded(world: World) -> None:
    discovery = Discovery(world.place())
    for number in range(3 * MOST_URIS):
        data = encode_uri(f"https://example.org/{number}")
        discovery._on_uri(data, Report(data), 1.0)
    assert len(discovery._uris) == MOST_URIS
    assert len(discovery._by_hash) == MOST_URIS


def test_waiting_for_a_device(world: World, discovery: Discovery) -> None:
    async def program() -> tuple[Bearer, float]:
        world.air.call_at(20.0, lambda: world.device(bearers=Bearer.ADV))
        await discovery.find_soon(ONE)
        assert 20.0 < world.air.time() < 23.0
        world.air.call_at(40.0, lambda: world.devices[ONE].enable(Bearer.GATT))
        found = await discovery.find_soon(ONE, Bearer.GATT)
        return found.bearers, world.air.time()

    bearers, when = world.run(program())
    assert bearers == Bearer.AUTO
    assert 40.0 < when < 42.0
    assert discovery._subscribers == []


@given(data=st.binary(max_size=40))
def test_whatever_is_heard_is_taken_or_left(data: bytes) -> None:
    discovery = Discovery(World().place())
    discovery.subscribe(repr)
    discovery._on_beacon(data, Report(data), 1.0)
    discovery._on_uri(data, Report(data), 1.0)
    for service in MeshService:
        discovery._on_service(ServiceReport(service, data, "peer"), 1.0)
    assert len(discovery.devices) <= 2


@pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
@pytest.mark.parametrize("oob", [*OobInformation], ids=lambda oob: oob.name)
def test_every_place_of_oob_information_arrives(
    world: World, discovery: Discovery, oob: OobInformation, bearer: Bearer
) -> None:
    world.device(oob_information=oob, bearers=bearer)
    world.air.run_until(4.0)
    found = discovery.find(ONE)
    assert found is not None
    assert (found.oob, found.bearers) == (oob, bearer)
