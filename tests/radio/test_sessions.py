"""The real links and provisioning machines, driven by runners over a bad air."""

from __future__ import annotations

from functools import partial

import pytest

from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.effects import Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import Authenticated, BecameNode, Provisioned
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.radio.interests import link_pattern, open_pattern
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.radio.simulated.propagation import Faults
from meshwright.randomness import SeededRandomness

DEVICES = 6
BAD = Faults(loss=0.2, duplication=0.2, delay=0.02)


class Site:
    """One provisioner and some devices that it knows."""

    def __init__(self, seed: int, faults: Faults) -> None:
        self.randomness = SeededRandomness(seed)
        self.air = Air(self.randomness.uniform("air"), faults=faults)
        self.trace: list[tuple[float, bytes, bytes]] = []
        self.air.capture(lambda *seen: self.trace.append(seen))
        radio = self.air.radio(bytes(6), OWN_TIMING, hop=PROVISIONER_HOP)
        self.runner = Runner(radio, self.air)
        self.pair = KeyPair.generate(self.randomness.stream("pair"))
        self.provisioned: list[int] = []
        self.nodes: list[int] = []
        for number in range(1, DEVICES + 1):
            self._switch_on(number)
            self._open(number)

    @property
    def done(self) -> bool:
        """Tell whether everybody is a node and the last Link Close has left."""
        return not self.runner.machines

    def _switch_on(self, number: int) -> None:
        runner = Runner(self.air.radio(number.to_bytes(6, "big")), self.air)
        uuid = number.to_bytes(16, "big")
        machine = DeviceMachine(
            DeviceOptions(key_pair=self.pair), self.randomness.stream("device", number)
        )
        link = DeviceLink(uuid, self.randomness.uniform("device", number))
        session = Session(link, machine)

        def on_effects(effects: list[Effect], _now: float) -> None:
            for effect in effects:
                if isinstance(effect, LinkOpened):
                    runner.retune(session, link_pattern(link.link_id))
                elif isinstance(effect, LinkClosed):
                    runner.retune(session, open_pattern(uuid))
                elif isinstance(effect, BecameNode):
                    self.nodes.append(number)

        runner.add(session, on_effects, open_pattern(uuid))

    def _open(self, number: int) -> None:
        link_id = number.to_bytes(4, "big")
        link = ProvisionerLink(
            number.to_bytes(16, "big"), link_id, self.randomness.uniform("link", number)
        )
        machine = ProvisionerMachine(self.randomness.stream("session", number))
        session = Session(link, machine)
        on_effects = partial(self._on_effects, number, session, machine)
        self.runner.add(session, on_effects, link_pattern(link_id))
        self.runner.perform(session, session.carry_out(link.open(0.0), 0.0))

    def _on_effects(
        self,
        number: int,
        session: Session,
        machine: ProvisionerMachine,
        effects: list[Effect],
        now: float,
    ) -> None:
        for effect in effects:
            answer: list[Effect] = []
            if isinstance(effect, LinkOpened):
                answer = machine.invite(now, device_public=self.pair.public)
            elif isinstance(effect, Authenticated):
                answer = machine.send_data(ProvisioningData(bytes(16), 0, 0, 0, number), now)
            elif isinstance(effect, Provisioned):
                self.provisioned.append(number)
            self.runner.perform(session, session.carry_out(answer, now))


class Jammer:
    """A third radio that sends nonsense, and nonsense that looks like somebody's link."""

    def __init__(self, site: Site) -> None:
        self._random = site.randomness.stream("jammer")
        self._radio = site.air.radio(b"jammer", OWN_TIMING)
        self._radio.listen(self)

    def heard(self, report: object, now: float) -> None:
        """Care for nothing."""

    def transmitted(self, now: float) -> None:
        """Care for nothing."""

    def ready(self, now: float) -> None:
        link_id = (self._random(1)[0] % DEVICES + 1).to_bytes(4, "big")
        nonsense = self._random(1 + self._random(1)[0] % 24)
        packet = structure(AdType.PB_ADV, link_id + self._random(1) + nonsense)
        del now
        self._radio.transmit(packet if self._random(1)[0] & 1 else nonsense)


@pytest.mark.parametrize("faults", [Faults(), BAD], ids=["good air", "bad air"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_device_becomes_a_node(seed: int, faults: Faults) -> None:
    site = Site(seed, faults)
    assert site.air.run_until(lambda: site.done, limit=120.0)
    assert sorted(site.provisioned) == sorted(site.nodes) == list(range(1, DEVICES + 1))


def test_the_same_seed_puts_the_same_packets_on_the_air() -> None:
    def packets(seed: int) -> list[tuple[float, bytes, bytes]]:
        site = Site(seed, BAD)
        site.air.run_until(3.0)
        return site.trace

    first = packets(5)
    assert len(first) > 100
    assert packets(5) == first
    assert packets(6) != first


def test_a_jammer_costs_time_and_never_the_runner() -> None:
    site = Site(1, Faults())
    Jammer(site)
    site.air.run_until(10.0)
    assert site.air.statistics.collided > 0
    assert set(site.provisioned) <= set(site.nodes)
    assert len(site.nodes) == len(set(site.nodes))
