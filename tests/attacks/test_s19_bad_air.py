"""S19: loss, doubling, reordering, and packets that come when their link is long gone.

Whatever happens, an attempt completes or fails in bounded time and nobody goes on waiting. PB-GATT
has a link layer below it that repeats and orders; what can happen there is that it breaks.
"""

from __future__ import annotations

import pytest
from fuzz.scenarios import SCENARIOS, Scenario, scenario
from tests.attacks.scene import LIMIT, Scene
from tests.core.wire import ON_TIME, Wire, bad_air

from meshwright.core.bearers import generic
from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.effects import LinkClosed
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    Provisioned,
    SessionFailed,
)
from meshwright.randomness import SeededRandomness

SEEDS = range(6)
CODES = {
    "link-lost",
    "provisioning-timeout",
    "records-too-slow",
    "refused-by-device",
    "unexpected-pdu",
}


def agreed(scene: Scene) -> None:
    """Expect one outcome on each side, and the same one, as far as both can know."""
    keys = [each.device_key for each in scene.told_provisioner(Authenticated)]
    nodes = [each.device_key for each in scene.told_device(BecameNode)]
    assert len(nodes) <= 1
    assert not nodes or nodes == keys
    outcomes = [*scene.told_provisioner(SessionFailed), *scene.told_provisioner(Provisioned)]
    [closed] = scene.told_provisioner(LinkClosed)
    assert len(outcomes) == (1 if closed.opened else 0)
    assert set(scene.failures) <= CODES
    if scene.told_provisioner(Provisioned):
        assert scene.succeeded
    scene.check_over()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)
@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_s19_loss_is_made_good_for_every_method(kind: Scenario, loss: float, seed: int) -> None:
    air = bad_air(SeededRandomness(seed).uniform("air"), loss=loss)
    scene = Scene("PB-ADV", kind, fate=air, seed=seed).start().run()
    agreed(scene)
    assert scene.succeeded


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)
def test_s19_half_of_everything_lost_ends_in_bounded_time(kind: Scenario, seed: int) -> None:
    air = bad_air(SeededRandomness(seed).uniform("air"), loss=0.5)
    agreed(Scene("PB-ADV", kind, fate=air, seed=seed).start().run())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("lateness", [0.1, 1.0, 10.0])
def test_s19_doubled_and_reordered(lateness: float, seed: int) -> None:
    uniform = SeededRandomness(seed).uniform("air")
    air = bad_air(uniform, loss=0.1, doubling=0.4, lateness=lateness)
    scene = Scene("PB-ADV", scenario("certified"), fate=air, seed=seed).start().run()
    assert scene.left.finished
    keys = [each.device_key for each in scene.told_provisioner(Authenticated)]
    nodes = [each.device_key for each in scene.told_device(BecameNode)]
    assert len(nodes) <= 1
    assert not nodes or nodes == keys


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_s19_a_lost_link_open_is_sent_again_at_the_pace_of_repetitions(lost: int) -> None:
    opens = [0]

    def fate(packet: bytes) -> tuple[float, ...]:
        opens[0] += packet[5:6] == generic.link_open(bytes(16))[:1]
        return () if opens[0] <= lost else ON_TIME

    scene = Scene("PB-ADV", scenario("certified"), fate=fate).play()
    assert scene.succeeded
    heard = next(when for when, address, _ in scene.wire.packets if address == b"DEVICE")
    assert heard < lost * (LinkTiming().open_retransmit + 0.05) + 0.2
    assert heard < 1.5 * lost


@pytest.mark.parametrize("seed", SEEDS)
def test_s19_packets_of_an_old_session_in_a_new_one(seed: int) -> None:
    """Everything that was ever said to the device is said again while the next session runs."""
    uniform = SeededRandomness(seed).uniform("air")
    broken = Scene("PB-ADV", scenario("certified"), seed=seed)
    broken.wire.fate = lambda _packet: ON_TIME if len(broken.wire.packets) < 30 else ()
    broken.start().run()
    assert not broken.succeeded
    old = broken.wire.packets
    scene = Scene("PB-ADV", scenario("certified"), machine=broken.device, seed=seed + 100)
    scene.start()
    while scene.wire.step(LIMIT):
        repeat(scene.wire, old, uniform())
    scene.check_over()
    assert scene.succeeded


def repeat(wire: Wire, old: list[tuple[float, bytes | None, bytes]], chance: float) -> None:
    _, sender, packet = old[int(chance * len(old))]
    end = wire.right if sender == b"PROVIS" else wire.left
    wire.deliver(end, packet, sender)


@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)
@pytest.mark.parametrize("values", range(0, 24, 3))
def test_s19_a_connection_that_breaks_at_any_value(kind: Scenario, values: int) -> None:
    """Nothing arrives any more, and nobody is told: what a radio out of range is like."""
    scene = Scene("PB-GATT", kind)
    scene.wire.fate = lambda _packet: ON_TIME if len(scene.wire.packets) <= values else ()
    scene.start().run()
    keys = [each.device_key for each in scene.told_provisioner(Authenticated)]
    nodes = [each.device_key for each in scene.told_device(BecameNode)]
    assert not nodes or nodes == keys
    scene.check_over()
    assert scene.wire.now <= LIMIT


@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)
def test_s19_after_a_broken_attempt_the_next_one_succeeds(bearer: str, kind: Scenario) -> None:
    device = kind.device()
    for packets in (3, 6, 9):
        broken = Scene(bearer, kind, machine=device, seed=packets)
        broken.wire.fate = lambda _packet, broken=broken, packets=packets: (  # type: ignore[misc]
            ON_TIME if len(broken.wire.packets) < packets else ()
        )
        broken.start().run()
        assert not broken.succeeded
    scene = Scene(bearer, kind, machine=device, seed=77).play()
    assert scene.succeeded
