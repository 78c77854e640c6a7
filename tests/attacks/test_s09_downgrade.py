"""S9: capabilities or records changed in flight, so that something weaker would be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fuzz.scenarios import scenario
from tests.attacks.scene import Scene, Tap, Tapped

from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.events import Authenticated, BecameNode
from meshwright.core.provisioning.fields import Algorithms, ErrorCode, PduType

Change = Callable[[pdu.Capabilities], pdu.Capabilities]
STRIPPED: dict[str, tuple[Change, str, str]] = {
    "HMAC": (
        lambda c: replace(c, algorithms=Algorithms.CMAC, public_key_type=0),
        "certified",
        "downgrade",
    ),
    "OOB key": (lambda c: replace(c, public_key_type=0), "certified", "downgrade"),
    "static value": (lambda c: replace(c, oob_type=0), "static", "downgrade"),
    "output": (lambda c: replace(c, output_size=0), "output number", "no-common-method"),
    "input": (lambda c: replace(c, input_actions=0), "input push", "no-common-method"),
}
ALTERED: dict[str, Change] = {
    "elements": lambda c: replace(c, elements=9),
    "a reserved bit": lambda c: replace(c, input_actions=c.input_actions | 0x8000),
    "one more algorithm": lambda c: replace(c, algorithms=c.algorithms | 0x8000),
    "another size": lambda c: replace(c, output_size=3),
}


def changing(change: Change) -> Tap:
    def tap(_tapped: Tapped, octets: bytes) -> list[bytes]:
        if octets[0] != PduType.CAPABILITIES:
            return [octets]
        return [codec.encode(change(codec.decode_as(pdu.Capabilities, octets)))]

    return tap


@pytest.mark.parametrize(("change", "kind", "code"), STRIPPED.values(), ids=STRIPPED)
def test_s9_what_was_stripped_is_missed(bearer: str, change: Change, kind: str, code: str) -> None:
    scene = Scene(bearer, scenario(kind), by_device=changing(change)).play()
    scene.assert_refused(code)
    assert scene.left_tap.sent[-1][0] == PduType.INVITE


@pytest.mark.parametrize("kind", ["certified", "in band", "in band, CMAC", "static"])
@pytest.mark.parametrize("change", ALTERED.values(), ids=ALTERED)
def test_s9_what_was_altered_is_confirmed_by_nobody(bearer: str, change: Change, kind: str) -> None:
    scene = Scene(bearer, scenario(kind), by_device=changing(change)).play()
    scene.assert_refused_by_device(ErrorCode.CONFIRMATION_FAILED)


@pytest.mark.parametrize(
    "start",
    [pdu.Start(0, 1), pdu.Start(1, 0), pdu.Start(0, 0)],
    ids=["CMAC", "in band", "both"],
)
def test_s9_a_start_that_was_altered(bearer: str, start: pdu.Start) -> None:
    def tap(_tapped: Tapped, octets: bytes) -> list[bytes]:
        return [codec.encode(start) if octets[0] == PduType.START else octets]

    scene = Scene(bearer, scenario("certified"), by_provisioner=tap).play()
    assert len(scene.failures) == 1
    assert not scene.told_provisioner(Authenticated)
    assert not scene.told_device(BecameNode)
