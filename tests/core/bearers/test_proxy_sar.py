"""Proxy PDUs against the samples, every size, and whatever a stranger may send."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.bearers.proxy_sar import (
    LARGEST_MTU,
    PROVISIONING_SERVICE,
    PROVISIONING_SIZE,
    PROXY_SERVICE,
    SAR_TIMEOUT,
    SMALLEST_MTU,
    Message,
    MessageType,
    ProxySarError,
    Reassembler,
    encode,
    value_size,
)

VECTORS = Path(__file__).parents[2] / "vectors"
PROVISIONING = MessageType.PROVISIONING
BOTH = {**PROVISIONING_SERVICE, **PROXY_SERVICE}
MTUS = st.integers(SMALLEST_MTU, LARGEST_MTU)


def vectors(name: str) -> list[Any]:
    found = json.loads((VECTORS / f"{name}.json").read_text())["vectors"]
    return [pytest.param(vector, id=vector["section"]) for vector in found]


def receive_all(reassembler: Reassembler, values: list[bytes]) -> list[Message | None]:
    return [reassembler.receive(value, 0.0) for value in values]


# Samples.


@pytest.mark.parametrize("sample", vectors("pb_gatt_sar"))
def test_segmentation_sample(sample: dict[str, Any]) -> None:
    message_type, message = int(sample["message_type"], 16), bytes.fromhex(sample["message"])
    segments = [bytes.fromhex(segment) for segment in sample["segments"]]
    assert value_size(sample["att_mtu"]) == sample["max_proxy_pdu"]
    assert encode(message_type, message, sample["att_mtu"]) == segments
    *rest, whole = receive_all(Reassembler(PROVISIONING_SERVICE), segments)
    assert rest == [None] * 3
    assert whole == (message_type, message)


@pytest.mark.parametrize("sample", vectors("proxy_config"))
def test_proxy_configuration_sample(sample: dict[str, str]) -> None:
    value = bytes.fromhex(sample["proxy_pdu"])
    message = Reassembler(PROXY_SERVICE).receive(value, 0.0)
    assert message == (MessageType.CONFIGURATION, value[1:])
    assert encode(MessageType.CONFIGURATION, value[1:], 69) == [value]


# Cutting.


@given(st.binary(max_size=PROVISIONING_SIZE), MTUS)
def test_every_message_arrives_at_every_mtu(content: bytes, mtu: int) -> None:
    values = encode(PROVISIONING, content, mtu)
    assert {len(value) for value in values[:-1]} <= {value_size(mtu)}
    assert 0 < len(values[-1]) <= value_size(mtu)
    *rest, whole = receive_all(Reassembler(PROVISIONING_SERVICE), values)
    assert not any(rest)
    assert whole == (PROVISIONING, content)


@pytest.mark.parametrize("octets", range(17, 60))
def test_no_segment_is_empty(octets: int) -> None:
    values = encode(PROVISIONING, bytes(octets), SMALLEST_MTU)
    assert len(values) == max(1, -(-octets // 19))
    assert all(len(value) > 1 for value in values)


@pytest.mark.parametrize(("mtu", "size"), [(23, 20), (69, 66), (514, 511), (515, 512), (517, 512)])
def test_no_value_is_longer_than_an_attribute(mtu: int, size: int) -> None:
    assert max(map(len, encode(PROVISIONING, bytes(2000), mtu))) == size


@pytest.mark.parametrize("mtu", [0, 22, 518])
def test_an_impossible_mtu_is_our_mistake(mtu: int) -> None:
    with pytest.raises(ValueError, match="ATT_MTU"):
        encode(PROVISIONING, b"", mtu)


# Putting together.

FIRST, CONTINUATION, LAST = b"\x43one", b"\x83two", b"\xc3three"
COMPLETE = b"\x03whole"


@pytest.mark.parametrize(
    "values",
    [
        [CONTINUATION],
        [LAST],
        [FIRST, FIRST],
        [FIRST, COMPLETE],
        [FIRST, CONTINUATION, FIRST],
        [FIRST, CONTINUATION, COMPLETE],
        [FIRST, LAST, LAST],
        [COMPLETE, CONTINUATION],
    ],
)
def test_a_segment_out_of_turn_is_an_error_and_leaves_nothing(values: list[bytes]) -> None:
    reassembler = Reassembler(PROVISIONING_SERVICE)
    receive_all(reassembler, values[:-1])
    with pytest.raises(ProxySarError) as caught:
        reassembler.receive(values[-1], 0.0)
    assert caught.value.code == "proxy-segmentation"
    assert reassembler.deadline is None
    assert receive_all(reassembler, [FIRST, LAST]) == [None, (PROVISIONING, b"onethree")]


@pytest.mark.parametrize("middle", [b"\x80beacon", b"\xc1beacon", b"\x01beacon"])
def test_two_types_do_not_mix(middle: bytes) -> None:
    reassembler = Reassembler(BOTH)
    reassembler.receive(FIRST, 0.0)
    with pytest.raises(ProxySarError):
        reassembler.receive(middle, 0.0)


@pytest.mark.parametrize("message_type", BOTH)
def test_a_message_longer_than_its_type_allows_is_an_error(message_type: int) -> None:
    longest = bytes(BOTH[message_type])
    for mtu in (SMALLEST_MTU, 69, LARGEST_MTU):
        values = encode(message_type, longest, mtu)
        assert receive_all(Reassembler(BOTH), values)[-1] == (message_type, longest)
        too_long = encode(message_type, longest + b"!", mtu)
        with pytest.raises(ProxySarError):
            receive_all(Reassembler(BOTH), too_long)


@pytest.mark.parametrize("kind", range(4, 64))
def test_what_is_reserved_is_ignored_even_in_the_middle(kind: int) -> None:
    ignored = encode(kind, bytes(50), SMALLEST_MTU) + encode(kind, b"", SMALLEST_MTU)
    reassembler = Reassembler(BOTH)
    assert not any(receive_all(reassembler, [*ignored, FIRST, *ignored, ignored[1]]))
    assert reassembler.receive(LAST, 0.0) == (PROVISIONING, b"onethree")


def test_what_a_service_does_not_support_is_ignored() -> None:
    reassembler = Reassembler(PROVISIONING_SERVICE)
    network = encode(MessageType.NETWORK, bytes(100), SMALLEST_MTU)
    assert not any(receive_all(reassembler, network))
    assert reassembler.deadline is None


def test_an_empty_value_is_ignored_and_an_empty_message_is_one() -> None:
    reassembler = Reassembler(PROVISIONING_SERVICE)
    assert receive_all(reassembler, [b"", b"\x03"]) == [None, (PROVISIONING, b"")]
    assert receive_all(reassembler, [b"\x43", b"", b"\xc3"])[-1] == (PROVISIONING, b"")


def test_a_message_has_twenty_seconds_however_many_segments() -> None:
    reassembler = Reassembler(PROVISIONING_SERVICE)
    reassembler.receive(FIRST, 5.0)
    reassembler.receive(CONTINUATION, 20.0)
    assert reassembler.deadline == 5.0 + SAR_TIMEOUT
    reassembler.handle_deadline(24.9)
    with pytest.raises(ProxySarError, match="20 seconds"):
        reassembler.handle_deadline(25.0)
    assert reassembler.deadline is None
    reassembler.handle_deadline(100.0)


def test_a_segment_after_its_time_is_an_error() -> None:
    reassembler = Reassembler(PROVISIONING_SERVICE)
    reassembler.receive(FIRST, 0.0)
    with pytest.raises(ProxySarError):
        reassembler.receive(LAST, SAR_TIMEOUT)


GARBAGE = st.one_of(
    st.binary(max_size=LARGEST_MTU),
    st.builds(lambda sar, rest: bytes([sar << 6 | 3]) + rest, st.integers(0, 3), st.binary()),
)


@given(st.lists(st.tuples(GARBAGE, st.floats(0, 3)), max_size=60))
def test_whatever_comes_is_a_message_an_error_or_bounded(
    arrivals: list[tuple[bytes, float]],
) -> None:
    limits: dict[int, int] = {PROVISIONING: 300, MessageType.NETWORK: 29}
    reassembler, now = Reassembler(limits), 0.0
    for value, wait in arrivals:
        now += wait
        try:
            message = reassembler.receive(value, now)
        except ProxySarError:
            assert reassembler.deadline is None
            continue
        if message is not None:
            assert len(message.content) <= limits[message.message_type]
        assert len(reassembler._content) <= 300
        assert reassembler.deadline is None or now < reassembler.deadline <= now + SAR_TIMEOUT
