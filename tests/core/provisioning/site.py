"""A real Provisioner and a real device, with links and machines, on one wire."""

from __future__ import annotations

from tests.core.provisioning.pair import CERTIFIED, DATA, OPTIONS
from tests.core.wire import ON_TIME, End, Fate, Wire

from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.effects import Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    Provisioned,
    RecordRead,
    RecordsListed,
    SessionFailed,
)
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.randomness import SeededRandomness

UUID = bytes(range(16))
CODES = {
    "link-lost",
    "provisioning-timeout",
    "refused-by-device",
    "unexpected-pdu",
    "confirmation-failed",
}
"""How a session between two honest machines may end on bad air."""


class Site:
    """Everything of one attempt; `check` says what must be true however it went."""

    def __init__(
        self, seed: int, fate: Fate = lambda _payload: ON_TIME, device: DeviceMachine | None = None
    ) -> None:
        randomness = SeededRandomness(seed)
        uniform = randomness.uniform("delays")
        random = randomness.stream("provisioner")
        self.link = ProvisionerLink(UUID, random(4), uniform)
        self.provisioner = ProvisionerMachine(random)
        self.session = Session(self.link, self.provisioner)
        self.device_link = DeviceLink(UUID, uniform)
        self.device = device or DeviceMachine(OPTIONS, randomness.stream("device"))
        left = End(self.session, b"PROVIS", self._lead)
        right = End(Session(self.device_link, self.device), b"DEVICE")
        self.wire = Wire(left, right, fate=fate)

    def start(self) -> Site:
        self.wire.act(self.wire.left, self.link.open(self.wire.now))
        return self

    def run(self, seconds: float = 600.0) -> Site:
        self.wire.run(seconds)
        return self

    def _lead(self, effect: Effect, now: float) -> list[Effect]:
        match effect:
            case LinkOpened():
                wanted = self.provisioner.list_records(now)
            case RecordsListed():
                wanted = self.provisioner.read_record(1, now)
            case RecordRead():
                wanted = self.provisioner.invite(now, device_public=CERTIFIED.public)
            case Authenticated():
                wanted = self.provisioner.send_data(DATA, now)
            case _:
                return []
        return self.session.carry_out(wanted, now)

    @property
    def provisioned(self) -> bool:
        return bool(self.wire.left.told(Provisioned))

    def check(self) -> None:
        """Both agree, or both can say why not; nothing happened twice."""
        left, right = self.wire.left, self.wire.right
        keys = [effect.device_key for effect in left.told(Authenticated)]
        nodes = right.told(BecameNode)
        failures = left.told(SessionFailed)
        assert len(keys) <= 1
        assert len(nodes) <= 1
        assert len(failures) + len(left.told(Provisioned)) <= 1
        if self.provisioned:
            assert len(nodes) == 1
        for node in nodes:
            # Perhaps the Provisioner never hears of it, but it has kept the key for this case.
            assert [node.device_key] == keys
            assert node.data == DATA
        assert {failure.code for failure in failures} <= CODES

    def check_ended(self) -> None:
        """Expect one outcome and nobody waiting any more, however the air was."""
        self.check()
        left = self.wire.left
        (closed,) = left.told(LinkClosed)
        outcomes = len(left.told(SessionFailed)) + len(left.told(Provisioned))
        assert outcomes == (1 if closed.opened else 0)
        assert self.session.finished
        assert not self.device_link.is_open
        assert left.machine.next_deadline() is None
        assert self.wire.right.machine.next_deadline() is None
