"""S8: any PDU in any state, over both bearers, ends in exactly the error of 5.4.4 and Table 5.41.

The other side is honest up to the state under test and holds its next PDU back; what is said then
comes over the same real link. Every case without a bearer: tests/core/provisioning/*_matrix.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from fuzz.scenarios import scenario
from tests.attacks.scene import Scene, Tapped

from meshwright.core.effects import (
    CloseLink,
    CloseReason,
    Effect,
    LinkClosed,
    LinkOpened,
    SendPdu,
)
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.events import Authenticated, BecameNode, SessionFailed
from meshwright.core.provisioning.fields import ErrorCode, PduType

EXAMPLES: dict[PduType, pdu.Pdu] = {
    PduType.INVITE: pdu.Invite(0),
    PduType.CAPABILITIES: pdu.Capabilities(1, 3, 1),
    PduType.START: pdu.Start(1, 1),
    PduType.PUBLIC_KEY: pdu.PublicKey(bytes(64)),
    PduType.INPUT_COMPLETE: pdu.InputComplete(),
    PduType.CONFIRMATION: pdu.Confirmation(bytes(32)),
    PduType.RANDOM: pdu.Random(bytes(32)),
    PduType.DATA: pdu.Data(bytes(33)),
    PduType.COMPLETE: pdu.Complete(),
    PduType.FAILED: pdu.Failed(7),
    PduType.RECORD_REQUEST: pdu.RecordRequest(1, 0, 58),
    PduType.RECORD_RESPONSE: pdu.RecordResponse(0, 1, 0, 1, b"1"),
    PduType.RECORDS_GET: pdu.RecordsGet(),
    PduType.RECORDS_LIST: pdu.RecordsList(0, (1,)),
}
UNKNOWN = (0x0E, 0x2A, 0x3F, 0x4E, 0xFF)
ANY_LENGTH = (PduType.RECORD_RESPONSE, PduType.RECORDS_LIST)


class Hold:
    """Keeps back everything from the first PDU of a type on, until it is released."""

    def __init__(self, first: PduType | None) -> None:
        self._first = first
        self._holding = self.released = False

    def __call__(self, _tapped: Tapped, octets: bytes) -> list[bytes]:
        self._holding |= octets[0] == self._first
        return [octets] if self.released or not self._holding else []


@dataclass(frozen=True)
class State:
    """How to get one side into a state, and what it accepts there (9.2 of the table)."""

    name: str
    accepts: frozenset[PduType] = frozenset()
    held: PduType | None = None
    kind: str = "certified"
    answer_held: PduType | None = None
    silent_at: type[Effect] | None = None
    spoiled: bool = False
    records: bool = field(default=True)


def one(pdu_type: PduType) -> frozenset[PduType]:
    return frozenset({pdu_type})


BEFORE_INVITE = frozenset({PduType.RECORDS_GET, PduType.RECORD_REQUEST, PduType.INVITE})
DEVICE_STATES = (
    State("READY", BEFORE_INVITE, silent_at=LinkOpened),
    State(
        "READY",
        one(PduType.INVITE),
        kind="in band, CMAC",
        silent_at=LinkOpened,
        records=False,
    ),
    State("CAPABILITIES_SENT", one(PduType.START), PduType.START),
    State("STARTED", one(PduType.PUBLIC_KEY), PduType.PUBLIC_KEY),
    State("WAITING_FOR_PERSON", kind="input string"),
    State("KEYS_DONE", one(PduType.CONFIRMATION), PduType.CONFIRMATION),
    State("KEYS_DONE", one(PduType.CONFIRMATION), PduType.CONFIRMATION, kind="static"),
    State("KEYS_DONE", one(PduType.CONFIRMATION), kind="output number"),
    State("CONFIRMATION_SENT", one(PduType.RANDOM), PduType.RANDOM),
    State("RANDOM_SENT", one(PduType.DATA), PduType.DATA),
    State("COMPLETE", answer_held=PduType.COMPLETE),
    State("FAILED", answer_held=PduType.FAILED, spoiled=True),
)
PROVISIONER_STATES = (
    State("READY", silent_at=LinkOpened),
    State("LISTING", one(PduType.RECORDS_LIST), PduType.RECORDS_LIST),
    State("READING", one(PduType.RECORD_RESPONSE), PduType.RECORD_RESPONSE),
    State("INVITED", one(PduType.CAPABILITIES), PduType.CAPABILITIES),
    State("KEY_SENT", one(PduType.PUBLIC_KEY), PduType.PUBLIC_KEY, kind="in band"),
    State("ENTRY_NEEDED", kind="output number"),
    State("VALUE_SHOWN", one(PduType.INPUT_COMPLETE), kind="input push"),
    State("CONFIRMATION_SENT", one(PduType.CONFIRMATION), PduType.CONFIRMATION),
    State("CONFIRMATION_SENT", one(PduType.CONFIRMATION), PduType.CONFIRMATION, kind="static"),
    State("RANDOM_SENT", one(PduType.RANDOM), PduType.RANDOM),
    State("AUTHENTICATED", silent_at=Authenticated),
    State("DATA_SENT", one(PduType.COMPLETE), PduType.COMPLETE),
)


def named(state: State) -> str:
    return f"{state.name}-{state.kind}"


def padded(octets: bytes) -> bytes:
    return bytes([octets[0] | 0x40]) + octets[1:]


def lengths(pdu_type: PduType, octets: bytes) -> list[bytes]:
    if pdu_type in ANY_LENGTH:
        return [octets[:2]]
    return [octets + b"\0", *([octets[:-1]] if len(octets) > 1 else [])]


def wrong(state: State) -> Iterator[tuple[bytes, str]]:
    """Yield what may be said in a state and must not, and what is wrong with it."""
    for number in UNKNOWN:
        yield bytes([number, 1]), "unknown"
    for pdu_type, example in EXAMPLES.items():
        octets = codec.encode(example)
        if pdu_type not in state.accepts:
            yield octets, "unexpected"
            yield padded(octets), "unexpected"
            continue
        yield padded(octets), "malformed"
        for spoilt in lengths(pdu_type, octets):
            yield spoilt, "malformed"


# The device.

ERRORS = {
    "unknown": ErrorCode.INVALID_PDU,
    "unexpected": ErrorCode.UNEXPECTED_PDU,
    "malformed": ErrorCode.INVALID_FORMAT,
}
RECORD_PDUS = {0x0A, 0x0B, 0x0C, 0x0D}


def device_in(bearer: str, state: State) -> tuple[Scene, Hold]:
    hold, answers = Hold(state.held), Hold(state.answer_held)
    by_provisioner = hold if not state.spoiled else spoiling_start
    scene = Scene(
        bearer,
        scenario(state.kind),
        by_provisioner=by_provisioner,
        by_device=answers,
        silent_at=state.silent_at,
        person=False,
    )
    scene.start().run(8.0)
    assert scene.device.state == state.name  # type: ignore[union-attr]
    return scene, answers


def spoiling_start(_tapped: Tapped, octets: bytes) -> list[bytes]:
    return (
        []
        if octets[0] > PduType.START and octets[0] < PduType.RECORD_REQUEST
        else ([b"\x3f"] if octets[0] == PduType.START else [octets])
    )


@pytest.mark.parametrize("state", DEVICE_STATES, ids=named)
def test_s8_a_device_answers_with_exactly_one_error(bearer: str, state: State) -> None:
    for octets, fault in wrong(state):
        scene, answers = device_in(bearer, state)
        answers.released = True
        before = len(scene.right_tap.sent)
        nodes = scene.told_device(BecameNode)
        scene.say(octets, by_device=False)
        scene.run(3.0)
        unknown = fault == "unknown" or (not state.records and octets[0] & 0x3F in RECORD_PDUS)
        error = ErrorCode.INVALID_PDU if unknown else ERRORS[fault]
        assert scene.right_tap.sent[before:] == [bytes([PduType.FAILED, error])], octets.hex()
        assert scene.told_device(BecameNode) == nodes
        assert len(nodes) == (1 if state.name == "COMPLETE" else 0)


@pytest.mark.parametrize("state", DEVICE_STATES, ids=named)
def test_s8_after_the_error_both_sides_are_free(bearer: str, state: State) -> None:
    scene, answers = device_in(bearer, state)
    answers.released = True
    scene.say(b"\x3f", by_device=False)
    scene.run()
    scene.check_over()


STARTS: dict[str, tuple[pdu.Start, str]] = {
    "unknown algorithm": (pdu.Start(2, 1), "certified"),
    "last algorithm": (pdu.Start(0xFF, 1), "certified"),
    "unknown key type": (pdu.Start(1, 2), "certified"),
    "key not offered": (pdu.Start(1, 1), "in band"),
    "prohibited method": (pdu.Start(1, 1, 4), "certified"),
    "method not offered": (pdu.Start(1, 1, 1), "certified"),
    "action without OOB": (pdu.Start(1, 1, 0, 1, 0), "certified"),
    "size without OOB": (pdu.Start(1, 1, 0, 0, 1), "certified"),
    "action with static": (pdu.Start(1, 1, 1, 1, 0), "static"),
    "action not offered": (pdu.Start(1, 1, 2, 0, 1), "output number"),
    "reserved action": (pdu.Start(1, 1, 2, 5, 1), "output number"),
    "size zero": (pdu.Start(1, 1, 2, 3, 0), "output number"),
    "size above the offer": (pdu.Start(1, 1, 2, 3, 5), "output number"),
    "reserved size": (pdu.Start(1, 1, 2, 3, 9), "output number"),
    "reserved input action": (pdu.Start(1, 0, 3, 4, 1), "input string"),
}


@pytest.mark.parametrize(("start", "kind"), STARTS.values(), ids=STARTS)
def test_s8_reserved_and_prohibited_values_of_start(
    bearer: str, start: pdu.Start, kind: str
) -> None:
    state = State("CAPABILITIES_SENT", held=PduType.START, kind=kind)
    scene, _ = device_in(bearer, state)
    scene.say(codec.encode(start), by_device=False)
    scene.run(3.0)
    scene.assert_refused_by_device(ErrorCode.INVALID_FORMAT)


# The Provisioner.

CODES = {
    "unknown": "unknown-pdu",
    "unexpected": "unexpected-pdu",
    "malformed": "malformed-pdu",
}


FAILED_CODES = {0x09: "refused-by-device", 0x49: "malformed-pdu"}
"""Failed is accepted in every state, unless its padding bits are set."""


def provisioner_in(bearer: str, state: State) -> Scene:
    scene = Scene(
        bearer,
        scenario(state.kind),
        by_device=Hold(state.held),
        silent_at=state.silent_at,
        person=False,
    )
    scene.start().run(8.0)
    assert scene.provisioner.state == state.name
    return scene


@pytest.mark.parametrize("state", PROVISIONER_STATES, ids=named)
def test_s8_a_provisioner_closes_and_sends_nothing(bearer: str, state: State) -> None:
    for octets, fault in wrong(state):
        scene = provisioner_in(bearer, state)
        before = len(scene.left_tap.sent)
        scene.say(octets, by_device=True)
        scene.run()
        code = FAILED_CODES.get(octets[0], CODES[fault])
        assert scene.failures == [code], octets.hex()
        assert len(scene.left_tap.sent) == before
        assert scene.told_provisioner(LinkClosed) == [LinkClosed(CloseReason.FAIL, by_peer=False)]
        scene.check_over()


@pytest.mark.parametrize("state", PROVISIONER_STATES, ids=named)
@pytest.mark.parametrize("error", [0x00, 0x04, 0xFF])
def test_s8_failed_ends_the_session_in_each_state(bearer: str, state: State, error: int) -> None:
    scene = provisioner_in(bearer, state)
    scene.say(bytes([PduType.FAILED, error]), by_device=True)
    scene.run()
    assert scene.failures == ["refused-by-device"]
    scene.check_over()


def test_s8_while_the_owner_chooses_nothing_is_expected() -> None:
    for octets, fault in wrong(State("CHOOSING")):
        machine = scenario("certified").provisioner()
        machine.bearer_opened(0.0)
        machine.invite(0.0, device_public=bytes(64), ask=True)
        machine.receive(codec.encode(EXAMPLES[PduType.CAPABILITIES]), 0.0)
        assert machine.state == "CHOOSING"
        effects = machine.receive(octets, 0.0)
        failed = [effect.code for effect in effects if isinstance(effect, SessionFailed)]
        assert failed == [FAILED_CODES.get(octets[0], CODES[fault])], octets.hex()
        assert CloseLink(CloseReason.FAIL) in effects
        assert not [effect for effect in effects if isinstance(effect, SendPdu)]


def test_s8_no_elements_are_prohibited(bearer: str) -> None:
    scene = provisioner_in(bearer, State("INVITED", held=PduType.CAPABILITIES))
    scene.say(codec.encode(pdu.Capabilities(0, 3, 1)), by_device=True)
    scene.run()
    assert scene.failures == ["prohibited-value"]
    scene.check_over()


def test_s8_reserved_bits_of_a_device_are_tolerated(bearer: str) -> None:
    scene = provisioner_in(bearer, State("INVITED", held=PduType.CAPABILITIES))
    strange = pdu.Capabilities(2, 0xFFFF, 0xFF, 0xFC, 0xFF, 0xFFFF, 0xFF, 0xFFFF)
    before = len(scene.left_tap.sent)
    scene.say(codec.encode(strange), by_device=True)
    scene.run(1.0)
    assert not scene.failures
    assert scene.left_tap.sent[before][0] == PduType.START
