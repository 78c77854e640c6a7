"""S18: Link Opens that do not belong, stolen Link IDs, and packets from a third radio."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fuzz.scenarios import SCENARIOS, UUID, Scenario, scenario
from tests.attacks.scene import Scene

from meshwright.core.bearers import generic
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.bearers.pb_gatt import DeviceGattLink
from meshwright.core.effects import Disconnect, LinkClosed, LinkOpened
from meshwright.core.provisioning.events import Authenticated, BecameNode
from meshwright.randomness import SeededRandomness

STRANGER = b"STRANG"
OPEN = generic.link_open(UUID)


def scene_of(kind: Scenario, seed: int = 1) -> Scene:
    return Scene("PB-ADV", kind, seed=seed)


def link_id(scene: Scene) -> bytes:
    assert isinstance(scene.link, ProvisionerLink)
    return scene.link.link_id


def interfere(scene: Scene, packet: Callable[[], bytes], sender: bytes, after: int = 0) -> None:
    """Say `packet` to the device after everything that happens, once there were so many packets."""
    scene.start()
    while scene.wire.step(600.0):
        if scene.device_link.is_open and len(scene.wire.packets) >= after:
            scene.wire.deliver(scene.wire.right, packet(), sender)
    scene.check_over()


def assert_cleanly_failed(scene: Scene) -> None:
    """Expect that nobody became anything and one reason, if there was a link at all."""
    assert not scene.told_provisioner(Authenticated)
    assert not scene.told_device(BecameNode)
    [closed] = scene.told_provisioner(LinkClosed)
    assert len(scene.failures) == (1 if closed.opened else 0)


@pytest.mark.parametrize("sender", [STRANGER, b"PROVIS"], ids=["stranger", "same address"])
@pytest.mark.parametrize("kind", SCENARIOS, ids=lambda each: each.name)
def test_s18_a_second_link_open_under_another_link_id(kind: Scenario, sender: bytes) -> None:
    scene = scene_of(kind)
    interfere(scene, lambda: b"\xff\xfe\xfd\xfc\0" + OPEN, sender)
    assert scene.succeeded
    assert len(scene.told_device(LinkOpened)) == 1


STOLEN = {
    "link open": OPEN,
    "link close": generic.link_close(0),
    "acknowledgment": generic.ACK,
    "invite": generic.segment(b"\0\0")[0],
    "half a PDU": generic.segment(bytes(60))[0],
}
BOTH_KNOW = 12
"""Packets after which each side has heard the other twice."""


@pytest.mark.parametrize("said", STOLEN.values(), ids=STOLEN)
def test_s18_a_stolen_link_id_harms_no_session_that_has_begun(said: bytes) -> None:
    scene = scene_of(scenario("certified"))
    interfere(scene, lambda: link_id(scene) + b"\0" + said, STRANGER, BOTH_KNOW)
    assert scene.succeeded
    assert len(scene.told_device(LinkOpened)) == 1


@pytest.mark.parametrize("said", STOLEN.values(), ids=STOLEN)
def test_s18_a_link_id_stolen_while_the_link_opens_harms_it_cleanly(said: bytes) -> None:
    """A device cannot know yet whom it should hear; as with any jammer, the attempt is lost."""
    scene = scene_of(scenario("certified"))
    interfere(scene, lambda: link_id(scene) + b"\0" + said, STRANGER)
    if not scene.succeeded:
        assert_cleanly_failed(scene)
    again = Scene("PB-ADV", scenario("certified"), machine=scene.device, seed=2).play()
    assert again.succeeded or scene.succeeded


def test_s18_the_same_link_open_from_the_same_address_changes_nothing() -> None:
    scene = scene_of(scenario("certified"))
    interfere(scene, lambda: link_id(scene) + b"\0" + OPEN, b"PROVIS")
    assert scene.succeeded
    assert len(scene.told_device(LinkOpened)) == 1


def test_s18_a_link_open_to_a_node_is_not_a_session(bearer: str) -> None:
    first = Scene(bearer, scenario("certified")).play()
    assert first.succeeded
    again = Scene(bearer, scenario("certified"), machine=first.device, seed=2).play()
    assert not again.succeeded
    assert again.told_device(BecameNode) == []
    assert again.right_tap.sent == []
    [closed] = again.told_provisioner(LinkClosed)
    assert closed.by_peer


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("to_device", [True, False], ids=["to device", "to Provisioner"])
def test_s18_whole_sessions_of_somebody_else_are_never_mixed_in(seed: int, to_device: bool) -> None:
    """A third radio repeats what a session with another key said, under our Link ID."""
    other = scene_of(scenario("in band"), seed=99).play()
    sent = other.left_tap.sent if to_device else other.right_tap.sent
    first = 0x00 if to_device else 0x80
    packets = [
        bytes([first | number]) + segment
        for number, pdu in enumerate(sent)
        for segment in generic.segment(pdu)
    ]
    random = SeededRandomness(seed).stream("third radio")
    scene = scene_of(scenario("certified"), seed).start()
    end = scene.wire.right if to_device else scene.wire.left
    sender = b"PROVIS" if to_device else b"DEVICE"
    while scene.wire.step(600.0):
        choice = int.from_bytes(random(2), "big")
        if choice < 4000 and scene.device_link.is_open:
            packet = packets[choice % len(packets)]
            scene.wire.deliver(end, link_id(scene) + packet, sender)
    scene.check_over()
    keys = [node.device_key for node in scene.told_device(BecameNode)]
    assert scene.succeeded or not keys or keys == [scene_key(scene)]


def scene_key(scene: Scene) -> bytes:
    [authenticated] = scene.told_provisioner(Authenticated)
    return authenticated.device_key


def test_s18_a_device_serves_one_connection_at_a_time() -> None:
    link = DeviceGattLink()
    assert link.connected(69, 0.0) == [LinkOpened()]
    link.receive(b"\x43abc", 0.5)
    assert link.connected(517, 1.0) == []
    assert link.receive(b"\xc3d", 1.5), "the first connection was disturbed"
    assert Disconnect() not in link.handle_deadline(1.5)


def test_s18_a_link_open_for_another_device_opens_nothing() -> None:
    link = DeviceLink(UUID, lambda: 0.0)
    other = bytes(15) + b"\1"
    assert link.receive(b"\1\2\3\4\0" + generic.link_open(other), 0.0, STRANGER) == []
    assert not link.is_open
