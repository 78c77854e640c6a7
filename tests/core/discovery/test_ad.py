"""Walking advertising data that strangers sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.discovery.ad import AdType, join, structure, structures
from meshwright.core.errors import InputError

Parts = list[tuple[int, bytes]]
parts = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=6)), max_size=3)


@given(parts)
def test_round_trip(parts: Parts) -> None:
    assert list(structures(join(*parts))) == parts


@given(parts, st.binary(max_size=5))
def test_what_was_complete_counts(parts: Parts, tail: bytes) -> None:
    payload = join(*parts)
    torn = payload + bytes([len(tail) + 2, 0x2B]) + tail  # claims one octet more than there is
    assert list(structures(torn)) == parts
    assert list(structures(payload + b"\x00\x02\x2b\x00")) == parts


@given(st.binary(max_size=600))
def test_hostile_octets_end_in_bounds(payload: bytes) -> None:
    found = list(structures(payload))
    assert sum(len(data) + 2 for _, data in found) <= min(len(payload), 255)


def test_an_empty_structure_is_one() -> None:
    assert list(structures(b"\x01\x2b")) == [(AdType.MESH_BEACON, b"")]
    assert list(structures(b"\x01")) == []


def test_a_legacy_advertisement_is_full_at_31_octets() -> None:
    assert len(structure(AdType.PB_ADV, bytes(29))) == 31
    with pytest.raises(InputError) as one:
        structure(AdType.PB_ADV, bytes(30))
    with pytest.raises(InputError) as several:
        join((AdType.PB_ADV, bytes(20)), (AdType.URI, bytes(8)))
    assert one.value.code == several.value.code == "advertisement-too-long"
