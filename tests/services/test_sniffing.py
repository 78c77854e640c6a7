"""Listening on the simulated air, and what is picked from it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import pytest

from meshwright.clock import ManualClock
from meshwright.core.discovery.ad import structure
from meshwright.core.discovery.beacon import UnprovisionedBeacon, advertisement
from meshwright.core.discovery.service_data import MeshService, encode_provisioning
from meshwright.core.errors import InputError
from meshwright.core.readable.items import Item, Kind
from meshwright.core.readable.reader import Reader
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import GattConnection, GattListener, ServiceReport
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.virtual_loop import run
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness
from meshwright.services.sniffing import Heard, Selection, Sniffer, Tally

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NAME = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
DEVICE = UnprovisionedBeacon(NAME)
BEACON = advertisement(DEVICE)
OTHER = structure(0xFF, b"not of a mesh")


async def nothing() -> None:
    """Close a station that holds nothing."""


class Site:
    """A station that listens, and a radio that sends."""

    def __init__(self) -> None:
        self.air = Air(SeededRandomness(1).uniform("air"))
        self.clock = ManualClock(NOON)
        self.sender = self.air.radio(b"sender")
        self.sniffer = Sniffer(self.clock)

    def station(self, name: str) -> Station:
        return Station(name, self.air, nothing, radio=self.air.radio(name.encode()))

    def listen(self, packets: int) -> list[Heard]:
        """Return the next packets that are heard."""

        async def main() -> list[Heard]:
            return [await anext(self.sniffer) for _ in range(packets)]

        return run(self.air, main(), limit=5.0)


def test_everything_is_heard_with_its_time_and_its_sender() -> None:
    site = Site()
    site.sniffer.listen(site.station("hearer"))
    site.sender.transmit(BEACON)
    (heard,) = site.listen(1)
    assert (heard.radio, heard.packet.payload) == ("hearer", BEACON)
    assert (heard.packet.time, heard.packet.address) == (NOON, b"sender")
    assert heard.packet.rssi is not None
    assert not heard.packet.connectable


def test_several_stations_are_told_apart() -> None:
    site = Site()
    for name in ("first.", "second"):
        site.sniffer.listen(site.station(name))
    site.sender.transmit(BEACON)
    assert {each.radio for each in site.listen(2)} == {"first.", "second"}


def test_stopping_ends_the_iteration_after_what_was_heard() -> None:
    site = Site()
    site.sniffer.listen(site.station("hearer"))

    async def main() -> list[bytes]:
        site.sender.transmit(BEACON)
        asyncio.get_running_loop().call_later(1.0, site.sniffer.stop)
        return [heard.packet.payload async for heard in site.sniffer]

    assert run(site.air, main(), limit=5.0) == [BEACON]


def test_a_radio_that_goes_away_ends_it_with_the_reason() -> None:
    site = Site()

    async def main() -> None:
        lost: asyncio.Future[RadioError] = asyncio.get_running_loop().create_future()
        station = Station("usb", site.air, nothing, radio=site.air.radio(b"hearer"), lost=lost)
        site.sniffer.listen(station)
        lost.set_result(RadioError("The dongle was pulled.", code="radio"))
        await anext(site.sniffer)

    with pytest.raises(RadioError, match="pulled"):
        run(site.air, main(), limit=5.0)


class Watched:
    """A GATT client that only reports."""

    def __init__(self) -> None:
        self.report: Callable[[ServiceReport, float], object] | None = None

    def watch(self, on_report: Callable[[ServiceReport, float], object] | None) -> None:
        self.report = on_report

    def connect(self, report: ServiceReport, listener: GattListener) -> GattConnection:
        raise AssertionError(f"whoever sniffs connects to nobody: {report}, {listener}")


def test_connectable_advertisements_are_heard_through_gatt() -> None:
    site, client = Site(), Watched()
    site.sniffer.listen(Station("os", site.air, nothing, gatt_client=client))
    assert client.report is not None
    data = encode_provisioning(DEVICE)
    client.report(ServiceReport(MeshService.PROVISIONING, data, "peer", b"device", -70), 0.0)
    client.report(ServiceReport(MeshService.PROVISIONING, bytes(200), "peer"), 0.0)
    first, second = site.listen(2)
    assert first.packet.connectable
    assert (first.packet.address, first.packet.rssi) == (b"device", -70)
    (item,) = Reader().read(first.packet.payload)
    assert (item.kind, item.uuid) == (Kind.SERVICE, NAME)
    (cut,) = Reader().read(second.packet.payload)
    assert cut.kind is Kind.MALFORMED


# What is shown.

LINK = Item(Kind.ACK, "a link", link=1, uuid=NAME)
STRANGE = Item(Kind.LINK_ACK, "another link", link=2)
FOUND = Item(Kind.UNPROVISIONED_BEACON, "a beacon", uuid=NAME)
NODE = Item(Kind.SECURE_BEACON, "a network")
NONE = Item(Kind.OTHER, "else")
ITEMS = [LINK, STRANGE, FOUND, NODE, NONE]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], ITEMS),
        (["beacons"], [FOUND, NODE]),
        (["Links"], [LINK, STRANGE]),
        ([str(NAME)], [LINK, FOUND]),
        ([NAME.hex.upper(), "links"], [LINK, STRANGE, FOUND]),
    ],
)
def test_only_what_was_asked_for_is_shown(words: list[str], shown: list[Item]) -> None:
    selection = Selection.parse(words)
    assert [item for item in ITEMS if selection.wants(item)] == shown


def test_what_cannot_be_shown_is_refused() -> None:
    with pytest.raises(InputError, match="beacon is neither") as caught:
        Selection.parse(["beacon"])
    assert caught.value.code == "bad-uuid"


def test_a_tally_counts_packets_items_and_repetitions() -> None:
    tally, reader = Tally(), Reader()
    for payload in (BEACON, BEACON, OTHER):
        tally.count(reader.read(payload))
    assert (tally.packets, tally.repeated) == (3, 1)
    assert tally.kinds == {Kind.UNPROVISIONED_BEACON: 2, Kind.OTHER: 1}
