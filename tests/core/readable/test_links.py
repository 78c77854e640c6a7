"""PB-ADV packets in words, and what they carry together."""

from __future__ import annotations

from uuid import UUID

import pytest
from tests.core.provisioning.site import UUID as DEVICE
from tests.core.provisioning.site import Site

from meshwright.core.bearers import generic
from meshwright.core.provisioning import codec, pdu
from meshwright.core.readable.items import Item, Kind
from meshwright.core.readable.links import LinkReader

LINK = bytes.fromhex("1a2b3c4d")
NAME = UUID(bytes=DEVICE)
KEY = codec.encode(pdu.PublicKey(bytes(range(64))))
OTHER_KEY = codec.encode(pdu.PublicKey(bytes(64)))
KEY_TEXT = "link 1a2b3c4d > 05 Public key: X 00010203..., Y 20212223..."


def packet(number: int, body: bytes) -> bytes:
    return LINK + bytes([number]) + body


def packets(number: int, octets: bytes) -> list[bytes]:
    return [packet(number, segment) for segment in generic.segment(octets)]


def read(reader: LinkReader, data: list[bytes], address: bytes | None = None) -> list[Item]:
    return [item for each in data for item in reader.read(each, address)]


def pdus(items: list[Item]) -> list[str]:
    return [item.text for item in items if item.kind is Kind.PDU]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (packet(0, generic.link_open(DEVICE)), f"link 1a2b3c4d > 00 Link Open, device {NAME}"),
        (packet(0, generic.LINK_ACK), "link 1a2b3c4d < 00 Link Ack"),
        (packet(0, generic.link_close(0)), "link 1a2b3c4d - 00 Link Close, success"),
        (packet(0, generic.link_close(2)), "link 1a2b3c4d - 00 Link Close, fail"),
        (packet(0, generic.link_close(9)), "link 1a2b3c4d - 00 Link Close, reserved 0x09"),
        (packet(5, generic.ACK), "link 1a2b3c4d < 05 transaction acknowledged"),
        (packet(0x85, generic.ACK), "link 1a2b3c4d > 85 transaction acknowledged"),
        (packets(5, KEY)[0], "link 1a2b3c4d > 05 start, segment 0 of 2, 65 octets, FCS c0"),
        (packets(0x85, KEY)[0], "link 1a2b3c4d < 85 start, segment 0 of 2, 65 octets, FCS c0"),
        (packets(5, KEY)[1], "link 1a2b3c4d > 05 segment 1, 131415161718191a... (23 octets)"),
        (packets(5, KEY)[2], "link 1a2b3c4d > 05 segment 2, 2a2b2c2d2e2f3031... (22 octets)"),
    ],
)
def test_every_packet_has_its_words(data: bytes, text: str) -> None:
    (item,) = LinkReader().read(data)
    assert item.text == text
    assert item.link == int.from_bytes(LINK, "big")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x01\x02", "malformed PB-ADV packet: it has no header; 0102"),
        (packet(0, b""), "link 1a2b3c4d - 00 malformed PB-ADV packet: a Generic Provisioning PDU"),
        (packet(0, b"\x1f"), "link 1a2b3c4d - 00 malformed PB-ADV packet: unknown or misshapen"),
        (packet(5, b"\x05"), "link 1a2b3c4d - 05 malformed PB-ADV packet: Transaction Acknowl"),
        (packet(5, b"\x04\x00\x05\x00"), "link 1a2b3c4d - 05 malformed PB-ADV packet: Transaction"),
    ],
)
def test_what_is_wrong_is_said(data: bytes, text: str) -> None:
    (item,) = LinkReader().read(data)
    assert item.kind is Kind.MALFORMED
    assert item.text.startswith(text)


def test_fields_say_link_transaction_direction_and_device() -> None:
    reader = LinkReader()
    reader.read(packet(0, generic.link_open(DEVICE)))
    *_, item = read(reader, packets(0x81, codec.encode(pdu.Failed(4))))
    assert item.fields == {
        "link": "1a2b3c4d",
        "transaction": 0x81,
        "to": "provisioner",
        "uuid": str(NAME),
        "pdu": "failed",
        "error": 4,
    }
    assert item.uuid == NAME


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [1, 1, 2, 0]])
def test_segments_make_a_pdu_in_any_order(order: list[int]) -> None:
    segments = packets(5, KEY)
    items = read(LinkReader(), [segments[index] for index in order])
    assert pdus(items) == [KEY_TEXT]
    assert items[-1].text == KEY_TEXT


def test_repeated_segments_make_it_once() -> None:
    assert pdus(read(LinkReader(), packets(5, KEY) * 3)) == [KEY_TEXT]


def test_a_number_that_is_used_again_begins_anew() -> None:
    """Which a stack must not do before it has used all others."""
    found = pdus(read(LinkReader(), packets(5, KEY) + packets(5, OTHER_KEY)))
    assert [text.partition(": ")[2] for text in found] == [
        "X 00010203..., Y 20212223...",
        "X 00000000..., Y 00000000...",
    ]


def test_a_wrong_fcs_is_said_and_a_repetition_repairs_it() -> None:
    damaged = packets(5, KEY)
    damaged[2] = damaged[2][:-1] + b"\xff"
    items = read(LinkReader(), [*damaged, *packets(5, KEY)])
    wrong = "transaction: its segments do not fit together, or their FCS is wrong"
    assert [item.text for item in items if wrong in item.text] == [
        f"link 1a2b3c4d > 05 malformed {wrong}; 05"
    ]
    assert pdus(items) == [KEY_TEXT]


def test_two_devices_on_one_link_are_kept_apart() -> None:
    """A copied UUID makes two answer the same Link Open."""
    reader = LinkReader()
    items = []
    for one, other in zip(packets(0x81, KEY), packets(0x81, OTHER_KEY), strict=True):
        items += reader.read(one, b"device") + reader.read(other, b"copied")
    assert [text.partition(": ")[2] for text in pdus(items)] == [
        "X 00010203..., Y 20212223...",
        "X 00000000..., Y 00000000...",
    ]
    assert not any(item.kind is Kind.MALFORMED for item in items)


def test_an_address_that_changes_with_every_packet_is_followed() -> None:
    """Some advertisers draw a new private address for every advertisement."""
    reader = LinkReader()
    items = [
        item
        for number, data in enumerate(packets(5, KEY))
        for item in reader.read(data, bytes([number]) * 6)
    ]
    assert pdus(items) == [KEY_TEXT]


def test_the_same_from_one_address_and_then_from_many_is_said_once() -> None:
    reader = LinkReader()
    assert pdus(read(reader, packets(5, KEY), b"device")) == [KEY_TEXT]
    assert (
        pdus([i for n, d in enumerate(packets(5, KEY)) for i in reader.read(d, bytes([n]))]) == []
    )


def test_links_are_kept_apart() -> None:
    reader = LinkReader()
    mixed = []
    for one in packets(5, KEY):
        mixed += [one, b"\xff" + one[1:]]
    assert [text[:13] for text in pdus(read(reader, mixed))] == ["link 1a2b3c4d", "link ff2b3c4d"]


def test_the_link_that_was_silent_longest_is_forgotten() -> None:
    reader = LinkReader(limit=2)
    first, *rest = packets(5, KEY)
    reader.read(first)
    for number in range(2):
        reader.read(bytes([0xF0 + number]) * 4 + first[4:])
    assert len(reader) == 2
    assert pdus(read(reader, rest)) == []
    assert pdus(read(reader, [first])) == [KEY_TEXT]


def test_a_whole_session_tells_its_story() -> None:
    reader = LinkReader()
    sent: list[bytes] = []

    def fate(payload: bytes) -> tuple[float, ...]:
        sent.append(payload)
        return (0.0,)

    Site(1, fate).start().run()
    items = read(reader, sent)
    assert [item.fields["pdu"] for item in items if item.kind is Kind.PDU] == [
        "records get",
        "records list",
        "record request",
        "record response",
        "record request",
        "record response",
        "invite",
        "capabilities",
        "start",
        "public key",
        "confirmation",
        "confirmation",
        "random",
        "random",
        "data",
        "complete",
    ]
    assert {item.kind for item in items} >= {Kind.LINK_OPEN, Kind.LINK_ACK, Kind.LINK_CLOSE}
    assert {item.uuid for item in items} == {NAME}
    assert not any(item.kind is Kind.MALFORMED for item in items)
