"""Configuration messages: the samples, the layouts of 4.3.2 and their bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError, MalformedError
from meshwright.core.models.configuration import (
    MESSAGES,
    AppKeyAdd,
    AppKeyStatus,
    CompositionDataGet,
    CompositionDataStatus,
    ConfigurationMessage,
    DefaultTtlGet,
    DefaultTtlSet,
    DefaultTtlStatus,
    NodeReset,
    NodeResetStatus,
    Status,
    decode_message,
    encode_message,
)
from meshwright.core.models.configuration_server import ConfigurationServer

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "config_messages.json").read_text())[
    "vectors"
]
ADD, STATUS = VECTORS
APP_KEY = bytes.fromhex(ADD["app_key"])

MESSAGES_AND_OCTETS: list[tuple[ConfigurationMessage, str]] = [
    (
        AppKeyAdd(int(ADD["net_key_index"], 16), int(ADD["app_key_index"], 16), APP_KEY),
        ADD["access"],
    ),
    (AppKeyStatus(Status.SUCCESS, 0x456, 0x123), STATUS["access"]),
    (DefaultTtlGet(), "800c"),
    (DefaultTtlSet(5), "800d05"),
    (DefaultTtlStatus(127), "800e7f"),
    (CompositionDataGet(0xFF), "8008ff"),
    (CompositionDataStatus(0, b"\x0c\x00"), "02000c00"),
    (NodeReset(), "8049"),
    (NodeResetStatus(), "804a"),
]


@pytest.mark.parametrize(
    ("message", "octets"), MESSAGES_AND_OCTETS, ids=lambda value: str(value)[:24]
)
def test_layouts(message: ConfigurationMessage, octets: str) -> None:
    assert encode_message(message).hex() == octets
    assert decode_message(bytes.fromhex(octets)) == message


def test_every_message_of_the_table_is_tested() -> None:
    assert {type(message) for message, _ in MESSAGES_AND_OCTETS} == set(MESSAGES.values())


@pytest.mark.parametrize(
    "octets", ["", "800c00", "800d", "800d0000", "8008", "02", "8055", "c10000"]
)
def test_malformed(octets: str) -> None:
    with pytest.raises(MalformedError):
        decode_message(bytes.fromhex(octets))


@pytest.mark.parametrize("size", [0, 3, 18, 20])
def test_an_application_key_of_the_wrong_size_is_malformed(size: int) -> None:
    with pytest.raises(MalformedError):
        decode_message(b"\x00" + bytes(size))


@pytest.mark.parametrize(
    "message", [DefaultTtlSet(256), AppKeyStatus(0, 0x1000, 0), AppKeyAdd(0, -1, APP_KEY)]
)
def test_a_value_that_does_not_fit(message: ConfigurationMessage) -> None:
    with pytest.raises(InputError):
        encode_message(message)


@given(st.sampled_from(sorted(MESSAGES)), st.binary(max_size=24))
def test_any_octets_are_a_message_or_malformed(opcode: int, body: bytes) -> None:
    octets = opcode.to_bytes(1 if opcode < 0x80 else 2, "big") + body
    try:
        message = decode_message(octets)
    except MalformedError:
        return
    assert encode_message(message) == octets


def test_no_key_is_printed() -> None:
    message = AppKeyAdd(0, 0, APP_KEY)
    assert repr(APP_KEY) not in repr(message)
    assert "app_key=" not in repr(message)


@pytest.mark.parametrize("ttl", [0, 2, 127])
def test_the_server_sets_and_tells_its_default_ttl(ttl: int) -> None:
    server = ConfigurationServer()
    assert server.receive(DefaultTtlSet(ttl)) == DefaultTtlStatus(ttl)
    assert server.receive(DefaultTtlGet()) == DefaultTtlStatus(ttl)


@pytest.mark.parametrize("ttl", [1, 128, 255])
def test_the_server_ignores_a_prohibited_ttl(ttl: int) -> None:
    server = ConfigurationServer(9)
    assert server.receive(DefaultTtlSet(ttl)) is None
    assert server.receive(DefaultTtlGet()) == DefaultTtlStatus(9)


def test_the_server_ignores_what_clients_never_send() -> None:
    assert ConfigurationServer().receive(DefaultTtlStatus(5)) is None
