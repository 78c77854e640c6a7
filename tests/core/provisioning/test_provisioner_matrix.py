"""S8 at the Provisioner: any PDU in any state ends as 9.2 and 9.4 say, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.core.provisioning.pair import CERTIFIED, DATA, IN_BAND, Pair, closes, pdus

from meshwright.core.effects import CloseReason, Effect, LinkOpened
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.events import (
    Authenticated,
    Provisioned,
    RecordsListed,
    SessionFailed,
)
from meshwright.core.provisioning.fields import ErrorCode, PduType
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.randomness import SeededRandomness

EXPECTED: dict[str, set[PduType]] = {
    "READY": set(),
    "LISTING": {PduType.RECORDS_LIST},
    "READING": {PduType.RECORD_RESPONSE},
    "INVITED": {PduType.CAPABILITIES},
    "KEY_SENT": {PduType.PUBLIC_KEY},
    "CONFIRMATION_SENT": {PduType.CONFIRMATION},
    "RANDOM_SENT": {PduType.RANDOM},
    "AUTHENTICATED": set(),
    "DATA_SENT": {PduType.COMPLETE},
}
SILENT: dict[str, type[Effect]] = {"READY": LinkOpened, "AUTHENTICATED": Authenticated}
STATES = list(EXPECTED)
OVER = ["CLOSED", "DONE", "FAILED"]
EXAMPLES: dict[PduType, pdu.Pdu] = {
    PduType.INVITE: pdu.Invite(0),
    PduType.CAPABILITIES: pdu.Capabilities(1, 3, 1),
    PduType.START: pdu.Start(1, 1),
    PduType.PUBLIC_KEY: pdu.PublicKey(CERTIFIED.public),
    PduType.INPUT_COMPLETE: pdu.InputComplete(),
    PduType.CONFIRMATION: pdu.Confirmation(bytes(32)),
    PduType.RANDOM: pdu.Random(bytes(32)),
    PduType.DATA: pdu.Data(bytes(33)),
    PduType.COMPLETE: pdu.Complete(),
    PduType.RECORD_REQUEST: pdu.RecordRequest(1, 0, 58),
    PduType.RECORD_RESPONSE: pdu.RecordResponse(0, 1, 0, 1, b"1"),
    PduType.RECORDS_GET: pdu.RecordsGet(),
    PduType.RECORDS_LIST: pdu.RecordsList(0, (1,)),
}
VARIABLE = (PduType.RECORD_RESPONSE, PduType.RECORDS_LIST)


def provisioner_in(state: str) -> Pair:
    in_band = {"policy": IN_BAND, "public": None} if state == "KEY_SENT" else {}
    return Pair(silent_at=SILENT.get(state), **in_band).provisioner_at(state)  # type: ignore[arg-type]


def answer_of(pair: Pair, octets: bytes) -> list[Effect]:
    return pair.provisioner.receive(octets, pair.now)


def assert_failed(pair: Pair, effects: list[Effect], code: str, error: int | None = None) -> None:
    """Expect a bearer closed at once with Fail, no Failed, and deaf ears afterwards."""
    assert pdus(effects) == []
    assert closes(effects) == [CloseReason.FAIL]
    (failed,) = [effect for effect in effects if isinstance(effect, SessionFailed)]
    assert (failed.code, failed.error) == (code, error)
    assert failed.message[0].isupper()
    assert failed.message.endswith(".")
    assert pair.provisioner.next_deadline() is None
    assert answer_of(pair, b"\x08") == []
    assert pair.provisioner.bearer_closed(pair.now) == []


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("pdu_type", EXAMPLES, ids=lambda pdu_type: pdu_type.name)
def test_s8_each_type_in_each_state(state: str, pdu_type: PduType) -> None:
    pair = provisioner_in(state)
    if pdu_type not in EXPECTED[state]:
        effects = answer_of(pair, codec.encode(EXAMPLES[pdu_type]))
        assert_failed(pair, effects, "unexpected-pdu")
        return
    (genuine,) = pair.for_provisioner
    assert genuine[0] == pdu_type
    effects = answer_of(pair, genuine)
    assert not [effect for effect in effects if isinstance(effect, SessionFailed)]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("error", [*ErrorCode, 0x00, 0x0A, 0xFF])
def test_failed_ends_the_session_in_each_state(state: str, error: int) -> None:
    pair = provisioner_in(state)
    effects = answer_of(pair, codec.encode(pdu.Failed(error)))
    assert_failed(pair, effects, "refused-by-device", error)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("number", [0x0E, 0x1F, 0x3F, 0x4E, 0xFF])
def test_unknown_types(state: str, number: int) -> None:
    pair = provisioner_in(state)
    assert_failed(pair, answer_of(pair, bytes([number])), "unknown-pdu")


@pytest.mark.parametrize("state", STATES)
def test_no_octets_at_all(state: str) -> None:
    pair = provisioner_in(state)
    assert_failed(pair, answer_of(pair, b""), "unknown-pdu")


def spoilt(octets: bytes) -> list[bytes]:
    padded = [bytes([octets[0] | bits]) + octets[1:] for bits in (0x40, 0x80, 0xC0)]
    if octets[0] in VARIABLE:
        return [*padded, octets[:2]]
    lengths = [octets + b"\0", octets[:-1]] if len(octets) > 1 else [octets + b"\0"]
    return [*padded, *lengths]


@pytest.mark.parametrize("state", STATES)
def test_s8_padding_bits_and_wrong_lengths(state: str) -> None:
    for pdu_type, example in EXAMPLES.items():
        for octets in spoilt(codec.encode(example)):
            pair = provisioner_in(state)
            expected = pdu_type in EXPECTED[state]
            code = "malformed-pdu" if expected else "unexpected-pdu"
            assert_failed(pair, answer_of(pair, octets), code)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("octets", ["49", "4907", "09", "090700"])
def test_a_misshapen_failed(state: str, octets: str) -> None:
    pair = provisioner_in(state)
    assert_failed(pair, answer_of(pair, bytes.fromhex(octets)), "malformed-pdu")


@pytest.mark.parametrize("state", OVER)
def test_when_the_session_is_over_nothing_is_taken(state: str) -> None:
    pair = Pair()
    if state != "CLOSED":
        pair.open().run()
    if state == "FAILED":
        pair = provisioner_in("INVITED")
        answer_of(pair, b"\x3f")
    assert pair.provisioner.state == state
    for example in EXAMPLES.values():
        assert answer_of(pair, codec.encode(example)) == []
    assert answer_of(pair, b"\x09\x07") == []


# Content.


@pytest.mark.parametrize(
    ("state", "octets"),
    [("CONFIRMATION_SENT", b"\x05" + bytes(16)), ("RANDOM_SENT", b"\x06" + bytes(16))],
)
def test_values_of_the_other_algorithms_size(state: str, octets: bytes) -> None:
    pair = provisioner_in(state)
    assert_failed(pair, answer_of(pair, octets), "malformed-pdu")


def test_zero_elements_are_prohibited() -> None:
    pair = provisioner_in("INVITED")
    effects = answer_of(pair, codec.encode(pdu.Capabilities(0, 3, 1)))
    assert_failed(pair, effects, "prohibited-value")


def test_a_wrong_proof() -> None:
    pair = provisioner_in("RANDOM_SENT")
    effects = answer_of(pair, b"\x06" + bytes(32))
    assert_failed(pair, effects, "confirmation-failed")


def test_reserved_bits_of_a_device_are_tolerated() -> None:
    strange = pdu.Capabilities(2, 0xFFFF, 0xFF, 0xFC, 0xFF, 0xFFFF, 0xFF, 0xFFFF)
    pair = provisioner_in("INVITED")
    effects = answer_of(pair, codec.encode(strange))
    assert [octets[0] for octets in pdus(effects)] == [
        PduType.START,
        PduType.PUBLIC_KEY,
        PduType.CONFIRMATION,
    ]


def test_reserved_extensions_and_unknown_or_repeated_records_are_left_out() -> None:
    pair = provisioner_in("LISTING")
    listed = pdu.RecordsList(0xFFFF, (1, 2, 1, 0x0013, 0xFFFF, 0x0010, 0x0000, 2))
    assert answer_of(pair, codec.encode(listed)) == [RecordsListed((1, 2, 0x10, 0))]


# The owner.


Command = Callable[[ProvisionerMachine], list[Effect]]
COMMANDS: dict[str, Command] = {
    "list": lambda machine: machine.list_records(0.0),
    "read": lambda machine: machine.read_record(1, 0.0),
    "invite": lambda machine: machine.invite(0.0),
    "data": lambda machine: machine.send_data(DATA, 0.0),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
@pytest.mark.parametrize("state", ["LISTING", "INVITED", "DATA_SENT"])
def test_what_is_not_the_owners_turn_is_our_own_mistake(command: Command, state: str) -> None:
    machine = provisioner_in(state).provisioner
    with pytest.raises(RuntimeError, match=state):
        command(machine)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_what_the_owner_asks_of_a_failed_session_is_ignored(command: Command) -> None:
    pair = provisioner_in("AUTHENTICATED")
    pair.provisioner.bearer_closed(0.0)
    assert command(pair.provisioner) == []
    assert pair.provisioner.next_deadline() is None


def test_nothing_can_be_asked_before_the_bearer_is_open() -> None:
    machine = ProvisionerMachine(SeededRandomness(1).stream("provisioner"))
    for command in COMMANDS.values():
        with pytest.raises(RuntimeError, match="CLOSED"):
            command(machine)


@pytest.mark.parametrize("state", STATES)
def test_the_owner_may_abort_in_each_state(state: str) -> None:
    pair = provisioner_in(state)
    effects = pair.provisioner.abort("not-wanted", "The owner changed their mind.")
    assert_failed(pair, effects, "not-wanted")
    assert pair.provisioner.abort("again", "Again.") == []


@pytest.mark.parametrize("state", STATES)
def test_a_lost_bearer_ends_the_session_in_each_state(state: str) -> None:
    pair = provisioner_in(state)
    (failed,) = pair.provisioner.bearer_closed(0.0)
    assert isinstance(failed, SessionFailed)
    assert failed.code == "link-lost"
    assert pair.provisioner.next_deadline() is None


def test_a_whole_session() -> None:
    pair = Pair().open().run()
    assert len(pair.told_provisioner(Provisioned)) == 1
    assert closes(pair.by_provisioner) == [CloseReason.SUCCESS]
    assert [octets[0] for octets in pair.sent_by_provisioner] == [
        PduType.RECORDS_GET,
        PduType.RECORD_REQUEST,
        PduType.RECORD_REQUEST,
        PduType.INVITE,
        PduType.START,
        PduType.PUBLIC_KEY,
        PduType.CONFIRMATION,
        PduType.RANDOM,
        PduType.DATA,
    ]
    assert PduType.PUBLIC_KEY not in {octets[0] for octets in pair.sent_by_device}


def test_a_whole_session_with_a_key_in_band() -> None:
    pair = Pair(policy=IN_BAND, public=None).open().run()
    assert len(pair.told_provisioner(Provisioned)) == 1
    assert PduType.PUBLIC_KEY in {octets[0] for octets in pair.sent_by_device}
