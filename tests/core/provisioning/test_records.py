"""Provisioning records: serving them, and reading them from a hostile device (S12)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import MalformedError
from meshwright.core.provisioning.pdu import RecordRequest, RecordResponse
from meshwright.core.provisioning.records import (
    SMALL_FRAGMENT,
    RecordError,
    RecordLimits,
    RecordReader,
    RecordServer,
)

CONTENT = bytes(range(200))
SERVER = RecordServer({2: b"", 1: CONTENT}, 58)


def response(
    offset: int, total: int, data: bytes, *, status: int = 0, record_id: int = 1
) -> RecordResponse:
    return RecordResponse(status, record_id, offset, total, data)


# The device.


def test_the_list_is_in_order() -> None:
    listed = SERVER.list()
    assert (listed.extensions, listed.ids) == (0, (1, 2))


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (RecordRequest(1, 0, 10), response(0, 200, CONTENT[:10])),
        (RecordRequest(1, 0, 58), response(0, 200, CONTENT[:58])),
        (RecordRequest(1, 0, 65_535), response(0, 200, CONTENT[:58])),
        (RecordRequest(1, 190, 58), response(190, 200, CONTENT[190:])),
        (RecordRequest(1, 199, 1), response(199, 200, CONTENT[199:])),
        (RecordRequest(1, 200, 58), response(200, 200, b"", status=2)),
        (RecordRequest(1, 65_535, 58), response(65_535, 200, b"", status=2)),
        (RecordRequest(2, 0, 58), response(0, 0, b"", status=2, record_id=2)),
        (RecordRequest(3, 7, 58), response(7, 0, b"", status=1, record_id=3)),
    ],
    ids=[
        "fragment",
        "exactly the limit",
        "above the limit",
        "last fragment",
        "last octet",
        "at the end",
        "far beyond",
        "empty record",
        "absent record",
    ],
)
def test_answers(request_: RecordRequest, expected: RecordResponse) -> None:
    assert SERVER.respond(request_) == expected


def test_a_maximum_of_zero_is_prohibited() -> None:
    with pytest.raises(MalformedError):
        SERVER.respond(RecordRequest(1, 0, 0))


# The Provisioner.


def read(server: RecordServer, record_id: int, limits: RecordLimits) -> tuple[bytes | None, int]:
    reader, requests = RecordReader(record_id, limits), 1
    while not reader.accept(server.respond(reader.request())):
        requests += 1
    return reader.content, requests


@given(st.binary(min_size=1, max_size=2000), st.integers(1, 1461), st.integers(8, 1461))
def test_what_is_served_is_read(content: bytes, served: int, asked: int) -> None:
    limits = RecordLimits(fragment_octets=asked, requests=2000)
    result, requests = read(RecordServer({1: content}, served), 1, limits)
    assert result == content
    assert requests == -(-len(content) // min(served, asked))


def test_absent_and_empty_records_are_read_as_absent() -> None:
    assert read(SERVER, 3, RecordLimits()) == (None, 1)
    assert read(SERVER, 2, RecordLimits()) == (None, 1)


@pytest.mark.parametrize("status", [3, 0x80, 0xFF])
def test_reserved_status_is_no_record(status: int) -> None:
    reader = RecordReader(1, RecordLimits())
    reader.request()
    assert reader.accept(response(0, 0, b"", status=status))
    assert reader.content is None


LIMITS = RecordLimits(record_octets=300, fragment_octets=100, requests=4)


def reading(*answers: RecordResponse) -> RecordReader:
    reader = RecordReader(1, LIMITS)
    for answer in answers:
        reader.request()
        assert not reader.accept(answer)
    reader.request()
    return reader


HOSTILE = {
    "another record": ([], response(0, 10, b"1", record_id=2)),
    "another offset": ([], response(1, 10, b"1")),
    "absent, of another record": ([], response(0, 0, b"", status=1, record_id=2)),
    "no data": ([], response(0, 10, b"")),
    "empty record": ([], response(0, 0, b"")),
    "more than asked for": ([], response(0, 300, bytes(101))),
    "more than the record": ([], response(0, 10, bytes(11))),
    "data for an empty record": ([], response(0, 0, b"1")),
    "too long a record": ([], response(0, 301, bytes(100))),
    "65535 octets": ([], response(0, 65_535, bytes(100))),
    "length grows": ([response(0, 10, bytes(5))], response(5, 11, bytes(5))),
    "length shrinks": ([response(0, 10, bytes(5))], response(5, 9, bytes(4))),
    "same fragment again": ([response(0, 10, bytes(5))], response(0, 10, bytes(5))),
    "overlapping": ([response(0, 10, bytes(5))], response(3, 10, bytes(5))),
    "a gap": ([response(0, 10, bytes(5))], response(6, 10, bytes(4))),
    "beyond the end": ([response(0, 10, bytes(5))], response(5, 10, bytes(6))),
    "disappears": ([response(0, 10, bytes(5))], response(5, 0, b"", status=1)),
    "out of bounds": ([response(0, 10, bytes(5))], response(5, 10, b"", status=2)),
}


@pytest.mark.parametrize(("before", "answer"), HOSTILE.values(), ids=HOSTILE.keys())
def test_s12_contradictions_are_refused(
    before: list[RecordResponse], answer: RecordResponse
) -> None:
    reader = reading(*before)
    with pytest.raises(RecordError) as caught:
        reader.accept(answer)
    assert caught.value.code == "bad-record"
    assert reader.content is None


def test_s12_a_record_in_crumbs_takes_too_many_requests() -> None:
    reader = RecordReader(1, LIMITS)
    for offset in range(LIMITS.requests):
        assert reader.request() == RecordRequest(1, offset, 100)
        assert not reader.accept(response(offset, 300, b"1"))
    with pytest.raises(RecordError):
        reader.request()


@given(
    st.lists(
        st.builds(
            RecordResponse,
            st.integers(0, 3),
            st.integers(0, 2),
            st.integers(0, 12),
            st.integers(0, 400),
            st.binary(max_size=110),
        ),
        max_size=20,
    )
)
def test_s12_whatever_is_answered_ends_within_the_limits(answers: list[RecordResponse]) -> None:
    reader = RecordReader(1, LIMITS)
    try:
        for answer in answers:
            reader.request()
            if reader.accept(answer):
                break
    except RecordError:
        assert reader.content is None
    assert len(reader._data) <= LIMITS.record_octets
    assert reader.content is None or len(reader.content) <= LIMITS.record_octets


def test_a_small_fragment_makes_a_pdu_like_a_public_key() -> None:
    answer = RecordServer({1: CONTENT}, SMALL_FRAGMENT).respond(RecordRequest(1, 0, 1461))
    assert 1 + len(answer.encode_body()) == 65
