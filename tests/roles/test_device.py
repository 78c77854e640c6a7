"""A device as its firmware uses it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from uuid import UUID

import pytest
from tests.roles.roles_world import BEARERS, IN_BAND, NETWORK, ONE, World

from meshwright.core.discovery.ad import AdType, structures
from meshwright.core.discovery.beacon import OobInformation, heard_beacon
from meshwright.core.discovery.uri import decode_uri, uri_hash
from meshwright.core.errors import InputError, StoreError
from meshwright.core.network.iv_index import NetworkFlags
from meshwright.core.provisioning.attempts import Attempts
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import AuthenticationMethod, InputAction
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import MeshService
from meshwright.roles.advertised import BeaconTiming
from meshwright.roles.bearers import Bearer
from meshwright.roles.device_events import Joined
from meshwright.roles.provisioned import ProvisioningError

bearers = pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)
DATA = ProvisioningData(NETWORK.net_key, 0, 0, 0, 0x0005)
KEY = bytes(range(16))
NUMBER = DeviceOptions(input_actions=(InputAction.NUMERIC,), input_size=4)
INPUT = replace(IN_BAND, methods=(AuthenticationMethod.INPUT,))


class Ear:
    """Everything that a device sends, and when."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.sent: list[tuple[float, int, bytes]] = []
        self.connectable: list[float] = []
        world.air.capture(self._hear)
        client = world.place().gatt_client
        assert client is not None
        client.watch(lambda _report, now: self.connectable.append(now))

    def _hear(self, now: float, _sender: bytes, payload: bytes) -> None:
        self.sent += [(now, kind, data) for kind, data in structures(payload)]

    def at(self, kind: AdType) -> list[float]:
        return [now for now, each, _ in self.sent if each == kind]

    def data(self, kind: AdType) -> set[bytes]:
        return {data for _, each, data in self.sent if each == kind}

    def quiet(self, begin: float, end: float) -> bool:
        """Tell whether nobody could have found the device in that time."""
        found = [*self.at(AdType.MESH_BEACON), *self.at(AdType.URI), *self.connectable]
        return not [now for now in found if begin < now < end]


# Being found.


def test_it_is_silent_until_a_bearer_is_enabled() -> None:
    world = World()
    ear = Ear(world)
    device = world.device(bearers=Bearer.NONE)
    world.air.run_until(10.0)
    assert ear.quiet(0.0, 10.0)
    device.enable(Bearer.ADV)
    world.air.run_until(20.0)
    assert len(ear.at(AdType.MESH_BEACON)) > 8
    assert ear.connectable == []
    device.enable(Bearer.GATT)
    world.air.run_until(30.0)
    assert len(ear.connectable) > 50
    device.disable(Bearer.ADV)
    world.air.run_until(40.0)
    assert [now for now in ear.at(AdType.MESH_BEACON) if now > 30.1] == []
    assert max(ear.connectable) > 39.0
    device.disable(Bearer.AUTO)
    world.air.run_until(50.0)
    assert ear.quiet(40.1, 50.0)


def test_enabling_twice_changes_nothing() -> None:
    world = World()
    ear = Ear(world)
    device = world.device(bearers=Bearer.ADV)
    device.enable(Bearer.ADV)
    world.air.run_until(60.0)
    assert 55 < len(ear.at(AdType.MESH_BEACON)) < 95


def test_the_time_between_beacons_is_an_option() -> None:
    world = World()
    ear = Ear(world)
    world.device(beacons=BeaconTiming(5.0, 6.0, 1.0))
    world.air.run_until(120.0)
    gaps = [after - before for before, after in pairwise(ear.at(AdType.MESH_BEACON))]
    assert 4.9 < min(gaps) <= max(gaps) < 6.2
    assert 100 < len(ear.connectable) < 125


def test_what_it_says_of_itself() -> None:
    world = World()
    ear = Ear(world)
    world.device(uri="https://example.org/lamp", oob_information=OobInformation.ON_BOX)
    world.air.run_until(5.0)
    (data,) = ear.data(AdType.URI)
    assert decode_uri(data) == "https://example.org/lamp"
    beacons = [heard_beacon(bytes([len(b) + 1, 0x2B]) + b) for b in ear.data(AdType.MESH_BEACON)]
    assert [(b.uuid, b.oob, b.uri_hash) for b in beacons if b] == [
        (ONE, OobInformation.ON_BOX, uri_hash(data))
    ]


def test_without_a_uri_none_is_advertised() -> None:
    world = World()
    ear = Ear(world)
    world.device()
    world.air.run_until(5.0)
    assert ear.data(AdType.URI) == set()
    assert {len(data) for data in ear.data(AdType.MESH_BEACON)} == {19}


@pytest.mark.parametrize(
    ("uri", "code"),
    [("https://example.org/" + "x" * 40, "advertisement-too-long"), ("no uri", "bad-uri")],
)
def test_a_uri_that_cannot_be_advertised_is_refused(uri: str, code: str) -> None:
    with pytest.raises(InputError) as caught:
        World().device(uri=uri)
    assert caught.value.code == code


@bearers
def test_both_beacons_stop_while_a_link_is_open_on_either_bearer(bearer: Bearer) -> None:
    world = World()
    ear = Ear(world)
    device = world.device(options=NUMBER, uri="https://example.org/")
    events = world.provisioner_events(show=lambda *_: None)  # nobody enters anything

    async def program() -> None:
        async with world.provisioner(policy=INPUT, events=events) as provisioner:
            with pytest.raises(ProvisioningError):
                await provisioner.provision(ONE, bearer)
        await asyncio.sleep(10.0)

    world.run(program())
    (opened,), (closed,) = world.when("device", "link_opened"), world.when("device", "link_closed")
    assert closed - opened > 100.0
    assert ear.quiet(opened + 0.05, closed)
    assert not ear.quiet(closed, closed + 3.0)
    assert [now for now in ear.at(AdType.MESH_BEACON) if now > closed]
    assert [now for now in ear.at(AdType.URI) if now > closed]
    assert [now for now in ear.connectable if now > closed]
    assert not device.is_provisioned


@bearers
def test_while_it_is_held_on_one_bearer_the_other_cannot_take_it(bearer: Bearer) -> None:
    world = World()
    world.device(options=NUMBER)
    other = Bearer.AUTO & ~bearer
    events = world.provisioner_events(show=world.hear("provisioner", "show"))

    async def program() -> None:
        first, second = world.provisioner(events=events), world.provisioner(label=("second",))
        async with first, second:
            await second.discovery.find_soon(ONE, other)
            holding = asyncio.ensure_future(first.provision(ONE, bearer, policy=INPUT))
            await world.until("provisioner", "show")
            with pytest.raises(ProvisioningError) as caught:
                await second.provision(ONE, other)
            assert caught.value.code == "no-answer"
            world.devices[ONE].enter(world.noted("provisioner", "show")[0][2])
            await holding

    world.run(program())
    assert world.devices[ONE].is_provisioned
    assert len(world.noted("device", "link_opened")) == 1


@bearers
def test_disabling_the_bearer_of_a_link_ends_it(bearer: Bearer) -> None:
    world = World()
    ear = Ear(world)
    device = world.device()

    async def program() -> None:
        async with world.provisioner() as provisioner:
            task = asyncio.ensure_future(provisioner.provision(ONE, bearer))
            await world.until("device", "attention")
            device.disable(Bearer.AUTO)
            with pytest.raises(ProvisioningError) as caught:
                await task
            assert caught.value.code == "link-lost"
        await asyncio.sleep(10.0)

    world.run(program())
    assert ear.quiet(world.air.time() - 10.0, world.air.time())
    assert len(world.noted("device", "link_closed")) == 1


def test_it_enables_only_what_the_radio_can_do() -> None:
    world = World()
    with pytest.raises(RadioError) as caught:
        world.device(place=world.place(gatt=False), bearers=Bearer.GATT)
    assert caught.value.code == "no-bearer"


# Becoming a node.


@bearers
def test_it_is_a_node_only_when_that_is_durable(bearer: Bearer) -> None:
    world = World()
    kept: list[Joined] = []

    def fail_once(joined: Joined) -> None:
        kept.append(joined)
        if len(kept) == 1:
            raise StoreError("The flash is worn out.")

    device = world.device(events=world.device_events(persist=fail_once))

    async def program() -> None:
        async with world.provisioner() as provisioner:
            await provisioner.provision(ONE, bearer)

    with pytest.raises(StoreError):
        world.run(program())
    assert not device.is_provisioned
    assert world.noted("device", "complete") == []
    assert world.noted("provisioner", "node_added") == []
    world.run(program())
    assert device.joined == kept[1]


@bearers
def test_a_node_is_silent(bearer: Bearer) -> None:
    world = World()
    ear = Ear(world)
    world.device()

    async def program() -> None:
        async with world.provisioner() as provisioner:
            await provisioner.provision(ONE, bearer)
        await asyncio.sleep(30.0)

    world.run(program())
    (closed,) = world.when("device", "link_closed")
    assert ear.quiet(closed, closed + 30.0)
    assert [now for now, *_ in ear.sent if now > closed + 1.0] == []


def test_waiting_for_it() -> None:
    world = World()
    device = world.device()

    async def program() -> tuple[Joined, Joined, Joined]:
        waiting = [asyncio.ensure_future(device.provisioned()) for _ in range(2)]
        given_up = asyncio.ensure_future(device.provisioned())
        await asyncio.sleep(0.01)
        given_up.cancel()
        async with world.provisioner() as provisioner:
            await provisioner.provision(ONE)
        return (await waiting[0], await waiting[1], await device.provisioned())

    assert set(map(id, world.run(program()))) == {id(device.joined)}


def test_local_provisioning() -> None:
    world = World()
    ear = Ear(world)
    device = world.device()
    world.air.run_until(3.0)
    data = replace(DATA, flags=NetworkFlags.IV_UPDATE, iv_index=9)
    device.provision_locally(data, KEY)
    assert device.joined == Joined(data, KEY)
    assert world.noted("device", "persist") == [(Joined(data, KEY),)]
    assert world.noted("device", "complete") == [(0, 5)]
    world.air.run_until(10.0)
    assert ear.quiet(3.1, 10.0)
    with pytest.raises(InputError) as caught:
        device.provision_locally(data, KEY)
    assert caught.value.code == "already-provisioned"
    with pytest.raises(InputError) as caught:
        device.enable(Bearer.ADV)
    assert caught.value.code == "already-provisioned"


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (replace(DATA, address=0), KEY),
        (replace(DATA, address=0x7FFF), KEY),
        (replace(DATA, key_index=0x1000), KEY),
        (replace(DATA, flags=4), KEY),
        (replace(DATA, net_key=bytes(15)), KEY),
        (DATA, bytes(17)),
    ],
)
def test_local_provisioning_with_what_no_provisioner_could_send(
    data: ProvisioningData, key: bytes
) -> None:
    device = World().device(options=DeviceOptions(elements=2))
    with pytest.raises(InputError) as caught:
        device.provision_locally(data, key)
    assert caught.value.code == "bad-provisioning-data"
    assert not device.is_provisioned


def test_a_node_from_the_start() -> None:
    world = World()
    ear = Ear(world)
    device = world.device(joined=Joined(DATA, KEY), bearers=Bearer.NONE)
    world.air.run_until(5.0)
    assert device.is_provisioned
    assert ear.sent == []
    device.reset()
    assert not device.is_provisioned
    world.air.run_until(10.0)
    assert ear.sent == []  # as after power-on, until it is enabled
    device.enable(Bearer.ADV)
    world.air.run_until(15.0)
    assert ear.at(AdType.MESH_BEACON)


def test_reset_in_the_middle_of_a_session() -> None:
    world = World()
    device = world.device()

    async def program() -> None:
        async with world.provisioner() as provisioner:
            task = asyncio.ensure_future(provisioner.provision(ONE, Bearer.GATT))
            await world.until("device", "attention")
            device.reset()
            with pytest.raises(ProvisioningError):
                await task
            device.enable(Bearer.AUTO)
            await provisioner.provision(ONE, Bearer.GATT)

    world.run(program())
    assert device.is_provisioned


# People and guesses.


def test_what_is_entered_is_checked_and_can_be_entered_again() -> None:
    world = World()
    device = world.device(options=NUMBER)
    events = world.provisioner_events(show=world.hear("provisioner", "show"))
    device.enter("1234")  # nobody has asked

    async def program() -> None:
        async with world.provisioner(policy=INPUT, events=events) as provisioner:
            task = asyncio.ensure_future(provisioner.provision(ONE))
            await world.until("provisioner", "show")
            for wrong in ("", "123", "12345", "12a4"):
                with pytest.raises(InputError) as caught:
                    device.enter(wrong)
                assert caught.value.code == "bad-oob-value"
            device.enter(world.noted("provisioner", "show")[0][2])
            await task

    world.run(program())
    assert device.is_provisioned
    ((challenge,),) = world.noted("device", "entry_needed")
    assert challenge == Challenge(InputAction.NUMERIC, 4)
    device.enter("1234")  # and nobody asks any more


def test_whoever_guesses_too_often_has_to_wait() -> None:
    world = World()
    attempts = Attempts(failures=7)
    world.device(attempts=attempts)

    async def program() -> None:
        async with world.provisioner() as provisioner:
            with pytest.raises(ProvisioningError):
                await provisioner.provision(ONE)
            await asyncio.sleep(attempts.waiting(world.air.time()))
            await provisioner.provision(ONE)

    world.run(program())
    assert world.air.time() > 80.0


# Power.


@bearers
def test_suspended_it_is_silent_and_deaf(bearer: Bearer) -> None:
    world = World()
    ear = Ear(world)
    device = world.device()
    world.air.run_until(3.0)
    device.suspend()
    device.suspend()
    world.air.run_until(13.0)
    assert ear.quiet(3.1, 13.0)
    device.enable(Bearer.AUTO)
    world.air.run_until(20.0)
    assert ear.quiet(3.1, 20.0)
    device.resume()
    device.resume()
    world.air.run_until(25.0)
    assert not ear.quiet(20.0, 25.0)

    async def program() -> None:
        async with world.provisioner() as provisioner:
            await provisioner.provision(ONE, bearer)

    world.run(program())
    assert device.is_provisioned
    device.suspend()
    device.resume()
    before = world.air.time()
    world.air.run_until(before + 10.0)
    assert ear.quiet(before, before + 10.0)


def test_it_needs_no_event_loop() -> None:
    """Virtual devices by the hundred live on the air alone."""
    world = World()
    devices = [world.device(UUID(int=number + 1), bearers=Bearer.ADV) for number in range(20)]
    ear = Ear(world)
    world.air.run_until(30.0)
    heard = {data[1:17] for data in ear.data(AdType.MESH_BEACON)}
    assert heard == {device.uuid.bytes for device in devices}


def test_the_service_data_is_that_of_the_provisioning_service() -> None:
    world = World()
    world.device(oob_information=OobInformation.NUMBER)
    seen: list[tuple[MeshService, bytes]] = []
    client = world.place().gatt_client
    assert client is not None
    client.watch(lambda report, _now: seen.append((report.service, report.data)))
    world.air.run_until(1.0)
    assert set(seen) == {(MeshService.PROVISIONING, ONE.bytes + b"\x20\x00")}
