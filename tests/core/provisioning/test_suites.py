"""Both algorithms against every published intermediate value (8.17)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.provisioning.samples import load, octets_of, public_key

from meshwright.core.crypto import (
    AuthenticationFailedError,
    KeyPair,
    aes_cmac,
    hmac_sha256,
    in_private_range,
    s1,
)
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.fields import Algorithm, PduType
from meshwright.core.provisioning.suites import SUITES, Confirming, SessionKeys
from meshwright.core.provisioning.transcript import Transcript

CMAC = octets_of(load("provisioning_pb_adv_cmac")[0]["crypto"])
HMAC = octets_of(load("provisioning_hmac")[0]["crypto"])
BOTH = pytest.mark.parametrize(
    ("algorithm", "sample"),
    [(Algorithm.CMAC, CMAC), (Algorithm.HMAC, HMAC)],
    ids=["CMAC", "HMAC"],
)
Sample = dict[str, bytes]


def inputs_of(sample: Sample) -> bytes:
    transcript = Transcript()
    for pdu_type in (PduType.INVITE, PduType.CAPABILITIES, PduType.START):
        transcript.keep(bytes([pdu_type]) + sample[pdu_type.name.lower()])
    return transcript.confirmation_inputs(
        public_key(sample, "provisioner"), public_key(sample, "device")
    )


def confirming(algorithm: Algorithm, sample: Sample) -> Confirming:
    return Confirming.begin(
        SUITES[algorithm], inputs_of(sample), sample["ecdh_secret"], sample["auth_value"]
    )


def keys_of(algorithm: Algorithm, sample: Sample) -> SessionKeys:
    randoms = sample["random_provisioner"], sample["random_device"]
    return confirming(algorithm, sample).session_keys(*randoms)


@BOTH
def test_key_agreement(algorithm: Algorithm, sample: Sample) -> None:
    assert algorithm in SUITES
    for side, peer in (("provisioner", "device"), ("device", "provisioner")):
        pair = KeyPair(int.from_bytes(sample[f"{side}_private"], "big"))
        assert in_private_range(int.from_bytes(sample[f"{side}_private"], "big"))
        assert pair.public == public_key(sample, side)
        assert pair.shared_secret(public_key(sample, peer)) == sample["ecdh_secret"]


@BOTH
def test_confirmation_salt_and_key(algorithm: Algorithm, sample: Sample) -> None:
    step = confirming(algorithm, sample)
    assert step.salt == sample["confirmation_salt"]
    assert step.key == sample["confirmation_key"]


def test_intermediate_values_of_the_key_derivation() -> None:
    salt = CMAC["confirmation_salt"]
    assert aes_cmac(salt, CMAC["ecdh_secret"]) == CMAC["confirmation_k1_T"]
    t = hmac_sha256(HMAC["confirmation_salt"], HMAC["ecdh_secret"] + HMAC["auth_value"])
    assert t == HMAC["confirmation_k5_T"]


@BOTH
def test_confirmations(algorithm: Algorithm, sample: Sample) -> None:
    step = confirming(algorithm, sample)
    for side in ("provisioner", "device"):
        assert step.confirmation(sample[f"random_{side}"]) == sample[f"confirmation_{side}"]


@BOTH
def test_session_keys(algorithm: Algorithm, sample: Sample) -> None:
    keys = keys_of(algorithm, sample)
    assert keys.session_key == sample["session_key"]
    assert keys.session_nonce == sample["session_nonce"] == sample["session_nonce_full"][3:]
    assert keys.device_key == sample["device_key"]


@BOTH
def test_provisioning_salt(algorithm: Algorithm, sample: Sample) -> None:
    step = confirming(algorithm, sample)
    salt = s1(step.salt + sample["random_provisioner"] + sample["random_device"])
    assert salt == sample["provisioning_salt"]
    assert aes_cmac(salt, sample["ecdh_secret"]) == sample["session_k1_T"]


@BOTH
def test_sealed_data(algorithm: Algorithm, sample: Sample) -> None:
    keys = keys_of(algorithm, sample)
    sealed = sample["encrypted"] + sample["mic"]
    assert keys.seal(sample["provisioning_data"]) == sealed
    assert keys.unseal(sealed) == sample["provisioning_data"]


@BOTH
def test_every_flipped_bit_of_sealed_data_is_noticed(algorithm: Algorithm, sample: Sample) -> None:
    keys = keys_of(algorithm, sample)
    sealed = sample["encrypted"] + sample["mic"]
    for position in range(8 * len(sealed)):
        damaged = bytearray(sealed)
        damaged[position // 8] ^= 1 << position % 8
        with pytest.raises(AuthenticationFailedError):
            keys.unseal(bytes(damaged))


@BOTH
def test_data_as_fields(algorithm: Algorithm, sample: Sample) -> None:
    assert algorithm in SUITES
    data = ProvisioningData.decode(sample["provisioning_data"])
    assert data == ProvisioningData(sample["net_key"], 0x0567, 0, 0x01020304, 0x0B0C)
    assert data.encode() == sample["provisioning_data"]


@given(
    st.binary(min_size=16, max_size=16),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFF),
)
def test_data_round_trip(net_key: bytes, index: int, flags: int, iv: int, address: int) -> None:
    data = ProvisioningData(net_key, index, flags, iv, address)
    assert len(data.encode()) == 25
    assert ProvisioningData.decode(data.encode()) == data
    assert data.well_formed == (index < 0x1000 and flags < 4)


@pytest.mark.parametrize(
    ("address", "elements", "assignable"),
    [
        (0x0000, 1, False),
        (0x0001, 1, True),
        (0x7FFF, 1, True),
        (0x7FFF, 2, False),
        (0x7F01, 255, True),
        (0x7F02, 255, False),
        (0x8000, 1, False),
        (0xFFFF, 1, False),
    ],
)
def test_addresses_for_all_elements(address: int, elements: int, assignable: bool) -> None:
    assert ProvisioningData(bytes(16), 0, 0, 0, address).assignable(elements) is assignable


# The transcript.


def test_the_transcript_is_145_octets_without_types() -> None:
    inputs = inputs_of(CMAC)
    assert len(inputs) == 145
    parts = [CMAC["invite"], CMAC["capabilities"], CMAC["start"]]
    assert inputs == b"".join(parts) + public_key(CMAC, "provisioner") + public_key(CMAC, "device")


def test_the_transcript_has_one_order_whatever_came_first() -> None:
    transcript = Transcript()
    for pdu_type in (PduType.START, PduType.INVITE, PduType.CAPABILITIES):
        transcript.keep(bytes([pdu_type]) + CMAC[pdu_type.name.lower()])
    keys = public_key(CMAC, "provisioner"), public_key(CMAC, "device")
    assert transcript.confirmation_inputs(*keys) == inputs_of(CMAC)


def test_the_transcript_keeps_reserved_bits_as_they_were() -> None:
    transcript = Transcript()
    octets = bytes([PduType.CAPABILITIES, 1, 0xFF, 0xFF, *[0xFF] * 8])
    transcript.keep(b"\x00\x05")
    transcript.keep(octets)
    transcript.keep(b"\x02" + bytes(5))
    assert transcript.confirmation_inputs(b"", b"") == b"\x05" + octets[1:] + bytes(5)


@pytest.mark.parametrize("octets", ["00", "000000", "0100", "02000000000000"])
def test_a_transcript_of_the_wrong_size_is_our_own_mistake(octets: str) -> None:
    with pytest.raises(ValueError, match="transcript"):
        Transcript().keep(bytes.fromhex(octets))
