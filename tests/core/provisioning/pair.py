"""A Provisioner and a device machine that hand each other PDUs, without a bearer between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TypeVar

from meshwright.core.crypto import KeyPair
from meshwright.core.effects import CloseLink, CloseReason, Effect, LinkOpened, SendPdu
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import Authenticated, RecordRead, RecordsListed
from meshwright.core.provisioning.fields import Algorithm
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.randomness import SeededRandomness

CERTIFIED_SCALAR = 0x1234567890ABCDEF << 128 | 7
CERTIFIED = KeyPair(CERTIFIED_SCALAR)
CERTIFICATE = bytes(range(100))
NET_KEY = bytes.fromhex("efb2255e6422d330088e09bb015ed707")
DATA = ProvisioningData(NET_KEY, 0x0567, 0, 0x01020304, 0x0100)
OPTIONS = DeviceOptions(elements=2, key_pair=CERTIFIED, records={1: CERTIFICATE})
IN_BAND = AuthenticationPolicy(require_oob_public_key=False)
LEGACY = AuthenticationPolicy((Algorithm.CMAC, Algorithm.HMAC), require_oob_public_key=False)

E = TypeVar("E", bound=Effect)
Tamper = Callable[[bytes], list[bytes]]


def untouched(pdu: bytes) -> list[bytes]:
    return [pdu]


class Pair:
    """Both machines, what waits between them, what they sent and what they told.

    The owner of the Provisioner reads one record, invites, and hands over `data`; it stops to lead
    when it is told `silent_at`. `to_device` and `to_provisioner` may change what is handed over.
    """

    def __init__(
        self,
        *,
        policy: AuthenticationPolicy = ZERO_TOUCH,
        public: bytes | None = CERTIFIED.public,
        options: DeviceOptions = OPTIONS,
        data: ProvisioningData = DATA,
        silent_at: type[Effect] | None = None,
        to_device: Tamper = untouched,
        to_provisioner: Tamper = untouched,
        seed: int = 1,
    ) -> None:
        randomness = SeededRandomness(seed)
        self.provisioner = ProvisionerMachine(randomness.stream("provisioner"))
        self.device = DeviceMachine(options, randomness.stream("device"))
        self.now = 0.0
        self.by_provisioner: list[Effect] = []
        self.by_device: list[Effect] = []
        self.for_provisioner: deque[bytes] = deque()
        self.for_device: deque[bytes] = deque()
        self.sent_by_provisioner: list[bytes] = []
        self.sent_by_device: list[bytes] = []
        self._policy, self._public, self._data = policy, public, data
        self._silent_at = silent_at
        self._to_device, self._to_provisioner = to_device, to_provisioner

    def open(self) -> Pair:
        """Let both bearers open and the owner begin."""
        self.device_does(self.device.bearer_opened(self.now))
        self.provisioner_does(self.provisioner.bearer_opened(self.now))
        self.provisioner_does(self._lead(LinkOpened()))
        return self

    def run(self, until: Callable[[], bool] = lambda: False) -> Pair:
        """Hand over PDUs until none is left, or as far as `until`."""
        while not until() and (self.for_device or self.for_provisioner):
            if self.for_device:
                self.device_does(self.device.receive(self.for_device.popleft(), self.now))
            else:
                pdu = self.for_provisioner.popleft()
                self.provisioner_does(self.provisioner.receive(pdu, self.now))
        return self

    def device_at(self, state: str) -> Pair:
        """Run until the device is in `state`; what it gets next waits in `for_device`."""
        self.open().run(lambda: self.device.state == state and not self.for_provisioner)
        assert self.device.state == state
        return self

    def provisioner_at(self, state: str) -> Pair:
        """Run until the Provisioner is in `state` and all it has sent has been answered."""
        self.open().run(lambda: self.provisioner.state == state and not self.for_device)
        assert self.provisioner.state == state
        return self

    def device_does(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.by_device.append(effect)
            if isinstance(effect, SendPdu):
                self.sent_by_device.append(effect.pdu)
                self.for_provisioner.extend(self._to_provisioner(effect.pdu))

    def provisioner_does(self, effects: list[Effect]) -> None:
        waiting = deque(effects)
        while waiting:
            effect = waiting.popleft()
            self.by_provisioner.append(effect)
            if isinstance(effect, SendPdu):
                self.sent_by_provisioner.append(effect.pdu)
                self.for_device.extend(self._to_device(effect.pdu))
            waiting.extend(self._lead(effect))

    def _lead(self, effect: Effect) -> list[Effect]:
        if self._silent_at is not None and isinstance(effect, self._silent_at):
            return []
        match effect:
            case LinkOpened():
                return self.provisioner.list_records(self.now)
            case RecordsListed():
                return self.provisioner.read_record(1, self.now)
            case RecordRead():
                return self.provisioner.invite(
                    self.now, policy=self._policy, device_public=self._public, attention=5
                )
            case Authenticated():
                return self.provisioner.send_data(self._data, self.now)
            case _:
                return []

    def told_provisioner(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.by_provisioner if isinstance(effect, kind)]

    def told_device(self, kind: type[E]) -> list[E]:
        return [effect for effect in self.by_device if isinstance(effect, kind)]


def closes(effects: list[Effect]) -> list[CloseReason]:
    return [effect.reason for effect in effects if isinstance(effect, CloseLink)]


def pdus(effects: list[Effect]) -> list[bytes]:
    return [effect.pdu for effect in effects if isinstance(effect, SendPdu)]
