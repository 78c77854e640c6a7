"""The contract of every radio, on real sockets in leaping time."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.radio.contract import RadioContract, TimebaseContract
from tests.radio.leaping import LeapingLoop

from meshwright.radio.datagrams.radio import open_station
from meshwright.radio.port import Radio, Timebase
from meshwright.radio.station import Station

LOCALHOST = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for sock in sockets:
        sock.bind((LOCALHOST, 0))
    ports = [sock.getsockname()[1] for sock in sockets]
    for sock in sockets:
        sock.close()
    return ports


class DatagramContract(RadioContract):
    """The contract in leaping time, on real sockets."""

    @pytest.fixture(autouse=True)
    def _loop(self, tmp_path: Path) -> Iterator[None]:
        self.folder = tmp_path
        self.stations: list[Station] = []
        with closing(LeapingLoop()) as self.loop:
            yield
            for station in self.stations:
                self.loop.run_until_complete(station.close())

    def spec(self, number: int) -> str:
        """Return how the radio of that number is opened; there are two."""
        raise NotImplementedError

    def radio(self, number: int) -> Radio:
        station = self.loop.run_until_complete(open_station(self.spec(number)))
        self.stations.append(station)
        assert station.radio is not None
        return station.radio

    def run(self, seconds: float) -> None:
        self.loop.run(seconds)

    def heard_as(self, radio: Radio) -> bytes | None:
        del radio
        return None

    def test_refuses_seeded_randomness(self) -> None:
        assert not self.radio(1).predictable_allowed


class TestUnix(DatagramContract):
    """Two socket files that name each other."""

    options = ""

    def spec(self, number: int) -> str:
        return f"unix:{self.folder / str(number)},{self.folder / str(3 - number)}{self.options}"


class TestUnixBareAndSlow(TestUnix):
    """Without length octets, at an advertiser's pace."""

    options = "?length=no&pacing=30"


class TestUnixUnpaced(TestUnix):
    """As fast as the loop turns."""

    options = "?pacing=0"


def hosts() -> list[str]:
    """List this machine's own addresses, of IPv4 and, where it is switched on, IPv6."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return [LOCALHOST]
    return [LOCALHOST, "[::1]"]


@pytest.mark.enable_socket
class TestUdp(DatagramContract):
    """Two ports of this machine."""

    @pytest.fixture(autouse=True, params=hosts())
    def _places(self, request: pytest.FixtureRequest, _loop: None) -> None:
        self.places = [f"{request.param}:{port}" for port in free_ports(2)]

    def spec(self, number: int) -> str:
        return f"udp:{self.places[number - 1]},{self.places[2 - number]}"


class TestLeapingTime(TimebaseContract):
    """The clock of these tests is as good as any other."""

    @pytest.fixture(autouse=True)
    def _loop(self) -> Iterator[None]:
        with closing(LeapingLoop()) as self.loop:
            yield

    def timebase(self) -> Timebase:
        return self.loop

    def run(self, seconds: float) -> None:
        self.loop.run(seconds)
