"""GATT on the simulated air: who advertises a mesh service, who hears it, and who connects.

What is modelled: advertising with its random delay, reports and connection requests lost as often
as packets on the air, a reach that ends where the signal is too weak, one client at a time, an MTU
that is the smaller of both sides' wishes, connection events, and a side that falls silent. Values
are never lost, only late. All chance comes from the air's source: the same seed gives the same run.

What is not: channels, collisions and airtime, so that neither advertisements nor values disturb
broadcasting radios or one another; scanning that misses an event because it is on another channel;
drifting clocks, peripheral latency and connection updates; pairing; attributes other than the two
of a mesh service; caches of services.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from meshwright.core.bearers.proxy_sar import LARGEST_MTU
from meshwright.core.discovery.service_data import advertisement
from meshwright.radio.gatt import GattConnection, GattListener, MeshService, ServiceReport
from meshwright.radio.simulated.air import Air, SimulatedRadio
from meshwright.radio.simulated.connection import (
    NOT_FOUND,
    ConnectionLink,
    SimulatedConnection,
)
from meshwright.radio.simulated.medium import ConnectionParameters, Side
from meshwright.radio.simulated.propagation import PathLoss

ADVERTISING_DELAY = 0.010
"""Advertising events are up to so many seconds late, at random (Core, volume 6, part B, 4.4.2)."""

SENSITIVITY = -95
"""In dBm; whoever is heard with less is out of reach."""

USUAL_MTU = 247

OnReport = Callable[[ServiceReport, float], object]
Accept = Callable[[GattConnection, float], GattListener]
ValueCapture = Callable[[float, bytes, bytes, bytes], object]
"""Takes the time, the sender's address, the receiver's address and a value."""


@dataclass(slots=True)
class GattStatistics:
    """Advertising events, and values that changed sides with their octets."""

    advertisements: int = 0
    values: int = 0
    octets: int = 0


class GattAir:
    """What connects the GATT radios of one air."""

    def __init__(
        self,
        air: Air,
        parameters: ConnectionParameters | None = None,
        *,
        path_loss: PathLoss | None = None,
    ) -> None:
        self.parameters = parameters or ConnectionParameters()
        self.statistics = GattStatistics()
        self._air = air
        self._path_loss = path_loss or PathLoss()
        self._gatts: dict[bytes, SimulatedGatt] = {}
        self._calls: dict[bytes, list[SimulatedConnection]] = {}
        self._captures: list[ValueCapture] = []

    def gatt(self, radio: SimulatedRadio, *, mtu: int = USUAL_MTU) -> SimulatedGatt:
        """Return client and server beside `radio`, which offers `mtu`; it replaces an earlier."""
        gatt = SimulatedGatt(self, radio, min(mtu, LARGEST_MTU))
        self._gatts[radio.address] = gatt
        return gatt

    def capture(self, callback: ValueCapture) -> None:
        """Show `callback` every value from now on, when it changes sides."""
        self._captures.append(callback)

    # What gatts and connections ask for.

    def time(self) -> float:
        return self._air.time()

    def at(self, when: float, function: Callable[[int], object], turn: int) -> None:
        """Call `function(turn)` at `when`."""
        self._air.schedule(when, function, turn)

    def soon(self, function: Callable[[], object]) -> None:
        """Call `function` at this time, but not within this call."""
        self._air.schedule(self._air.time(), lambda _nothing: function(), None)

    def delay(self) -> float:
        """Draw how late an advertising event is."""
        return ADVERTISING_DELAY * self._air.uniform()

    def rssi(self, one: Side, other: Side) -> int:
        return self._path_loss.rssi(one.position, other.position)

    def loses(self) -> bool:
        """Draw whether one packet is lost."""
        loss = self._air.faults.loss
        return loss > 0 and self._air.uniform() < loss

    def heard(self, one: Side, other: Side) -> bool:
        """Draw whether `other` hears one packet of `one`."""
        there = one.is_on and other.is_on and self.rssi(one, other) >= SENSITIVITY
        return there and not self.loses()

    def call(self, peer: bytes, connection: SimulatedConnection) -> None:
        """Let `connection` be made as soon as `peer` is heard advertising, but not for ever."""
        self._calls.setdefault(peer, []).append(connection)

        def give_up(_turn: int) -> None:
            if self.give_up(connection):
                connection.end(NOT_FOUND)

        self.at(self.time() + self.parameters.connecting, give_up, 0)

    def give_up(self, connection: GattConnection) -> bool:
        """Stop making `connection`; return whether it was being made."""
        for peer, calls in self._calls.items():
            if connection in calls:
                self._calls[peer] = [call for call in calls if call is not connection]
                return True
        return False

    def advertise(self, server: SimulatedGatt, service: MeshService, data: bytes) -> None:
        """Put one advertising event on the air: reports first, then at most one connection."""
        self.statistics.advertisements += 1
        advertisement(service, data)  # what does not fit one is a mistake of whoever serves it
        calls = list(self._calls.get(server.address, ()))
        for gatt in tuple(self._gatts.values()):
            if gatt.is_watching and gatt is not server and self.heard(server, gatt):
                rssi = self.rssi(server, gatt)
                gatt.report(ServiceReport(service, data, server.address, server.address, rssi))
        for connection in calls:
            if self._answers(connection, server) and self.give_up(connection):
                server.begin(connection)
                return

    def _answers(self, connection: SimulatedConnection, server: SimulatedGatt) -> bool:
        client = connection.side
        return self.heard(server, client) and self.heard(client, server)

    def passed(self, sender: Side, receiver: Side, value: bytes) -> None:
        """Learn that a value changes sides."""
        self.statistics.values += 1
        self.statistics.octets += len(value)
        for capture in self._captures:
            capture(self.time(), sender.address, receiver.address, value)


@dataclass(frozen=True, slots=True)
class _Served:
    service: MeshService
    data: Callable[[], bytes]
    accept: Accept
    interval: float


class SimulatedGatt:
    """GATT client and server beside one radio; it is on when the radio is."""

    def __init__(self, air: GattAir, radio: SimulatedRadio, mtu: int) -> None:
        self._air = air
        self.mtu = mtu
        self._link: ConnectionLink | None = None
        self._radio = radio
        self._on_report: OnReport | None = None
        self._served: _Served | None = None
        self._turn = 0  # an advertisement that was ordered in an earlier turn is not sent
        self._powered = True

    @property
    def address(self) -> bytes:
        """The six octets of its radio."""
        return self._radio.address

    @property
    def position(self) -> tuple[float, float] | None:
        """Where its radio is."""
        return self._radio.position

    @property
    def is_on(self) -> bool:
        """Tell whether it can be heard at all."""
        return self._powered and self._radio.is_on

    def power_off(self) -> None:
        """Forget everything at once and tell nobody; whoever is connected has to find out."""
        self._powered = False
        self._on_report = None
        self.stop()

    # Client.

    @property
    def is_watching(self) -> bool:
        """Tell whether somebody wants reports."""
        return self._on_report is not None

    def watch(self, on_report: OnReport | None) -> None:
        self._on_report = on_report

    def connect(self, report: ServiceReport, listener: GattListener) -> SimulatedConnection:
        connection = SimulatedConnection(self._air, self, report.service, listener)
        if not isinstance(report.peer, bytes):
            raise TypeError("this report comes from another kind of radio")
        self._air.call(report.peer, connection)
        return connection

    def report(self, report: ServiceReport) -> None:
        """Hand over what was heard."""
        if self._on_report is not None:
            self._on_report(report, self._air.time())

    # Server.

    def serve(
        self,
        service: MeshService,
        data: Callable[[], bytes],
        accept: Accept,
        *,
        interval: float,
    ) -> None:
        self._served = _Served(service, data, accept, interval)
        self._turn += 1
        self._air.at(self._air.time() + self._air.delay(), self._advertise, self._turn)

    def stop(self) -> None:
        self._served = None

    @property
    def is_taken(self) -> bool:
        """Tell whether a client is connected, or about to be."""
        return self._link is not None

    def begin(self, connection: SimulatedConnection) -> None:
        """Be connected to."""
        self._link = ConnectionLink(self._air, connection, self)

    def freed(self) -> None:
        """Learn that the connection is over."""
        self._link = None

    def admit(self, end: SimulatedConnection) -> bool:
        """Offer a connection to whoever serves its service; return whether somebody does."""
        served = self._served
        if served is None or served.service is not end.service:
            return False
        end.listen(served.accept(end, self._air.time()))
        return True

    def _advertise(self, turn: int) -> None:
        served = self._served
        if served is None or turn != self._turn:
            return
        self._air.at(self._air.time() + served.interval + self._air.delay(), self._advertise, turn)
        if not self.is_taken and self.is_on:
            self._air.advertise(self, served.service, served.data())
