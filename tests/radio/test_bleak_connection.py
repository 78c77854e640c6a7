"""Connections on the system's own stack when something goes wrong, and whole sessions on them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from tests.radio.bleak_place import SERVER, BleakPlace
from tests.radio.gatt_contract import DEVICE, INTERVAL, Desk, GattEnd
from tests.roles.certified import NOW, certified
from tests.roles.roles_world import NETWORK, ONE

from meshwright.clock import ManualClock
from meshwright.core.discovery.beacon import CERTIFICATE_BASED
from meshwright.core.discovery.service_data import MeshService
from meshwright.core.errors import InputError
from meshwright.pki.validation import ChainValidator
from meshwright.radio.gatt import GattConnection, ServiceReport
from meshwright.randomness import SeededRandomness, SystemRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.roles.device_events import DeviceEvents
from meshwright.roles.provisioned import ProvisionedNode
from meshwright.roles.provisioner import Provisioner


@pytest.fixture
def place() -> Iterator[BleakPlace]:
    place = BleakPlace()
    yield place
    place.close()


def serve(place: BleakPlace) -> tuple[Desk, ServiceReport]:
    """Serve, and find that."""
    desk, found = Desk(), list[ServiceReport]()
    place.server().serve(MeshService.PROVISIONING, lambda: DEVICE, desk.accept, interval=INTERVAL)
    place.client().watch(lambda report, _now: found.append(report))
    assert place.until(lambda: found, 10.0)
    place.client().watch(None)
    return desk, found[0]


def connect(place: BleakPlace, report: ServiceReport, *to_send: bytes) -> GattEnd:
    end = GattEnd(*to_send)
    end.connection = place.client().connect(report, end)
    return end


def ended(place: BleakPlace, end: GattEnd, seconds: float = 40.0) -> str:
    """Return why it ended, once, and that nothing is left of it."""
    assert place.until(lambda: end.reasons, seconds)
    place.run(10.0)
    assert place.system(1).links == {}
    (reason,) = end.reasons
    assert reason is not None
    assert not end.open_connection.ready
    return reason


# What the system refuses.


@pytest.mark.parametrize(
    ("what", "error", "says"),
    [
        ("connect", BleakError("le-connection-abort-by-local"), "le-connection-abort-by-local"),
        ("connect", BleakDeviceNotFoundError("C0", "gone"), "forgotten"),
        ("connect", OSError("of Windows"), "of Windows"),
        ("connect", TimeoutError(), "not heard again"),
        ("connect", asyncio.CancelledError(), "The other end closed the connection"),
        ("notify", BleakGATTProtocolError(0x05), "refuses what every mesh service allows"),
        ("notify", ValueError("Characteristic notifications already started"), "already"),
    ],
)
def test_a_refusal_ends_the_connection(
    place: BleakPlace, what: str, error: BaseException, says: str
) -> None:
    desk, report = serve(place)
    place.system(1).trouble[what] = error
    end = connect(place, report)
    assert says in ended(place, end)
    assert (desk.ends, end.mtus) == ([], [])


def test_a_value_that_the_system_does_not_take_ends_the_connection(place: BleakPlace) -> None:
    desk, report = serve(place)
    place.system(1).trouble["write"] = BleakError("Not connected")
    end = connect(place, report, b"value")
    assert "Not connected" in ended(place, end)
    assert desk.ends[0].values == []
    assert desk.ends[0].reasons


@pytest.mark.parametrize("what", ["connect", "notify", "write"])
def test_a_system_that_keeps_silent_is_not_waited_for(place: BleakPlace, what: str) -> None:
    _, report = serve(place)
    place.system(1).silent.add(what)
    end = connect(place, report, b"value")
    assert "not heard again, or does not answer" in ended(place, end, 60.0)


def test_a_system_that_does_not_disconnect_is_not_waited_for(place: BleakPlace) -> None:
    desk, report = serve(place)
    end = connect(place, report)
    assert place.until(lambda: end.is_open and desk.ends, 10.0)
    place.system(1).silent.add("disconnect")
    end.open_connection.disconnect()
    assert place.until(lambda: end.reasons, 10.0)
    assert end.reasons == ["The connection was closed here."]


def test_a_link_that_breaks_is_told_and_let_go(place: BleakPlace) -> None:
    desk, report = serve(place)
    end = connect(place, report)
    assert place.until(lambda: end.is_open and desk.ends, 10.0)
    desk.ends[0].open_connection.disconnect()
    assert ended(place, end) == "The other end closed the connection, or is out of range."
    assert place.system(1).asked[-1] == "disconnect"  # the client itself is let go


def test_what_the_system_has_taken_its_time_for_leaves_before_the_end(place: BleakPlace) -> None:
    desk, report = serve(place)
    place.system(1).slow["write"] = 0.5
    end = connect(place, report)
    assert place.until(lambda: end.is_open and desk.ends, 10.0)
    end.open_connection.send(b"last word")
    end.open_connection.disconnect()
    ended(place, end)
    assert desk.ends[0].values == [b"last word"]


def test_what_the_other_end_says_at_once_is_told_after_the_beginning(place: BleakPlace) -> None:
    words = [bytes([number]) for number in range(10)]
    _, report = serve(place)
    desk = Desk(*words)
    place.server().serve(MeshService.PROVISIONING, lambda: DEVICE, desk.accept, interval=INTERVAL)
    place.system(1).slow["notify"] = 3.0
    end = connect(place, report)
    assert place.until(lambda: desk.ends and not desk.ends[0].to_send, 10.0)
    assert end.calls == 0
    assert place.until(lambda: len(end.values) == 10, 10.0)
    assert end.values == words


def test_whoever_says_too_much_at_once_is_left(place: BleakPlace) -> None:
    _, report = serve(place)
    desk = Desk(*[b"flood"] * 1000)
    place.server().serve(MeshService.PROVISIONING, lambda: DEVICE, desk.accept, interval=INTERVAL)
    place.system(1).slow["notify"] = 8.0
    end = connect(place, report)
    assert ended(place, end) == "The other end says too much at once."
    assert end.values == []


def test_links_are_made_one_after_the_other(place: BleakPlace) -> None:
    _, report = serve(place)
    first, second = connect(place, place.nobody()), connect(place, report)
    place.run(5.0)
    assert place.system(1).asked.count("connect") == 1
    assert place.until(lambda: second.is_open, 60.0)
    assert first.reasons
    assert place.system(1).asked.count("connect") == 2


def test_whoever_waits_for_a_turn_can_give_up(place: BleakPlace) -> None:
    first, second = connect(place, place.nobody()), connect(place, place.nobody())
    place.run(1.0)
    second.open_connection.disconnect()
    assert place.until(lambda: second.reasons, 1.0)
    assert second.reasons == ["The connection was closed here."]
    assert not first.reasons
    first.open_connection.disconnect()
    assert place.until(lambda: first.reasons, 1.0)


def test_a_mind_is_changed_about_the_service_while_the_link_is_made(place: BleakPlace) -> None:
    desk, report = serve(place)
    end = connect(place, report)
    end.open_connection.switch(MeshService.PROXY)
    assert "no service 0x1828" in ended(place, end)
    assert (desk.ends, end.mtus) == ([], [])


def test_a_mind_is_changed_about_the_service_while_it_is_enabled(place: BleakPlace) -> None:
    desk, report = serve(place)
    place.system(1).slow["notify"] = 1.0
    end = connect(place, report)
    assert place.until(lambda: desk.ends and desk.ends[0].is_open, 10.0)
    end.open_connection.switch(MeshService.PROXY)
    desk.ends[0].open_connection.switch(MeshService.PROXY)
    assert place.until(lambda: end.is_open and len(desk.ends[0].mtus) == 2, 10.0)
    end.open_connection.send(b"network")
    assert place.until(lambda: desk.ends[0].values, 5.0)
    assert len(end.mtus) == 1


def test_a_report_of_another_radio_is_refused(place: BleakPlace) -> None:
    with pytest.raises(TypeError):
        place.client().connect(ServiceReport(MeshService.PROXY, b"", "somebody"), GattEnd())


def test_a_closed_radio_connects_to_nobody(place: BleakPlace) -> None:
    desk, report = serve(place)
    open_one = connect(place, report)
    assert place.until(lambda: open_one.is_open and desk.ends, 10.0)
    place.loop.run_until_complete(place.station(1).close())
    place.loop.run_until_complete(place.station(1).close())
    assert open_one.reasons == ["The connection was closed here."]
    late = connect(place, report)
    assert late.calls == 0
    assert "was closed" in ended(place, late)
    asked = len(place.system(1).asked)
    place.client().watch(lambda *_: None)
    place.run(5.0)
    assert len(place.system(1).asked) == asked


# Whole sessions.


def test_predictable_randomness_does_not_reach_a_system(place: BleakPlace) -> None:
    with pytest.raises(InputError) as caught:
        Provisioner(place.station(1), NETWORK, randomness=SeededRandomness(1))
    assert caught.value.code == "predictable-randomness"


def test_a_certified_device_joins_and_its_connection_becomes_a_proxys(place: BleakPlace) -> None:
    kept: list[GattConnection] = []
    what = certified(ONE)
    place.station(SERVER)
    device = Device(
        place.station(SERVER),
        ONE,
        what.options,
        randomness=SystemRandomness(),
        bearers=Bearer.GATT,
        oob_information=CERTIFICATE_BASED,
        events=DeviceEvents(connection_kept=kept.append),
    )
    station = place.station(1)

    async def program() -> ProvisionedNode:
        async with Provisioner(
            station,
            NETWORK,
            randomness=SystemRandomness(),
            roots=ChainValidator([what.root]),
            clock=ManualClock(NOW),
        ) as provisioner:
            return await provisioner.provision(ONE, Bearer.GATT, keep_connection=True)

    node = place.loop.run_until_complete(program())
    assert device.joined is not None
    assert device.joined.device_key == node.device_key
    assert device.joined.data.net_key == NETWORK.net_key
    assert (node.bearer, node.authentication.key) == (Bearer.GATT, "certificate")
    assert node.certificate is not None
    assert node.certificate.identity.uuid == ONE
    assert node.connection is not None
    ends = GattEnd(), GattEnd()
    assert place.until(lambda: kept, 5.0)
    for end, connection in zip(ends, (node.connection, kept[0]), strict=True):
        end.connection = connection
        connection.listen(end)
        connection.switch(MeshService.PROXY)
    assert place.until(lambda: all(end.mtus for end in ends), 10.0)
    ends[0].open_connection.send(b"\x00network")
    ends[1].open_connection.send(b"\x01beacon")
    assert place.until(lambda: ends[0].values and ends[1].values, 5.0)
    assert (ends[0].values, ends[1].values) == ([b"\x01beacon"], [b"\x00network"])
    assert place.system(1).asked.count("connect") >= 2  # so many looks, on one link
