"""Static OOB values as text: what is taken, what is refused, and that nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError
from meshwright.core.provisioning.static_text import (
    KINDS,
    parse_static,
    parse_static_text,
    static_text,
)
from meshwright.core.provisioning.values import OobKind, StaticOob

PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=32)
STATICS = (
    st.builds(StaticOob, st.just(OobKind.BINARY), st.binary(min_size=1, max_size=32))
    | st.builds(StaticOob, st.just(OobKind.ALPHANUMERIC), PRINTABLE)
    | st.builds(StaticOob, st.just(OobKind.NUMERIC), st.integers(0, (1 << 128) - 1))
)


@given(STATICS, st.sampled_from([16, 32]))
def test_a_value_is_the_same_after_a_round_trip(static: StaticOob, size: int) -> None:
    again = parse_static_text(static_text(static))
    assert again == static
    assert again.auth_value(size) == static.auth_value(size)


@given(st.text())
def test_any_text_is_a_value_or_refused(text: str) -> None:
    for kind in OobKind:
        try:
            static = parse_static(kind, text)
        except InputError:
            continue
        assert all(len(static.auth_value(size)) == size for size in (16, 32))


@pytest.mark.parametrize("kind", OobKind)
def test_a_value_that_is_refused_is_not_shown(kind: OobKind) -> None:
    with pytest.raises(InputError) as refused:
        parse_static(kind, "a secret " * 5)
    assert "a secret" not in str(refused.value)


def test_a_value_has_no_repr() -> None:
    assert "9B7K" not in repr(parse_static(OobKind.ALPHANUMERIC, "9B7K"))


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("binary", "00:11-22 33\n", bytes.fromhex("00112233")),
        ("binary", "AA" * 32, b"\xaa" * 32),
        ("alphanumeric", " 9B7K ", "9B7K"),
        ("numeric", "019655", 19655),
        ("numeric", str((1 << 128) - 1), (1 << 128) - 1),
    ],
)
def test_what_people_write(kind: str, text: str, value: bytes | str | int) -> None:
    assert parse_static(KINDS[kind], text) == StaticOob(KINDS[kind], value)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("binary", ""),
        ("binary", "0"),
        ("binary", "xy"),
        ("binary", "aa" * 33),
        ("alphanumeric", ""),
        ("alphanumeric", "a b"),
        ("alphanumeric", "\u00e4"),
        ("alphanumeric", "a" * 33),
        ("numeric", "-1"),
        ("numeric", "\u0661"),
        ("numeric", str(1 << 128)),
        ("numeric", "9" * 40),
    ],
)
def test_what_is_no_value(kind: str, text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_static(KINDS[kind], text)
    assert refused.value.code == "bad-static-oob"


@pytest.mark.parametrize("text", ["", "00ff", "hex:00ff", "binary", "numeric:x"])
def test_stored_text_needs_its_kind(text: str) -> None:
    with pytest.raises(InputError):
        parse_static_text(text)


def test_numbers_and_octets_may_be_given_in_other_types() -> None:
    assert static_text(StaticOob(OobKind.NUMERIC, b"\x01\x00")) == "numeric:256"
    assert static_text(StaticOob(OobKind.BINARY, "AB")) == "binary:4142"
    assert static_text(StaticOob(OobKind.ALPHANUMERIC, b"AB")) == "alphanumeric:AB"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (OobKind.NUMERIC, 1 << 128),
        (OobKind.NUMERIC, -1),
        (OobKind.NUMERIC, b"\1" + bytes(16)),
        (OobKind.ALPHANUMERIC, "sécret"),
    ],
)
def test_a_value_that_a_peer_could_make_us_choke_on_cannot_be_made(
    kind: OobKind, value: bytes | str | int
) -> None:
    """Which algorithm writes it into an AuthValue is the peer's choice."""
    with pytest.raises(InputError) as caught:
        StaticOob(kind, value)
    assert caught.value.code == "bad-static-oob"
    assert "cret" not in str(caught.value)
