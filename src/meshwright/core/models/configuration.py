"""Messages of the Configuration models (Mesh Protocol 1.1, 4.3.2), each in one dataclass.

All are secured with the node's device key and go to and from its primary element.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

from meshwright.core.errors import InputError, MalformedError
from meshwright.core.models.key_indexes import pack_two, take_two
from meshwright.core.network.access import AccessMessage
from meshwright.core.octets import Reader


class Status(IntEnum):
    """Status codes (Table 4.308); a message keeps unknown ones as numbers."""

    SUCCESS = 0x00
    INVALID_ADDRESS = 0x01
    INVALID_MODEL = 0x02
    INVALID_APP_KEY_INDEX = 0x03
    INVALID_NET_KEY_INDEX = 0x04
    INSUFFICIENT_RESOURCES = 0x05
    KEY_INDEX_ALREADY_STORED = 0x06
    INVALID_PUBLISH_PARAMETERS = 0x07
    NOT_A_SUBSCRIBE_MODEL = 0x08
    STORAGE_FAILURE = 0x09
    FEATURE_NOT_SUPPORTED = 0x0A
    CANNOT_UPDATE = 0x0B
    CANNOT_REMOVE = 0x0C
    CANNOT_BIND = 0x0D
    TEMPORARILY_UNABLE = 0x0E
    CANNOT_SET = 0x0F
    UNSPECIFIED_ERROR = 0x10
    INVALID_BINDING = 0x11
    INVALID_PATH_ENTRY = 0x12
    CANNOT_GET = 0x13
    OBSOLETE_INFORMATION = 0x14
    INVALID_BEARER = 0x15


@dataclass(frozen=True, slots=True)
class _Empty:
    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        del reader
        return cls()

    def encode_body(self) -> bytes:
        return b""


@dataclass(frozen=True, slots=True)
class _OneOctet:
    ttl: int

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        return cls(reader.unsigned(1))

    def encode_body(self) -> bytes:
        return bytes([self.ttl])


@dataclass(frozen=True, slots=True)
class DefaultTtlGet(_Empty):
    """Config Default TTL Get (4.3.2.11)."""


@dataclass(frozen=True, slots=True)
class DefaultTtlSet(_OneOctet):
    """Config Default TTL Set (4.3.2.12)."""


@dataclass(frozen=True, slots=True)
class DefaultTtlStatus(_OneOctet):
    """Config Default TTL Status (4.3.2.13)."""


@dataclass(frozen=True, slots=True)
class NodeReset(_Empty):
    """Config Node Reset (4.3.2.53): leave the network."""


@dataclass(frozen=True, slots=True)
class NodeResetStatus(_Empty):
    """Config Node Reset Status (4.3.2.54)."""


@dataclass(frozen=True, slots=True)
class CompositionDataGet:
    """Config Composition Data Get (4.3.2.4)."""

    page: int

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        return cls(reader.unsigned(1))

    def encode_body(self) -> bytes:
        return bytes([self.page])


@dataclass(frozen=True, slots=True)
class CompositionDataStatus:
    """Config Composition Data Status (4.3.2.5); `data` is the page as it came."""

    page: int
    data: bytes

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        return cls(reader.unsigned(1), reader.rest())

    def encode_body(self) -> bytes:
        return bytes([self.page]) + self.data


@dataclass(frozen=True, slots=True)
class AppKeyAdd:
    """Config AppKey Add (4.3.2.37)."""

    net_key_index: int
    app_key_index: int
    app_key: bytes = field(repr=False)

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        net_key_index, app_key_index = take_two(reader)
        return cls(net_key_index, app_key_index, reader.take(16))

    def encode_body(self) -> bytes:
        return pack_two(self.net_key_index, self.app_key_index) + self.app_key


@dataclass(frozen=True, slots=True)
class AppKeyStatus:
    """Config AppKey Status (4.3.2.40)."""

    status: int
    net_key_index: int
    app_key_index: int

    @classmethod
    def decode_body(cls, reader: Reader) -> Self:
        status = reader.unsigned(1)
        return cls(status, *take_two(reader))

    def encode_body(self) -> bytes:
        return bytes([self.status]) + pack_two(self.net_key_index, self.app_key_index)


ConfigurationMessage = (
    AppKeyAdd
    | AppKeyStatus
    | CompositionDataGet
    | CompositionDataStatus
    | DefaultTtlGet
    | DefaultTtlSet
    | DefaultTtlStatus
    | NodeReset
    | NodeResetStatus
)

MESSAGES: dict[int, type[ConfigurationMessage]] = {
    0x00: AppKeyAdd,
    0x02: CompositionDataStatus,
    0x8003: AppKeyStatus,
    0x8008: CompositionDataGet,
    0x800C: DefaultTtlGet,
    0x800D: DefaultTtlSet,
    0x800E: DefaultTtlStatus,
    0x8049: NodeReset,
    0x804A: NodeResetStatus,
}
_OPCODES = {kind: opcode for opcode, kind in MESSAGES.items()}


def encode_message(message: ConfigurationMessage) -> bytes:
    """Return the access message; raises `InputError` when a value does not fit its field."""
    try:
        body = message.encode_body()
    except (ValueError, OverflowError):
        name = type(message).__name__
        raise InputError(f"a value of {name} does not fit its field", code="bad-message") from None
    return AccessMessage(_OPCODES[type(message)], body).encode()


def decode_message(access: bytes) -> ConfigurationMessage:
    """Return the message; raises `MalformedError` for an unknown opcode or a wrong length."""
    outer = AccessMessage.decode(access)
    kind = MESSAGES.get(outer.opcode)
    if kind is None:
        raise MalformedError(f"opcode {outer.opcode:#x} is not a known configuration message")
    reader = Reader(outer.parameters)
    message = kind.decode_body(reader)
    reader.end()
    return message
