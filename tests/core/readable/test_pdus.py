"""Provisioning PDUs in words, on both bearers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.bearers.proxy_sar import MessageType, encode
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.fields import PduType
from meshwright.core.readable.items import Kind
from meshwright.core.readable.pdus import read_pdu
from meshwright.core.readable.proxy import ProxyReader
from meshwright.core.readable.words import record_name

KEY = bytes(range(64))
EXAMPLES: list[tuple[pdu.Pdu, str]] = [
    (pdu.Invite(5), "Invite: attention for 5 s"),
    (
        pdu.Capabilities(2, 3, 1, 3, 8, 0x001F, 0, 0),
        "Capabilities: 2 elements; algorithms CMAC, HMAC; public key OOB available; "
        "OOB static available, only OOB; "
        "output blink, beep, vibrate, numeric, alphanumeric up to size 8; input none",
    ),
    (
        pdu.Capabilities(1, 0x8001, 2, 4, 0, 0, 9, 0x0012),
        "Capabilities: 1 element; algorithms CMAC, reserved 0x8000; public key reserved 0x0002; "
        "OOB reserved 0x0004; output none; input twist, reserved 0x0010 up to size 9",
    ),
    (pdu.Start(1, 1), "Start: algorithm HMAC; public key OOB; authentication no OOB"),
    (
        pdu.Start(0, 0, 2, 0, 1),
        "Start: algorithm CMAC; public key in band; authentication output; blink of size 1",
    ),
    (
        pdu.Start(2, 2, 4, 7, 9),
        "Start: algorithm reserved 0x02; public key reserved 0x02; "
        "authentication reserved 0x04; action 7 of size 9",
    ),
    (
        pdu.Start(0, 0, 3, 9, 0),
        "Start: algorithm CMAC; public key in band; authentication input; reserved 0x09 of size 0",
    ),
    (pdu.PublicKey(KEY), "Public key: X 00010203..., Y 20212223..."),
    (pdu.InputComplete(), "Input complete"),
    (pdu.Confirmation(KEY[:16]), "Confirmation: 0001020304050607... (16 octets)"),
    (pdu.Random(KEY[:32]), "Random: 0001020304050607... (32 octets)"),
    (pdu.Data(KEY[:33]), "Data: encrypted, 0001020304050607... (33 octets)"),
    (pdu.Complete(), "Complete"),
    (pdu.Failed(4), "Failed: confirmation failed"),
    (pdu.Failed(0x77), "Failed: reserved 0x77"),
    (
        pdu.RecordRequest(1, 57, 100),
        "Record request: device certificate, from octet 57, at most 100",
    ),
    (
        pdu.RecordResponse(0, 3, 57, 100, KEY[:43]),
        "Record response: intermediate certificate 2, octets 57 to 99 of 100",
    ),
    (pdu.RecordResponse(0, 0, 5, 5), "Record response: base URI, no octets of 5"),
    (pdu.RecordResponse(1, 0x11, 0, 0), "Record response: local name, not present"),
    (pdu.RecordsGet(), "Records get"),
    (
        pdu.RecordsList(0, (0, 1, 0x10, 0x99)),
        "Records list: base URI, device certificate, intermediate certificate 15, record 0x0099",
    ),
    (pdu.RecordsList(1, ()), "Records list: none; extensions 0x0001"),
]


@pytest.mark.parametrize(("message", "text"), EXAMPLES)
def test_every_pdu_has_its_words(message: pdu.Pdu, text: str) -> None:
    item = read_pdu(codec.encode(message))
    assert (item.kind, item.text) == (Kind.PDU, text)


def test_no_type_is_left_out() -> None:
    assert {message.TYPE for message, _ in EXAMPLES} == set(PduType)


def test_fields_are_as_on_the_wire() -> None:
    assert read_pdu(codec.encode(pdu.Start(0, 1, 2, 3, 6))).fields == {
        "pdu": "start",
        "algorithm": 0,
        "public_key": 1,
        "method": 2,
        "action": 3,
        "size": 6,
    }
    assert read_pdu(codec.encode(pdu.PublicKey(KEY))).fields["key"] == KEY.hex()


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        (b"", "malformed provisioning PDU: unknown provisioning PDU without type; no octets"),
        (b"\x1f", "malformed provisioning PDU: unknown provisioning PDU 1f; 1f"),
        (b"\x40\x05", "malformed provisioning PDU: the padding bits of INVITE are set; 4005"),
        (b"\x09", "malformed provisioning PDU: FAILED does not have 1 octets; 09"),
    ],
)
def test_what_is_wrong_is_said(octets: bytes, text: str) -> None:
    item = read_pdu(octets)
    assert (item.kind, item.text) == (Kind.MALFORMED, text)


@given(st.binary(max_size=80))
def test_any_octets_are_read(octets: bytes) -> None:
    item = read_pdu(octets)
    assert item.text.isprintable()
    assert (item.kind is Kind.PDU) == ("pdu" in item.fields)


@given(st.integers(0, 0xFFFF))
def test_any_record_has_a_name(record_id: int) -> None:
    assert record_name(record_id)


# Over GATT.


@given(st.sampled_from(EXAMPLES), st.integers(23, 517))
def test_pdus_over_gatt_read_the_same(example: tuple[pdu.Pdu, str], mtu: int) -> None:
    reader = ProxyReader()
    octets = codec.encode(example[0])
    values = encode(MessageType.PROVISIONING, octets, mtu)
    items = [item for value in values for item in reader.read(value, 0.0)]
    assert [item.kind for item in items] == [Kind.PROXY] * len(values) + [Kind.PDU]
    assert items[-1] == read_pdu(octets)


def test_segments_are_named() -> None:
    reader = ProxyReader()
    first, last = encode(MessageType.PROVISIONING, codec.encode(pdu.Random(KEY[:20])), 23)
    assert [item.text for item in reader.read(first, 0.0)] == [
        "proxy PDU, provisioning, first, 0600010203040506... (19 octets)"
    ]
    assert reader.read(last, 0.0)[0].text.startswith("proxy PDU, provisioning, last, ")


def test_other_messages_and_nonsense_over_gatt() -> None:
    reader = ProxyReader()
    (beacon,) = reader.read(b"\x01\x01" + bytes(5), 0.0)
    assert beacon.text == "proxy PDU, beacon, complete, 010000000000"
    (unknown,) = reader.read(b"\x3f\x01", 0.0)
    assert unknown.text == "proxy PDU, reserved 0x3f, complete, 01"
    (empty,) = reader.read(b"", 0.0)
    assert empty.kind is Kind.MALFORMED
    _, lost = reader.read(b"\xc3\x01", 0.0)
    assert lost.text == "malformed proxy PDU: segment LAST of type 3 is out of turn; c301"


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_values_are_read(values: list[bytes]) -> None:
    reader = ProxyReader()
    for value in values:
        for item in reader.read(value, 0.0):
            assert item.text.isprintable()
