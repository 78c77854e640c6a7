"""GATT peers that are not ours: Bumble's own device, used as others would and as nobody should."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest
from bumble import hci, smp
from bumble.core import UUID, ProtocolError
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.gatt_client import CharacteristicProxy
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink
from tests.radio.bumble_place import BumblePlace
from tests.radio.gatt_contract import DEVICE, Desk, GattEnd

from meshwright.core.discovery.service_data import MeshService, advertisement
from meshwright.radio.bumble.client import ClientConnection
from meshwright.radio.bumble.server import SUBSCRIBE_LIMIT
from meshwright.radio.gatt import ServiceReport

US, STRANGER = 1, 2
DATA_IN, DATA_OUT = UUID.from_16_bits(0x2ADB), UUID.from_16_bits(0x2ADC)
PROVISIONING, PROXY = UUID.from_16_bits(0x1827), UUID.from_16_bits(0x1828)

Result = TypeVar("Result")


class Meeting:
    """Our station and a stranger's device on one link."""

    def __init__(self) -> None:
        self.place = BumblePlace()
        self.ours = self.place.station(US)
        self.desk = Desk()
        self.stranger = self.run(self._stranger())

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.place.loop.run_until_complete(work)

    def wait(self, condition: Callable[[], object], seconds: float = 30.0) -> None:
        assert self.place.until(condition, seconds)

    async def _stranger(self) -> Device:
        controller = await self.place.controller(STRANGER)
        config = DeviceConfiguration(address=hci.Address("F0:F1:F2:F3:F4:F5"))
        device = Device(config=config, host=Host(controller, AsyncPipeSink(controller)))
        await device.power_on()
        return device

    # The stranger as a client.

    def serve(self) -> None:
        assert self.ours.gatt_server is not None
        self.ours.gatt_server.serve(
            MeshService.PROVISIONING, lambda: DEVICE, self.desk.accept, interval=0.1
        )

    def visit(self) -> Connection:
        self.serve()
        assert self.ours.radio is not None
        address = hci.Address(self.ours.radio.address[::-1], hci.Address.RANDOM_DEVICE_ADDRESS)
        return self.run(self.stranger.connect(address))

    def characteristic(self, link: Connection, uuid: UUID) -> CharacteristicProxy[bytes]:
        async def find() -> CharacteristicProxy[bytes]:
            (service,) = await link.gatt_client.discover_service(PROVISIONING)
            (found,) = await link.gatt_client.discover_characteristics([uuid], service)
            return found

        return self.run(find())

    # The stranger as a server.

    def be_visited(self, *characteristics: Characteristic[bytes]) -> GattEnd:
        if characteristics:
            self.stranger.add_service(Service(PROVISIONING, list(characteristics)))
        payload = advertisement(MeshService.PROVISIONING, DEVICE)
        self.run(self.stranger.start_advertising(advertising_data=payload))
        client, end = self.ours.gatt_client, GattEnd()
        assert client is not None
        found: list[ServiceReport] = []
        client.watch(lambda report, _now: found.append(report))
        self.wait(lambda: found)
        end.connection = client.connect(found[0], end)
        return end


@pytest.fixture
def meeting() -> Iterator[Meeting]:
    meeting = Meeting()
    yield meeting
    meeting.place.close()


def data_in(write: Callable[[Connection, bytes], None] | None = None) -> Characteristic[bytes]:
    return Characteristic(
        DATA_IN,
        Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
        Characteristic.Permissions.WRITEABLE,
        CharacteristicValue(write=write or (lambda _link, _value: None)),
    )


def data_out(properties: Characteristic.Properties) -> Characteristic[bytes]:
    return Characteristic(DATA_OUT, properties, Characteristic.Permissions.READABLE)


# A stranger comes to us.


def test_only_the_service_that_is_served_is_found(meeting: Meeting) -> None:
    link = meeting.visit()
    services = meeting.run(link.gatt_client.discover_services())
    found = [service.uuid for service in services]
    assert PROVISIONING in found
    assert PROXY not in found


def test_the_smallest_mtu_is_enough(meeting: Meeting) -> None:
    link = meeting.visit()
    received: list[bytes] = []
    out = meeting.characteristic(link, DATA_OUT)
    meeting.run(link.gatt_client.subscribe(out, received.append))
    meeting.wait(lambda: meeting.desk.ends)
    end = meeting.desk.ends[0]
    meeting.wait(lambda: end.is_open)
    assert end.mtus == [23]
    end.open_connection.send(bytes(20))
    meeting.wait(lambda: received == [bytes(20)])


def test_a_value_longer_than_the_mtu_allows_is_dropped(meeting: Meeting) -> None:
    link = meeting.visit()
    out, into = (meeting.characteristic(link, uuid) for uuid in (DATA_OUT, DATA_IN))
    meeting.run(link.gatt_client.subscribe(out))
    meeting.wait(lambda: meeting.desk.ends and meeting.desk.ends[0].is_open)
    for value in (bytes(21), b"", b"fits"):
        meeting.run(link.gatt_client.write_value(into, value))
    meeting.wait(lambda: meeting.desk.ends[0].values)
    meeting.place.run(0.5)
    assert meeting.desk.ends[0].values == [b"fits"]


def test_what_is_written_before_notifications_are_enabled_is_dropped(meeting: Meeting) -> None:
    link = meeting.visit()
    out, into = (meeting.characteristic(link, uuid) for uuid in (DATA_OUT, DATA_IN))
    meeting.run(link.gatt_client.write_value(into, b"early"))
    meeting.run(link.gatt_client.subscribe(out))
    meeting.wait(lambda: meeting.desk.ends and meeting.desk.ends[0].is_open)
    meeting.run(link.gatt_client.write_value(into, b"late"))
    meeting.wait(lambda: meeting.desk.ends[0].values)
    assert meeting.desk.ends[0].values == [b"late"]


def test_who_enables_nothing_is_sent_away(meeting: Meeting) -> None:
    link = meeting.visit()
    gone: list[int] = []
    link.on(link.EVENT_DISCONNECTION, gone.append)
    meeting.wait(lambda: gone, SUBSCRIBE_LIMIT + 1)
    assert meeting.desk.ends == []
    assert meeting.visit() is not link  # and the next one is welcome


def test_disabling_notifications_ends_the_connection(meeting: Meeting) -> None:
    link = meeting.visit()
    out = meeting.characteristic(link, DATA_OUT)
    meeting.run(link.gatt_client.subscribe(out))
    meeting.wait(lambda: meeting.desk.ends and meeting.desk.ends[0].is_open)
    meeting.run(link.gatt_client.unsubscribe(out))
    meeting.wait(lambda: meeting.desk.ends[0].reasons)
    assert meeting.desk.ends[0].reasons == ["The other end disabled notifications."]


def test_nobody_can_pair(meeting: Meeting) -> None:
    link = meeting.visit()
    with pytest.raises(ProtocolError) as caught:
        meeting.run(link.pair())
    assert caught.value.error_code == smp.SMP_PAIRING_NOT_SUPPORTED_ERROR


@pytest.mark.parametrize("pdu", [b"", b"\x00", b"\x52", b"\x12\xff", b"\xff" * 30])
def test_nonsense_instead_of_att_harms_nobody(meeting: Meeting, pdu: bytes) -> None:
    link = meeting.visit()
    meeting.place.loop.call_soon(link.send_l2cap_pdu, 4, pdu)
    meeting.place.run(0.5)
    out = meeting.characteristic(link, DATA_OUT)
    meeting.run(link.gatt_client.subscribe(out))
    meeting.wait(lambda: meeting.desk.ends and meeting.desk.ends[0].is_open)


# We come to a stranger.


def test_an_honest_stranger(meeting: Meeting) -> None:
    written: list[bytes] = []
    out = data_out(Characteristic.Properties.NOTIFY)
    end = meeting.be_visited(data_in(lambda _link, value: written.append(value)), out)
    meeting.wait(lambda: end.is_open)
    assert end.mtus == [517]
    end.open_connection.send(b"hello")
    meeting.wait(lambda: written == [b"hello"])
    meeting.run(meeting.stranger.notify_subscribers(out, b"good day"))
    meeting.wait(lambda: end.values == [b"good day"])


@pytest.mark.parametrize(
    ("characteristics", "reason"),
    [
        ([], "The other end has no service 0x1827."),
        ([data_in], "The service 0x1827 of the other end is not whole."),
        (
            [data_in, lambda: data_out(Characteristic.Properties.READ)],
            "The other end cannot notify.",
        ),
    ],
)
def test_a_stranger_without_what_it_advertises(
    meeting: Meeting, characteristics: list[Callable[[], Characteristic[bytes]]], reason: str
) -> None:
    end = meeting.be_visited(*[make() for make in characteristics])
    meeting.wait(lambda: end.reasons)
    assert end.reasons == [reason]
    assert end.mtus == []
    meeting.wait(lambda: not meeting.stranger.connections)


def test_a_stranger_that_hangs_up_meanwhile(meeting: Meeting) -> None:
    def hang_up(link: Connection) -> None:
        meeting.place.loop.create_task(link.disconnect())

    meeting.stranger.on(Device.EVENT_CONNECTION, hang_up)
    end = meeting.be_visited(data_in(), data_out(Characteristic.Properties.NOTIFY))
    meeting.wait(lambda: end.reasons)
    assert end.reasons == ["The other end closed the connection."]


def test_a_stranger_that_never_answers(meeting: Meeting) -> None:
    meeting.stranger.l2cap_channel_manager.deregister_fixed_channel(4)
    end = meeting.be_visited()
    meeting.wait(lambda: end.reasons)
    assert end.reasons == ["The other end does not answer."]


def test_giving_up_while_a_stranger_is_asked(meeting: Meeting) -> None:
    meeting.stranger.l2cap_channel_manager.deregister_fixed_channel(4)
    end = meeting.be_visited()
    meeting.wait(lambda: meeting.stranger.connections)
    end.open_connection.disconnect()
    meeting.wait(lambda: end.reasons and not meeting.stranger.connections)
    assert end.reasons == ["The connection was closed here."]


def test_a_flood_before_we_are_ready(meeting: Meeting) -> None:
    out = data_out(Characteristic.Properties.NOTIFY)

    def flood(link: Connection, notify: bool, _indicate: bool) -> None:
        async def send() -> None:
            for _ in range(1000):
                await meeting.stranger.notify_subscriber(link, out, b"flood")

        assert notify
        meeting.place.loop.create_task(send())

    out.on(out.EVENT_SUBSCRIPTION, flood)
    end = meeting.be_visited(data_in(), out)
    meeting.wait(lambda: end.values or end.reasons)
    meeting.place.run(1.0)
    assert isinstance(end.open_connection, ClientConnection)
    assert len(end.values) == 1000 or end.reasons == ["The other end says too much at once."]
