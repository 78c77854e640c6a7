"""Opcodes of one, two and three octets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError, MalformedError
from meshwright.core.network.access import AccessMessage


@pytest.mark.parametrize(
    ("octets", "opcode", "company"),
    [
        ("0400000000", 0x04, None),
        ("800300563412", 0x8003, None),
        ("d50a0048656c6c6f", 0xD50A00, 0x000A),
        ("ea0a00576f726c64", 0xEA0A00, 0x000A),
        ("c13412", 0xC13412, 0x1234),
    ],
)
def test_opcodes(octets: str, opcode: int, company: int | None) -> None:
    message = AccessMessage.decode(bytes.fromhex(octets))
    assert (message.opcode, message.company_id) == (opcode, company)
    assert message.encode().hex() == octets


@pytest.mark.parametrize("octets", ["", "7f", "7f00", "80", "bf", "c0", "ffff"])
def test_malformed(octets: str) -> None:
    with pytest.raises(MalformedError):
        AccessMessage.decode(bytes.fromhex(octets))


@pytest.mark.parametrize("opcode", [-1, 0x7F, 0x80, 0x7FFF, 0xC000, 0xBFFFFF, 0x1000000])
def test_not_an_opcode(opcode: int) -> None:
    with pytest.raises(InputError) as error:
        AccessMessage(opcode, b"").encode()
    assert error.value.code == "bad-opcode"


@given(st.binary(max_size=12))
def test_any_octets_are_a_message_or_malformed(octets: bytes) -> None:
    try:
        message = AccessMessage.decode(octets)
    except MalformedError:
        return
    assert message.encode() == octets
