"""Proving a device key: both real sides, joined by nothing but octets."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError
from meshwright.core.models.configuration import (
    CompositionDataStatus,
    DefaultTtlGet,
    DefaultTtlSet,
    DefaultTtlStatus,
)
from meshwright.core.models.configuration_server import ConfigurationServer
from meshwright.core.models.device_access import DeviceChannel, Inquiry, NodeAccess
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.network.lower_transport import AccessPdu, Segment
from meshwright.core.network.network_pdu import NetworkPdu
from meshwright.core.network.replay import ReplayList

KEYS = NetworkKeys.derive(bytes.fromhex("7dd7364cd842ad18c17c2b820c84c3d6"))
CHANNEL = DeviceChannel(
    KEYS, IvIndex(0x12345678), bytes.fromhex("9d6dd0e96eb25dc19a40ed9914f8f03f")
)
STRANGER = replace(CHANNEL, device_key=bytes(16))
OWN, NODE = 0x0003, 0x1201


def make_node(
    channel: DeviceChannel = CHANNEL, server: ConfigurationServer | None = None
) -> NodeAccess:
    return NodeAccess(
        channel,
        addresses=range(NODE, NODE + 2),
        next_sequence=count(6).__next__,
        server=server,
    )


def make_inquiry(
    channel: DeviceChannel = CHANNEL, replay: ReplayList | None = None, ttl: int = 4
) -> Inquiry:
    return Inquiry(
        channel,
        own_address=OWN,
        node_address=NODE,
        next_sequence=count(0x3129AB).__next__,
        replay=ReplayList() if replay is None else replay,
        ttl=ttl,
    )


def test_the_holder_of_the_key_proves_it() -> None:
    inquiry = make_inquiry()
    (answer,) = make_node(server=ConfigurationServer(11)).receive(inquiry.question(), 0.0)
    assert len(answer) <= 29
    assert inquiry.receive(answer, 0.1) == DefaultTtlStatus(11)


def test_another_key_gets_no_answer_and_its_answer_does_not_count() -> None:
    inquiry = make_inquiry()
    assert make_node(STRANGER).receive(inquiry.question(), 0.0) == []
    (answer,) = make_node(STRANGER).receive(make_inquiry(STRANGER).question(), 0.0)
    assert inquiry.receive(answer, 0.1) is None


def test_a_question_is_answered_once_and_a_new_one_again() -> None:
    inquiry, node = make_inquiry(), make_node()
    question = inquiry.question()
    assert len(node.receive(question, 0.0)) == 1
    assert node.receive(question, 0.1) == []
    assert len(node.receive(inquiry.question(), 0.2)) == 1


def test_a_recorded_answer_does_not_pass_for_a_new_one() -> None:
    replay = ReplayList()
    (answer,) = make_node().receive(make_inquiry().question(), 0.0)
    assert make_inquiry(replay=replay).receive(answer, 0.0) is not None
    assert make_inquiry(replay=replay).receive(answer, 1.0) is None
    assert make_inquiry(replay=ReplayList(replay.marks)).receive(answer, 2.0) is None


def test_a_forged_message_does_not_lock_the_true_one_out() -> None:
    inquiry, node = make_inquiry(), make_node()
    forged = STRANGER.seal(DefaultTtlStatus(5), src=NODE, dst=OWN, seq=0xFFFFFF, ttl=4)
    assert inquiry.receive(forged, 0.0) is None
    (answer,) = node.receive(inquiry.question(), 0.0)
    assert inquiry.receive(answer, 0.1) is not None
    forged = STRANGER.seal(DefaultTtlGet(), src=OWN, dst=NODE, seq=0xFFFFFF, ttl=4)
    assert node.receive(forged, 0.2) == []
    assert len(node.receive(inquiry.question(), 0.3)) == 1


@pytest.mark.parametrize(("src", "dst"), [(NODE + 1, OWN), (NODE, OWN + 1), (OWN, NODE)])
def test_only_the_node_itself_answers(src: int, dst: int) -> None:
    answer = CHANNEL.seal(DefaultTtlStatus(5), src=src, dst=dst, seq=9, ttl=4)
    assert make_inquiry().receive(answer, 0.0) is None


@pytest.mark.parametrize(("src", "dst"), [(OWN, NODE + 1), (OWN, 0xFFFF), (NODE + 1, NODE)])
def test_the_node_answers_only_others_at_its_primary_address(src: int, dst: int) -> None:
    question = CHANNEL.seal(DefaultTtlGet(), src=src, dst=dst, seq=9, ttl=4)
    assert make_node().receive(question, 0.0) == []


def test_other_networks_and_other_iv_indexes_are_silent() -> None:
    other_net = replace(CHANNEL, keys=NetworkKeys.derive(bytes(16)))
    other_iv = replace(CHANNEL, iv=IvIndex(CHANNEL.iv.value + 2))
    for channel in (other_net, other_iv):
        assert make_node().receive(make_inquiry(channel).question(), 0.0) == []


def test_an_iv_update_on_one_side_does_not_lose_the_node() -> None:
    updating = replace(CHANNEL, iv=IvIndex(CHANNEL.iv.value + 1, updating=True))
    inquiry = make_inquiry(updating)
    (answer,) = make_node().receive(inquiry.question(), 0.0)
    assert inquiry.receive(answer, 0.0) is not None


def test_set_changes_the_ttl_of_answers() -> None:
    node = make_node()
    message = CHANNEL.seal(DefaultTtlSet(3), src=OWN, dst=NODE, seq=1, ttl=4)
    (answer,) = node.receive(message, 0.0)
    pdu = CHANNEL.open_network(answer)
    assert CHANNEL.open_message(pdu) == DefaultTtlStatus(3)
    assert (pdu.ttl, pdu.seq, pdu.src, pdu.dst) == (3, 6, NODE, OWN)


def test_an_unrelayed_question_has_an_unrelayed_answer() -> None:
    (answer,) = make_node().receive(make_inquiry(ttl=0).question(), 0.0)
    assert CHANNEL.open_network(answer).ttl == 0


def test_a_status_is_no_question_and_a_question_no_answer() -> None:
    inquiry = make_inquiry()
    question = CHANNEL.seal(DefaultTtlGet(), src=NODE, dst=OWN, seq=9, ttl=4)
    assert inquiry.receive(question, 0.0) is None
    status = CHANNEL.seal(DefaultTtlStatus(1), src=OWN, dst=NODE, seq=9, ttl=4)
    assert make_node().receive(status, 0.0) == []


@pytest.mark.parametrize(
    ("control", "transport"),
    [
        (True, bytes(7)),  # a control message
        (False, AccessPdu(0x26, bytes(6)).encode()),  # under an AppKey
        (False, AccessPdu(None, bytes(6), Segment(0, 0, 0)).encode()),  # a segment
        (False, bytes(2)),  # nothing at all
    ],
)
def test_other_messages_of_the_network_are_left_alone(control: bool, transport: bytes) -> None:
    iv_index = CHANNEL.iv.transmit
    pdu = NetworkPdu(control, 4, 9, OWN, NODE, iv_index, transport)
    assert make_node().receive(pdu.seal(KEYS.flooding), 0.0) == []
    pdu = NetworkPdu(control, 4, 9, NODE, OWN, iv_index, transport)
    assert make_inquiry().receive(pdu.seal(KEYS.flooding), 0.0) is None


def test_a_message_that_needs_segments_is_refused() -> None:
    with pytest.raises(InputError):
        CHANNEL.seal(CompositionDataStatus(0, bytes(10)), src=NODE, dst=OWN, seq=1, ttl=4)


@given(st.binary(max_size=32), st.integers(0, 28))
def test_hostile_octets_are_nothing(octets: bytes, position: int) -> None:
    inquiry, node = make_inquiry(), make_node()
    assert inquiry.receive(octets, 0.0) is None
    assert node.receive(octets, 0.0) == []
    question = bytearray(inquiry.question())
    question[position % len(question)] ^= 0x04
    assert node.receive(bytes(question), 0.0) == []


def test_no_key_is_printed() -> None:
    assert repr(CHANNEL.device_key) not in repr(CHANNEL)
    assert "device_key" not in repr(CHANNEL)
