"""Lower transport PDUs against the samples, both ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.network.network_samples import Sample, cases

from meshwright.core.errors import MalformedError
from meshwright.core.network.lower_transport import (
    SEGMENT_ACK,
    AccessPdu,
    ControlPdu,
    Segment,
    SegmentAck,
    first_sequence,
    segment_access,
)


@pytest.mark.parametrize("sample", cases(control=False))
def test_access_sample(sample: Sample) -> None:
    aid = 0x26 if sample.upper["key"] == "application" else None
    upper = bytes.fromhex(sample.upper["pdu"])
    if sample.raw["segmented"]:
        long_mic = bool(sample.upper["szmic"])
        built = segment_access(aid, upper, sample.route.seq, long_mic=long_mic)
    else:
        built = [AccessPdu(aid, upper)]
    assert [pdu.encode() for pdu in built] == sample.lower
    assert [AccessPdu.decode(octets) for octets in sample.lower] == built
    assert b"".join(AccessPdu.decode(octets).upper for octets in sample.lower) == upper


@pytest.mark.parametrize("sample", cases(control=False))
def test_the_first_sequence_number_is_found_from_any_segment(sample: Sample) -> None:
    for seq, octets, _ in sample.network:
        segment = AccessPdu.decode(octets).segment
        expected = seq if segment is None else first_sequence(seq, segment.seq_zero)
        assert expected == sample.route.seq


@pytest.mark.parametrize("sample", cases(control=True))
def test_control_sample(sample: Sample) -> None:
    (octets,) = sample.lower
    pdu = ControlPdu.decode(octets)
    assert pdu == ControlPdu(octets[0], octets[1:])
    assert pdu.encode() == octets


@pytest.mark.parametrize(("octets", "block"), [("a6ac00000002", 2), ("a6ac00000003", 3)])
def test_acknowledgment_of_8_3_7_and_8_3_9(octets: str, block: int) -> None:
    parameters = bytes.fromhex(octets)
    acknowledgment = SegmentAck(True, 0x09AB, block)
    assert SegmentAck.decode(parameters) == acknowledgment
    assert ControlPdu(SEGMENT_ACK, acknowledgment.encode()).encode() == b"\x00" + parameters


def test_a_control_segment() -> None:
    octets = bytes.fromhex("83 26ac21 aabb")
    pdu = ControlPdu(0x03, b"\xaa\xbb", Segment(0x09AB, 1, 1))
    assert ControlPdu.decode(octets) == pdu
    assert pdu.encode() == octets


def test_sequence_numbers_around_the_wrap_of_seq_zero() -> None:
    assert first_sequence(0x2001, 0x1FFF) == 0x1FFF
    assert first_sequence(0x1FFF, 0x1FFF) == 0x1FFF
    with pytest.raises(MalformedError):
        first_sequence(5, 6)


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "00" + "00" * 4,
        "00" + "00" * 16,
        "26" + "00" * 5,  # an AID under a device key
        "8026ac21",  # no octet in the segment
        "8026ac21" + "00" * 13,
        "e6" + "000020" + "00",  # segment 1 of 1
    ],
)
def test_malformed_access(octets: str) -> None:
    with pytest.raises(MalformedError):
        AccessPdu.decode(bytes.fromhex(octets))


@pytest.mark.parametrize("octets", ["", "00" * 13, "83 000000", "83 000000" + "00" * 9, "83 00"])
def test_malformed_control(octets: str) -> None:
    with pytest.raises(MalformedError):
        ControlPdu.decode(bytes.fromhex(octets))


@pytest.mark.parametrize("size", [0, 5, 7])
def test_malformed_acknowledgment(size: int) -> None:
    with pytest.raises(MalformedError):
        SegmentAck.decode(bytes(size))


@given(st.binary(max_size=18))
def test_any_octets_are_an_access_pdu_or_malformed(octets: bytes) -> None:
    try:
        pdu = AccessPdu.decode(octets)
    except MalformedError:
        return
    assert pdu.encode() == octets


@given(st.binary(max_size=14))
def test_any_octets_are_a_control_pdu_or_malformed(octets: bytes) -> None:
    try:
        pdu = ControlPdu.decode(octets)
    except MalformedError:
        return
    assert ControlPdu.decode(pdu.encode()) == pdu  # a reserved bit is not kept
    assert len(pdu.encode()) == len(octets)
