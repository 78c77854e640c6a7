"""The fourteen provisioning PDUs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.provisioning.samples import load

from meshwright.core.errors import MalformedError
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.fields import PduType

OCTET = st.integers(0, 0xFF)
WORD = st.integers(0, 0xFFFF)


def octets(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


PDUS: dict[PduType, st.SearchStrategy[pdu.Pdu]] = {
    PduType.INVITE: st.builds(pdu.Invite, OCTET),
    PduType.CAPABILITIES: st.builds(
        pdu.Capabilities, OCTET, WORD, OCTET, OCTET, OCTET, WORD, OCTET, WORD
    ),
    PduType.START: st.builds(pdu.Start, OCTET, OCTET, OCTET, OCTET, OCTET),
    PduType.PUBLIC_KEY: st.builds(pdu.PublicKey, octets(64)),
    PduType.INPUT_COMPLETE: st.builds(pdu.InputComplete),
    PduType.CONFIRMATION: st.builds(pdu.Confirmation, octets(16) | octets(32)),
    PduType.RANDOM: st.builds(pdu.Random, octets(16) | octets(32)),
    PduType.DATA: st.builds(pdu.Data, octets(33)),
    PduType.COMPLETE: st.builds(pdu.Complete),
    PduType.FAILED: st.builds(pdu.Failed, OCTET),
    PduType.RECORD_REQUEST: st.builds(pdu.RecordRequest, WORD, WORD, WORD),
    PduType.RECORD_RESPONSE: st.builds(
        pdu.RecordResponse, OCTET, WORD, WORD, WORD, st.binary(max_size=100)
    ),
    PduType.RECORDS_GET: st.builds(pdu.RecordsGet),
    PduType.RECORDS_LIST: st.builds(pdu.RecordsList, WORD, st.lists(WORD).map(tuple)),
}
SIZES: dict[PduType, Callable[[int], bool]] = {
    PduType.INVITE: lambda size: size == 2,
    PduType.CAPABILITIES: lambda size: size == 12,
    PduType.START: lambda size: size == 6,
    PduType.PUBLIC_KEY: lambda size: size == 65,
    PduType.INPUT_COMPLETE: lambda size: size == 1,
    PduType.CONFIRMATION: lambda size: size in (17, 33),
    PduType.RANDOM: lambda size: size in (17, 33),
    PduType.DATA: lambda size: size == 34,
    PduType.COMPLETE: lambda size: size == 1,
    PduType.FAILED: lambda size: size == 2,
    PduType.RECORD_REQUEST: lambda size: size == 7,
    PduType.RECORD_RESPONSE: lambda size: size >= 8,
    PduType.RECORDS_GET: lambda size: size == 1,
    PduType.RECORDS_LIST: lambda size: size >= 3 and size % 2 == 1,
}


def test_there_are_fourteen_of_them() -> None:
    assert list(codec.PDUS) == list(PduType) == list(PDUS)
    assert [int(one) for one in PduType] == list(range(14))
    assert all(codec.PDUS[one][0].TYPE is one for one in PduType)


@given(st.one_of(*PDUS.values()))
def test_round_trip(original: pdu.Pdu) -> None:
    encoded = codec.encode(original)
    assert encoded[0] == original.TYPE
    assert SIZES[original.TYPE](len(encoded))
    assert codec.decode(encoded) == original
    assert codec.type_of(encoded) is original.TYPE
    assert codec.decode_as(type(original), encoded) == original


@given(st.binary(max_size=80))
def test_any_octets_are_a_pdu_or_malformed(received: bytes) -> None:
    try:
        decoded = codec.decode(received)
    except (codec.UnknownPduError, codec.MalformedPduError):
        return
    assert codec.encode(decoded) == received


@pytest.mark.parametrize("pdu_type", PduType)
def test_every_length(pdu_type: PduType) -> None:
    for size in range(1, 100):
        received = bytes([pdu_type]) + bytes(size - 1)
        if SIZES[pdu_type](size):
            assert codec.encode(codec.decode(received)) == received
        else:
            with pytest.raises(codec.MalformedPduError):
                codec.decode(received)


@pytest.mark.parametrize("pdu_type", PduType)
@pytest.mark.parametrize("padding", [0x40, 0x80, 0xC0])
def test_padding_bits_are_prohibited(pdu_type: PduType, padding: int) -> None:
    size = next(size for size in range(1, 100) if SIZES[pdu_type](size))
    received = bytes([pdu_type | padding]) + bytes(size - 1)
    assert codec.type_of(received) is pdu_type
    with pytest.raises(codec.MalformedPduError):
        codec.decode(received)


@pytest.mark.parametrize("number", range(0x0E, 0x40))
def test_unknown_types(number: int) -> None:
    for received in (bytes([number]), bytes([number | 0xC0]) + bytes(10)):
        with pytest.raises(codec.UnknownPduError):
            codec.decode(received)


def test_nothing_at_all_is_no_pdu() -> None:
    with pytest.raises(codec.UnknownPduError):
        codec.decode(b"")


def test_a_pdu_of_another_type_is_not_taken_for_it() -> None:
    with pytest.raises(MalformedError):
        codec.decode_as(pdu.Complete, b"\x0c")


SAMPLES = [
    transfer["pdu"]
    for session in load("provisioning_pb_adv_cmac")
    for transfer in session["transfers"]
] + [record["pdu"] for record in load("cbp_records")]


@pytest.mark.parametrize("sample", sorted(set(SAMPLES)), ids=lambda sample: sample[:24])
def test_published_pdus(sample: str) -> None:
    assert codec.encode(codec.decode(bytes.fromhex(sample))).hex() == sample


def test_fields_of_the_published_records() -> None:
    for record in load("cbp_records"):
        fields, decoded = record["fields"], codec.decode(bytes.fromhex(record["pdu"]))
        match decoded:
            case pdu.RecordsList(extensions=extensions, ids=ids):
                assert extensions == int(fields["extensions"], 16)
                assert [f"{one:04x}" for one in ids] == fields["ids"]
            case pdu.RecordRequest():
                assert decoded.record_id == int(fields["record_id"], 16)
                assert decoded.offset == int(fields["offset"], 16)
                assert decoded.maximum_size == int(fields["max_size"], 16)
            case pdu.RecordResponse():
                assert decoded.status == int(fields["status"], 16)
                assert decoded.record_id == int(fields["record_id"], 16)
                assert decoded.offset == int(fields["offset"], 16)
                assert decoded.total_length == int(fields["total_length"], 16)
            case _:
                assert fields == {}
