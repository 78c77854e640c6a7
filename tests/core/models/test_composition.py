"""Composition Data page 0."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import MalformedError
from meshwright.core.models.composition import CompositionPage0, Element, Features, VendorModel

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "composition.json").read_text())
(PAGE_0,) = [vector for vector in VECTORS["vectors"] if vector["page"] == 0]


def test_sample_8_10_1() -> None:
    page = CompositionPage0(
        int(PAGE_0["cid"], 16),
        int(PAGE_0["pid"], 16),
        int(PAGE_0["vid"], 16),
        int(PAGE_0["crpl"], 16),
        Features.RELAY | Features.PROXY,
        (
            Element(
                int(PAGE_0["elements"][0]["loc"], 16),
                tuple(int(model, 16) for model in PAGE_0["elements"][0]["sig"]),
                (VendorModel(0x003F, 0x002A),),
            ),
        ),
    )
    data = bytes.fromhex(PAGE_0["data"])
    assert page.encode() == data
    assert CompositionPage0.decode(data) == page


numbers = st.integers(0, 0xFFFF)
elements = st.builds(
    Element,
    numbers,
    st.lists(numbers, max_size=4).map(tuple),
    st.lists(st.builds(VendorModel, numbers, numbers), max_size=3).map(tuple),
)
pages = st.builds(
    CompositionPage0,
    numbers,
    numbers,
    numbers,
    numbers,
    numbers.map(Features),
    st.lists(elements, max_size=4).map(tuple),
)


@given(pages)
def test_round_trip(page: CompositionPage0) -> None:
    assert CompositionPage0.decode(page.encode()) == page


@given(st.binary(max_size=60))
def test_any_octets_are_a_page_or_malformed(data: bytes) -> None:
    try:
        page = CompositionPage0.decode(data)
    except MalformedError:
        return
    assert page.encode() == data
