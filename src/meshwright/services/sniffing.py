"""Listening without taking part: what radios hear, with its time, and what was asked for of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from meshwright.clock import Clock
from meshwright.core.discovery.service_data import MeshService, advertisement
from meshwright.core.errors import InputError
from meshwright.core.readable.items import BEACONS, Item, Kind
from meshwright.radio.capture import CapturedPacket
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import ServiceReport
from meshwright.radio.port import Report
from meshwright.radio.station import Station


@dataclass(frozen=True, slots=True)
class Heard:
    """One advertisement and the name of the radio that heard it."""

    radio: str
    packet: CapturedPacket


class Sniffer:
    """Everything that stations hear, one after the other, until `stop`.

    Iterating raises `RadioError` when a radio goes away. Radios tell only the Service Data of what
    one can connect to, so such an advertisement is put together again without its other parts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: asyncio.Queue[Heard | RadioError | None] = asyncio.Queue()

    def listen(self, station: Station) -> None:
        """Hear what `station` hears from now on; it is used for nothing else."""
        if station.radio is not None:
            station.radio.listen(_Ear(self._hear, station.name))
            station.radio.narrow(None)
        if station.gatt_client is not None:
            station.gatt_client.watch(lambda report, _now: self._on_service(station.name, report))
        if station.lost is not None:
            station.lost.add_done_callback(self._on_lost)

    def stop(self) -> None:
        """End the iteration after what was heard by now."""
        self._waiting.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Heard:
        heard = await self._waiting.get()
        if heard is None:
            raise StopAsyncIteration
        if isinstance(heard, RadioError):
            raise heard
        return heard

    def _hear(self, radio: str, report: Report) -> None:
        now = self._clock.now()
        packet = CapturedPacket(now, report.payload, report.address, report.rssi)
        self._waiting.put_nowait(Heard(radio, packet))

    def _on_service(self, radio: str, report: ServiceReport) -> None:
        payload = _service_payload(report.service, report.data)
        now = self._clock.now()
        packet = CapturedPacket(now, payload, report.address, report.rssi, connectable=True)
        self._waiting.put_nowait(Heard(radio, packet))

    def _on_lost(self, lost: asyncio.Future[RadioError]) -> None:
        if not lost.cancelled():
            self._waiting.put_nowait(lost.result())


def _service_payload(service: MeshService, data: bytes) -> bytes:
    """Return an advertisement with this Service Data, cut to what one can hold."""
    return advertisement(service, data[:_MOST_SERVICE_DATA])


_MOST_SERVICE_DATA = 20
"""What flags, the service's UUID and the header leave of 31 octets."""


@dataclass(frozen=True, slots=True)
class _Ear:
    """The radio's listener; nothing is ever sent."""

    hear: Callable[[str, Report], None]
    name: str

    def heard(self, report: Report, now: float) -> None:
        del now
        self.hear(self.name, report)

    def transmitted(self, now: float) -> None:
        del now

    def ready(self, now: float) -> None:
        del now


@dataclass(frozen=True, slots=True)
class Selection:
    """What is shown: everything, or what concerns any of these."""

    beacons: bool = False
    links: bool = False
    uuids: frozenset[UUID] = frozenset()

    @classmethod
    def parse(cls, words: Iterable[str]) -> Self:
        """Read `beacons`, `links` and UUIDs; raises `InputError` (`bad-uuid`) for anything else."""
        wanted = {word.lower() for word in words}
        uuids = frozenset(_uuid(word) for word in wanted - {"beacons", "links"})
        return cls("beacons" in wanted, "links" in wanted, uuids)

    def wants(self, item: Item) -> bool:
        """Tell whether `item` is to be shown."""
        if self == _EVERYTHING:
            return True
        return (
            (self.beacons and item.kind in BEACONS)
            or (self.links and item.link is not None)
            or item.uuid in self.uuids
        )


_EVERYTHING = Selection()


def _uuid(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError:
        raise InputError(
            f"{word} is neither beacons nor links nor a UUID of 32 hex digits.", code="bad-uuid"
        ) from None


@dataclass(slots=True)
class Tally:
    """How much was heard."""

    packets: int = 0
    repeated: int = 0
    kinds: Counter[Kind] = field(default_factory=Counter)

    def count(self, items: Iterable[Item]) -> None:
        """Count one packet and what it said."""
        self.packets += 1
        for item in items:
            self.kinds[item.kind] += 1
            self.repeated += item.again
