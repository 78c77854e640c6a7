"""Provisioning over PB-GATT from end to end: algorithms, MTUs, and every way to be cut off."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.provisioning.pair import DATA, LEGACY
from tests.radio.gatt_contract import DEVICE as SERVICE_DATA
from tests.radio.gatt_contract import GattEnd
from tests.radio.gatt_world import DEVICE, OPTIONS, PROVISIONER, RECORDS, World

from meshwright.core.bearers.pb_gatt import DeviceGattLink
from meshwright.core.bearers.proxy_sar import PROXY_SERVICE, MessageType, Reassembler, encode
from meshwright.core.discovery.service_data import MeshService
from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.events import (
    BecameNode,
    CapabilitiesReceived,
    Provisioned,
    SessionFailed,
)
from meshwright.core.provisioning.fields import Algorithm, Algorithms, PduType
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.records import RecordLimits
from meshwright.radio.gatt import GattConnection, ServiceReport
from meshwright.radio.gatt_driven import GattDriven
from meshwright.radio.simulated.propagation import Faults

CMAC = replace(OPTIONS, algorithms=Algorithms.CMAC)


def check_success(world: World) -> None:
    (node,) = world.device_events(BecameNode)
    assert node.data == DATA


# Success.


@pytest.mark.parametrize("mtu", [23, 69, 247])
@pytest.mark.parametrize(
    ("algorithm", "policy"),
    [(Algorithm.HMAC, ZERO_TOUCH), (Algorithm.CMAC, LEGACY)],
    ids=["HMAC", "CMAC"],
)
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_a_device_with_a_certified_key_becomes_a_node(
    mtu: int, algorithm: Algorithm, policy: AuthenticationPolicy, loss: float
) -> None:
    world = World(
        mtu=mtu,
        loss=loss,
        policy=policy,
        options=OPTIONS if algorithm is Algorithm.HMAC else CMAC,
    )
    attempt = world.run()
    check_success(world)
    assert attempt.records == RECORDS
    assert len(attempt.events(Provisioned)) == 1
    (capabilities,) = attempt.events(CapabilitiesReceived)
    assert capabilities.choice.start.algorithm == algorithm
    assert capabilities.choice.uses_oob_key
    assert attempt.events(LinkClosed) == [LinkClosed(CloseReason.SUCCESS, by_peer=False)]
    assert world.device_events(LinkClosed) == [LinkClosed(CloseReason.FAIL, by_peer=True)]
    assert max(len(value) for *_, value in world.passed) <= mtu - 3


def test_the_pdus_are_those_of_the_specification_in_its_order() -> None:
    world = World(mtu=69)
    world.run()
    assert [pdu[0] for pdu in world.pdus(PROVISIONER)] == [
        PduType.RECORDS_GET,
        PduType.RECORD_REQUEST,
        PduType.RECORD_REQUEST,
        PduType.INVITE,
        PduType.START,
        PduType.PUBLIC_KEY,
        PduType.CONFIRMATION,
        PduType.RANDOM,
        PduType.DATA,
    ]
    assert world.pdus(DEVICE)[-1] == bytes([PduType.COMPLETE])


def test_a_record_of_eight_kilobytes_goes_in_one_pdu_at_the_smallest_mtu() -> None:
    record = bytes(number % 251 for number in range(8192))
    limits = RecordLimits(fragment_octets=8192)
    options = replace(OPTIONS, records={1: record}, fragment_limit=8192)
    world = World(mtu=23, limits=limits, options=options)
    attempt = world.run()
    check_success(world)
    assert attempt.records == {1: record}
    assert max(map(len, world.pdus(DEVICE))) == 8200


def test_the_same_seed_gives_the_same_values() -> None:
    def values(seed: int) -> list[tuple[float, bytes, bytes, bytes]]:
        world = World(seed=seed, loss=0.2)
        world.run()
        return world.passed

    assert values(1) == values(1)
    assert values(1) != values(2)


# Cut off.


VALUES = 19
"""Of a session at an ATT_MTU of 247; the last two are Data and Complete."""


def test_so_many_values_can_be_the_last() -> None:
    world = World()
    world.run()
    assert len(world.passed) == VALUES


@pytest.mark.parametrize("last", range(VALUES + 1))
def test_a_connection_that_breaks_leaves_both_sides_clean(last: int) -> None:
    world = World()

    def break_it(*_seen: object) -> None:
        if len(world.passed) == last:
            world.air.faults = Faults(loss=1.0)

    world.gatts.capture(break_it)
    first = world.attempt()
    if last == 0:
        assert world.wait(lambda: first.events(LinkOpened))
        break_it()
    assert world.wait(lambda: first.finished)
    assert world.wait(lambda: world.device_events(LinkClosed), 10.0)
    assert not world.device_link.is_open
    assert first.link.next_deadline() is first.machine.next_deadline() is None
    assert len(first.events(LinkClosed)) == len(world.device_events(LinkClosed)) == 1
    assert len(first.events(Provisioned)) == (last == VALUES)
    world.air.faults = Faults()
    failures = [failure.code for failure in first.events(SessionFailed)]
    assert failures == ([] if last == VALUES else ["link-lost"])
    assert len(world.device_events(BecameNode)) == (last >= VALUES - 1)
    if last >= VALUES - 1:
        return  # a node is no longer to be provisioned, whether Complete was heard or not
    second = world.run()
    check_success(world)
    assert len(second.events(Provisioned)) == 1


def test_a_device_that_disconnects_is_tried_again() -> None:
    world = World()
    first = world.attempt()
    assert world.wait(lambda: first.events(CapabilitiesReceived))
    assert world.device.connection is not None
    world.device.connection.disconnect()
    assert world.wait(lambda: first.finished)
    assert first.driven.reason == "disconnected by the other side"
    assert [failure.code for failure in first.events(SessionFailed)] == ["link-lost"]
    world.run()
    check_success(world)


def test_nobody_there_ends_the_attempt() -> None:
    world = World()
    attempt = world.attempt()
    world.server.power_off()
    assert world.wait(lambda: attempt.finished)
    assert attempt.events(LinkClosed) == [LinkClosed(CloseReason.FAIL, by_peer=True, opened=False)]
    assert attempt.driven.reason == "nobody answered"


def test_an_attempt_can_be_stopped_while_it_connects() -> None:
    world = World()
    attempt = world.attempt()
    attempt.driven.close(CloseReason.FAIL)
    assert attempt.finished == 1
    assert attempt.events(LinkClosed) == [LinkClosed(CloseReason.FAIL, False, opened=False)]
    world.air.run_until(world.air.time() + 30.0)
    assert world.told_device == []


# Hostile and silent peers.


class Stranger(GattEnd):
    """A client with a will of its own."""

    def __init__(self, world: World, *to_send: bytes) -> None:
        super().__init__(*to_send)
        report = ServiceReport(MeshService.PROVISIONING, SERVICE_DATA, DEVICE)
        self.connection: GattConnection | None = world.client.connect(report, self)
        assert world.wait(lambda: self.is_open)


def test_a_client_that_says_nothing_is_disconnected_after_a_minute() -> None:
    world = World()
    stranger = Stranger(world)
    opened = world.air.time()
    assert world.wait(lambda: stranger.reasons)
    assert 60.0 <= world.air.time() - opened <= 60.1
    world.run()
    check_success(world)


@pytest.mark.parametrize(
    "mistake",
    [
        (b"\x83continuation",),
        (b"\xc3last",),
        (b"\x43\x00", b"\x43\x00"),
        (b"\x43" + bytes(200), *[b"\x83" + bytes(200)] * 50),
    ],
    ids=["continuation", "last", "twice", "endless"],
)
def test_a_client_that_breaks_segmentation_is_disconnected(mistake: tuple[bytes, ...]) -> None:
    world = World()
    stranger = Stranger(world, *mistake)
    assert world.wait(lambda: stranger.reasons, 5.0)
    world.run()
    check_success(world)


def test_a_client_that_never_ends_its_message_is_disconnected_after_twenty_seconds() -> None:
    world = World()
    stranger = Stranger(world, b"\x43\x00")
    opened = world.air.time()
    assert world.wait(lambda: stranger.reasons)
    assert 20.0 <= world.air.time() - opened <= 20.2
    world.run()
    check_success(world)


def test_a_client_that_sends_nonsense_is_told_so() -> None:
    world = World()
    stranger = Stranger(world, b"\x3frfu", b"\x03\xff")
    assert world.wait(lambda: stranger.values)
    assert stranger.values == [bytes([3, PduType.FAILED, 1])]
    stranger.open_connection.disconnect()
    world.run()
    check_success(world)


# Handing the connection on.


def test_after_success_the_connection_carries_proxy_pdus() -> None:
    world = World(hand_on=True)
    attempt = world.run(keep=True)
    check_success(world)
    assert attempt.events(LinkClosed) == [LinkClosed(CloseReason.SUCCESS, by_peer=False)]
    assert world.device_events(LinkClosed) == [LinkClosed(CloseReason.SUCCESS, by_peer=False)]
    ends = GattEnd(), GattEnd()
    for end, driven in zip(ends, (attempt.driven, world.device), strict=True):
        end.connection = driven.release()
        end.open_connection.listen(end)
        end.open_connection.switch(MeshService.PROXY)
    assert world.wait(lambda: ends[0].is_open and ends[1].is_open)
    message = bytes(range(29))
    for value in encode(MessageType.NETWORK, message, ends[0].mtus[0]):
        ends[0].open_connection.send(value)
    assert world.wait(lambda: ends[1].values)
    whole = Reassembler(PROXY_SERVICE).receive(ends[1].values[0], 0.0)
    assert whole == (MessageType.NETWORK, message)
    world.air.run_until(world.air.time() + 200.0)  # no timer of the session is left
    assert ends[0].is_open
    assert ends[1].is_open


def test_a_connection_is_not_kept_after_a_failure() -> None:
    world = World(options=CMAC)
    attempt = world.run(keep=True)
    assert [failure.code for failure in attempt.events(SessionFailed)] == ["downgrade"]
    assert attempt.driven.release() is None
    world.air.run_until(world.air.time() + 1.0)
    assert world.device.connection is None


def test_releasing_early_leaves_no_timer_and_an_open_connection() -> None:
    world = World()
    attempt = world.attempt()
    assert world.wait(lambda: attempt.events(LinkOpened))
    end = GattEnd()
    end.connection = attempt.driven.release()
    end.open_connection.listen(end)
    told = len(attempt.told)
    assert world.wait(lambda: end.reasons)  # the device gives up
    assert world.air.time() > 60.0
    assert len(attempt.told) == told


def test_stopping_disconnects() -> None:
    world = World()
    attempt = world.attempt()
    assert world.wait(lambda: attempt.events(LinkOpened))
    told = len(attempt.told)
    attempt.driven.stop()
    assert world.wait(lambda: world.device_events(LinkClosed), 1.0)
    world.air.run_until(world.air.time() + 100.0)
    assert len(attempt.told) == told


# The driver itself.


def test_only_a_provisioner_connects() -> None:
    world = World()
    driven = GattDriven(DeviceGattLink(), DeviceMachine(OPTIONS, bytes), lambda *_: None, world.air)
    report = ServiceReport(MeshService.PROVISIONING, SERVICE_DATA, DEVICE)
    with pytest.raises(TypeError):
        driven.connect(world.client, report)


def test_a_client_that_comes_before_the_last_is_gone_takes_its_place() -> None:
    world = World()
    told: list[Effect] = []
    driven = GattDriven(
        DeviceGattLink(),
        DeviceMachine(OPTIONS, bytes),
        lambda effects, _now: told.extend(effects),
        world.air,
    )
    first, second = (world.client.connect(_anybody(), GattEnd()) for _ in range(2))
    for connection in (first, second):
        driven.accept(connection, world.air.time())
        driven.connected(69, world.air.time())
    assert told == [LinkOpened(), LinkClosed(CloseReason.FAIL, by_peer=True), LinkOpened()]
    assert driven.connection is second


def _anybody() -> ServiceReport:
    return ServiceReport(MeshService.PROVISIONING, SERVICE_DATA, b"NOBODY")
