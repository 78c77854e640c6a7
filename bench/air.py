"""Devices per simulated hour: one radio with its own timing, the real machines on the air.

Devices come on a conveyor: a new one is switched on when one has joined, and a few always wait and
beacon. Each takes its time for ECDH. A link counts until it is closed; its Link Closes are sent on.
The `floor` of a row is the figure of another simulation of the same model of the air, of which the
scheduling here was learned: a peer to compare with, not a limit of nature.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from uuid import UUID

from meshwright.core.bearers.link import LinkTiming
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    UnprovisionedBeacon,
    decode_beacon,
    encode_beacon,
)
from meshwright.core.effects import Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import BecameNode, DeviceMachine, DeviceOptions
from meshwright.core.provisioning.fields import RecordId
from meshwright.core.provisioning.provisioner import (
    Authenticated,
    Provisioned,
    ProvisionerMachine,
    RecordRead,
    RecordsListed,
)
from meshwright.core.provisioning.session import Session
from meshwright.radio.concurrency import retransmit_after
from meshwright.radio.interests import link_pattern, open_pattern
from meshwright.radio.port import OWN_TIMING, Report
from meshwright.radio.propagation import Faults
from meshwright.radio.runner import Runner
from meshwright.radio.simulated import PROVISIONER_HOP, Air
from meshwright.randomness import SeededRandomness
from meshwright.sim.slow import SlowMachine

CERTIFICATE_SIZE = 567
WHOLE_RECORD = 1461
WAITING = 4
OPEN_SPACING = 0.020
BEACON_MINIMUM, BEACON_MAXIMUM = 0.5, 1.0

SEED = 1
WARM_UP, WINDOW, ONE_LINK_WINDOW = 20.0, 100.0, 400.0

Cell = tuple[int, bool, float]  # links, certificate read over the air, loss

REFERENCE: dict[Cell, int] = {
    (1, False, 0.0): 3_700,
    (1, False, 0.1): 2_200,
    (1, True, 0.0): 1_600,
    (1, True, 0.1): 770,
    (8, False, 0.0): 15_300,
    (8, False, 0.1): 11_500,
    (8, True, 0.0): 5_900,
    (8, True, 0.1): 4_500,
    (32, False, 0.0): 28_600,
    (32, False, 0.1): 24_000,
    (32, True, 0.0): 10_800,
    (32, True, 0.1): 9_200,
}
BARS: dict[Cell, int] = {
    (8, False, 0.1): 10_000,
    (8, True, 0.1): 4_000,
    (32, False, 0.1): 20_000,
    (32, True, 0.1): 8_000,
}

Row = dict[str, str | float | bool | None]


class Device:
    """A virtual device: it beacons until a link is opened, and leaves the air as a node."""

    def __init__(
        self, air: Air, number: int, options: DeviceOptions, randomness: SeededRandomness
    ) -> None:
        self.uuid = UUID(int=number, version=4).bytes
        self._uniform = randomness.uniform("device", number)
        machine = DeviceMachine(options, randomness.stream("device", number))
        self._link = DeviceLink(self.uuid, self._uniform)
        self._session = Session(self._link, SlowMachine(machine, self._uniform))
        self._radio = air.radio(number.to_bytes(6, "big"))
        self._runner = Runner(self._radio, air)
        self._runner.add(self._session, self._on_effects, open_pattern(self.uuid))
        beacon = UnprovisionedBeacon(UUID(bytes=self.uuid), CERTIFICATE_BASED, b"HASH")
        self._beacon = encode_beacon(beacon)
        self._air = air
        self._node = self._linked = False
        self._beacon_later()

    def _beacon_later(self) -> None:
        span = BEACON_MAXIMUM - BEACON_MINIMUM
        self._air.call_at(self._air.time() + BEACON_MINIMUM + span * self._uniform(), self._send)

    def _send(self) -> None:
        if not self._linked:
            self._runner.send(AdType.MESH_BEACON, self._beacon, key="beacon")
        if not self._node:
            self._beacon_later()

    def _on_effects(self, effects: list[Effect], _now: float) -> None:
        for effect in effects:
            if isinstance(effect, LinkOpened):
                self._linked = True
                self._runner.withdraw("beacon")
                self._runner.retune(self._session, link_pattern(self._link.link_id))
            elif isinstance(effect, BecameNode):
                self._node = True
            elif isinstance(effect, LinkClosed):
                self._on_closed()

    def _on_closed(self) -> None:
        self._linked = self._node
        if self._node:
            self._runner.remove(self._session)
            self._radio.switch_off()
        else:
            self._runner.retune(self._session, open_pattern(self.uuid))


class Joining:
    """One device on its way into the network, seen from the provisioner."""

    def __init__(self, site: Site, uuid: bytes, serial: int) -> None:
        self._site = site
        self.uuid = uuid
        self._link_id = serial.to_bytes(4, "big")
        uniform = site.randomness.uniform("link", serial)
        self.link = ProvisionerLink(
            uuid, self._link_id, uniform, timing=LinkTiming(retransmit=retransmit_after(OWN_TIMING))
        )
        self._machine = ProvisionerMachine(site.randomness.stream("session", serial))
        self.session = Session(self.link, self._machine)
        self._steps: dict[type[Effect], Callable[[Effect, float], list[Effect]]] = {
            LinkOpened: self._on_opened,
            RecordsListed: self._on_listed,
            RecordRead: lambda _effect, now: self._invite(now),
            Authenticated: self._on_authenticated,
            Provisioned: self._on_provisioned,
            LinkClosed: self._on_closed,
        }

    def start(self, now: float) -> None:
        self._site.runner.add(self.session, self._on_effects, link_pattern(self._link_id))
        self._perform(self.link.open(now), now)

    def _on_effects(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            step = self._steps.get(type(effect))
            if step is not None:
                self._perform(step(effect, now), now)

    def _perform(self, effects: list[Effect], now: float) -> None:
        self._site.runner.perform(self.session, self.session.carry_out(effects, now))

    def _on_opened(self, _effect: Effect, now: float) -> list[Effect]:
        return self._machine.list_records(now) if self._site.read else self._invite(now)

    def _on_listed(self, _effect: Effect, now: float) -> list[Effect]:
        return self._machine.read_record(RecordId.DEVICE_CERTIFICATE, now)

    def _invite(self, now: float) -> list[Effect]:
        return self._machine.invite(now, device_public=self._site.public_key)

    def _on_authenticated(self, _effect: Effect, now: float) -> list[Effect]:
        data = ProvisioningData(bytes(16), 0, 0, 0, 2)
        return self._machine.send_data(data, now)

    def _on_provisioned(self, _effect: Effect, _now: float) -> list[Effect]:
        self._site.on_joined(self.uuid)
        return []

    def _on_closed(self, _effect: Effect, _now: float) -> list[Effect]:
        self._site.on_closed(self.uuid)
        return []


class Site:
    """A conveyor: whenever a device has joined, the next one is switched on."""

    def __init__(self, links: int, loss: float, *, read: bool) -> None:
        self.randomness = SeededRandomness(SEED)
        self.air = Air(self.randomness.uniform("air"), faults=Faults(loss=loss))
        radio = self.air.radio(bytes(6), OWN_TIMING, hop=PROVISIONER_HOP)
        self.runner = Runner(radio, self.air)
        self.runner.subscribe(AdType.MESH_BEACON, self._on_beacon)
        self.read = read
        self.joined = 0
        self._links = links
        self._open: set[bytes] = set()
        self._nodes: set[bytes] = set()
        self._seen: dict[bytes, None] = {}
        self._serials = count(1)
        pair = KeyPair.generate(self.randomness.stream("device key"))
        self.public_key = pair.public
        record = self.randomness.stream("certificate")(CERTIFICATE_SIZE)
        records: dict[int, bytes] = {RecordId.DEVICE_CERTIFICATE: record} if read else {}
        self._options = DeviceOptions(key_pair=pair, records=records, fragment_limit=WHOLE_RECORD)
        for _ in range(links + max(WAITING, links // 4)):
            self._switch_on()
        self._admit()

    def _switch_on(self) -> None:
        Device(self.air, next(self._serials), self._options, self.randomness)

    def _on_beacon(self, data: bytes, _report: Report, _now: float) -> None:
        beacon = decode_beacon(data)
        assert isinstance(beacon, UnprovisionedBeacon)
        uuid = beacon.uuid.bytes
        if uuid not in self._open and uuid not in self._nodes:
            self._seen[uuid] = None

    def _admit(self) -> None:
        now = self.air.time()
        if self._seen and len(self._open) < self._links:
            uuid = next(iter(self._seen))
            del self._seen[uuid]
            self._open.add(uuid)
            Joining(self, uuid, next(self._serials)).start(now)
        self.air.call_at(now + OPEN_SPACING, self._admit)

    def on_joined(self, uuid: bytes) -> None:
        self._nodes.add(uuid)
        self.joined += 1
        self._switch_on()

    def on_closed(self, uuid: bytes) -> None:
        self._open.discard(uuid)


def devices_per_hour(links: int, loss: float, *, read: bool) -> float:
    """Return how many devices join in a simulated hour."""
    site = Site(links, loss, read=read)
    site.air.run_until(WARM_UP)
    before = site.joined
    window = ONE_LINK_WINDOW if links == 1 else WINDOW
    site.air.run_until(WARM_UP + window)
    return (site.joined - before) * 3600 / window


def rows() -> list[Row]:
    """Return one row a cell; `floor` is a peer: the reference simulation's figure."""
    return [_row(*cell, peer) for cell, peer in REFERENCE.items()]


def _row(links: int, read: bool, loss: float, peer: int) -> Row:
    value = devices_per_hour(links, loss, read=read)
    bar = BARS.get((links, read, loss))
    way = "read in one fragment" if read else "prefetched"
    return {
        "name": f"joining: {links} link{'s'[: links > 1]}, {loss:.0%} loss, {way} (floor: a peer)",
        "value": round(value),
        "unit": "1/simulated h",
        "floor": peer,
        "ratio": round(peer / value, 2),
        "bar": bar,
        "ok": bar is None or value >= bar,
    }


if __name__ == "__main__":
    for row in rows():
        print(row)
