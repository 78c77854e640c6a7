"""Attacks on a session: S1, S5, S6, S9 in flight, S12; and secrets that must not show."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.core.provisioning.pair import (
    CERTIFIED,
    CERTIFIED_SCALAR,
    DATA,
    IN_BAND,
    LEGACY,
    NET_KEY,
    OPTIONS,
    Pair,
    closes,
    pdus,
)
from tests.core.provisioning.samples import scripted

from meshwright.core.crypto import P256_ORDER, KeyPair
from meshwright.core.effects import CloseReason, Effect, PduReceived
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    Provisioned,
    SessionFailed,
    SessionRefused,
)
from meshwright.core.provisioning.exchange import Exchange
from meshwright.core.provisioning.fields import Algorithms, ErrorCode, PduType
from meshwright.core.provisioning.suites import Confirming, SessionKeys

P256_PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1


def assert_ended(pair: Pair, code: str) -> None:
    """Expect a failure at the Provisioner before anything of worth was told or sent."""
    assert [failed.code for failed in pair.told_provisioner(SessionFailed)] == [code]
    assert closes(pair.by_provisioner) == [CloseReason.FAIL]
    assert not pair.told_provisioner(Authenticated)
    assert not pair.told_provisioner(Provisioned)
    assert not pair.told_device(BecameNode)
    assert PduType.DATA not in {octets[0] for octets in pair.sent_by_provisioner}


class Mirror:
    """A man in the middle who answers a PDU of one type with the Provisioner's own."""

    def __init__(self, pdu_type: PduType) -> None:
        self._pdu_type = pdu_type
        self._seen: bytes | None = None

    def to_device(self, octets: bytes) -> list[bytes]:
        if octets[0] == self._pdu_type:
            self._seen = octets
        return [octets]

    def to_provisioner(self, octets: bytes) -> list[bytes]:
        if octets[0] != self._pdu_type:
            return [octets]
        assert self._seen is not None
        return [self._seen]


@pytest.mark.parametrize(
    ("pdu_type", "code"),
    [
        (PduType.PUBLIC_KEY, "reflected-key"),
        (PduType.CONFIRMATION, "reflected-confirmation"),
        (PduType.RANDOM, "reflected-random"),
    ],
)
@pytest.mark.parametrize("algorithm", [Algorithms.CMAC, Algorithms.HMAC])
def test_s1_what_is_ours_does_not_come_back(
    pdu_type: PduType, code: str, algorithm: Algorithms
) -> None:
    mirror = Mirror(pdu_type)
    pair = Pair(
        policy=LEGACY,
        public=None,
        options=replace(OPTIONS, algorithms=algorithm),
        to_device=mirror.to_device,
        to_provisioner=mirror.to_provisioner,
    )
    pair.open().run()
    assert_ended(pair, code)


def test_s1_a_peer_that_reflects_everything_fails_at_the_key() -> None:
    pair = Pair(policy=IN_BAND, public=None).provisioner_at("KEY_SENT")
    own = next(o for o in pair.sent_by_provisioner if o[0] == PduType.PUBLIC_KEY)
    pair.provisioner_does(pair.provisioner.receive(own, 0.0))
    assert_ended(pair, "reflected-key")
    assert pair.sent_by_provisioner[-1][0] == PduType.PUBLIC_KEY


def mirrored(public: bytes) -> bytes:
    """Return the other point with the same X: the same secret comes of it."""
    y = P256_PRIME - int.from_bytes(public[32:], "big")
    return public[:32] + y.to_bytes(32, "big")


def test_s1_the_mirror_image_of_our_key_is_ours() -> None:
    assert KeyPair(P256_ORDER - CERTIFIED_SCALAR).public == mirrored(CERTIFIED.public)
    pair = Pair(policy=IN_BAND, public=None).provisioner_at("KEY_SENT")
    own = next(o for o in pair.sent_by_provisioner if o[0] == PduType.PUBLIC_KEY)
    pair.provisioner_does(pair.provisioner.receive(b"\x03" + mirrored(own[1:]), 0.0))
    assert_ended(pair, "reflected-key")


def test_s1_a_confirmation_like_our_own_is_refused_by_the_device() -> None:
    """The peer knows the device's Random in advance and commits to the same."""
    scalar, random = (5).to_bytes(32, "big"), bytes(range(32))
    pair = Pair(options=replace(OPTIONS, key_pair=None), policy=IN_BAND, public=None)
    pair.device = DeviceMachine(replace(OPTIONS, key_pair=None), scripted(scalar, random))
    pair.device_at("KEYS_DONE")
    assert pair.device.state == "KEYS_DONE"
    own = pair.device._proof._exchange.confirmation
    effects = pair.device.receive(b"\x05" + own, 0.0)
    assert pdus(effects) == [codec.encode(pdu.Failed(ErrorCode.INVALID_FORMAT))]


# S5 and S6: public keys.


def device_with_key(key: bytes, *, in_band: bool) -> list[Effect]:
    pair = Pair().device_at("CAPABILITIES_SENT")
    pair.device.receive(codec.encode(pdu.Start(1, 0 if in_band else 1)), 0.0)
    return pair.device.receive(b"\x03" + key, 0.0)


X, Y = CERTIFIED.public[:32], CERTIFIED.public[32:]


def twist_point() -> bytes:
    """Return an X that is on no point of the curve, with some Y."""
    for x in range(1, 100):
        rhs = (x**3 - 3 * x + int(B, 16)) % P256_PRIME
        if pow(rhs, (P256_PRIME - 1) // 2, P256_PRIME) != 1:
            return x.to_bytes(32, "big") + rhs.to_bytes(32, "big")
    raise AssertionError


B = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b"
INVALID_KEYS = {
    "zero": bytes(64),
    "off the curve": X + bytes(31) + b"\x01",
    "X not reduced": P256_PRIME.to_bytes(32, "big") + Y,
    "X plus p": (2**256 - 1).to_bytes(32, "big") + Y,
    "Y not reduced": X + (2**256 - 1).to_bytes(32, "big"),
    "swapped": Y + X,
    "twist": twist_point(),
    "all ones": b"\xff" * 64,
}


@pytest.mark.parametrize("in_band", [True, False], ids=["in band", "OOB"])
@pytest.mark.parametrize("key", INVALID_KEYS.values(), ids=INVALID_KEYS.keys())
def test_s6_an_invalid_key_is_refused_by_the_device(key: bytes, in_band: bool) -> None:
    effects = device_with_key(key, in_band=in_band)
    assert pdus(effects) == [codec.encode(pdu.Failed(ErrorCode.INVALID_FORMAT))]


@pytest.mark.parametrize("in_band", [True, False], ids=["in band", "OOB"])
@pytest.mark.parametrize("key", [CERTIFIED.public, mirrored(CERTIFIED.public)])
def test_s5_the_devices_certified_key_is_refused_by_the_device(key: bytes, in_band: bool) -> None:
    effects = device_with_key(key, in_band=in_band)
    assert pdus(effects) == [codec.encode(pdu.Failed(ErrorCode.INVALID_FORMAT))]


@pytest.mark.parametrize("key", INVALID_KEYS.values(), ids=INVALID_KEYS.keys())
def test_s6_an_invalid_key_in_band_is_refused_by_the_provisioner(key: bytes) -> None:
    pair = Pair(policy=IN_BAND, public=None).provisioner_at("KEY_SENT")
    pair.provisioner_does(pair.provisioner.receive(b"\x03" + key, 0.0))
    assert_ended(pair, "invalid-public-key")
    assert pair.sent_by_provisioner[-1][0] == PduType.PUBLIC_KEY


@pytest.mark.parametrize("key", [*INVALID_KEYS.values(), b"", bytes(63), bytes(65)])
def test_s6_an_invalid_key_out_of_band_is_refused_by_the_provisioner(key: bytes) -> None:
    pair = Pair(public=key).open().run()
    assert_ended(pair, "invalid-public-key")


@pytest.mark.parametrize("size", [0, 32, 63, 65, 128])
def test_s6_a_key_of_the_wrong_length(size: int) -> None:
    key = (CERTIFIED.public * 2)[:size]
    assert pdus(device_with_key(key, in_band=True)) == [b"\x09\x02"]
    pair = Pair(policy=IN_BAND, public=None).provisioner_at("KEY_SENT")
    pair.provisioner_does(pair.provisioner.receive(b"\x03" + key, 0.0))
    assert_ended(pair, "malformed-pdu")


def test_private_keys_are_drawn_until_they_are_in_range() -> None:
    half = P256_ORDER // 2
    draws = [0, half + 1, P256_ORDER, 2**256 - 1, half]
    pair = KeyPair.generate(scripted(*[draw.to_bytes(32, "big") for draw in draws]))
    assert pair.public == KeyPair(half).public


# S9: capabilities and choices changed in flight.

Change = Callable[[pdu.Capabilities], pdu.Capabilities]


def changing(change: Change) -> Callable[[bytes], list[bytes]]:
    def to_provisioner(octets: bytes) -> list[bytes]:
        if octets[0] != PduType.CAPABILITIES:
            return [octets]
        return [codec.encode(change(codec.decode_as(pdu.Capabilities, octets)))]

    return to_provisioner


CHANGES: dict[str, tuple[Change, str]] = {
    "HMAC stripped": (lambda c: replace(c, algorithms=Algorithms.CMAC), "downgrade"),
    "OOB key stripped": (lambda c: replace(c, public_key_type=0), "downgrade"),
    "elements changed": (lambda c: replace(c, elements=9), "confirmation-failed"),
    "reserved bit set": (lambda c: replace(c, input_actions=0x8000), "confirmation-failed"),
    "static OOB added": (lambda c: replace(c, oob_type=1), "confirmation-failed"),
}


@pytest.mark.parametrize(("change", "code"), CHANGES.values(), ids=CHANGES.keys())
def test_s9_capabilities_changed_in_flight(change: Change, code: str) -> None:
    pair = Pair(to_provisioner=changing(change)).open().run()
    ends = [failed.code for failed in pair.told_provisioner(SessionFailed)]
    if code == "downgrade":
        assert_ended(pair, code)
        assert pair.sent_by_provisioner[-1][0] == PduType.INVITE
        return
    # The device notices first: the transcript is not the same on both sides.
    assert ends == ["refused-by-device"]
    assert pair.told_device(SessionRefused) == [SessionRefused(ErrorCode.CONFIRMATION_FAILED)]
    assert not pair.told_device(BecameNode)


@pytest.mark.parametrize("start", [pdu.Start(0, 1), pdu.Start(1, 0), pdu.Start(0, 0)])
def test_s9_start_changed_in_flight(start: pdu.Start) -> None:
    def to_device(octets: bytes) -> list[bytes]:
        return [codec.encode(start)] if octets[0] == PduType.START else [octets]

    pair = Pair(to_device=to_device).open().run()
    assert [type(e) for e in pair.by_provisioner if isinstance(e, SessionFailed)] == [SessionFailed]
    assert not pair.told_provisioner(Authenticated)
    assert not pair.told_device(BecameNode)


def test_a_device_that_does_not_hold_the_certified_key_is_not_provisioned() -> None:
    rogue = DeviceOptions(key_pair=KeyPair(12345), records={1: b"copied"})
    pair = Pair(options=rogue).open().run()
    assert not pair.told_provisioner(Authenticated)
    assert pair.told_device(SessionRefused) == [SessionRefused(ErrorCode.CONFIRMATION_FAILED)]


def test_a_rogue_that_does_not_refuse_is_refused() -> None:
    pair = Pair().provisioner_at("CONFIRMATION_SENT")
    pair.provisioner_does(pair.provisioner.receive(b"\x05" + bytes(32), 0.0))
    pair.provisioner_does(pair.provisioner.receive(b"\x06" + bytes(32), 0.0))
    assert_ended(pair, "confirmation-failed")


# S12 through the machine.


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (pdu.RecordResponse(0, 2, 0, 10, b"1"), "bad-record"),
        (pdu.RecordResponse(0, 1, 0, 65_535, b"1"), "bad-record"),
        (pdu.RecordResponse(0, 1, 0, 1, b""), "bad-record"),
        (pdu.RecordResponse(1, 2, 0, 0), "bad-record"),
    ],
)
def test_s12_a_hostile_record_ends_the_session(answer: pdu.RecordResponse, code: str) -> None:
    pair = Pair().provisioner_at("READING")
    pair.provisioner_does(pair.provisioner.receive(codec.encode(answer), 0.0))
    assert_ended(pair, code)


def test_s12_a_record_in_single_octets_ends_the_session() -> None:
    pair = Pair().provisioner_at("READING")
    requests = 1
    for offset in range(10_000):
        if pair.told_provisioner(SessionFailed):
            break
        answer = pdu.RecordResponse(0, 1, offset, 8192, b"1")
        pair.provisioner_does(pair.provisioner.receive(codec.encode(answer), 0.0))
        requests += 1
    assert_ended(pair, "bad-record")
    assert requests <= 257


def test_s12_the_longest_list_is_bounded() -> None:
    pair = Pair().provisioner_at("LISTING")
    pair.for_provisioner.clear()
    listed = pdu.RecordsList(0, tuple(range(730)))
    pair.provisioner_does(pair.provisioner.receive(codec.encode(listed), 0.0))
    assert max(len(repr(effect)) for effect in pair.by_provisioner) < 200


# Secrets.


def secrets_of(pair: Pair) -> dict[str, bytes]:
    proof = pair.provisioner._proof
    confirming, keys = proof._exchange._confirming, proof.session_keys
    return {
        "ECDHSecret": confirming.secret,
        "ConfirmationKey": confirming.key,
        "SessionKey": keys.session_key,
        "SessionNonce": keys.session_nonce,
        "DevKey": keys.device_key,
        "NetKey": NET_KEY,
        "own random": proof._exchange.random,
    }


def assert_silent(thing: object, secrets: dict[str, bytes]) -> None:
    text = repr(thing) + str(thing)
    for name, secret in secrets.items():
        assert secret.hex() not in text.lower(), name
        assert repr(secret)[2:-1] not in text, name
        assert str(int.from_bytes(secret, "big")) not in text, name


def test_no_secret_shows_itself() -> None:
    pair = Pair().provisioner_at("DATA_SENT")
    secrets = secrets_of(pair)
    secrets["private key"] = CERTIFIED_SCALAR.to_bytes(32, "big")
    shown = [*parts(pair.provisioner), *parts(pair.device)]
    shown = [each for each in shown if type(each) is not bytes]  # which nobody prints
    assert len(shown) > 20
    for thing in [*pair.by_provisioner, *pair.by_device, *shown, DATA, CERTIFIED]:
        assert_silent(thing, secrets)
    for octets in [*pair.sent_by_provisioner, *pair.sent_by_device]:
        assert_silent(PduReceived(octets), secrets)


def parts(thing: object) -> Iterator[object]:
    """Yield everything that a machine holds of ours, however deep."""
    slots = [name for each in type(thing).__mro__ for name in getattr(each, "__slots__", ())]
    names = [*getattr(thing, "__dict__", ()), *slots]
    for value in (getattr(thing, name) for name in names if hasattr(thing, name)):
        yield value
        if type(value).__module__.startswith("meshwright."):
            yield from parts(value)


def test_a_machine_does_not_show_its_state() -> None:
    pair = Pair().provisioner_at("DATA_SENT")
    for machine in (pair.provisioner, pair.device):
        assert_silent(machine, secrets_of(pair))
        assert "0x" in repr(machine)


def holds(machine: object, *kinds: type) -> bool:
    return any(isinstance(each, kinds) for each in parts(machine))


def test_a_device_forgets_when_it_fails_and_not_only_when_it_is_left() -> None:
    pair = Pair().device_at("RANDOM_SENT")
    assert holds(pair.device, Confirming)
    pair.device.receive(b"\x3f", 0.0)
    assert not holds(pair.device, Confirming, SessionKeys, Exchange)


@pytest.mark.parametrize("how", ["complete", "failed", "lost"])
def test_nothing_secret_is_kept_after_the_end(how: str) -> None:
    pair = Pair().provisioner_at("DATA_SENT")
    secrets = secrets_of(pair)
    if how == "complete":
        pair.run()
    elif how == "failed":
        pair.provisioner.receive(b"\x09\x07", 0.0)
        pair.device.receive(b"\x3f", 0.0)
    pair.provisioner.bearer_closed(0.0)
    pair.device.bearer_closed(0.0)
    for machine in (pair.provisioner, pair.device):
        kept = {each for each in parts(machine) if isinstance(each, bytes)}
        assert not kept & set(secrets.values())
        assert not holds(machine, Confirming, SessionKeys, Exchange)
