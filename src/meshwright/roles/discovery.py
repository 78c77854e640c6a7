"""Who is there: unprovisioned devices as they are heard, on every bearer, with their URIs.

What is heard is not authenticated. It comes from whoever likes to send, so it is bounded in number:
beyond the limit what was heard longest ago is forgotten.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    decode_beacon,
)
from meshwright.core.discovery.service_data import decode_provisioning
from meshwright.core.discovery.uri import decode_uri, uri_hash
from meshwright.core.errors import MalformedError
from meshwright.radio.gatt import MeshService, ServiceReport
from meshwright.radio.port import Report
from meshwright.radio.station import Station
from meshwright.roles.bearers import Bearer
from meshwright.roles.transceiver import Transceiver

MOST_DEVICES = 1024
MOST_URIS = 256

_UNPROVISIONED = 0x00


@dataclass(frozen=True, slots=True)
class DeviceDiscovered:
    """A device that waits to be provisioned, as it was heard last.

    `uri` is the one whose hash the beacon has, once it was heard. `bearers` are those it was heard
    on. `rssi` is in dBm, `address` the six octets of whoever sent it; times are those of the
    station, `count` is of beacons and connectable advertisements. `peer` is for connecting.
    """

    uuid: UUID
    oob: OobInformation
    uri_hash: bytes | None
    uri: str | None
    bearers: Bearer
    rssi: int | None
    address: bytes | None
    first_heard: float
    last_heard: float
    count: int
    peer: ServiceReport | None = None

    @property
    def has_certificate(self) -> bool:
        """Tell whether it claims a certificate and records; one bit alone does not count."""
        return CERTIFICATE_BASED in self.oob


OnDiscovered = Callable[[DeviceDiscovered], object]


class _Heard:
    """What is kept of one device."""

    __slots__ = ("address", "bearers", "count", "first", "last", "oob", "peer", "rssi", "uri_hash")

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        self.oob = OobInformation.NONE
        self.uri_hash: bytes | None = None
        self.bearers = Bearer.NONE
        self.rssi: int | None = None
        self.address: bytes | None = None
        self.count = 0
        self.peer: ServiceReport | None = None


class Discovery:
    """Listens on a station from `start` to `stop`.

    Whoever `subscribe`s, or iterates over `changes`, learns of each device when it is first heard
    and whenever OOB information, URI or bearers change; signal strength and times change all the
    while and are in `devices`. `forgotten` counts the devices that there was no room for.
    """

    def __init__(self, place: Station | Transceiver, *, limit: int = MOST_DEVICES) -> None:
        self._place = Transceiver.of(place)
        self._limit = limit
        self.forgotten = 0
        self._heard: OrderedDict[bytes, _Heard] = OrderedDict()
        self._uris: OrderedDict[bytes, tuple[bytes, str]] = OrderedDict()  # data: hash and text
        self._by_hash: dict[bytes, str] = {}
        self._subscribers: list[OnDiscovered] = []
        self._stops: list[Callable[[], object]] = []

    def start(self) -> Discovery:
        """Listen; harmless when it does already."""
        if self._stops:
            return self
        place = self._place
        if place.can_advertise:
            subscribe = place.runner.subscribe
            self._stops.append(subscribe(AdType.MESH_BEACON, self._on_beacon))
            self._stops.append(subscribe(AdType.URI, self._on_uri))
        if place.gatt_client is not None:
            self._stops.append(place.watch(self._on_service))
        return self

    def stop(self) -> None:
        """Listen no more; what was heard stays."""
        stops, self._stops = self._stops, []
        for stop in stops:
            stop()

    @property
    def devices(self) -> list[DeviceDiscovered]:
        """Everybody heard, last heard last."""
        return [self._told(uuid, heard) for uuid, heard in self._heard.items()]

    def find(self, uuid: UUID) -> DeviceDiscovered | None:
        """Return what is known of one device."""
        heard = self._heard.get(uuid.bytes)
        return None if heard is None else self._told(uuid.bytes, heard)

    def forget(self, uuid: UUID) -> None:
        """Let a device be new when it is heard again."""
        self._heard.pop(uuid.bytes, None)

    def subscribe(self, on_discovered: OnDiscovered) -> Callable[[], None]:
        """Tell `on_discovered` of everything new until the result is called."""
        self._subscribers.append(on_discovered)
        return partial(self._unsubscribe, on_discovered)

    def __aiter__(self) -> AsyncIterator[DeviceDiscovered]:
        return self.changes()

    async def changes(self) -> AsyncIterator[DeviceDiscovered]:
        """Yield everybody heard so far, then everything new.

        A slow reader gets the latest of each device, and misses who was forgotten meanwhile.
        """
        waiting = OrderedDict((device.uuid, device) for device in self.devices)
        something = asyncio.Event()

        def note(device: DeviceDiscovered) -> None:
            waiting[device.uuid] = device
            if len(waiting) > self._limit:
                waiting.popitem(last=False)
            something.set()

        unsubscribe = self.subscribe(note)
        try:
            while True:
                while waiting:
                    yield waiting.popitem(last=False)[1]
                something.clear()
                await something.wait()
        finally:
            unsubscribe()

    async def find_soon(self, uuid: UUID, bearers: Bearer = Bearer.AUTO) -> DeviceDiscovered:
        """Wait until a device was heard on one of `bearers`."""
        changed = asyncio.Event()
        unsubscribe = self.subscribe(lambda _device: changed.set())
        try:
            while (found := self.find(uuid)) is None or not found.bearers & bearers:
                changed.clear()
                await changed.wait()
        finally:
            unsubscribe()
        return found

    # What is heard.

    def _on_beacon(self, data: bytes, report: Report, now: float) -> None:
        if not data or data[0] != _UNPROVISIONED:
            return
        try:
            beacon = decode_beacon(data)
        except MalformedError:
            return
        if isinstance(beacon, UnprovisionedBeacon):
            heard = self._note(beacon.uuid.bytes, report.rssi, report.address, now)
            self._update(beacon, Bearer.ADV, heard, beacon.uri_hash)

    def _on_service(self, report: ServiceReport, now: float) -> None:
        if report.service is not MeshService.PROVISIONING:
            return
        try:
            beacon = decode_provisioning(report.data)
        except MalformedError:
            return
        heard = self._note(beacon.uuid.bytes, report.rssi, report.address, now)
        heard.peer = report
        # Service Data has no room for a URI hash: what a beacon has told still holds.
        self._update(beacon, Bearer.GATT, heard, heard.uri_hash)

    def _on_uri(self, data: bytes, _report: Report, _now: float) -> None:
        if data in self._uris:
            self._uris.move_to_end(data)
            return
        try:
            text = decode_uri(data)
        except MalformedError:
            return
        hashed = uri_hash(data)
        self._uris[data] = hashed, text
        self._by_hash[hashed] = text
        if len(self._uris) > MOST_URIS:
            _, (old, _) = self._uris.popitem(last=False)
            self._by_hash.pop(old, None)
        for uuid, heard in self._heard.items():
            if heard.uri_hash == hashed:
                self._tell(uuid, heard)

    def _note(self, uuid: bytes, rssi: int | None, address: bytes | None, now: float) -> _Heard:
        heard = self._heard.get(uuid)
        if heard is None:
            heard = self._heard[uuid] = _Heard(now)
            if len(self._heard) > self._limit:
                self._heard.popitem(last=False)
                self.forgotten += 1
        else:
            self._heard.move_to_end(uuid)
        heard.last = now
        heard.rssi, heard.address = rssi, address
        heard.count += 1
        return heard

    def _update(
        self, beacon: UnprovisionedBeacon, bearer: Bearer, heard: _Heard, hashed: bytes | None
    ) -> None:
        bearers = heard.bearers | bearer
        if (heard.oob, heard.uri_hash, heard.bearers) != (beacon.oob, hashed, bearers):
            heard.oob, heard.uri_hash, heard.bearers = beacon.oob, hashed, bearers
            self._tell(beacon.uuid.bytes, heard)

    def _tell(self, uuid: bytes, heard: _Heard) -> None:
        if self._subscribers:
            told = self._told(uuid, heard)
            for subscriber in tuple(self._subscribers):
                subscriber(told)

    def _told(self, uuid: bytes, heard: _Heard) -> DeviceDiscovered:
        return DeviceDiscovered(
            UUID(bytes=uuid),
            heard.oob,
            heard.uri_hash,
            None if heard.uri_hash is None else self._by_hash.get(heard.uri_hash),
            heard.bearers,
            heard.rssi,
            heard.address,
            heard.first,
            heard.last,
            heard.count,
            heard.peer,
        )

    def _unsubscribe(self, subscriber: OnDiscovered) -> None:
        if subscriber in self._subscribers:
            self._subscribers.remove(subscriber)
