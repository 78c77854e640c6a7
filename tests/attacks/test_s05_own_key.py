"""S5: a device gets its own certified key as the Provisioner's public key (CVE-2023-4258)."""

from __future__ import annotations

import pytest
from fuzz.scenarios import SCENARIOS, Scenario
from tests.attacks.scene import Scene, Tap, Tapped

from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.fields import ErrorCode, PduType

P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
CERTIFIED = [kind for kind in SCENARIOS if kind.certified]
IN_BAND = [kind for kind in SCENARIOS if not kind.certified]


def own_key(kind: Scenario) -> bytes:
    pair = kind.options.key_pair
    assert isinstance(pair, KeyPair)
    return pair.public


def mirrored(public: bytes) -> bytes:
    """Return the other point of the same X, of which the same secret comes."""
    y = P256_PRIME - int.from_bytes(public[32:], "big")
    return public[:32] + y.to_bytes(32, "big")


def sending(key: bytes) -> Tap:
    def tap(_tapped: Tapped, pdu: bytes) -> list[bytes]:
        return [b"\x03" + key if pdu[0] == PduType.PUBLIC_KEY else pdu]

    return tap


@pytest.mark.parametrize("kind", CERTIFIED, ids=lambda each: each.name)
@pytest.mark.parametrize("image", [False, True], ids=["key", "mirror image"])
def test_s5_the_key_of_its_certificate_comes_back(bearer: str, kind: Scenario, image: bool) -> None:
    public = mirrored(own_key(kind)) if image else own_key(kind)
    scene = Scene(bearer, kind, by_provisioner=sending(public)).play()
    scene.assert_refused_by_device(ErrorCode.INVALID_FORMAT)
    answers = {pdu[0] for pdu in scene.right_tap.sent}
    assert PduType.PUBLIC_KEY not in answers
    assert PduType.CONFIRMATION not in answers


@pytest.mark.parametrize("image", [False, True], ids=["key", "mirror image"])
def test_s5_though_the_key_is_agreed_in_band(bearer: str, image: bool) -> None:
    """The certificate has made it public, whichever key the session uses."""
    kind = CERTIFIED[0]
    public = mirrored(own_key(kind)) if image else own_key(kind)

    def tap(tapped: Tapped, pdu: bytes) -> list[bytes]:
        in_band = pdu[:2] + b"\0" + pdu[3:] if pdu[0] == PduType.START else pdu
        return sending(public)(tapped, in_band)

    scene = Scene(bearer, kind, by_provisioner=tap).play()
    scene.assert_refused_by_device(ErrorCode.INVALID_FORMAT)
    assert PduType.PUBLIC_KEY not in {pdu[0] for pdu in scene.right_tap.sent}


@pytest.mark.parametrize("kind", IN_BAND, ids=lambda each: each.name)
def test_s5_the_provisioner_gets_its_own_key(bearer: str, kind: Scenario) -> None:
    def tap(tapped: Tapped, pdu: bytes) -> list[bytes]:
        mine = pdu[0] == PduType.PUBLIC_KEY
        return [b"\x03" + mirrored(tapped.of_type(PduType.PUBLIC_KEY)[1:]) if mine else pdu]

    Scene(bearer, kind, by_device=tap).play().assert_refused("reflected-key")
