"""How datagram radios are described, and what stands in a datagram."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.radio.contract import ONE

from meshwright.core.discovery.ad import structure, structures
from meshwright.core.errors import InputError
from meshwright.radio.datagrams.spec import DatagramSpec, Framing, host_and_port, parse
from meshwright.radio.port import HOST_10, Pacing

BARE, FRAMED = Framing(left_out=1), Framing()


@pytest.mark.parametrize("datagram", [b"", bytes(31)])
def test_what_is_malformed_without_length(datagram: bytes) -> None:
    assert BARE.payload(datagram) is None


def test_several_structures_in_one_datagram_are_understood() -> None:
    assert FRAMED.payload(b"\x02\x01\x06" + ONE) == b"\x02\x01\x06" + ONE


@given(
    kind=st.integers(0, 255), data=st.binary(max_size=29), framing=st.sampled_from((BARE, FRAMED))
)
def test_every_structure_survives(kind: int, data: bytes, framing: Framing) -> None:
    (datagram,) = framing.datagrams(structure(kind, data))
    assert framing.payload(datagram) == structure(kind, data)


@given(datagram=st.binary(max_size=40), framing=st.sampled_from((BARE, FRAMED)))
def test_what_is_reported_is_whole(datagram: bytes, framing: Framing) -> None:
    payload = framing.payload(datagram)
    if payload is not None:
        assert b"".join(structure(*part) for part in structures(payload)) == payload
        assert payload.endswith(datagram)


def test_a_spec_is_read() -> None:
    assert parse("unix:a,b") == DatagramSpec("unix", "a", ("b",), FRAMED, HOST_10)
    assert parse("udp:h:1, h:2,h:3?pacing=2.5&length=no") == DatagramSpec(
        "udp", "h:1", ("h:2", "h:3"), BARE, Pacing(0.0025)
    )
    assert parse("unix:a,b?length=yes").framing == FRAMED
    assert host_and_port("[::1]:65535") == ("::1", 65535)
    assert host_and_port("localhost:1") == ("localhost", 1)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "unix",
        "unix:",
        "unix:a",
        "unix:a,",
        "unix:,b",
        "unix:a,b,",
        "unix:a,a",
        "unix:a,b,b",
        "tcp:a,b",
        "unix:a,b\0",
        "unix:a,b?length",
        "unix:a,b?length=maybe",
        "unix:a,b?length=no&length=no",
        "unix:a,b?speed=3",
        "unix:a,b?pacing=-1",
        "unix:a,b?pacing=nan",
        "unix:a,b?pacing=10001",
        "unix:a,b?pacing=fast",
    ],
)
def test_a_bad_spec_is_refused(spec: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(spec)
    assert caught.value.code == "bad-radio"


@pytest.mark.parametrize(
    "place", ["", "host", ":1", "host:", "host:0", "host:65536", "host:x", "host:-1", "::1:5000"]
)
def test_a_bad_host_is_refused(place: str) -> None:
    with pytest.raises(InputError) as caught:
        host_and_port(place)
    assert caught.value.code == "bad-radio"


@given(spec=st.text(max_size=40), scheme=st.sampled_from(("", "unix:", "udp:")))
def test_every_text_is_a_spec_or_an_error(scheme: str, spec: str) -> None:
    try:
        read = parse(scheme + spec)
    except InputError as error:
        assert error.code == "bad-radio"  # noqa: PT017 - either outcome is right
    else:
        assert read.remotes
