"""Reading octets and never past their end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import MalformedError
from meshwright.core.octets import Reader


def test_numbers_of_both_byte_orders() -> None:
    reader = Reader(bytes.fromhex("0102 0102 ff"))
    assert reader.unsigned(2) == 0x0102
    assert reader.unsigned_le(2) == 0x0201
    assert reader.unsigned(1) == 0xFF
    assert reader.unsigned(0) == 0
    reader.end()


def test_rest_and_end() -> None:
    reader = Reader(b"abc")
    assert reader.take(1) == b"a"
    with pytest.raises(MalformedError):
        reader.end()
    assert reader.rest() == b"bc"
    assert reader.rest() == b""
    reader.end()


@given(st.binary(max_size=8), st.integers(0, 8), st.integers(-4, 12))
def test_nothing_is_read_past_the_end(data: bytes, start: int, count: int) -> None:
    reader = Reader(data)
    reader.take(min(start, len(data)))
    before = reader.remaining
    if 0 <= count <= before:
        assert reader.take(count) == data[len(data) - before :][:count]
        assert reader.remaining == before - count
        return
    with pytest.raises(MalformedError) as error:
        reader.take(count)
    assert error.value.code == "malformed"
    assert reader.remaining == before
