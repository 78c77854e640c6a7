"""Network PDUs against every published sample, both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.network.network_samples import NET_KEY, SAMPLES, Sample, cases

from meshwright.core.crypto import AuthenticationFailedError
from meshwright.core.errors import InputError, MalformedError
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.network.network_pdu import NetworkPdu

FLOODING = NetworkKeys.derive(NET_KEY).flooding
IV = IvIndex(0x12345678)
MESSAGE = NetworkPdu(False, 5, 1, 0x0001, 0x0002, IV.value, bytes(6))


def sample_pdu(sample: Sample, seq: int, transport: bytes) -> NetworkPdu:
    return NetworkPdu(
        sample.control,
        sample.number("ttl"),
        seq,
        sample.number("src"),
        sample.number("dst"),
        sample.iv.value,
        transport,
    )


def test_every_sample_is_here() -> None:
    assert len(SAMPLES) == 26
    assert sum(len(sample.network) for sample in SAMPLES) == 28


@pytest.mark.parametrize("sample", cases())
def test_sample(sample: Sample) -> None:
    for seq, transport, octets in sample.network:
        pdu = sample_pdu(sample, seq, transport)
        assert pdu.seal(sample.credentials) == octets
        assert NetworkPdu.open(octets, sample.credentials, sample.iv) == pdu


@pytest.mark.parametrize("sample", cases())
def test_a_sample_with_one_bit_changed_is_refused(sample: Sample) -> None:
    for _, _, octets in sample.network:
        for bit in range(8 * len(octets)):
            changed = bytearray(octets)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises((AuthenticationFailedError, MalformedError)):
                NetworkPdu.open(bytes(changed), sample.credentials, sample.iv)


@given(
    st.booleans(),
    st.integers(0, 0x7F),
    st.integers(0, 0xFFFFFF),
    st.integers(1, 0x7FFF),
    st.integers(1, 0x7FFF) | st.integers(0xC000, 0xFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.binary(min_size=1, max_size=12),
)
def test_round_trip(
    control: bool, ttl: int, seq: int, src: int, dst: int, iv: int, transport: bytes
) -> None:
    pdu = NetworkPdu(control, ttl, seq, src, dst, iv, transport)
    octets = pdu.seal(FLOODING)
    assert 14 <= len(octets) <= 29
    assert NetworkPdu.open(octets, FLOODING, IvIndex(iv)) == pdu


@given(st.binary(max_size=40))
def test_hostile_octets_are_refused(octets: bytes) -> None:
    with pytest.raises((AuthenticationFailedError, MalformedError)):
        NetworkPdu.open(octets, FLOODING, IV)


@given(st.binary(min_size=13, max_size=28))
def test_hostile_octets_with_our_network_identifier_are_refused(octets: bytes) -> None:
    with pytest.raises((AuthenticationFailedError, MalformedError)):
        NetworkPdu.open(b"\x68" + octets, FLOODING, IV)


def test_a_message_of_the_iv_index_before_is_read() -> None:
    octets = MESSAGE.seal(FLOODING)
    assert NetworkPdu.open(octets, FLOODING, IvIndex(IV.value + 1)) == MESSAGE
    for other in (IV.value + 2, IV.value - 1):
        with pytest.raises(AuthenticationFailedError):
            NetworkPdu.open(octets, FLOODING, IvIndex(other))


@pytest.mark.parametrize(
    "change",
    [
        {"ttl": 128},
        {"ttl": -1},
        {"seq": 1 << 24},
        {"iv_index": 1 << 32},
        {"src": 0},
        {"src": 0x8000},
        {"dst": 0},
        {"dst": 0x10000},
        {"control": True, "dst": 0x8001},
        {"transport": b""},
        {"transport": bytes(17)},
        {"control": True, "transport": bytes(13)},
    ],
)
def test_what_cannot_be_sent(change: dict[str, int]) -> None:
    with pytest.raises(InputError) as error:
        replace(MESSAGE, **change).seal(FLOODING)  # type: ignore[arg-type]
    assert error.value.code == "bad-network-pdu"


@pytest.mark.parametrize("change", [{"src": 0x8000}, {"src": 0}, {"dst": 0}])
def test_an_authentic_message_with_a_wrong_address_is_malformed(
    change: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NetworkPdu, "_problem", lambda _: None)
    octets = replace(MESSAGE, **change).seal(FLOODING)  # type: ignore[arg-type]
    monkeypatch.undo()
    with pytest.raises(MalformedError):
        NetworkPdu.open(octets, FLOODING, IV)
