"""A site in a test: a real register, real certificates, real machines, an air, and whoever lies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from tests.pki.forging import NOW, Site, issue

from meshwright.clock import ManualClock
from meshwright.core.bearers.pb_adv import DeviceLink
from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import CERTIFICATE_BASED, OobInformation, UnprovisionedBeacon
from meshwright.core.discovery.beacon import encode_beacon as encoded
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import (
    Effect,
    LinkClosed,
    Priority,
    SendPdu,
)
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import BecameNode
from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
from meshwright.core.provisioning.session import Session
from meshwright.pki.validation import ChainValidator
from meshwright.radio.port import OWN_TIMING, Pacing, Radio
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.radio.simulated.propagation import Faults
from meshwright.randomness import SeededRandomness
from meshwright.registry.database import Database
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register
from meshwright.services.chains import ChainBook
from meshwright.services.commissioning import Commissioner
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.report import AssetResult, CommissioningReport, Progress
from meshwright.sim.device import VirtualDevice
from meshwright.sim.flash import Flash, FlashFile
from meshwright.sim.line_device import draw_scalar

FRAGMENT = 57


@dataclass
class World:
    """One network, its register and the air around it."""

    folder: Path
    site: Site
    seed: int = 1
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        self.randomness = SeededRandomness(self.seed)
        self.clock = ManualClock(NOW)
        database = Database.open(self.folder / "register.db")
        self.register = Register(database, Keyring(bytes(range(32))), self.clock, "tester")
        self.network = self.register.create_network(
            "hall", uuid=UUID(int=self.seed), net_key=bytes(16), app_key=bytes(range(16))
        )
        self.air = Air(self.randomness.uniform("air"), faults=self.faults)
        self.progress: list[Progress] = []
        self.runs = self.actors = 0

    # Devices.

    def uuid(self, number: int) -> UUID:
        """Return the UUID of device `number` of this world."""
        return UUID(int=(0xF0000000E5EC11F1804D010203040000 + (self.seed << 64) + number))

    def key(self, *label: object) -> int:
        """Draw the private key of a device."""
        return draw_scalar(self.randomness.stream("device key", *label))

    def certificate(self, uuid: UUID, scalar: int, site: Site | None = None) -> bytes:
        """Return the device certificate of a key."""
        site = site or self.site
        private = ec.derive_private_key(scalar, ec.SECP256R1())
        return issue(site.authority(), private, site.profile.assign(uuid), "world")

    def flash(
        self,
        number: int,
        *,
        authorized: bool = True,
        records: Mapping[int, bytes] | None = None,
        name: str | None = None,
        site: Site | None = None,
        uuid: UUID | None = None,
    ) -> FlashFile:
        """Make a device, and enter it into the register if it is authorized."""
        name = name or f"lamp {number}"
        uuid = uuid or self.uuid(number)
        scalar = self.key(name)
        if records is None:
            records = self.records(self.certificate(uuid, scalar, site), site)
        if authorized:
            self.register.add_asset(uuid, name, self.network.id)
        address = b"\xc0" + self.randomness.stream("address", name)(5)
        made = Flash(address, uuid=uuid, private_key=scalar, records=dict(records))
        flash = FlashFile.create(self.folder / f"{name.replace(' ', '-')}.json", address)
        flash.store(made)
        return flash

    def records(self, certificate: bytes, site: Site | None = None) -> dict[int, bytes]:
        """Return the records of a good device with this certificate."""
        batch = (site or self.site).batch
        return {RecordId.DEVICE_CERTIFICATE: certificate, INTERMEDIATES[0]: batch}

    def power(self, flash: FlashFile) -> VirtualDevice:
        """Power a device on."""
        return VirtualDevice(flash, self.air, self.randomness)

    # The provisioner.

    def commissioner(self, chains: ChainBook | None = None, **options: Any) -> Commissioner:  # noqa: ANN401
        """Put a provisioner on the air, as another process would after a restart."""
        self.runs += 1
        radio = self.air.radio(b"\xc0prov" + bytes([self.runs]), OWN_TIMING, hop=PROVISIONER_HOP)
        return Commissioner(
            self.network,
            self.register,
            ChainValidator([self.site.root]),
            Runner(radio, self.air),
            clock=self.clock,
            randomness=self.randomness,
            chains=chains,
            options=CommissioningOptions(**options),
            on_progress=self.progress.append,
        )

    def run(
        self,
        chains: ChainBook | None = None,
        *,
        limit: float = 900.0,
        **options: Any,  # noqa: ANN401
    ) -> CommissioningReport:
        """Commission to the end, which must come before `limit` seconds of air time."""
        commissioner = self.commissioner(chains, **options)
        commissioner.start()
        until = self.air.time() + limit
        assert self.air.run_until(lambda: commissioner.finished, limit=until), "endless"
        return commissioner.report()

    def check(self) -> None:
        """Check what must be true after any run."""
        self.register.verify_audit()
        nodes = self.register.nodes()
        everything = [*nodes, *self.register.reserved()]
        assert len({node.address for node in everything}) == len(everything)
        assert len({node.device_key for node in everything}) == len(everything)
        assert {node.uuid for node in nodes} <= {a.uuid for a in self.register.assets()}

    def agrees(self, flash: FlashFile) -> bool:
        """Tell whether register and device know each other by address and DevKey."""
        node = self.register.node_of(self.network.id, flash.content.uuid or UUID(int=0))
        member = FlashFile.open(flash.path).content.membership
        if node is None or member is None:
            return node is None and member is None
        return (node.address, node.device_key) == (member.data.address, member.device_key)


def result_of(report: CommissioningReport, flash: FlashFile) -> AssetResult:
    """Return what became of the asset that `flash` is."""
    [found] = [each for each in report.assets if each.asset.uuid == flash.content.uuid]
    return found


Edit = Callable[[bytes], list[bytes]]
"""What somebody sends instead of a PDU."""


class Edited:
    """A device machine whose PDUs are replaced on their way out."""

    def __init__(self, machine: ProvisioningMachine, edit: Edit) -> None:
        self._machine = machine
        self._edit = edit

    def bearer_opened(self, now: float) -> list[Effect]:
        return self._machine.bearer_opened(now)

    def bearer_closed(self, now: float) -> list[Effect]:
        return self._machine.bearer_closed(now)

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        effects: list[Effect] = []
        for effect in self._machine.receive(pdu, now):
            if isinstance(effect, SendPdu):
                effects += [SendPdu(octets) for octets in self._edit(effect.pdu)]
            else:
                effects.append(effect)
        return effects

    def next_deadline(self) -> float | None:
        return self._machine.next_deadline()

    def handle_deadline(self, now: float) -> list[Effect]:
        return self._machine.handle_deadline(now)


class RestlessRadio:
    """A radio that advertises every packet from another address, or from a stolen one."""

    predictable_allowed = True

    def __init__(self, world: World, next_address: Callable[[], bytes]) -> None:
        self._radio = world.air.radio(next_address())
        self._next_address = next_address
        self.listen, self.narrow = self._radio.listen, self._radio.narrow

    @property
    def address(self) -> bytes:
        return self._radio.address

    @property
    def pacing(self) -> Pacing:
        return self._radio.pacing

    @property
    def ready(self) -> bool:
        return self._radio.ready

    def transmit(self, payload: bytes) -> None:
        self._radio.address = self._next_address()
        self._radio.transmit(payload)

    def switch_off(self) -> None:
        self._radio.switch_off()


class Actor:
    """Somebody who beacons and answers like a device, as far as `edit` lets it."""

    def __init__(
        self,
        world: World,
        uuid: UUID,
        options: DeviceOptions,
        *,
        edit: Edit = lambda pdu: [pdu],
        oob: int = CERTIFICATE_BASED,
        radio: Radio | None = None,
        period: float = 0.7,
    ) -> None:
        self.became: list[BecameNode] = []
        world.actors += 1
        label = ("actor", world.actors)
        self._air = world.air
        self._oob = OobInformation(oob)
        self._period = period
        self._on = True
        self.radio = radio or world.air.radio(b"\xc0actr" + bytes([world.actors]))
        self._runner = Runner(self.radio, world.air)
        machine = DeviceMachine(options, world.randomness.stream(*label))
        self._uniform = world.randomness.uniform(*label)
        self._link = DeviceLink(uuid.bytes, self._uniform)
        self._session = Session(self._link, Edited(machine, edit))
        self._runner.add(self._session, self._on_effects)
        self._beacon()

    def power_off(self) -> None:
        """Leave the air."""
        self._on = False
        self._runner.remove(self._session)

    def _on_effects(self, effects: list[Effect], _now: float) -> None:
        self.became += [effect for effect in effects if isinstance(effect, BecameNode)]
        if self.became and any(isinstance(effect, LinkClosed) for effect in effects):
            self.power_off()

    def _beacon(self) -> None:
        if self._on and not self._link.is_open and not self.became:
            beacon = UnprovisionedBeacon(UUID(bytes=self._link.uuid), self._oob)
            self._runner.send(AdType.MESH_BEACON, encoded(beacon), Priority.BEACON, key="beacon")
        if self._on:
            wait = self._period * (0.8 + 0.4 * self._uniform())
            self._air.call_at(self._air.time() + wait, self._beacon)


def options_of(flash: FlashFile, **changes: Any) -> DeviceOptions:  # noqa: ANN401
    """Return the options of the device that `flash` is, with changes."""
    content = flash.content
    pair = None if content.private_key is None else KeyPair(content.private_key)
    values = {"key_pair": pair, "records": content.records, "fragment_limit": FRAGMENT * 5}
    return DeviceOptions(**(values | changes))
