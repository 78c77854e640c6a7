"""A self-test of GATT: one radio offers a service, the other finds it, connects and is echoed.

The service is that of a device with a UUID drawn for this test, so nobody else looks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from meshwright.core.discovery.beacon import UnprovisionedBeacon
from meshwright.core.discovery.service_data import MeshService, encode_provisioning
from meshwright.radio.findings import Finding, Level
from meshwright.radio.gatt import (
    ATT_HEADER,
    SMALLEST_MTU,
    GattClient,
    GattConnection,
    GattListener,
    ServiceReport,
)
from meshwright.radio.port import Timebase
from meshwright.radio.station import Station
from meshwright.randomness import RandomBytes

ROUND_TRIPS = 50

_INTERVAL = 0.1  # seconds between advertisements of the service
_STEP = 15.0  # seconds that finding, connecting and the round trips may take each
_PARTING = 5.0
_FIRST = 0x03  # a whole provisioning PDU (6.3.1), as other ends may expect
_LARGEST = 66  # a provisioning PDU with a public key, and the octet before it
_WAITING = 4  # echoes a server keeps while the connection takes none


@dataclass(frozen=True, slots=True)
class GattWay:
    """What became of a client that looked for a server; times in seconds, None if it never did.

    `round_trips` of `wanted` values came back, in `seconds`. `reason` is why the connection ended
    early, where the radio says so.
    """

    server: str
    client: str
    wanted: int
    found_after: float | None = None
    connected_after: float | None = None
    mtu: int | None = None
    round_trips: int = 0
    seconds: float = 0.0
    reason: str | None = None

    @property
    def rate(self) -> float:
        """Round trips a second."""
        return self.round_trips / self.seconds if self.seconds else 0.0

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Say what somebody should know."""
        facts = {"server": self.server, "client": self.client, "wanted": self.wanted}
        facts |= {"round_trips": self.round_trips, "why": f": {self.reason}" * bool(self.reason)}
        for applies, level, code, sentence, remedy in _JUDGMENTS:
            if applies(self):
                return (Finding(level, code, sentence.format(**facts), remedy),)
        return ()


async def gatt_loopback(
    one: Station, other: Station, random: RandomBytes, *, round_trips: int = ROUND_TRIPS
) -> tuple[GattWay, ...]:
    """Connect the one to the other and back, where they can, and exchange values.

    Nothing is offered and nobody is connected afterwards.
    """
    ways = [
        await _way(server, client, random, round_trips)
        for server, client in ((one, other), (other, one))
        if server.gatt_server is not None and client.gatt_client is not None
    ]
    return tuple(ways)


async def _way(server: Station, client: Station, random: RandomBytes, wanted: int) -> GattWay:
    assert server.gatt_server is not None  # noqa: S101 - as `gatt_loopback` has made sure
    assert client.gatt_client is not None  # noqa: S101 - as above
    uuid = UUID(bytes=random(16), version=4)
    data = encode_provisioning(UnprovisionedBeacon(uuid))
    desk = _Desk()
    server.gatt_server.serve(
        MeshService.PROVISIONING, lambda: data, desk.accept, interval=_INTERVAL
    )
    try:
        return await _visit(
            GattWay(server.name, client.name, wanted), client.gatt_client, client.timebase, data
        )
    finally:
        server.gatt_server.stop()
        await desk.close()


async def _visit(way: GattWay, client: GattClient, timebase: Timebase, data: bytes) -> GattWay:
    begun = timebase.time()
    report = await _find(client, data)
    if report is None:
        return way
    found = timebase.time()
    guest = _Guest(way.wanted)
    guest.connection = client.connect(report, guest)
    try:
        await _happens(guest.progress[0])
        connected = guest.connected_at
        if connected is not None:
            await _happens(guest.progress[1])
    finally:
        guest.leaving = True
        guest.connection.disconnect()
        await _happens(guest.parted, _PARTING)
    return GattWay(
        way.server,
        way.client,
        way.wanted,
        found_after=found - begun,
        connected_after=None if connected is None else connected - found,
        mtu=guest.mtu,
        round_trips=guest.came_back,
        seconds=0.0 if connected is None else guest.last - connected,
        reason=guest.reason,
    )


async def _find(client: GattClient, data: bytes) -> ServiceReport | None:
    found: asyncio.Future[ServiceReport] = asyncio.get_running_loop().create_future()

    def heard(report: ServiceReport, _now: float) -> None:
        if report.data == data and not found.done():
            found.set_result(report)

    client.watch(heard)
    try:
        return await asyncio.wait_for(found, _STEP)
    except TimeoutError:
        return None
    finally:
        client.watch(None)


async def _happens(event: asyncio.Event, limit: float = _STEP) -> None:
    try:
        await asyncio.wait_for(event.wait(), limit)
    except TimeoutError:
        return  # what was reached says so


@dataclass
class _Guest:
    """The client's end: sends a value, waits for it to come back, and so on."""

    wanted: int
    connection: GattConnection | None = None
    mtu: int | None = None
    connected_at: float | None = None
    last: float = 0.0
    came_back: int = 0
    reason: str | None = None
    leaving: bool = False
    progress: tuple[asyncio.Event, asyncio.Event] = field(
        default_factory=lambda: (asyncio.Event(), asyncio.Event())
    )
    parted: asyncio.Event = field(default_factory=asyncio.Event)
    _waiting: bytes | None = None

    def connected(self, mtu: int, now: float) -> None:
        self.mtu, self.connected_at, self.last = mtu, now, now
        self.progress[0].set()
        self._next()

    def received(self, value: bytes, now: float) -> None:
        if value != self._value() or self.came_back == self.wanted:
            return
        self.came_back += 1
        self.last = now
        if self.came_back == self.wanted:
            self.progress[1].set()
        else:
            self._next()

    def ready(self, now: float) -> None:
        del now
        self._flush()

    def disconnected(self, now: float, reason: str | None) -> None:
        del now
        if not self.leaving:
            self.reason = reason
        for event in (*self.progress, self.parted):
            event.set()

    def _next(self) -> None:
        self._waiting = self._value()
        self._flush()

    def _flush(self) -> None:
        if self._waiting is not None and self.connection is not None and self.connection.ready:
            value, self._waiting = self._waiting, None
            self.connection.send(value)

    def _value(self) -> bytes:
        size = min(_LARGEST, (self.mtu or SMALLEST_MTU) - ATT_HEADER)
        return bytes([_FIRST]) + self.came_back.to_bytes(size - 1, "big")


class _Desk:
    """The server's side: every client is echoed."""

    def __init__(self) -> None:
        self._ends: list[_Echo] = []

    def accept(self, connection: GattConnection, now: float) -> GattListener:
        del now
        end = _Echo(connection)
        self._ends.append(end)
        return end

    async def close(self) -> None:
        """Let every client go."""
        for end in self._ends:
            end.connection.disconnect()
            await _happens(end.parted, _PARTING)


class _Echo:
    def __init__(self, connection: GattConnection) -> None:
        self.connection = connection
        self.parted = asyncio.Event()
        self._values: list[bytes] = []

    def connected(self, mtu: int, now: float) -> None:
        """Wait for the client."""

    def received(self, value: bytes, now: float) -> None:
        if len(self._values) < _WAITING:
            self._values.append(value)
        self.ready(now)

    def ready(self, now: float) -> None:
        del now
        while self._values and self.connection.ready:
            self.connection.send(self._values.pop(0))

    def disconnected(self, now: float, reason: str | None) -> None:
        del now, reason
        self.parted.set()


_Applies = Callable[[GattWay], bool]

_JUDGMENTS: tuple[tuple[_Applies, Level, str, str, str], ...] = (
    (
        lambda way: way.found_after is None,
        Level.FAULT,
        "service-not-heard",
        "{client} does not hear the service that {server} offers.",
        "Bring the two together; if that does not help, one of them does not offer, or does not "
        "listen.",
    ),
    (
        lambda way: way.connected_after is None,
        Level.FAULT,
        "not-connected",
        "{client} finds {server} and cannot connect to it{why}.",
        "Open both again; if that does not help, use another controller.",
    ),
    (
        lambda way: way.round_trips < way.wanted,
        Level.FAULT,
        "values-stuck",
        "Of {wanted} values that {client} sent {server}, {round_trips} came back{why}.",
        "Bring the two together and open both again.",
    ),
    (
        lambda way: way.mtu == SMALLEST_MTU,
        Level.NOTE,
        "smallest-mtu",
        "{client} and {server} agree on the smallest MTU, so messages travel in many pieces.",
        "",
    ),
)
