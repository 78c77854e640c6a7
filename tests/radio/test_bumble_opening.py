"""Opening, examining, losing and closing controllers, good ones and faulty ones."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from importlib.metadata import version

import pytest
import usb1  # type: ignore[import-untyped]  # it has no types
from bumble import hci
from bumble.controller import AdvertisingSet, Controller, LegacyAdvertiser
from bumble.host import DataPacketQueue, Host
from bumble.transport.common import Transport, TransportInitError, TransportSpecError
from tests.radio.bumble_controllers import (
    EndlessController,
    ExtendedController,
    LonelyController,
    MeshController,
    SlowController,
    piped,
    stock_controller,
)
from tests.radio.bumble_place import BumblePlace, Kind
from tests.radio.contract import ONE
from tests.radio.gatt_contract import DEVICE, Desk, GattEnd
from tests.radio.recorder import Recorder

from meshwright.core.discovery.service_data import MeshService
from meshwright.core.errors import InputError, MachineError, MeshwrightError
from meshwright.radio.bumble.errors import explained
from meshwright.radio.bumble.facts import CONNECT_AND_SCAN, SEND_AND_SCAN, ControllerFacts
from meshwright.radio.bumble.gatt import BumblePeer
from meshwright.radio.bumble.opening import open_controller
from meshwright.radio.bumble.radio import open_station
from meshwright.radio.bumble.spec import RadioOptions
from meshwright.radio.errors import RadioBusyError, RadioError
from meshwright.radio.gatt import ServiceReport
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness


@pytest.fixture
def place() -> Iterator[BumblePlace]:
    place = BumblePlace()
    yield place
    place.close()


def controller(place: BumblePlace, number: int = 1) -> Controller:
    return place.loop.run_until_complete(place.controller(number))


def refused(place: BumblePlace, number: int = 1) -> MeshwrightError:
    with pytest.raises(MeshwrightError) as caught:
        place.station(number)
    return caught.value


# What a controller can do.


def facts_of(kind: Kind, options: RadioOptions | None = None) -> ControllerFacts:
    place = BumblePlace(kind)

    async def examine() -> ControllerFacts:
        transport = piped(await place.controller(1))
        random = SeededRandomness(1).stream("address")
        opened = await open_controller("it", transport, options or RadioOptions(), random)
        await opened.close()
        return opened.facts

    facts = place.loop.run_until_complete(examine())
    place.close()
    return facts


@pytest.mark.parametrize(
    ("kind", "sets", "ends", "interval", "findings"),
    [
        (MeshController, 0, False, 20, ["one-advertising-set"]),
        (SlowController, 0, False, 100, ["slow-advertising", "one-advertising-set"]),
        (ExtendedController, 3, True, 20, []),
        (LonelyController, 1, True, 20, []),
        (EndlessController, 3, False, 20, ["sets-never-end"]),
        (stock_controller, 4, False, 20, ["sets-never-end"]),
    ],
)
def test_facts_are_found_by_trying(
    kind: Kind, sets: int, *, ends: bool, interval: int, findings: list[str]
) -> None:
    facts = facts_of(kind)
    assert (facts.sets, facts.sets_end, facts.shortest_interval) == (sets, ends, interval)
    assert [finding.code for finding in facts.findings] == [*findings, "deaf-while-connecting"]
    assert all(finding.sentence.endswith(".") for finding in facts.findings)


def test_what_a_controller_says_about_itself() -> None:
    identity = facts_of(SlowController).identity
    assert identity.version == "4.2"
    assert identity.address == b"\0\0\0\0" + b"c1"[::-1]
    assert not identity.extended_advertising
    assert identity.advertising_data == 31
    assert SEND_AND_SCAN in identity.states
    assert CONNECT_AND_SCAN not in identity.states
    assert (identity.buffer_size, identity.buffers) == (27, 64)


class DeafController(MeshController):
    """Does nothing beside advertising, and says so."""

    le_states = bytes(8)


def test_a_controller_that_cannot_do_two_things() -> None:
    codes = [finding.code for finding in facts_of(DeafController).findings]
    assert codes == ["one-advertising-set", "deaf-while-advertising", "deaf-while-connecting"]


def test_options_choose_the_legacy_commands_and_the_pace() -> None:
    facts = facts_of(ExtendedController, RadioOptions(sets=0, slice=5))
    assert facts.sets == 0
    assert 150 < facts.packets_a_second <= 200
    assert facts_of(ExtendedController, RadioOptions(sets=2)).sets == 2
    assert facts_of(SlowController).packets_a_second == pytest.approx(10, rel=0.1)


def test_the_address_is_random_static_and_new_each_time(place: BumblePlace) -> None:
    first, second = (place.station(number).radio for number in (1, 2))
    assert first is not None
    assert second is not None
    assert first.address != second.address
    assert all(radio.address[0] & 0xC0 == 0xC0 for radio in (first, second))


# Controllers that cannot be used.


def test_a_silent_controller(place: BumblePlace) -> None:
    controller(place).silent = True  # type: ignore[attr-defined]
    error = refused(place)
    assert error.code == "radio-silent"
    assert isinstance(error, RadioError)


@pytest.mark.parametrize(
    "command",
    [
        hci.HCI_RESET_COMMAND,
        hci.HCI_LE_SET_RANDOM_ADDRESS_COMMAND,
        hci.HCI_LE_SET_ADVERTISING_PARAMETERS_COMMAND,
        hci.HCI_LE_SET_SCAN_PARAMETERS_COMMAND,
        hci.HCI_LE_SET_SCAN_ENABLE_COMMAND,
    ],
)
def test_a_controller_that_refuses_what_is_needed(place: BumblePlace, command: int) -> None:
    controller(place).fails = frozenset({command})  # type: ignore[attr-defined]
    assert refused(place).code in ("radio-refused", "radio-silent")


@pytest.mark.parametrize(
    "command",
    [hci.HCI_READ_BD_ADDR_COMMAND, hci.HCI_LE_READ_SUPPORTED_STATES_COMMAND],
)
def test_what_is_not_needed_may_fail(place: BumblePlace, command: int) -> None:
    controller(place).fails = frozenset({command})  # type: ignore[attr-defined]
    assert place.station(1).radio is not None


def test_packets_that_are_refused_for_long_end_the_station(place: BumblePlace) -> None:
    station = place.station(1)
    controller(place).fails = frozenset({hci.HCI_LE_SET_ADVERTISING_ENABLE_COMMAND})  # type: ignore[attr-defined]
    assert station.radio is not None
    recorder = Recorder(station.radio, *[ONE] * 50)
    assert station.lost is not None
    assert place.until(station.lost.done, 10.0)
    assert station.lost.result().code == "radio-refused"
    assert len(recorder.sent_at) >= 19


def test_a_packet_that_is_refused_once_is_lost_on_the_air(place: BumblePlace) -> None:
    station = place.station(1)
    its = controller(place)
    assert station.radio is not None
    recorder = Recorder(station.radio, ONE)
    its.fails = frozenset({hci.HCI_LE_SET_ADVERTISING_ENABLE_COMMAND})  # type: ignore[attr-defined]
    assert place.until(lambda: recorder.sent_at, 1.0)
    its.fails = frozenset()  # type: ignore[attr-defined]
    assert place.until(lambda: station.radio is not None and station.radio.ready, 1.0)
    recorder.radio.transmit(ONE)
    assert place.until(lambda: its.advertised == 1, 1.0)  # type: ignore[attr-defined]


# Controllers that go away.


def lose(its: Controller) -> None:
    its.hci_sink.on_transport_lost()  # type: ignore[union-attr]


def break_down(its: Controller) -> None:
    its.hci_sink.on_packet(bytes([4, 0x10, 1, 1]))  # type: ignore[union-attr]  # Hardware Error


def fall_silent(its: Controller) -> None:
    its.silent = True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("accident", "code"),
    [(lose, "radio-lost"), (break_down, "radio-lost"), (fall_silent, "radio-silent")],
)
def test_the_owner_learns_of_a_lost_controller(
    place: BumblePlace, accident: Callable[[Controller], None], code: str
) -> None:
    station = place.station(1)
    assert station.radio is not None
    assert station.lost is not None
    recorder = Recorder(station.radio, *[ONE] * 100)
    assert place.until(lambda: recorder.sent_at, 1.0)
    assert not station.lost.done()
    accident(controller(place))
    assert place.until(station.lost.done, 10.0)
    assert station.lost.result().code == code
    assert not station.radio.ready
    with pytest.raises(RadioBusyError):
        station.radio.transmit(ONE)


def connection(place: BumblePlace) -> tuple[GattEnd, Desk, Station]:
    station, desk, end = place.station(2), Desk(), GattEnd()
    server, client = place.station(1).gatt_server, station.gatt_client
    assert server is not None
    assert client is not None
    found: list[ServiceReport] = []
    server.serve(MeshService.PROVISIONING, lambda: DEVICE, desk.accept, interval=0.1)
    client.watch(lambda report, _now: found.append(report))
    assert place.until(lambda: found, 5.0)
    end.connection = client.connect(found[0], end)
    assert place.until(lambda: end.is_open, 5.0)
    return end, desk, station


def test_connections_end_with_the_controller(place: BumblePlace) -> None:
    end, _, _ = connection(place)
    lose(controller(place, 2))
    assert place.until(lambda: end.reasons, 5.0)
    assert end.reasons == ["The radio was lost."]
    assert not end.open_connection.ready


def test_connecting_ends_with_the_controller(place: BumblePlace) -> None:
    client, end = place.station(1).gatt_client, GattEnd()
    assert client is not None
    nobody = ServiceReport(MeshService.PROVISIONING, DEVICE, BumblePeer(1, b"NOBODY"))
    end.connection = client.connect(nobody, end)
    place.run(0.1)
    lose(controller(place, 1))
    assert place.until(lambda: end.reasons, 30.0)


# Closing.


def test_closing_twice_and_opening_again(place: BumblePlace) -> None:
    station = place.station(1)
    for _ in range(2):
        place.loop.run_until_complete(station.close())
    assert station.radio is not None
    assert not station.radio.ready
    assert station.lost is not None
    assert not station.lost.done()
    assert not controller(place).le_scan_enable
    assert not controller(place).is_advertising
    again = place.loop.run_until_complete(place.open(1))
    assert again.radio is not None
    place.loop.run_until_complete(again.close())


def test_closing_ends_connections_and_lets_the_last_packet_leave(place: BumblePlace) -> None:
    end, desk, station = connection(place)
    assert station.radio is not None
    recorder = Recorder(place.station(1).radio)  # type: ignore[arg-type]
    place.run(0.1)
    station.radio.transmit(ONE)
    place.loop.run_until_complete(station.close())
    assert place.until(lambda: end.reasons and desk.ends[0].reasons, 5.0)
    assert ONE in recorder.payloads


def test_closing_a_lost_controller(place: BumblePlace) -> None:
    station = place.station(1)
    lose(controller(place))
    place.loop.run_until_complete(station.close())


# Transports that cannot be opened.

_EXPLAINED = [
    ("usb:0", usb1.USBErrorAccess(), "radio-permission", "udev"),
    ("usb:0", usb1.USBErrorBusy(), "controller-in-use", "kernel"),
    ("usb:0", usb1.USBErrorOther(), "usb-unavailable", "/dev/bus/usb"),
    ("usb:9", TransportInitError("device not found"), "radio-not-found", "plug"),
    ("pyusb:0", ValueError("No backend available"), "usb-unavailable", "libusb"),
    ("pyusb:0", PermissionError(errno.EACCES, "no"), "radio-permission", "udev"),
    ("hci-socket:0", PermissionError(errno.EPERM, "no"), "radio-permission", "CAP_NET_ADMIN"),
    ("hci-socket:0", OSError(errno.EBUSY, "no"), "controller-in-use", "down"),
    ("hci-socket:7", OSError(errno.ENODEV, "no"), "radio-not-found", "plug"),
    (
        "hci-socket:0",
        Exception("Bluetooth HCI sockets not supported on this platform"),
        "no-bluetooth-sockets",
        "AF_BLUETOOTH",
    ),
    ("serial:/dev/x", FileNotFoundError(errno.ENOENT, "no"), "radio-not-found", "plug"),
    ("serial:/dev/x", PermissionError(errno.EACCES, "no"), "radio-permission", "dialout"),
    ("vhci", PermissionError(errno.EACCES, "no"), "radio-permission", "root"),
    ("tcp-client:h:1", ConnectionRefusedError(errno.ECONNREFUSED, ""), "radio-not-found", "start"),
    ("tcp-client:h:1", OSError(-2, "Name or service not known"), "radio-not-found", "name"),
    ("tcp-client:h:1", TimeoutError(), "radio-open", "name"),
    ("android-netsim", ModuleNotFoundError("grpc", name="grpc"), "missing-library", "grpc"),
    ("nonsense", TransportSpecError("unknown transport scheme"), "bad-radio", "usb:0"),
    ("tcp-client:h", ValueError("not enough values"), "bad-radio", "usb:0"),
    ("ws-server:x", RuntimeError("whatever"), "radio-open", "doctor"),
]


@pytest.mark.parametrize(("spec", "error", "code", "hint"), _EXPLAINED)
def test_a_failure_says_what_to_do(spec: str, error: Exception, code: str, hint: str) -> None:
    told = explained(spec, error)
    assert told.code == code
    assert hint in str(told)
    assert str(told).endswith(".")
    assert isinstance(told, InputError if code == "bad-radio" else MachineError)


@pytest.mark.parametrize("spec", ["nonsense:0", "serial", "usb", "tcp-client:x", "pty:/nowhere/x"])
def test_nothing_of_a_library_escapes(place: BumblePlace, spec: str) -> None:
    with pytest.raises((InputError, MachineError)) as caught:
        place.loop.run_until_complete(open_station(spec))
    assert caught.value.__cause__ is None


# What is private to Bumble and used all the same.


def test_bumble_is_the_pinned_one_and_has_what_is_used() -> None:
    assert version("bumble") == "0.0.236"
    used = {
        Host: ("_send_command", "on_command_processed", "on_packet", "on_transport_lost"),
        DataPacketQueue: ("drain", "pending"),
        LegacyAdvertiser: ("_on_timer_fired", "send_advertising_data"),
        AdvertisingSet: ("_on_extended_advertising_timer_fired", "send_extended_advertising_data"),
        Controller: ("on_ll_advertising_pdu", "_send_hci_command_status", "send_advertising_pdu"),
        Transport: ("close",),
    }
    for owner, names in used.items():
        assert [name for name in names if not callable(getattr(owner, name, None))] in (
            [],
            ["pending"],
        )


def test_bumbles_own_controller_still_needs_correcting() -> None:
    place = BumblePlace(stock_controller, RadioOptions(sets=0))
    hearer = Recorder(place.station(2).radio)  # type: ignore[arg-type]
    sender = Recorder(place.station(1).radio, *[ONE] * 5)  # type: ignore[arg-type]
    assert place.until(lambda: len(sender.sent_at) == 5, 5.0)
    place.close()
    assert hearer.reports == []
