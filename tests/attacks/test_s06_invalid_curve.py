"""S6: keys that are no points of P-256 are refused before any ECDH, in both roles."""

from __future__ import annotations

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from fuzz.scenarios import SCENARIOS, Scenario, scenario
from tests.attacks.scene import Scene, Tap, Tapped
from tests.core.provisioning.test_attacks import INVALID_KEYS

from meshwright.core import crypto
from meshwright.core.provisioning.fields import ErrorCode, PduType

WRONG_LENGTHS = {f"{size} octets": bytes(range(1, 129))[:size] for size in (0, 32, 63, 65, 128)}
every_key = pytest.mark.parametrize("key", INVALID_KEYS.values(), ids=INVALID_KEYS)
every_length = pytest.mark.parametrize("key", WRONG_LENGTHS.values(), ids=WRONG_LENGTHS)
IN_BAND = [kind for kind in SCENARIOS if not kind.certified]


class NoEcdh:
    """Stands where the exchange would be; nobody may get as far."""


@pytest.fixture(autouse=True)
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let any ECDH end the test with an error of the library."""
    monkeypatch.setattr(crypto, "_ECDH", NoEcdh())


def sending(key: bytes) -> Tap:
    def tap(_tapped: Tapped, pdu: bytes) -> list[bytes]:
        return [b"\x03" + key if pdu[0] == PduType.PUBLIC_KEY else pdu]

    return tap


@every_key
@pytest.mark.parametrize("name", ["certified", "in band", "static, CMAC", "input string"])
def test_s6_the_device_refuses_an_invalid_key(bearer: str, name: str, key: bytes) -> None:
    scene = Scene(bearer, scenario(name), by_provisioner=sending(key))
    if scenario(name).certified:  # the Provisioner itself agrees at once on a certified key
        assert_refused_without_the_provisioner(scenario(name), key)
        return
    scene.play().assert_refused_by_device(ErrorCode.INVALID_FORMAT)
    assert PduType.PUBLIC_KEY not in {pdu[0] for pdu in scene.right_tap.sent}


def assert_refused_without_the_provisioner(kind: Scenario, key: bytes) -> None:
    device = kind.device()
    effects = device.bearer_opened(0.0)
    for pdu in (b"\0\0", b"\2\1\1\0\0\0", b"\3" + key):
        effects = device.receive(pdu, 0.0)
    sent = [effect.pdu for effect in effects if hasattr(effect, "pdu")]
    assert sent == [bytes([PduType.FAILED, ErrorCode.INVALID_FORMAT])]


@every_length
def test_s6_the_device_refuses_a_key_of_the_wrong_length(bearer: str, key: bytes) -> None:
    scene = Scene(bearer, scenario("in band"), by_provisioner=sending(key)).play()
    scene.assert_refused_by_device(ErrorCode.INVALID_FORMAT)
    assert PduType.PUBLIC_KEY not in {pdu[0] for pdu in scene.right_tap.sent}


def answering(key: bytes) -> tuple[Tap, Tap]:
    """Answer for a device that itself may not compute either: its honest key never arrives."""

    def by_device(_tapped: Tapped, pdu: bytes) -> list[bytes]:
        return [b"\x03" + key if pdu[0] == PduType.FAILED else pdu]

    return sending(bytes(64)), by_device


@every_key
@pytest.mark.parametrize("kind", IN_BAND, ids=lambda each: each.name)
def test_s6_the_provisioner_refuses_an_invalid_key(bearer: str, kind: Scenario, key: bytes) -> None:
    by_provisioner, by_device = answering(key)
    scene = Scene(bearer, kind, by_provisioner=by_provisioner, by_device=by_device).play()
    scene.assert_refused("invalid-public-key")
    assert scene.left_tap.sent[-1][0] == PduType.PUBLIC_KEY


@every_length
def test_s6_the_provisioner_refuses_a_key_of_the_wrong_length(bearer: str, key: bytes) -> None:
    by_provisioner, by_device = answering(key)
    kind = scenario("in band")
    scene = Scene(bearer, kind, by_provisioner=by_provisioner, by_device=by_device).play()
    scene.assert_refused("malformed-pdu")


def test_s6_this_page_would_notice_an_exchange() -> None:
    pair = crypto.KeyPair(5)
    with pytest.raises(UnsupportedAlgorithm):
        pair.shared_secret(crypto.KeyPair(7).public)
