"""S8 at the device: any PDU in any state is answered with exactly the error of 9.4 and 9.5."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.provisioning.pair import CERTIFIED, DATA, OPTIONS, Pair, closes, pdus

from meshwright.core.effects import CloseReason, Effect
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import AttentionChanged, BecameNode, SessionRefused
from meshwright.core.provisioning.fields import Algorithms, ErrorCode, PduType

EXPECTED: dict[str, set[PduType]] = {
    "READY": {PduType.RECORDS_GET, PduType.RECORD_REQUEST, PduType.INVITE},
    "CAPABILITIES_SENT": {PduType.START},
    "STARTED": {PduType.PUBLIC_KEY},
    "KEYS_DONE": {PduType.CONFIRMATION},
    "CONFIRMATION_SENT": {PduType.RANDOM},
    "RANDOM_SENT": {PduType.DATA},
    "COMPLETE": set(),
    "FAILED": set(),
}
WELL_FORMED: dict[PduType, pdu.Pdu] = {
    PduType.INVITE: pdu.Invite(0),
    PduType.CAPABILITIES: pdu.Capabilities(1, 3),
    PduType.START: pdu.Start(1, 1),
    PduType.PUBLIC_KEY: pdu.PublicKey(bytes(64)),
    PduType.INPUT_COMPLETE: pdu.InputComplete(),
    PduType.CONFIRMATION: pdu.Confirmation(bytes(32)),
    PduType.RANDOM: pdu.Random(bytes(32)),
    PduType.DATA: pdu.Data(bytes(33)),
    PduType.COMPLETE: pdu.Complete(),
    PduType.FAILED: pdu.Failed(ErrorCode.UNEXPECTED_ERROR),
    PduType.RECORD_REQUEST: pdu.RecordRequest(1, 0, 58),
    PduType.RECORD_RESPONSE: pdu.RecordResponse(0, 1, 0, 1, b"1"),
    PduType.RECORDS_GET: pdu.RecordsGet(),
    PduType.RECORDS_LIST: pdu.RecordsList(0, (1,)),
}
STATES = list(EXPECTED)


def device_in(state: str) -> Pair:
    if state != "FAILED":
        return Pair().device_at(state)
    pair = Pair().device_at("STARTED")
    pair.device_does(pair.device.receive(b"\x00\x00", 0.0))
    return pair


def answer_of(pair: Pair, octets: bytes) -> list[Effect]:
    return pair.device.receive(octets, pair.now)


def assert_refused(state: str, effects: list[Effect], error: ErrorCode) -> None:
    """Expect attention off, one Failed and the end of the session, but not of its link."""
    expected: list[Effect] = [AttentionChanged(0)] if state == "CAPABILITIES_SENT" else []
    told = [effect for effect in effects if not pdus([effect])]
    if state != "COMPLETE":
        expected.append(SessionRefused(error))
    assert told == expected
    assert pdus(effects) == [codec.encode(pdu.Failed(error))]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("pdu_type", PduType, ids=lambda pdu_type: pdu_type.name)
def test_s8_each_type_in_each_state(state: str, pdu_type: PduType) -> None:
    pair = device_in(state)
    if pdu_type in EXPECTED[state]:
        genuine = next((p for p in pair.for_device if p[0] == pdu_type), None)
        octets = genuine or codec.encode(WELL_FORMED[pdu_type])
        effects = answer_of(pair, octets)
        assert not [p for p in pdus(effects) if p[0] == PduType.FAILED]
        assert pair.device.state != "FAILED"
        return
    effects = answer_of(pair, codec.encode(WELL_FORMED[pdu_type]))
    assert_refused(state, effects, ErrorCode.UNEXPECTED_PDU)
    assert pair.device.state == ("COMPLETE" if state == "COMPLETE" else "FAILED")


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("number", [0x0E, 0x0F, 0x20, 0x3F, 0x4E, 0x8F, 0xFF])
def test_unknown_types_are_invalid_pdus_in_each_state(state: str, number: int) -> None:
    pair = device_in(state)
    assert_refused(state, answer_of(pair, bytes([number, 1, 2])), ErrorCode.INVALID_PDU)


def test_every_unknown_type_is_an_invalid_pdu() -> None:
    for number in range(0x0E, 0x40):
        pair = device_in("READY")
        assert_refused("READY", answer_of(pair, bytes([number])), ErrorCode.INVALID_PDU)


@pytest.mark.parametrize("state", STATES)
def test_no_octets_at_all(state: str) -> None:
    assert_refused(state, answer_of(device_in(state), b""), ErrorCode.INVALID_PDU)


@pytest.mark.parametrize("state", STATES)
def test_s8_padding_bits(state: str) -> None:
    for pdu_type, example in WELL_FORMED.items():
        octets = codec.encode(example)
        pair = device_in(state)
        effects = answer_of(pair, bytes([octets[0] | 0x40]) + octets[1:])
        expected = pdu_type in EXPECTED[state]
        error = ErrorCode.INVALID_FORMAT if expected else ErrorCode.UNEXPECTED_PDU
        assert_refused(state, effects, error)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("cut", [-1, 1], ids=["too short", "too long"])
def test_wrong_lengths(state: str, cut: int) -> None:
    for pdu_type in PduType:
        octets = codec.encode(WELL_FORMED[pdu_type])
        wrong = octets[:-1] if cut < 0 else octets + b"\0"
        if not wrong or pdu_type in (PduType.RECORD_RESPONSE, PduType.RECORDS_LIST):
            continue
        pair = device_in(state)
        expected = pdu_type in EXPECTED[state]
        error = ErrorCode.INVALID_FORMAT if expected else ErrorCode.UNEXPECTED_PDU
        assert_refused(state, answer_of(pair, wrong), error)


def test_without_a_bearer_nothing_is_answered() -> None:
    pair = Pair()
    for example in WELL_FORMED.values():
        assert answer_of(pair, codec.encode(example)) == []


def test_after_a_failure_every_pdu_is_unexpected_and_none_counts() -> None:
    pair = device_in("FAILED")
    honest = Pair().open().run().sent_by_provisioner
    for octets in honest:
        assert_refused("FAILED", answer_of(pair, octets), ErrorCode.UNEXPECTED_PDU)
    assert not pair.told_device(BecameNode)


def test_a_stray_pdu_does_not_undo_a_node() -> None:
    pair = Pair().open().run()
    assert len(pair.told_device(BecameNode)) == 1
    assert_refused("COMPLETE", answer_of(pair, b"\x00\x00"), ErrorCode.UNEXPECTED_PDU)
    assert pair.device.state == "COMPLETE"


def test_s18_a_node_takes_no_second_session() -> None:
    pair = Pair().open().run()
    assert pair.device.bearer_closed(1.0) == []
    assert closes(pair.device.bearer_opened(2.0)) == [CloseReason.FAIL]
    for octets in pair.sent_by_provisioner:
        assert pdus(answer_of(pair, octets)) == [codec.encode(pdu.Failed(ErrorCode.UNEXPECTED_PDU))]
    assert len(pair.told_device(BecameNode)) == 1


def test_without_records_no_record_pdu_is_known() -> None:
    for pdu_type in (
        PduType.RECORDS_GET,
        PduType.RECORD_REQUEST,
        PduType.RECORD_RESPONSE,
        PduType.RECORDS_LIST,
    ):
        pair = Pair(options=DeviceOptions())
        pair.device.bearer_opened(0.0)
        effects = answer_of(pair, codec.encode(WELL_FORMED[pdu_type]))
        assert_refused("READY", effects, ErrorCode.INVALID_PDU)


@pytest.mark.parametrize("later", [pdu.RecordsGet(), pdu.RecordRequest(1, 0, 58)])
def test_records_after_invite_end_the_session(later: pdu.Pdu) -> None:
    pair = device_in("CAPABILITIES_SENT")
    effects = answer_of(pair, codec.encode(later))
    assert_refused("CAPABILITIES_SENT", effects, ErrorCode.UNEXPECTED_PDU)


# Content (9.5).

ONLY_HMAC = replace(OPTIONS, algorithms=Algorithms.HMAC)
STARTS: dict[str, tuple[pdu.Start, DeviceOptions]] = {
    "unknown algorithm": (pdu.Start(2, 1), OPTIONS),
    "algorithm not offered": (pdu.Start(0, 1), ONLY_HMAC),
    "last algorithm": (pdu.Start(0xFF, 1), OPTIONS),
    "unknown key type": (pdu.Start(1, 2), OPTIONS),
    "OOB key not offered": (pdu.Start(1, 1), replace(OPTIONS, key_pair=None)),
    "static OOB not offered": (pdu.Start(1, 1, 1), OPTIONS),
    "output OOB not offered": (pdu.Start(1, 1, 2, 0, 1), OPTIONS),
    "input OOB not offered": (pdu.Start(1, 1, 3, 0, 1), OPTIONS),
    "prohibited method": (pdu.Start(1, 1, 4), OPTIONS),
    "action without OOB": (pdu.Start(1, 1, 0, 1, 0), OPTIONS),
    "size without OOB": (pdu.Start(1, 1, 0, 0, 1), OPTIONS),
}


@pytest.mark.parametrize(("start", "options"), STARTS.values(), ids=STARTS.keys())
def test_start_asks_for_what_was_not_offered(start: pdu.Start, options: DeviceOptions) -> None:
    pair = Pair(options=options).device_at("CAPABILITIES_SENT")
    effects = answer_of(pair, codec.encode(start))
    assert_refused("CAPABILITIES_SENT", effects, ErrorCode.INVALID_FORMAT)


@pytest.mark.parametrize("start", [pdu.Start(0, 0), pdu.Start(0, 1), pdu.Start(1, 0)])
def test_start_within_the_offer_is_accepted(start: pdu.Start) -> None:
    pair = device_in("CAPABILITIES_SENT")
    assert answer_of(pair, codec.encode(start)) == [AttentionChanged(0)]
    assert pair.device.state == "STARTED"


@pytest.mark.parametrize(
    ("state", "octets"),
    [("KEYS_DONE", b"\x05" + bytes(16)), ("CONFIRMATION_SENT", b"\x06" + bytes(16))],
)
def test_values_of_the_other_algorithms_size(state: str, octets: bytes) -> None:
    assert_refused(state, answer_of(device_in(state), octets), ErrorCode.INVALID_FORMAT)


def test_a_wrong_confirmation() -> None:
    pair = device_in("CONFIRMATION_SENT")
    effects = answer_of(pair, b"\x06" + bytes(32))
    assert_refused("CONFIRMATION_SENT", effects, ErrorCode.CONFIRMATION_FAILED)
    assert pair.sent_by_device[-1][0] == PduType.CONFIRMATION  # its Random was not revealed


def test_a_wrong_mic() -> None:
    pair = device_in("RANDOM_SENT")
    (genuine,) = pair.for_device
    effects = answer_of(pair, genuine[:-1] + bytes([genuine[-1] ^ 1]))
    assert_refused("RANDOM_SENT", effects, ErrorCode.DECRYPTION_FAILED)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"flags": 0x04}, ErrorCode.INVALID_DATA),
        ({"flags": 0x80}, ErrorCode.INVALID_DATA),
        ({"key_index": 0x1000}, ErrorCode.INVALID_DATA),
        ({"address": 0x0000}, ErrorCode.CANNOT_ASSIGN_ADDRESSES),
        ({"address": 0x7FFF}, ErrorCode.CANNOT_ASSIGN_ADDRESSES),
        ({"address": 0x8000}, ErrorCode.CANNOT_ASSIGN_ADDRESSES),
        ({"address": 0xFFFF}, ErrorCode.CANNOT_ASSIGN_ADDRESSES),
    ],
)
def test_unacceptable_data(change: dict[str, int], error: ErrorCode) -> None:
    data: ProvisioningData = replace(DATA, **change)  # type: ignore[arg-type]
    pair = Pair(data=data).open().run()
    assert pair.told_device(SessionRefused) == [SessionRefused(error)]
    assert not pair.told_device(BecameNode)


def test_a_record_request_for_nothing() -> None:
    pair = device_in("READY")
    effects = answer_of(pair, codec.encode(pdu.RecordRequest(1, 0, 0)))
    assert_refused("READY", effects, ErrorCode.INVALID_FORMAT)


# A device can be tried again after any failure.

UNPROVISIONED = [state for state in STATES if state != "COMPLETE"]


@pytest.mark.parametrize("state", UNPROVISIONED)
def test_a_fresh_session_after_a_failure_in_each_state(state: str) -> None:
    pair = device_in(state)
    answer_of(pair, b"\x3f")
    assert pair.device.state == "FAILED"
    pair.device.bearer_closed(1.0)
    again = Pair(seed=2)
    again.device = pair.device
    again.open().run()
    (became,) = again.told_device(BecameNode)
    assert became.data == DATA
    assert again.provisioner.state == "DONE"


@pytest.mark.parametrize("state", UNPROVISIONED)
def test_a_fresh_session_after_the_bearer_was_lost_in_each_state(state: str) -> None:
    pair = device_in(state)
    effects = pair.device.bearer_closed(1.0)
    assert effects == ([AttentionChanged(0)] if state == "CAPABILITIES_SENT" else [])
    assert pair.device.next_deadline() is None
    again = Pair(seed=2)
    again.device = pair.device
    again.open().run()
    assert len(again.told_device(BecameNode)) == 1


def test_two_sessions_of_one_device_share_no_key() -> None:
    first = Pair(data=replace(DATA, address=0)).open().run()
    first.device.bearer_closed(1.0)
    again = Pair(seed=1)
    again.device = first.device
    again.open().run()
    assert again.sent_by_device[-2] != first.sent_by_device[-2]  # Random
    assert CERTIFIED.public not in again.sent_by_device
