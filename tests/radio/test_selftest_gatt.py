"""The self-test of GATT: on simulated radios, and on emulated controllers through Bumble."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bumble import hci
from tests.radio.bumble_controllers import ExtendedController, MeshController, SlowController
from tests.radio.bumble_place import BumblePlace, Kind

from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.examine.gatt_loopback import GattWay, gatt_loopback
from meshwright.radio.findings import Level
from meshwright.radio.gatt import GattConnection, GattListener
from meshwright.radio.port import HOST_10
from meshwright.radio.simulated.air import DEVICE_HOP, Air, SimulatedRadio
from meshwright.radio.simulated.gatt import USUAL_MTU, GattAir, SimulatedGatt
from meshwright.radio.simulated.propagation import Faults
from meshwright.radio.simulated.virtual_loop import run
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness


class TwoGatts:
    """Two stations on an air; `mtu` and `parts` are those of the second."""

    def __init__(self, faults: Faults | None = None, mtu: int = USUAL_MTU) -> None:
        self.randomness = SeededRandomness(1)
        self.air = Air(self.randomness.uniform("air"), faults=faults)
        self.world = GattAir(self.air)
        self.radios = [self._radio(number) for number in (1, 2)]
        self.gatts = [
            self.world.gatt(radio, mtu=size)
            for radio, size in zip(self.radios, (USUAL_MTU, mtu), strict=True)
        ]

    def _radio(self, number: int) -> SimulatedRadio:
        radio = SimulatedRadio(
            self.air, bytes([number]) * 6, HOST_10, DEVICE_HOP, (float(number), 0.0)
        )
        radio.switch_on()
        return radio

    def station(self, name: str, client: SimulatedGatt, server: SimulatedGatt | None) -> Station:
        return Station(name, self.air, _nothing, None, client, server)

    def test(self, *, client_only: bool = False) -> tuple[GattWay, ...]:
        one = self.station("a", self.gatts[0], self.gatts[0])
        other = self.station("b", self.gatts[1], None if client_only else self.gatts[1])
        random = self.randomness.stream("uuids")
        return run(self.air, gatt_loopback(one, other, random, round_trips=20))


async def _nothing() -> None:
    """Close nothing."""


def codes(ways: tuple[GattWay, ...]) -> list[str]:
    return [finding.code for way in ways for finding in way.findings]


def test_two_good_radios() -> None:
    two = TwoGatts()
    ways = two.test()
    assert [(way.server, way.client) for way in ways] == [("a", "b"), ("b", "a")]
    for way in ways:
        assert way.found_after is not None
        assert way.connected_after is not None
        assert way.mtu == USUAL_MTU
        assert (way.round_trips, way.reason) == (20, None)
        assert 5 < way.rate < 100
    assert codes(ways) == []


def test_nothing_is_left_behind() -> None:
    two = TwoGatts()
    two.test()
    heard: list[object] = []
    two.gatts[0].watch(lambda report, _now: heard.append(report))
    two.air.run_until(two.air.time() + 5.0)
    assert heard == []


def test_one_that_is_only_a_client() -> None:
    (way,) = TwoGatts().test(client_only=True)
    assert (way.server, way.client, way.round_trips) == ("a", "b", 20)


def test_the_smallest_mtu_is_told() -> None:
    ways = TwoGatts(mtu=23).test()
    assert codes(ways) == ["smallest-mtu", "smallest-mtu"]
    assert [way.round_trips for way in ways] == [20, 20]


def test_two_that_cannot_hear_each_other() -> None:
    ways = TwoGatts(Faults(loss=1.0)).test()
    assert codes(ways) == ["service-not-heard", "service-not-heard"]
    assert ways[0].findings[0].level is Level.FAULT
    assert "b does not hear the service that a offers" in ways[0].findings[0].sentence


def test_a_server_that_leaves_before_anybody_connects() -> None:
    two = TwoGatts()
    two.gatts[1].connect = _refusing(two)  # type: ignore[method-assign, assignment]
    way, _ = two.test()
    (finding,) = way.findings
    assert finding.code == "not-connected"
    assert "b finds a and cannot connect to it: " in finding.sentence
    assert way.found_after is not None


def _refusing(two: TwoGatts) -> Callable[..., GattConnection]:
    connect = two.gatts[1].connect

    def switch_off_first(*arguments: object) -> GattConnection:
        two.radios[0].switch_off()
        return connect(*arguments)  # type: ignore[arg-type]

    return switch_off_first


class Mute:
    """A server's listener that answers nothing after a few values, and then lets go."""

    def __init__(self, inner: GattListener, connection: GattConnection) -> None:
        self._inner = inner
        self._connection = connection
        self._values = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def received(self, value: bytes, now: float) -> None:
        self._values += 1
        if self._values > 5:
            self._connection.disconnect()
        else:
            self._inner.received(value, now)


def test_values_that_do_not_come_back() -> None:
    two = TwoGatts()
    serve = two.gatts[0].serve

    def mute(
        service: MeshService,
        data: Callable[[], bytes],
        accept: Callable[[GattConnection, float], GattListener],
        *,
        interval: float,
    ) -> None:
        def listener(connection: GattConnection, now: float) -> GattListener:
            return Mute(accept(connection, now), connection)  # type: ignore[return-value]

        serve(service, data, listener, interval=interval)

    two.gatts[0].serve = mute  # type: ignore[method-assign]
    way, other = two.test()
    assert way.round_trips == 5
    (finding,) = way.findings
    assert finding.code == "values-stuck"
    assert "Of 20 values that b sent a, 5 came back" in finding.sentence
    assert other.findings == ()


# On controllers.


@pytest.mark.parametrize("kind", [MeshController, SlowController, ExtendedController])
def test_controllers_connect_to_each_other(kind: Kind) -> None:
    place = BumblePlace(kind)
    one, other = place.station(1), place.station(2)
    random = SeededRandomness(3).stream("uuids")
    ways = place.loop.run_until_complete(gatt_loopback(one, other, random, round_trips=10))
    place.close()
    assert [way.round_trips for way in ways] == [10, 10]
    assert all(way.mtu is not None and way.mtu > 69 for way in ways)
    assert codes(ways) == []


def test_a_controller_that_does_not_connect() -> None:
    place = BumblePlace(MeshController)
    one, other = place.station(1), place.station(2)
    controller = place.controllers[2]
    assert isinstance(controller, MeshController)
    controller.fails = frozenset({hci.HCI_LE_CREATE_CONNECTION_COMMAND})
    random = SeededRandomness(3).stream("uuids")
    ways = place.loop.run_until_complete(gatt_loopback(one, other, random, round_trips=10))
    place.close()
    assert codes(ways) == ["not-connected"]
    assert ways[0].findings[0].sentence.startswith("c2 finds c1 and cannot connect")
    assert ways[1].round_trips == 10
