"""Whole payloads, one after the other, from whoever sends them."""

from __future__ import annotations

import json
import tracemalloc
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.provisioning.site import UUID as DEVICE

from meshwright.core.bearers import generic
from meshwright.core.discovery.ad import AdType, join, structure
from meshwright.core.discovery.beacon import UnprovisionedBeacon, advertisement
from meshwright.core.discovery.uri import encode_uri, uri_hash
from meshwright.core.provisioning import codec, pdu
from meshwright.core.readable.items import Kind
from meshwright.core.readable.reader import Reader
from meshwright.randomness import SeededRandomness

URI = encode_uri("https://mesh.example/d")
BEACON = advertisement(UnprovisionedBeacon(UUID(bytes=DEVICE), uri_hash=uri_hash(URI)))


def test_what_comes_again_is_marked() -> None:
    reader = Reader()
    first, second = reader.read(BEACON, b"a"), reader.read(BEACON, b"a")
    assert [item.again for item in first + second] == [False, True]
    assert [item.again for item in reader.read(BEACON, b"b")] == [False]


def test_a_uri_hash_becomes_the_uri_that_was_heard() -> None:
    reader = Reader()
    (before,) = reader.read(BEACON, b"a")
    reader.read(structure(AdType.URI, URI))
    (after,) = reader.read(BEACON, b"a")
    assert before.text.endswith(f"URI hash {uri_hash(URI).hex()}")
    assert after.text == f"{before.text} of https://mesh.example/d"
    assert after.fields["uri"] == "https://mesh.example/d"


def test_a_payload_of_several_structures_is_several_items() -> None:
    payload = join((1, b"\x06"), (AdType.URI, b"\x17a"), (AdType.MESH_BEACON, b"\x09"))
    assert [item.kind for item in Reader().read(payload)] == [Kind.URI, Kind.MALFORMED]


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b"", "nothing of a mesh; AD types none"),
        (b"\x02\x01\x06", "nothing of a mesh; AD types 0x01"),
        (b"\x02\x01\x06\x00\x00", "nothing of a mesh; AD types 0x01"),
        (b"\x05\x2b", "malformed advertising data: it is not whole; 052b"),
        (b"\x00\x02\x01\x06", "malformed advertising data: it is not whole; 00020106"),
    ],
)
def test_the_edges_of_a_payload(payload: bytes, text: str) -> None:
    assert [item.text for item in Reader().read(payload)] == [text]


LINKS = st.sampled_from([b"\1\2\3\4", b"\4\3\2\1"])
SEGMENTS = st.sampled_from(
    [
        *generic.segment(codec.encode(pdu.PublicKey(bytes(64)))),
        *generic.segment(codec.encode(pdu.Failed(1))),
        generic.link_open(DEVICE),
        generic.link_close(1),
        generic.ACK,
    ]
)
PACKETS = st.builds(
    lambda link, number, body: structure(AdType.PB_ADV, link + bytes([number]) + body),
    LINKS,
    st.sampled_from([0, 1, 0x80]),
    SEGMENTS | st.binary(max_size=24),
)
STRUCTURES = st.builds(structure, st.sampled_from([*AdType, 0x16]), st.binary(max_size=29))
PAYLOADS = PACKETS | STRUCTURES | st.binary(max_size=40)


@given(st.lists(st.tuples(PAYLOADS, st.sampled_from([None, b"abcdef", b"ABCDEF"])), max_size=40))
def test_whatever_is_heard_is_read(heard: list[tuple[bytes, bytes | None]]) -> None:
    reader = Reader()
    for payload, address in heard:
        items = reader.read(payload, address)
        assert items
        for item in items:
            assert item.text.isprintable()
            json.dumps(item.fields)


def test_memory_is_bounded_on_a_hostile_air() -> None:
    """Every packet is of another link, transaction and sender, and no PDU ever becomes whole."""
    random = SeededRandomness(1).stream("air")
    reader = Reader(links=8)

    def flood(packets: int) -> int:
        for _ in range(packets):
            draw = random(30)
            body = bytes([draw[5] | 4 | 2]) + draw[6:28] if draw[0] & 1 else draw[6:28]
            link = bytes(3) + bytes([draw[1] & 15])
            payload = structure(AdType.PB_ADV, link + draw[4:5] + body)
            reader.read(payload, draw[24:30])
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        full, later = flood(12_000), flood(6_000)
    finally:
        tracemalloc.stop()
    assert later < full * 1.1
    assert later < 8_000_000
