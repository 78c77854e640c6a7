"""URI Data and its hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.discovery.uri import decode_uri, encode_uri, uri_hash
from meshwright.core.errors import InputError, MalformedError

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "beacons.json").read_text())
(SAMPLE,) = [vector for vector in VECTORS["vectors"] if "uri" in vector]


def test_sample_8_4_2() -> None:
    data = bytes.fromhex(SAMPLE["uri_ad_data"])
    assert encode_uri(SAMPLE["uri"]) == data
    assert decode_uri(data) == SAMPLE["uri"]
    assert uri_hash(data).hex() == SAMPLE["uri_hash"]


@pytest.mark.parametrize(
    ("uri", "data"),
    [
        ("https://a", b"\x17//a"),
        ("HTTPS://A", b"\x17//A"),
        ("http://a", b"\x16//a"),
        ("httpx://a", b"\x01httpx://a"),
        ("ftp://a/b?c", b"\x01ftp://a/b?c"),
    ],
)
def test_scheme_code_points(uri: str, data: bytes) -> None:
    assert encode_uri(uri) == data


def test_a_scheme_spelled_out_is_read_too() -> None:
    assert decode_uri(b"\x01https://a") == "https://a"


@given(st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1))
def test_round_trip(rest: str) -> None:
    assert decode_uri(encode_uri(f"https://{rest}")) == f"https://{rest}"


@pytest.mark.parametrize(
    "data",
    [b"", b"\x18//a", b"\xc2\xba//a", b"\x17//\xff", b"\x17//a b", b"\x17//\x1b[2J"],
)
def test_refused(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_uri(data)


@pytest.mark.parametrize("uri", ["", "https://a b", "https://a\n"])
def test_a_bad_uri_is_not_sent(uri: str) -> None:
    with pytest.raises(InputError) as error:
        encode_uri(uri)
    assert error.value.code == "bad-uri"


@given(st.binary(max_size=40))
def test_any_octets_are_a_uri_or_malformed(data: bytes) -> None:
    try:
        uri = decode_uri(data)
    except MalformedError:
        return
    assert uri.isprintable()
