"""Sessions of our provisioner and our device on a simulated air, recorded in a capture file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import OobInformation, UnprovisionedBeacon, encode_beacon
from meshwright.core.discovery.uri import encode_uri, uri_hash
from meshwright.core.effects import Effect, LinkOpened
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    Authenticated,
    RecordRead,
    RecordsListed,
    ValueToShow,
)
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    InputAction,
    OutputAction,
)
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.radio.capture import CapturedPacket, CaptureFile
from meshwright.radio.interests import link_pattern, open_pattern
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.randomness import SeededRandomness

DEVICE_UUID = UUID("2c8f706a-e5ef-11f1-a553-d3749ad8dfd8")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PAIR = KeyPair(0x1234567890ABCDEF << 128 | 7)
STATIC = StaticOob(OobKind.BINARY, bytes(range(16)))
URI = encode_uri("https://mesh.example/d")
DATA = ProvisioningData(bytes(range(16)), 0x0567, 0, 0x01020304, 0x0100)


@dataclass(frozen=True)
class Case:
    """How one session authenticates, and what the owner of the provisioner knows of the device."""

    name: str
    policy: AuthenticationPolicy
    options: DeviceOptions
    key: bytes | None = None
    static: StaticOob | None = None
    records: tuple[int, ...] = ()
    oob: OobInformation = OobInformation.NUMBER | OobInformation.ON_BOX


def _cmac(name: str, method: AuthenticationMethod, *, key: bool = False, **device: object) -> Case:
    policy = AuthenticationPolicy((Algorithm.CMAC,), key, (method,), static_with_cmac=True)
    options = DeviceOptions(elements=3, algorithms=Algorithms.CMAC, **device)  # type: ignore[arg-type]
    return Case(name, policy, options)


_STATIC = _cmac("static", AuthenticationMethod.STATIC, static_oob=STATIC)
CASES = (
    _cmac("no-oob", AuthenticationMethod.NO_OOB),
    replace(_STATIC, static=STATIC),
    replace(_STATIC, name="wrong-static", static=StaticOob(OobKind.BINARY, bytes(16))),
    _cmac(
        "output",
        AuthenticationMethod.OUTPUT,
        output_actions=(OutputAction.BEEP, OutputAction.NUMERIC),
        output_size=6,
    ),
    _cmac(
        "input",
        AuthenticationMethod.INPUT,
        input_actions=(InputAction.PUSH, InputAction.ALPHANUMERIC),
        input_size=5,
    ),
    replace(
        _cmac("oob-key", AuthenticationMethod.NO_OOB, key=True, key_pair=PAIR), key=PAIR.public
    ),
    Case(
        "certificate",
        ZERO_TOUCH,
        DeviceOptions(key_pair=PAIR, records={0: b"https://x", 1: bytes(100), 2: bytes(80)}),
        key=PAIR.public,
        records=(1, 2, 9),
        oob=OobInformation.CERTIFICATE | OobInformation.RECORDS | OobInformation.ON_DEVICE,
    ),
)


class Recording:
    """One session, packet by packet as it was sent; `file` gets every packet."""

    def __init__(self, case: Case, file: CaptureFile) -> None:
        self.case = case
        self._randomness = SeededRandomness(7)
        self._air = Air(self._randomness.uniform("air"))
        self._file = file
        self._air.capture(self._on_sent)
        self._runner = Runner(
            self._air.radio(b"\xc0PROV1", OWN_TIMING, hop=PROVISIONER_HOP), self._air
        )
        self._provisioner = ProvisionerMachine(self._randomness.stream("provisioner"))
        self._device = DeviceMachine(case.options, self._randomness.stream("device"))
        self._to_read = list(case.records)

    def run(self) -> None:
        """Advertise, provision, and wait until the last Link Close has left."""
        device_runner = Runner(self._air.radio(b"\xc0DEVIC"), self._air)
        beacon = UnprovisionedBeacon(DEVICE_UUID, self.case.oob, uri_hash(URI))
        device_runner.send(AdType.URI, URI)
        device_runner.send(AdType.MESH_BEACON, encode_beacon(beacon))
        self._switch_on(device_runner)
        self._air.run_until(1.0)
        self._open()
        assert self._air.run_until(lambda: not self._runner.machines, limit=60.0)

    def _on_sent(self, now: float, address: bytes, payload: bytes) -> None:
        self._file.write(CapturedPacket(NOON + timedelta(seconds=now), payload, address, -61))

    def _switch_on(self, runner: Runner) -> None:
        link = DeviceLink(DEVICE_UUID.bytes, self._randomness.uniform("device"))
        self._device_session = session = Session(link, self._device)

        def on_effects(effects: list[Effect], _now: float) -> None:
            for effect in effects:
                if isinstance(effect, LinkOpened):
                    runner.retune(session, link_pattern(link.link_id))
                elif isinstance(effect, ValueToShow):
                    self._later(self._enter_at_provisioner, effect.value)

        self._device_runner = runner
        runner.add(session, on_effects, open_pattern(DEVICE_UUID.bytes))

    def _open(self) -> None:
        link_id = bytes.fromhex("5908f137")
        link = ProvisionerLink(DEVICE_UUID.bytes, link_id, self._randomness.uniform("link"))
        self._session = session = Session(link, self._provisioner)
        self._runner.add(session, self._on_effects, link_pattern(link_id))
        now = self._air.time()
        self._runner.perform(session, session.carry_out(link.open(now), now))

    def _on_effects(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            wanted = self._wanted(effect, now)
            self._runner.perform(self._session, self._session.carry_out(wanted, now))

    def _wanted(self, effect: Effect, now: float) -> list[Effect]:
        match effect:
            case LinkOpened() if self._to_read:
                return self._provisioner.list_records(now)
            case LinkOpened() | RecordsListed() | RecordRead():
                return self._read_or_invite(now)
            case ValueToShow(value=value):
                self._later(self._enter_at_device, value)
            case Authenticated():
                return self._provisioner.send_data(DATA, now)
            case _:
                pass
        return []

    def _read_or_invite(self, now: float) -> list[Effect]:
        if self._to_read:
            return self._provisioner.read_record(self._to_read.pop(0), now)
        return self._provisioner.invite(
            now,
            policy=self.case.policy,
            device_public=self.case.key,
            static_oob=self.case.static,
            attention=5,
        )

    # The person, who needs a second.

    def _later(self, enter: Callable[[str], None], value: str) -> None:
        self._air.schedule(self._air.time() + 1.0, enter, value)

    def _enter_at_provisioner(self, value: str) -> None:
        now = self._air.time()
        effects = self._provisioner.enter(value, now)
        self._runner.perform(self._session, self._session.carry_out(effects, now))

    def _enter_at_device(self, value: str) -> None:
        now = self._air.time()
        session = self._device_session
        effects = session.carry_out(self._device.enter(value, now), now)
        self._device_runner.perform(session, effects)


def record(case: Case, path: Path) -> Path:
    """Run the session of `case` and return its capture file."""
    with CaptureFile(path) as file:
        Recording(case, file).run()
    return path
