"""The Bumble radio: the contract on controllers of every kind, and what they put on the air."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise

import pytest
from bumble import hci, ll
from tests.radio.bumble_controllers import (
    EndlessController,
    ExtendedController,
    LonelyController,
    MeshController,
    SlowController,
)
from tests.radio.bumble_place import BumblePlace, Kind
from tests.radio.contract import ONE, RadioContract
from tests.radio.gatt_contract import DEVICE, Desk, GattEnd
from tests.radio.recorder import Recorder

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.bumble.spec import RadioOptions
from meshwright.radio.examine.loopback import loopback
from meshwright.radio.gatt import ServiceReport
from meshwright.radio.port import Radio
from meshwright.randomness import SeededRandomness

KINDS = [MeshController, SlowController, ExtendedController, EndlessController, LonelyController]
ONE_SET = [MeshController, SlowController, LonelyController]
MANY = RadioOptions(repeats=3)


class BumbleContract(RadioContract):
    """The contract, in virtual time."""

    place: BumblePlace
    patience = 1.0

    def radio(self, number: int) -> Radio:
        return radio_of(self.place, number)

    def run(self, seconds: float) -> None:
        self.place.run(seconds * self.patience)

    def test_refuses_seeded_randomness(self) -> None:
        assert not self.radio(1).predictable_allowed


class TestBumbleRadio(BumbleContract):
    """On every kind of controller."""

    @pytest.fixture(params=KINDS, autouse=True)
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.patience = 4.0 if request.param is SlowController else 1.0
        self.place = BumblePlace(request.param)
        yield
        self.place.close()


class TestBumbleRadioRepeating(BumbleContract):
    """With three events a packet."""

    patience = 3.0

    @pytest.fixture(params=[MeshController, ExtendedController, EndlessController], autouse=True)
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        self.place = BumblePlace(request.param, MANY)
        yield
        self.place.close()


OpenPlace = Callable[..., BumblePlace]


@pytest.fixture
def open_place() -> Iterator[OpenPlace]:
    """Return what makes a place, which is closed at the end."""
    with ExitStack() as places:

        def make(kind: Kind = MeshController, options: RadioOptions | None = None) -> BumblePlace:
            place = BumblePlace(kind, options)
            places.callback(place.close)
            return place

        yield make


def radio_of(place: BumblePlace, number: int) -> Radio:
    radio = place.station(number).radio
    assert radio is not None
    return radio


def advertised(place: BumblePlace, number: int) -> int:
    controller = place.controllers[number]
    assert isinstance(controller, MeshController)
    return controller.advertised


def packets(count: int) -> list[bytes]:
    return [structure(AdType.PB_ADV, bytes([number]) * 20) for number in range(count)]


# Events.


@pytest.mark.parametrize("kind", KINDS)
def test_one_event_a_packet_and_each_packet_once(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind)
    hearer, sender = Recorder(radio_of(place, 2)), Recorder(radio_of(place, 1), *packets(30))
    before = advertised(place, 1)  # while it was opened it tried what its sets do
    assert place.until(lambda: len(sender.sent_at) == 30, 30.0)
    assert advertised(place, 1) - before == 30
    assert sorted(hearer.payloads) == sorted(packets(30))


@pytest.mark.parametrize("kind", [MeshController, ExtendedController])
def test_so_many_events_a_packet(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind, MANY)
    sender = Recorder(radio_of(place, 1), *packets(10))
    before = advertised(place, 1)
    assert place.until(lambda: len(sender.sent_at) == 10, 30.0)
    assert 30 <= advertised(place, 1) - before <= 40  # a slice may be long enough for one more


@pytest.mark.parametrize("kind", ONE_SET)
def test_one_set_keeps_the_order(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind)
    hearer, sender = Recorder(radio_of(place, 2)), Recorder(radio_of(place, 1), *packets(20))
    assert place.until(lambda: len(sender.sent_at) == 20, 30.0)
    assert hearer.payloads == packets(20)


@pytest.mark.parametrize(
    ("kind", "slowest"), [(ExtendedController, 0.006), (MeshController, 0.021)]
)
def test_how_fast_it_is(open_place: OpenPlace, kind: Kind, slowest: float) -> None:
    place = open_place(kind)
    sender = Recorder(radio_of(place, 1), *packets(50))
    assert place.until(lambda: len(sender.sent_at) == 50, 30.0)
    gaps = [after - before for before, after in pairwise(sender.ready_at)]
    pacing = sender.radio.pacing
    assert sum(gaps) / len(gaps) <= slowest
    assert sum(gaps) / len(gaps) == pytest.approx(pacing.mean, rel=0.5)


def test_a_short_slice_is_faster(open_place: OpenPlace) -> None:
    place = open_place(MeshController, RadioOptions(slice=5))
    hearer, sender = Recorder(radio_of(place, 2)), Recorder(radio_of(place, 1), *packets(50))
    begun = place.loop.time()
    assert place.until(lambda: len(sender.sent_at) == 50, 30.0)
    assert sender.sent_at[-1] - begun < 0.3
    assert len(hearer.reports) == 50


# What is heard.


@pytest.mark.parametrize("kind", [MeshController, ExtendedController])
def test_only_what_nobody_can_connect_to_is_a_packet(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind)
    hearer = Recorder(radio_of(place, 1))
    address = hci.Address("F0:00:00:00:00:01")
    place.run(0.1)

    def advertise() -> None:
        for pdu in (ll.AdvInd(address, ONE), ll.AdvNonConnInd(address, ONE)):
            place.controllers[1].on_ll_advertising_pdu(pdu)

    place.loop.call_soon(advertise)
    place.run(0.1)
    assert [(report.payload, report.rssi) for report in hearer.reports] == [(ONE, -50)]
    assert hearer.reports[0].address == bytes.fromhex("f00000000001")


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x05\x2a\x00", bytes(31), b"\xff" * 31])
def test_nonsense_on_the_air_makes_no_trouble(open_place: OpenPlace, data: bytes) -> None:
    place = open_place()
    hearer = Recorder(radio_of(place, 1))
    pdu = ll.AdvNonConnInd(hci.Address("F0:00:00:00:00:01"), data)
    place.loop.call_soon(place.controllers[1].on_ll_advertising_pdu, pdu)
    place.run(0.1)
    assert hearer.payloads == ([data] if len(data) > 1 else [])


# Packets and GATT on one controller.


@pytest.mark.parametrize("kind", [*ONE_SET, ExtendedController, EndlessController])
def test_packets_and_a_service_share_a_controller(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind)
    desk, end = Desk(), GattEnd()
    hearer, sender = Recorder(radio_of(place, 2)), Recorder(radio_of(place, 1), *packets(100))
    server, client = place.station(1).gatt_server, place.station(2).gatt_client
    assert server is not None
    assert client is not None
    found: list[tuple[ServiceReport, float]] = []
    server.serve(MeshService.PROVISIONING, lambda: DEVICE, desk.accept, interval=0.1)
    client.watch(lambda report, now: found.append((report, now)))
    assert place.until(lambda: len(found) > 3, 10.0)
    assert sender.to_send
    end.connection = client.connect(found[0][0], end)
    assert place.until(lambda: end.is_open and desk.ends and desk.ends[0].is_open, 10.0)
    end.open_connection.send(b"hello")
    assert place.until(lambda: desk.ends[0].values == [b"hello"], 5.0)
    assert place.until(lambda: len(sender.sent_at) == 100, 60.0)
    assert sorted(set(hearer.payloads)) == sorted(packets(100))


@pytest.mark.parametrize("kind", [MeshController, ExtendedController, EndlessController])
def test_a_busy_sender_does_not_starve_the_service(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind)
    server, client = place.station(1).gatt_server, place.station(2).gatt_client
    assert server is not None
    assert client is not None
    found: list[float] = []
    sender = Recorder(radio_of(place, 1), *packets(1) * 1000)
    client.watch(lambda _report, now: found.append(now))
    server.serve(MeshService.PROVISIONING, lambda: DEVICE, Desk().accept, interval=0.1)
    place.run(3.0)
    assert sender.to_send
    assert max(after - before for before, after in pairwise(found)) < 0.3


class BusyController(MeshController):
    """Cannot scan while it makes a connection."""

    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        connecting = isinstance(command, hci.HCI_LE_Create_Connection_Command)
        if connecting and self.le_scan_enable:
            disallowed = hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR
            self._send_hci_command_status(disallowed, command.op_code)
        else:
            super().on_hci_command_packet(command)


def test_scanning_pauses_where_a_controller_cannot_do_both(open_place: OpenPlace) -> None:
    place = open_place(BusyController)
    desk, end = Desk(), GattEnd()
    server, client = place.station(1).gatt_server, place.station(2).gatt_client
    assert server is not None
    assert client is not None
    found: list[ServiceReport] = []
    server.serve(MeshService.PROVISIONING, lambda: DEVICE, desk.accept, interval=0.1)
    client.watch(lambda report, _now: found.append(report))
    assert place.until(lambda: found, 5.0)
    end.connection = client.connect(found[0], end)
    assert place.until(lambda: end.is_open, 5.0)
    assert place.controllers[2].le_scan_enable


# The self-test, on good controllers and on a faulty one.


@pytest.mark.parametrize("kind", [MeshController, ExtendedController])
def test_the_self_test_passes_on_good_controllers(open_place: OpenPlace, kind: Kind) -> None:
    place = open_place(kind)
    one, other = place.station(1), place.station(2)
    random = SeededRandomness(1).stream("mark")
    result = place.loop.run_until_complete(loopback(one, other, random, packets=30))
    assert result.passed
    assert [way.heard for way in result.directions] == [30, 30]
    assert result.findings == ()


class MuteController(MeshController):
    """Takes packets and sends none."""

    def send_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if self.name != "c1":
            super().send_advertising_pdu(packet)


def test_the_self_test_finds_a_controller_that_sends_nothing(open_place: OpenPlace) -> None:
    place = open_place(MuteController)
    one, other = place.station(1), place.station(2)
    random = SeededRandomness(1).stream("mark")
    result = place.loop.run_until_complete(loopback(one, other, random, packets=10))
    assert not result.passed
    assert [finding.code for finding in result.findings] == ["nothing-heard"]
    assert result.directions[1].heard == 10
