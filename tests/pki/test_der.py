"""The walk over DER stays inside its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import UNHURRIED

from meshwright.core.errors import MalformedError
from meshwright.pki import der


@UNHURRIED
@given(st.integers(0, 255).filter(lambda tag: tag & 0x1F != 0x1F), st.binary(max_size=300))
def test_encoded_elements_read_back(tag: int, body: bytes) -> None:
    octets = der.encode(tag, body)
    item = der.element(octets, 0, len(octets))
    assert (item.tag, octets[item.start : item.end], item.end) == (tag, body, len(octets))


def test_long_lengths_read_back() -> None:
    octets = der.encode(der.SEQUENCE, bytes(70_000))
    assert der.whole(octets).end == len(octets)


@UNHURRIED
@given(st.binary(max_size=20), st.integers(0, 20))
def test_any_octets_end_inside_their_limit(octets: bytes, limit: int) -> None:
    limit = min(limit, len(octets))
    try:
        item = der.element(octets, 0, limit)
    except MalformedError:
        return
    assert 0 < item.start <= item.end <= limit


@pytest.mark.parametrize(
    "octets",
    [
        "",
        "30",
        "3080",  # indefinite length
        "30840000000100",  # length of four octets
        "3082ff",  # length cut short
        "300100ff",  # one octet follows
        "3002ff",  # contents cut short
        "1f8101",  # tag of several octets
        "310100",  # not a SEQUENCE
    ],
)
def test_what_is_not_one_sequence_is_refused(octets: str) -> None:
    with pytest.raises(MalformedError):
        der.whole(bytes.fromhex(octets))
