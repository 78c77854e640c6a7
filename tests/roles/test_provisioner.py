"""A provisioner as programs use it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from tests.roles.roles_world import BEARERS, IN_BAND, NETWORK, ONE, World

from meshwright.core.effects import CloseReason
from meshwright.core.errors import InputError, StoreError
from meshwright.core.network.iv_index import IvIndex, NetworkFlags
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    OutputAction,
)
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import RefusedByPolicyError
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.radio.errors import RadioError
from meshwright.radio.port import OWN_TIMING
from meshwright.randomness import SeededRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.methods import Method
from meshwright.roles.provisioned import AddressPool, ProvisionedNode, ProvisioningError
from meshwright.roles.provisioner import Provisioner
from meshwright.roles.transceiver import Transceiver

bearers = pytest.mark.parametrize("bearer", BEARERS, ids=lambda bearer: bearer.name)


def uuids(count: int) -> list[UUID]:
    return [UUID(int=ONE.int + number) for number in range(count)]


OUTPUT = replace(IN_BAND, methods=(AuthenticationMethod.OUTPUT,))
STRING = DeviceOptions(output_actions=(OutputAction.ALPHANUMERIC,), output_size=4)


# What comes of it.


@bearers
def test_both_sides_agree_and_everybody_is_told(bearer: Bearer) -> None:
    world = World()
    device = world.device(options=DeviceOptions(elements=3))

    async def program() -> ProvisionedNode:
        async with world.provisioner() as provisioner:
            return await provisioner.provision(ONE, bearer, attention=5)

    node = world.run(program())
    joined = device.joined
    assert joined is not None
    assert (joined.data.net_key, joined.data.key_index) == (NETWORK.net_key, NETWORK.key_index)
    assert (joined.data.address, joined.data.iv_index) == (node.address, NETWORK.iv_index)
    assert joined.device_key == node.device_key
    assert (node.uuid, node.elements, node.bearer) == (ONE, 3, bearer)
    assert node.capabilities.elements == 3
    assert node.reason.startswith("HMAC with a public key sent in band")
    assert world.noted("provisioner", "link_opened") == [(ONE, bearer)]
    assert world.noted("provisioner", "link_closed") == [(ONE, bearer, CloseReason.SUCCESS)]
    assert world.noted("provisioner", "node_added") == [(node,)]
    assert world.noted("device", "link_opened") == [(bearer,)]
    assert len(world.noted("device", "link_closed")) == 1
    assert world.noted("device", "attention")[0] == (5,)
    assert world.noted("device", "attention")[-1] == (0,)
    assert world.noted("device", "complete") == [(NETWORK.key_index, node.address)]


def test_the_keys_are_in_no_repr() -> None:
    world = World()
    world.device()

    async def program() -> ProvisionedNode:
        async with world.provisioner() as provisioner:
            return await provisioner.provision(ONE)

    node = world.run(program())
    for secret in (node.device_key, NETWORK.net_key):
        assert repr(secret)[2:-1] not in f"{node!r} {NETWORK!r} {world.devices[ONE].joined!r}"
        assert secret.hex() not in f"{node!r} {NETWORK!r}"


@bearers
def test_three_devices_in_a_row(bearer: Bearer) -> None:
    world = World()
    for uuid in uuids(3):
        world.device(uuid, DeviceOptions(elements=2))

    async def program() -> list[ProvisionedNode]:
        async with world.provisioner() as provisioner:
            return [await provisioner.provision(uuid, bearer) for uuid in uuids(3)]

    nodes = world.run(program())
    assert [node.address for node in nodes] == [2, 4, 6]
    assert len({node.device_key for node in nodes}) == 3


@bearers
def test_several_at_once(bearer: Bearer) -> None:
    world = World(loss=0.1)
    for uuid in uuids(6):
        world.device(uuid)

    async def program() -> list[ProvisionedNode]:
        async with world.provisioner() as provisioner:
            return await asyncio.gather(*(provisioner.provision(u, bearer) for u in uuids(6)))

    nodes = world.run(program())
    assert [node.uuid for node in nodes] == uuids(6)
    assert len({node.address for node in nodes}) == 6
    opened, closed = world.when("provisioner", "link_opened"), world.when("device", "complete")
    assert max(opened) < max(closed)


@bearers
def test_provision_and_reset_three_times_over(bearer: Bearer) -> None:
    world = World()
    device = world.device()

    async def program() -> list[ProvisionedNode]:
        nodes = []
        async with world.provisioner() as provisioner:
            for _ in range(3):
                nodes.append(await provisioner.provision(ONE, bearer))
                await asyncio.sleep(2.0)
                assert device.is_provisioned
                device.reset()
                assert not device.is_provisioned
                device.enable(Bearer.AUTO)
        return nodes

    nodes = world.run(program())
    assert len({node.device_key for node in nodes}) == 3
    assert [node.address for node in nodes] == [2, 3, 4]
    assert len(world.noted("device", "reset")) == 3


@pytest.mark.parametrize("flag", [NetworkFlags(0), NetworkFlags.IV_UPDATE])
def test_the_iv_update_flag_arrives(flag: NetworkFlags) -> None:
    world = World()
    device = world.device()
    network = replace(NETWORK, flags=flag, iv_index=9)

    async def program() -> None:
        async with world.provisioner(network=network) as provisioner:
            await provisioner.provision(ONE)

    world.run(program())
    assert device.joined is not None
    data = device.joined.data
    assert (data.flags, data.iv_index) == (flag, 9)
    assert IvIndex.told(data.iv_index, data.flags).updating is bool(flag)


def test_the_same_seed_is_the_same_run() -> None:
    def once(seed: int) -> list[str]:
        world = World(seed, loss=0.2)
        for uuid in uuids(3):
            world.device(uuid, STRING)

        async def program() -> None:
            async with world.provisioner(policy=OUTPUT) as provisioner:
                for uuid in uuids(3):
                    await provisioner.provision(uuid)

        world.run(program())
        return [repr(entry) for entry in world.told]

    assert once(1) == once(1) != once(2)


# Which bearer.


def test_auto_takes_the_bearer_on_which_the_device_is_heard() -> None:
    world = World()
    world.device(uuids(2)[0], bearers=Bearer.ADV)
    world.device(uuids(2)[1], bearers=Bearer.GATT)

    async def program() -> list[Bearer]:
        async with world.provisioner() as provisioner:
            return [(await provisioner.provision(uuid)).bearer for uuid in uuids(2)]

    assert world.run(program()) == [Bearer.ADV, Bearer.GATT]


def test_a_bearer_that_the_radio_cannot_do_is_refused() -> None:
    world = World()
    world.device()

    async def program() -> None:
        async with world.provisioner(place=world.place(gatt=False)) as provisioner:
            await provisioner.provision(ONE, Bearer.GATT)

    with pytest.raises(RadioError) as caught:
        world.run(program())
    assert caught.value.code == "no-bearer"


def test_seeded_randomness_is_for_simulated_radios() -> None:
    class Real:
        """A radio that reaches real devices."""

        address, pacing, ready, predictable_allowed = bytes(6), OWN_TIMING, True, False

        def transmit(self, payload: bytes) -> None:
            raise AssertionError(payload)

        def listen(self, listener: object) -> None:
            pass

        def narrow(self, wanted: object) -> None:
            pass

    world = World()
    with pytest.raises(InputError) as caught:
        Provisioner(Transceiver(world.air, radio=Real()), NETWORK, randomness=SeededRandomness(1))
    assert caught.value.code == "predictable-randomness"


@pytest.mark.parametrize("keep", [False, True])
def test_a_kept_connection_is_handed_on_by_both_sides(keep: bool) -> None:
    world = World()
    taken: list[object] = []
    events = world.device_events(connection_kept=taken.append if keep else None)
    world.device(events=events, bearers=Bearer.GATT)
    heard: list[tuple[str, bytes]] = []

    class Ear:
        """Whoever uses one end from then on."""

        def __init__(self, name: str) -> None:
            self.name = name
            self.over = asyncio.Event()

        def connected(self, mtu: int, now: float) -> None:
            pass

        def received(self, value: bytes, _now: float) -> None:
            heard.append((self.name, value))
            self.over.set()

        def ready(self, now: float) -> None:
            pass

        def disconnected(self, now: float, reason: str | None) -> None:
            pass

    async def program() -> None:
        async with world.provisioner() as provisioner:
            node = await provisioner.provision(ONE, keep_connection=keep)
            connection = node.connection
            assert (connection is not None) is keep
            if connection is None:
                return
            await asyncio.sleep(2.0)
            ear = Ear("device")
            (other,) = taken
            other.listen(ear)  # type: ignore[attr-defined] # a connection, as the next line shows
            connection.send(b"proxy")
            await ear.over.wait()
            connection.disconnect()

    world.run(program())
    assert heard == ([("device", b"proxy")] if keep else [])


# Choosing.


def test_the_callback_may_leave_the_choice_as_it_is() -> None:
    world = World()
    world.device()
    events = world.provisioner_events(capabilities=lambda *_: None)

    async def program() -> str:
        async with world.provisioner(events=events) as provisioner:
            return (await provisioner.provision(ONE)).authentication.method

    assert world.run(program()) == "no-oob"


def test_the_callback_may_take_its_time_and_hand_back_a_choice() -> None:
    world = World()
    world.device()
    seen: list[Choice] = []

    async def choose(_uuid: UUID, _capabilities: Capabilities, choice: Choice) -> Choice:
        await asyncio.sleep(30.0)
        seen.append(choice)
        return choice

    events = world.provisioner_events(capabilities=choose)

    async def program() -> str:
        async with world.provisioner(events=events) as provisioner:
            return (await provisioner.provision(ONE)).reason

    assert world.run(program()) == seen[0].reason


def test_the_callback_may_refuse_the_device() -> None:
    world = World()
    device = world.device()

    def refuse(*_: object) -> None:
        raise RefusedByPolicyError("Not on my list.", code="refused")

    events = world.provisioner_events(capabilities=refuse)

    async def program() -> None:
        async with world.provisioner(events=events) as provisioner:
            await provisioner.provision(ONE, Bearer.ADV)

    with pytest.raises(ProvisioningError, match="Not on my list") as caught:
        world.run(program())
    assert (caught.value.code, caught.value.uuid) == ("refused", ONE)
    assert not device.is_provisioned
    assert world.noted("device", "link_closed") == [(Bearer.ADV, CloseReason.FAIL)]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        (Method.output(OutputAction.BLINK, 3), "no-common-method"),
        (Method.static(StaticOob(OobKind.NUMERIC, 5)), "no-common-method"),
    ],
)
def test_what_the_device_does_not_offer_cannot_be_chosen(method: Method, code: str) -> None:
    world = World()
    world.device()
    events = world.provisioner_events(capabilities=lambda *_: method)
    policy = replace(IN_BAND, require_known_static=False)

    async def program() -> None:
        async with world.provisioner(events=events, policy=policy) as provisioner:
            await provisioner.provision(ONE)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert caught.value.code == code


def test_without_anybody_to_ask_no_method_with_a_person_is_chosen() -> None:
    world = World()
    world.device(options=STRING)
    events = world.provisioner_events(entry_needed=None, show=None)

    async def program() -> None:
        async with world.provisioner(events=events, policy=OUTPUT) as provisioner:
            await provisioner.provision(ONE)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert caught.value.code == "no-common-method"


@pytest.mark.parametrize("size", [0, 9, -1])
def test_sizes_are_checked_when_a_method_is_named(size: int) -> None:
    with pytest.raises(InputError) as caught:
        Method.output(OutputAction.BLINK, size)
    assert caught.value.code == "bad-oob-size"


@bearers
@pytest.mark.parametrize("algorithm", Algorithm, ids=lambda algorithm: algorithm.name)
def test_each_algorithm(algorithm: Algorithm, bearer: Bearer) -> None:
    world = World()
    device = world.device(options=DeviceOptions(algorithms=algorithm.offered_as))
    policy = replace(IN_BAND, algorithms=(*Algorithm,))

    async def program() -> ProvisionedNode:
        async with world.provisioner(policy=policy) as provisioner:
            return await provisioner.provision(ONE, bearer)

    node = world.run(program())
    assert node.authentication.algorithm == algorithm.name.lower()
    assert device.joined is not None
    assert device.joined.device_key == node.device_key


@bearers
def test_a_device_that_demands_oob_authentication(bearer: Bearer) -> None:
    world = World()
    world.device(options=replace(STRING, only_oob=True, algorithms=Algorithms.HMAC))

    async def program() -> ProvisionedNode:
        async with world.provisioner() as provisioner:
            with pytest.raises(ProvisioningError) as caught:
                await provisioner.provision(ONE, bearer)
            assert caught.value.code == "no-common-method"
            return await provisioner.provision(ONE, bearer, policy=OUTPUT)

    assert world.run(program()).authentication.method == "output"


# People.


@bearers
def test_what_cannot_be_such_a_value_is_asked_for_again(bearer: Bearer) -> None:
    world = World()
    world.device(options=STRING)
    answers = ["", "TOOLONG", "ab!d"]

    async def enter(_uuid: UUID, challenge: Challenge) -> str:
        assert (challenge.action, challenge.size) == (OutputAction.ALPHANUMERIC, 4)
        return answers.pop(0) if answers else (await world.values.get()).lower()

    events = world.provisioner_events(entry_needed=enter)

    async def program() -> None:
        async with world.provisioner(events=events, policy=OUTPUT) as provisioner:
            await provisioner.provision(ONE, bearer)

    world.run(program())
    refused = [error.code for _uuid, error in world.noted("provisioner", "entry_refused")]
    assert refused == ["bad-oob-value"] * 3


def test_a_program_that_always_answers_wrong_is_not_asked_for_ever() -> None:
    world = World()
    world.device(options=STRING)
    events = world.provisioner_events(entry_needed=lambda *_: "")

    async def program() -> None:
        async with world.provisioner(events=events, policy=OUTPUT) as provisioner:
            await provisioner.provision(ONE)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert caught.value.code == "bad-oob-value"
    assert len(world.noted("provisioner", "entry_refused")) == 10


@bearers
def test_a_wrong_value_is_refused_by_the_device_and_counted(bearer: Bearer) -> None:
    world = World()
    device = world.device(options=STRING)
    events = world.provisioner_events(entry_needed=lambda *_: "AAAA")

    async def program() -> None:
        async with world.provisioner(events=events, policy=OUTPUT) as provisioner:
            await provisioner.provision(ONE, bearer)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert (caught.value.code, caught.value.error) == (
        "refused-by-device",
        ErrorCode.CONFIRMATION_FAILED,
    )
    assert caught.value.node is None
    assert world.noted("device", "refused") == [(ErrorCode.CONFIRMATION_FAILED,)]
    assert world.noted("device", "attempts_changed") == [(1,)]
    assert not device.is_provisioned


@bearers
def test_a_wrong_static_value_provisions_nobody(bearer: Bearer) -> None:
    world = World()
    right, wrong = (StaticOob(OobKind.BINARY, bytes([n] * 16)) for n in (1, 2))
    device = world.device(options=DeviceOptions(static_oob=right))

    async def program() -> ProvisionedNode:
        async with world.provisioner() as provisioner:
            with pytest.raises(ProvisioningError) as caught:
                await provisioner.provision(ONE, bearer, static_oob=wrong)
            assert caught.value.error == ErrorCode.CONFIRMATION_FAILED
            assert not device.is_provisioned
            return await provisioner.provision(ONE, bearer, static_oob=right)

    assert world.run(program()).authentication.method == "static"
    assert [count for (count,) in world.noted("device", "attempts_changed")] == [1, 0]


# Durable first.


@bearers
def test_the_node_is_stored_before_the_device_learns_that_it_is_one(bearer: Bearer) -> None:
    world = World()
    world.device()

    async def store(node: ProvisionedNode) -> None:
        world.note("provisioner", "store begins", node)
        await asyncio.sleep(3.0)
        world.note("provisioner", "store ends")

    async def program() -> ProvisionedNode:
        async with world.provisioner(store=store) as provisioner:
            return await provisioner.provision(ONE, bearer)

    node = world.run(program())
    assert world.noted("provisioner", "store begins") == [(node,)]
    assert world.order("provisioner", "store ends") < world.order("device", "persist")


@bearers
@pytest.mark.parametrize("error", [StoreError("The disk is full."), OSError("no disk")])
def test_when_nothing_can_be_stored_nobody_becomes_a_node(bearer: Bearer, error: Exception) -> None:
    world = World()
    device = world.device()

    def store(_node: ProvisionedNode) -> None:
        raise error

    async def program() -> None:
        async with world.provisioner(store=store) as provisioner:
            try:
                await provisioner.provision(ONE, bearer)
            finally:
                await asyncio.sleep(5.0)

    kind = ProvisioningError if isinstance(error, StoreError) else OSError
    with pytest.raises(kind, match="disk") as caught:
        world.run(program())
    if isinstance(caught.value, ProvisioningError):
        assert caught.value.code == "store"
        assert caught.value.__cause__ is error
        assert not caught.value.may_be_node
        assert caught.value.node is None
    else:
        assert caught.value is error
    assert not device.is_provisioned
    assert len(world.noted("device", "link_closed")) == 1


@bearers
def test_storing_is_not_interrupted_by_a_device_that_goes_away(bearer: Bearer) -> None:
    world = World()
    device = world.device()
    stored: list[ProvisionedNode] = []

    async def store(node: ProvisionedNode) -> None:
        device.suspend()
        await asyncio.sleep(300.0)
        stored.append(node)

    async def program() -> None:
        async with world.provisioner(store=store) as provisioner:
            await provisioner.provision(ONE, bearer)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert [caught.value.node] == stored
    assert not caught.value.may_be_node
    assert not device.is_provisioned


def test_an_error_says_when_the_device_may_be_a_node_all_the_same() -> None:
    """Its Complete is lost for good: it falls silent when it has become a node."""
    world = World()
    silent = world.device_events(complete=lambda *_: world.devices[ONE].suspend())
    device = world.device(events=silent)
    stored: list[ProvisionedNode] = []

    async def program() -> None:
        async with world.provisioner(store=stored.append) as provisioner:
            await provisioner.provision(ONE)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert caught.value.may_be_node
    assert [caught.value.node] == stored
    assert device.joined is not None
    assert device.joined.device_key == stored[0].device_key


def test_addresses_come_from_whoever_knows_them() -> None:
    world = World()
    for uuid in uuids(3):
        world.device(uuid, DeviceOptions(elements=4))

    async def addresses(uuid: UUID, elements: int) -> int:
        await asyncio.sleep(0.1)
        return 0x100 * (uuids(3).index(uuid) + 1) + elements

    async def program() -> list[int]:
        async with world.provisioner(addresses=addresses) as provisioner:
            wanted = [None, None, 0x77]
            nodes = [
                await provisioner.provision(uuid, address=address)
                for uuid, address in zip(uuids(3), wanted, strict=True)
            ]
            return [node.address for node in nodes]

    assert world.run(program()) == [0x104, 0x204, 0x77]


@pytest.mark.parametrize("address", [0, 0x7FFF, 0x8000, 0xC000])
def test_an_address_without_room_is_refused_before_anything_is_stored(address: int) -> None:
    world = World()
    device = world.device(options=DeviceOptions(elements=2))
    stored: list[ProvisionedNode] = []

    async def program() -> None:
        async with world.provisioner(store=stored.append) as provisioner:
            await provisioner.provision(ONE, address=address)

    with pytest.raises(ProvisioningError) as caught:
        world.run(program())
    assert caught.value.code == "bad-address"
    assert stored == []
    assert not device.is_provisioned


def test_the_address_pool_never_hands_out_an_address_twice() -> None:
    pool = AddressPool(0x10, taken=[0x12, 0x15, 0x16])
    assert [pool(ONE, elements) for elements in (2, 3, 2, 1)] == [0x10, 0x17, 0x1A, 0x1C]
    pool = AddressPool(0x7FFE)
    assert pool(ONE, 2) == 0x7FFE
    with pytest.raises(StoreError) as caught:
        pool(ONE, 1)
    assert caught.value.code == "addresses-exhausted"


# Misuse.


def test_one_device_is_provisioned_once_at_a_time() -> None:
    world = World()
    world.device()

    async def program() -> None:
        async with world.provisioner() as provisioner:
            first = asyncio.ensure_future(provisioner.provision(ONE))
            await asyncio.sleep(0.1)
            with pytest.raises(InputError) as caught:
                await provisioner.provision(ONE)
            assert caught.value.code == "already-provisioning"
            await first

    world.run(program())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"device_public": bytes(63)}, "bad-public-key"),
        ({"attention": 256}, "bad-attention"),
        ({"attention": -1}, "bad-attention"),
    ],
)
def test_what_cannot_be_asked(arguments: dict[str, int], code: str) -> None:
    world = World()

    async def program() -> None:
        async with world.provisioner() as provisioner:
            await provisioner.provision(ONE, **arguments)  # type: ignore[arg-type] # that is it

    with pytest.raises(InputError) as caught:
        world.run(program())
    assert caught.value.code == code


def test_a_net_key_has_16_octets() -> None:
    world = World()
    with pytest.raises(InputError) as caught:
        world.provisioner(network=replace(NETWORK, net_key=bytes(15)))
    assert caught.value.code == "bad-net-key"
