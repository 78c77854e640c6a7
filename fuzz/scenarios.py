"""What the machines are set to, so that every method and both algorithms can be reached."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.crypto import KeyPair
from meshwright.core.effects import Effect, LinkOpened
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import Authenticated, RecordRead, RecordsListed
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    InputAction,
    OutputAction,
)
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.randomness import SeededRandomness

UUID = bytes(range(16))
DATA = ProvisioningData(bytes(range(16)), 0x0123, 0, 0x01020304, 0x0100)
_CERTIFIED = KeyPair(0x1234567890ABCDEF << 128 | 7)
_STATIC = StaticOob(OobKind.BINARY, bytes(range(32)))
_RECORDS = {1: bytes(range(100)), 2: bytes(70)}
_BOTH = (Algorithm.CMAC, Algorithm.HMAC)
_CMAC = Algorithms.CMAC


@dataclass(frozen=True)
class Scenario:
    """A device, what the Provisioner wants of it, and what both know beforehand."""

    name: str
    method: AuthenticationMethod = AuthenticationMethod.NO_OOB
    certified: bool = True
    algorithms: Algorithms = Algorithms.CMAC | Algorithms.HMAC
    output: OutputAction | None = None
    input: InputAction | None = None
    records: bool = True

    @property
    def options(self) -> DeviceOptions:
        """What the device offers."""
        return DeviceOptions(
            elements=2,
            algorithms=self.algorithms,
            key_pair=_CERTIFIED if self.certified else None,
            records=_RECORDS if self.records else {},
            static_oob=_STATIC if self.method is AuthenticationMethod.STATIC else None,
            output_actions=() if self.output is None else (self.output,),
            output_size=0 if self.output is None else 4,
            input_actions=() if self.input is None else (self.input,),
            input_size=0 if self.input is None else 4,
        )

    def device(self, seed: int = 1) -> DeviceMachine:
        """Return the device, with the same chances for the same seed."""
        return DeviceMachine(self.options, SeededRandomness(seed).stream("device"))

    def provisioner(self, seed: int = 1) -> ProvisionerMachine:
        """Return the Provisioner, with the same chances for the same seed."""
        return ProvisionerMachine(SeededRandomness(seed).stream("provisioner"))

    def lead(self, machine: ProvisionerMachine, effect: Effect, now: float) -> list[Effect]:
        """Do what an owner does after `effect`."""
        match effect:
            case LinkOpened() if self.records:
                return machine.list_records(now)
            case LinkOpened():
                return self._invite(machine, now)
            case RecordsListed(ids) if 1 in ids:
                return machine.read_record(1, now)
            case RecordsListed() | RecordRead():
                return self._invite(machine, now)
            case Authenticated():
                return machine.send_data(DATA, now)
            case _:
                return []

    def _invite(self, machine: ProvisionerMachine, now: float) -> list[Effect]:
        policy = AuthenticationPolicy(
            _BOTH,
            require_oob_public_key=self.certified,
            methods=(self.method,),
            static_with_cmac=True,
        )
        static = _STATIC if self.method is AuthenticationMethod.STATIC else None
        public = _CERTIFIED.public if self.certified else None
        return machine.invite(
            now, policy=policy, device_public=public, static_oob=static, attention=5
        )


def scenario(name: str) -> Scenario:
    """Return the scenario of that name."""
    return next(each for each in SCENARIOS if each.name == name)


_OUTPUT, _INPUT = AuthenticationMethod.OUTPUT, AuthenticationMethod.INPUT
SCENARIOS = (
    Scenario("certified"),
    Scenario("in band", certified=False),
    Scenario("in band, CMAC", certified=False, algorithms=_CMAC, records=False),
    Scenario("static", AuthenticationMethod.STATIC),
    Scenario("static, CMAC", AuthenticationMethod.STATIC, certified=False, algorithms=_CMAC),
    Scenario("output number", _OUTPUT, output=OutputAction.NUMERIC),
    Scenario("output blink, CMAC", _OUTPUT, False, _CMAC, OutputAction.BLINK, records=False),
    Scenario("input string", _INPUT, certified=False, input=InputAction.ALPHANUMERIC),
    Scenario("input push", _INPUT, input=InputAction.PUSH, records=False),
)
