"""GATT on the simulated air: the contract, and what is particular to this air."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.radio.gatt_contract import DEVICE, INTERVAL, Desk, GattContract, GattEnd

from meshwright.core.discovery.service_data import MeshService
from meshwright.core.errors import InputError
from meshwright.radio.gatt import ServiceReport
from meshwright.radio.simulated.air import Air, SimulatedRadio
from meshwright.radio.simulated.gatt import GattAir, SimulatedGatt
from meshwright.radio.simulated.medium import ConnectionParameters
from meshwright.radio.simulated.propagation import Faults, Position
from meshwright.randomness import SeededRandomness

CLIENT, SERVER = b"CLIENT", b"SERVER"
PARAMETERS = ConnectionParameters()


class TestSimulatedGatt(GattContract):
    """On good air and on bad."""

    @pytest.fixture(params=[0.0, 0.3], ids=["good air", "bad air"], autouse=True)
    def _air(self, request: pytest.FixtureRequest) -> None:
        faults = Faults(loss=request.param)
        self.air = Air(SeededRandomness(1).uniform("air"), faults=faults)
        self.gatts = GattAir(self.air)
        self.made: dict[int, SimulatedGatt] = {}

    def gatt(self, number: int) -> SimulatedGatt:
        if number not in self.made:
            radio = self.air.radio(number.to_bytes(6, "big"))
            self.made[number] = self.gatts.gatt(radio)
        return self.made[number]

    def client(self, number: int) -> SimulatedGatt:
        return self.gatt(number)

    def server(self) -> SimulatedGatt:
        return self.gatt(100)

    def nobody(self) -> ServiceReport:
        return ServiceReport(MeshService.PROVISIONING, DEVICE, b"NOBODY")

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        limit = self.air.time() + seconds
        return self.air.run_until(lambda: bool(condition()), limit=limit)


class Place:
    """One client and one server, and what was seen."""

    def __init__(
        self,
        *,
        loss: float = 0.0,
        seed: int = 1,
        mtus: tuple[int, int] = (247, 247),
        distance: float = 1.0,
        parameters: ConnectionParameters = PARAMETERS,
    ) -> None:
        self.air = Air(SeededRandomness(seed).uniform("air"), faults=Faults(loss=loss))
        self.gatts = GattAir(self.air, parameters)
        self.passed: list[tuple[float, bytes, bytes, bytes]] = []
        self.gatts.capture(lambda *seen: self.passed.append(seen))
        self.radios = self._radio(CLIENT, (0.0, 0.0)), self._radio(SERVER, (distance, 0.0))
        self.client = self.gatts.gatt(self.radios[0], mtu=mtus[0])
        self.server = self.gatts.gatt(self.radios[1], mtu=mtus[1])
        self.desk = Desk()
        self.reports: list[tuple[float, ServiceReport]] = []

    def _radio(self, address: bytes, position: Position) -> SimulatedRadio:
        return self.air.radio(address, position=position)

    def serve(self) -> None:
        self.server.serve(
            MeshService.PROVISIONING, lambda: DEVICE, self.desk.accept, interval=INTERVAL
        )

    def watch(self) -> None:
        self.client.watch(lambda report, now: self.reports.append((now, report)))

    def wait(self, condition: Callable[[], object], seconds: float = 60.0) -> bool:
        limit = self.air.time() + seconds
        return self.air.run_until(lambda: bool(condition()), limit=limit)

    def pair(self, *to_send: bytes) -> tuple[GattEnd, GattEnd]:
        self.serve()
        end = GattEnd(*to_send)
        report = ServiceReport(MeshService.PROVISIONING, DEVICE, SERVER)
        end.connection = self.client.connect(report, end)
        assert self.wait(lambda: end.is_open)
        return end, self.desk.ends[0]


# Advertising.


def test_it_advertises_at_its_interval_with_a_random_delay() -> None:
    place = Place()
    place.serve()
    place.watch()
    place.air.run_until(20.0)
    times = [when for when, _ in place.reports]
    waits = [after - before for before, after in pairwise(times)]
    assert 180 < len(times) < 200
    assert min(waits) >= INTERVAL
    assert max(waits) <= INTERVAL + 0.010
    assert len({round(wait, 6) for wait in waits}) > 100


def test_a_report_says_who_and_how_loud() -> None:
    place = Place(distance=10.0)
    place.serve()
    place.watch()
    place.air.run_until(1.0)
    report = place.reports[0][1]
    assert report == ServiceReport(MeshService.PROVISIONING, DEVICE, SERVER, SERVER, -65)


def test_reports_are_lost_as_often_as_packets() -> None:
    place = Place(loss=0.3)
    place.serve()
    place.watch()
    place.air.run_until(200.0)
    assert 0.65 < len(place.reports) / place.gatts.statistics.advertisements < 0.75


def test_who_is_too_far_away_is_not_heard() -> None:
    place = Place(distance=1000.0)
    place.serve()
    place.watch()
    end = GattEnd()
    report = ServiceReport(MeshService.PROVISIONING, DEVICE, SERVER)
    end.connection = place.client.connect(report, end)
    assert place.wait(lambda: end.reasons)
    assert place.air.time() == PARAMETERS.connecting
    assert place.reports == []


def test_what_fits_no_advertisement_is_our_mistake() -> None:
    place = Place()
    place.server.serve(MeshService.PROXY, lambda: bytes(30), place.desk.accept, interval=INTERVAL)
    with pytest.raises(InputError):
        place.air.run_until(1.0)


def test_serving_something_else_replaces_it() -> None:
    place = Place()
    place.serve()
    place.server.serve(MeshService.PROXY, lambda: b"\x00net", place.desk.accept, interval=INTERVAL)
    place.watch()
    place.air.run_until(5.0)
    assert {report.service for _, report in place.reports} == {MeshService.PROXY}
    assert len(place.reports) < 51


def test_a_client_of_the_wrong_service_is_sent_away() -> None:
    place = Place()
    place.serve()
    end = GattEnd()
    end.connection = place.client.connect(ServiceReport(MeshService.PROXY, b"", SERVER), end)
    assert place.wait(lambda: end.reasons)
    assert end.reasons == ["the other side does not have the service"]
    assert place.desk.ends == []
    place.watch()
    assert place.wait(lambda: place.reports)


# Connections.


@pytest.mark.parametrize(("mtus", "agreed"), [((23, 517), 23), ((247, 69), 69), ((517, 1000), 517)])
def test_the_smaller_mtu_counts(mtus: tuple[int, int], agreed: int) -> None:
    client, server = Place(mtus=mtus).pair()
    assert client.mtus == server.mtus == [agreed]


def test_a_value_leaves_in_the_next_event_and_its_answer_in_the_one_after() -> None:
    place = Place()
    client, server = place.pair()

    class Echo(GattEnd):
        def received(self, value: bytes, now: float) -> None:
            super().received(value, now)
            self.open_connection.send(value[::-1])

    echo = Echo()
    echo.connection = server.open_connection
    server.open_connection.listen(echo)
    asked = place.air.time()
    client.open_connection.send(b"abc")
    assert place.wait(lambda: client.values)
    question, answer = place.passed
    assert 0 < question[0] - asked <= PARAMETERS.interval
    assert answer[0] - question[0] == pytest.approx(PARAMETERS.interval)
    assert question[1:] == (CLIENT, SERVER, b"abc")
    assert answer[1:] == (SERVER, CLIENT, b"cba")


def test_so_many_values_go_in_one_event() -> None:
    parameters = ConnectionParameters(interval=0.5, values_per_event=3)
    place = Place(parameters=parameters)
    place.pair(*[bytes([number]) for number in range(8)])
    place.wait(lambda: len(place.passed) == 8)
    times = [when for when, *_ in place.passed]
    assert [times.count(when) for when in sorted(set(times))] == [3, 3, 2]
    assert place.gatts.statistics.values == 8
    assert place.gatts.statistics.octets == 8


def test_loss_makes_values_late_and_loses_none() -> None:
    values = [number.to_bytes(2, "big") for number in range(300)]

    def seconds(loss: float) -> float:
        place = Place(loss=loss)
        client, server = place.pair(*values)
        began = place.air.time()
        assert place.wait(lambda: len(server.values) == 300)
        assert server.values == values
        assert client.is_open
        return place.air.time() - began

    assert seconds(0.5) > 2 * seconds(0.0)


def test_an_idle_connection_lasts() -> None:
    place = Place(loss=0.2)
    client, server = place.pair()
    place.air.run_until(600.0)
    assert client.is_open
    client.open_connection.send(b"after all this time")
    assert place.wait(lambda: server.values, 1.0)


def test_the_same_seed_gives_the_same_run() -> None:
    def run(seed: int) -> list[tuple[float, bytes, bytes, bytes]]:
        place = Place(loss=0.3, seed=seed)
        place.pair(*[bytes([number]) for number in range(50)])
        place.wait(lambda: len(place.passed) == 50)
        return place.passed

    assert run(1) == run(1)
    assert run(1) != run(2)


# A side that falls silent.


@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("busy", [False, True])
def test_who_falls_silent_is_given_up(silent: int, *, busy: bool) -> None:
    place = Place()
    ends = place.pair()
    place.radios[silent].switch_off()
    if busy:
        ends[1 - silent].open_connection.send(b"anybody there")
    began = place.air.time()
    assert place.wait(lambda: ends[1 - silent].reasons)
    waited = place.air.time() - began
    assert 0.5 * PARAMETERS.supervision < waited <= PARAMETERS.supervision
    assert ends[1 - silent].reasons == ["the other side is no longer heard"]
    assert ends[silent].calls == 1  # connected, and nothing since


def test_who_is_silent_for_a_moment_is_not() -> None:
    place = Place()
    client, server = place.pair()
    place.radios[1].switch_off()
    client.open_connection.send(b"late")
    place.air.run_until(place.air.time() + 0.5 * PARAMETERS.supervision)
    place.radios[1].switch_on()
    assert place.wait(lambda: server.values, 1.0)
    assert client.is_open


def test_air_that_loses_everything_ends_a_connection_on_both_sides() -> None:
    place = Place()
    client, server = place.pair()
    place.air.faults = Faults(loss=1.0)
    client.open_connection.disconnect()
    assert place.wait(lambda: client.reasons and server.reasons)
    assert client.reasons == server.reasons == ["the other side is no longer heard"]


def test_a_server_without_power_forgets_and_another_takes_its_place() -> None:
    place = Place()
    client, server = place.pair()
    place.server.power_off()
    place.radios[1].switch_off()
    radio = place._radio(SERVER, (1.0, 0.0))
    place.server = place.gatts.gatt(radio)
    place.serve()
    place.watch()
    assert place.wait(lambda: place.reports)
    assert place.wait(lambda: client.reasons)
    assert server.calls == 1
    again = GattEnd()
    again.connection = place.client.connect(place.reports[0][1], again)
    assert place.wait(lambda: again.is_open)


def test_a_client_without_power_hears_nothing() -> None:
    place = Place()
    place.serve()
    place.watch()
    place.client.power_off()
    place.air.run_until(2.0)
    assert place.reports == []


def test_reports_of_other_radios_are_refused() -> None:
    place = Place()
    with pytest.raises(TypeError):
        place.client.connect(ServiceReport(MeshService.PROVISIONING, DEVICE, 17), GattEnd())
