"""A virtual device under power: when it speaks, what it keeps, and how slow it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from meshwright.core.bearers import generic
from meshwright.core.discovery.ad import AdType, structure, structures
from meshwright.core.discovery.beacon import OobInformation, heard_beacon
from meshwright.core.models.device_access import DeviceChannel, Inquiry
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.network.replay import ReplayList
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.simulated.air import Air, SimulatedRadio
from meshwright.randomness import SeededRandomness
from meshwright.sim.device import VirtualDevice
from meshwright.sim.flash import Flash, FlashFile, Membership

ADDRESS, OWN, NODE = b"\xc0lamp1", 0x0001, 0x0005
UUID_ = UUID(int=0xF0000000E5EC11F1804D010203040001)
RANDOM = SeededRandomness(3)
DATA = ProvisioningData(bytes(range(16)), 0, 0, 0, NODE)


@pytest.fixture
def air() -> Air:
    return Air(RANDOM.uniform("air"))


@pytest.fixture
def flash(tmp_path: Path) -> FlashFile:
    made = FlashFile.create(tmp_path / "lamp.json", ADDRESS)
    made.store(Flash(ADDRESS, uuid=UUID_, private_key=77, records={1: b"certificate"}))
    return made


def as_node(flash: FlashFile) -> FlashFile:
    flash.store(Flash(ADDRESS, uuid=UUID_, membership=Membership(DATA, bytes(16))))
    return flash


class Log:
    """Everything that is on the air, and when."""

    def __init__(self, air: Air) -> None:
        self.events: list[tuple[float, bytes, bytes]] = []
        air.capture(lambda now, sender, payload: self.events.append((now, sender, payload)))

    def beacons(self) -> list[float]:
        return [now for now, _, payload in self.events if heard_beacon(payload) is not None]

    def messages(self) -> Iterator[bytes]:
        for _, sender, payload in self.events:
            for kind, data in structures(payload):
                if kind == AdType.MESH_MESSAGE and sender == ADDRESS:
                    yield data


def link_open(radio: SimulatedRadio, uuid: UUID, link_id: bytes = b"\1\2\3\4") -> None:
    radio.transmit(structure(AdType.PB_ADV, link_id + b"\0" + generic.link_open(uuid.bytes)))


def test_it_beacons_every_half_to_whole_second(air: Air, flash: FlashFile) -> None:
    log = Log(air)
    VirtualDevice(flash, air, RANDOM)
    air.run_until(60.0)
    times = log.beacons()
    gaps = [after - before for before, after in pairwise(times)]
    assert times[0] <= 1.0
    assert 0.45 < min(gaps) < 0.6
    assert 0.9 < max(gaps) < 1.05
    beacon = heard_beacon(log.events[0][2])
    assert beacon is not None
    assert (beacon.uuid, beacon.has_certificate) == (UUID_, True)
    assert beacon.oob & OobInformation.ON_DEVICE


def test_a_device_without_records_does_not_claim_a_certificate(air: Air, flash: FlashFile) -> None:
    flash.store(Flash(ADDRESS, uuid=UUID_))
    log = Log(air)
    VirtualDevice(flash, air, RANDOM)
    air.run_until(2.0)
    beacon = heard_beacon(log.events[0][2])
    assert beacon is not None
    assert not beacon.has_certificate


@pytest.mark.parametrize("nobody", [Flash(ADDRESS), Flash(ADDRESS, private_key=5)])
def test_a_blank_device_is_silent(air: Air, flash: FlashFile, nobody: Flash) -> None:
    flash.store(nobody)
    log = Log(air)
    VirtualDevice(flash, air, RANDOM)
    air.run_until(10.0)
    assert log.events == []


def test_it_does_not_beacon_while_it_is_held_and_does_so_again_later(
    air: Air, flash: FlashFile
) -> None:
    log = Log(air)
    VirtualDevice(flash, air, RANDOM)
    radio = air.radio(b"\xc0prov1", OWN_TIMING)
    for moment in range(1, 8):  # some are lost at channel hops
        air.run_until(3.0 + moment * 0.1)
        link_open(radio, UUID_)
    held = air.time() + 0.2
    air.run_until(59.0)
    assert [time for time in log.beacons() if time > held] == []
    # Nobody says anything for a minute: the link is given up (5.2.1).
    air.run_until(70.0)
    assert [time for time in log.beacons() if time > 59.0]


def test_it_hears_only_its_own_name(air: Air, flash: FlashFile) -> None:
    log = Log(air)
    VirtualDevice(flash, air, RANDOM)
    radio = air.radio(b"\xc0prov1", OWN_TIMING)
    for moment in range(1, 20):
        air.run_until(moment * 0.1)
        link_open(radio, UUID(int=UUID_.int ^ 1))
    air.run_until(10.0)
    assert len(log.beacons()) > 8


def test_every_power_on_is_counted_and_meets_other_chances(tmp_path: Path) -> None:
    times = []
    flash = FlashFile.create(tmp_path / "lamp.json", ADDRESS)
    flash.store(Flash(ADDRESS, uuid=UUID_))
    for boot in range(1, 4):
        air = Air(RANDOM.uniform("air"))
        log = Log(air)
        device = VirtualDevice(FlashFile.open(flash.path), air, RANDOM)
        assert FlashFile.open(flash.path).content.boots == boot
        air.run_until(20.0)
        device.power_off()
        times.append(tuple(log.beacons()))
    assert len(set(times)) == 3


def test_a_device_without_power_is_silent_and_deaf(air: Air, flash: FlashFile) -> None:
    log = Log(air)
    device = VirtualDevice(flash, air, RANDOM)
    air.run_until(5.0)
    device.power_off()
    before = len(log.events)
    radio = air.radio(b"\xc0prov1", OWN_TIMING)
    for moment in range(1, 10):
        air.run_until(5.0 + moment * 0.1)
        link_open(radio, UUID_)
    air.run_until(30.0)
    assert {sender for _, sender, _ in log.events[before:]} == {b"\xc0prov1"}


# As a node.


def channel() -> DeviceChannel:
    return DeviceChannel(NetworkKeys.derive(DATA.net_key), IvIndex(0, False), bytes(16))


class Asker:
    """A provisioner that asks for the Default TTL until it is told."""

    def __init__(self, air: Air) -> None:
        self._air = air
        self.radio = air.radio(b"\xc0prov1", OWN_TIMING)
        self._sequence = 0
        self._inquiry = Inquiry(
            channel(),
            own_address=OWN,
            node_address=NODE,
            next_sequence=self._next,
            replay=ReplayList(),
        )

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def ask(self, log: Log) -> list[int]:
        """Ask until there are three genuine answers; return their sequence numbers."""
        seen = len(list(log.messages()))
        for _ in range(40):
            self.radio.transmit(structure(AdType.MESH_MESSAGE, self._inquiry.question()))
            self._air.run_until(self._air.time() + 0.3)
            answers = list(log.messages())[seen:]
            if len(answers) >= 3:
                return [channel().open_network(answer).seq for answer in answers]
        raise AssertionError("the node does not answer")


def test_a_node_answers_under_its_key_and_never_repeats_a_sequence_number(
    air: Air, flash: FlashFile
) -> None:
    log = Log(air)
    device = VirtualDevice(as_node(flash), air, RANDOM)
    assert device.is_node
    asker = Asker(air)
    first = asker.ask(log)
    device.power_off()
    VirtualDevice(FlashFile.open(flash.path), air, RANDOM)
    second = asker.ask(log)
    assert len({*first, *second}) == len(first) + len(second)
    assert min(second) > max(first)
    assert log.beacons() == []


def test_its_sequence_numbers_are_durable_before_they_are_used(air: Air, flash: FlashFile) -> None:
    log = Log(air)
    VirtualDevice(as_node(flash), air, RANDOM)
    used = Asker(air).ask(log)
    kept = FlashFile.open(flash.path).content.membership
    assert kept is not None
    assert kept.next_sequence > max(used)


def test_a_node_answers_nobody_else(air: Air, flash: FlashFile) -> None:
    log = Log(air)
    VirtualDevice(as_node(flash), air, RANDOM)
    radio = air.radio(b"\xc0prov1", OWN_TIMING)
    wrong = DeviceChannel(NetworkKeys.derive(DATA.net_key), IvIndex(0, False), b"\1" * 16)
    for sequence in range(1, 20):
        inquiry = Inquiry(
            wrong,
            own_address=OWN,
            node_address=NODE,
            next_sequence=lambda sequence=sequence: sequence,  # type: ignore[misc] # bound here
            replay=ReplayList(),
        )
        radio.transmit(structure(AdType.MESH_MESSAGE, inquiry.question()))
        air.run_until(air.time() + 0.1)
    assert list(log.messages()) == []
