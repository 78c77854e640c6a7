"""The fourteen provisioning PDUs (5.4.1), one class each; `codec` has the table of all.

A class knows its parameters only. Values that are reserved or prohibited decode as they are: what
to do about them depends on the role (5.4.4).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from meshwright.core.provisioning.fields import Algorithm, OobType, PduType, PublicKeyOffer


class _Empty:
    """A PDU without parameters."""

    __slots__ = ()

    def encode_body(self) -> bytes:
        return b""

    @classmethod
    def decode_body(cls, _body: bytes) -> Self:
        return cls()


@dataclass(frozen=True, slots=True)
class Invite:
    """Starts the session; the device draws attention for so many seconds."""

    TYPE: ClassVar = PduType.INVITE
    attention_duration: int

    def encode_body(self) -> bytes:
        return bytes([self.attention_duration])

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(body[0])


_CAPABILITIES = struct.Struct(">BHBBBHBH")
# Plain numbers: flags make new flags at every step.
_OOB_KEY = int(PublicKeyOffer.OOB_AVAILABLE)
_STATIC, _ONLY_OOB = int(OobType.STATIC_AVAILABLE), int(OobType.ONLY_OOB)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the device can do (5.4.1.2); bit fields and sizes as they were on the wire."""

    TYPE: ClassVar = PduType.CAPABILITIES
    elements: int
    algorithms: int
    public_key_type: int = 0
    oob_type: int = 0
    output_size: int = 0
    output_actions: int = 0
    input_size: int = 0
    input_actions: int = 0

    def offers(self, algorithm: Algorithm) -> bool:
        return bool(self.algorithms >> algorithm & 1)

    @property
    def oob_key(self) -> bool:
        """Tell whether the public key is to be had out of band."""
        return bool(self.public_key_type & _OOB_KEY)

    @property
    def static(self) -> bool:
        """Tell whether there is a static OOB value."""
        return bool(self.oob_type & _STATIC)

    @property
    def only_oob(self) -> bool:
        """Tell whether nothing goes without an OOB value."""
        return bool(self.oob_type & _ONLY_OOB)

    def encode_body(self) -> bytes:
        return _CAPABILITIES.pack(
            self.elements,
            self.algorithms,
            self.public_key_type,
            self.oob_type,
            self.output_size,
            self.output_actions,
            self.input_size,
            self.input_actions,
        )

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(*_CAPABILITIES.unpack(body))


@dataclass(frozen=True, slots=True)
class Start:
    """What the Provisioner has chosen (5.4.1.3)."""

    TYPE: ClassVar = PduType.START
    algorithm: int
    public_key: int
    method: int = 0
    action: int = 0
    size: int = 0

    def encode_body(self) -> bytes:
        return bytes([self.algorithm, self.public_key, self.method, self.action, self.size])

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(*body)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """X || Y, 64 octets."""

    TYPE: ClassVar = PduType.PUBLIC_KEY
    key: bytes

    def encode_body(self) -> bytes:
        return self.key

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(body)


@dataclass(frozen=True, slots=True)
class InputComplete(_Empty):
    """The user has finished the input at the device."""

    TYPE: ClassVar = PduType.INPUT_COMPLETE


@dataclass(frozen=True, slots=True)
class _Value:
    """16 octets with CMAC, 32 with HMAC."""

    value: bytes

    def encode_body(self) -> bytes:
        return self.value

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(body)


class Confirmation(_Value):
    """What commits a side to its Random before it shows it."""

    __slots__ = ()
    TYPE: ClassVar = PduType.CONFIRMATION


class Random(_Value):
    """The number that a side had committed itself to."""

    __slots__ = ()
    TYPE: ClassVar = PduType.RANDOM


@dataclass(frozen=True, slots=True)
class Data:
    """Encrypted provisioning data and its MIC, 33 octets (5.4.2.5)."""

    TYPE: ClassVar = PduType.DATA
    sealed: bytes

    def encode_body(self) -> bytes:
        return self.sealed

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(body)


@dataclass(frozen=True, slots=True)
class Complete(_Empty):
    """The device is a node."""

    TYPE: ClassVar = PduType.COMPLETE


@dataclass(frozen=True, slots=True)
class Failed:
    """The session has failed (Table 5.41)."""

    TYPE: ClassVar = PduType.FAILED
    error: int

    def encode_body(self) -> bytes:
        return bytes([self.error])

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(body[0])


_REQUEST = struct.Struct(">HHH")


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """Asks for a fragment of a record (5.4.1.11)."""

    TYPE: ClassVar = PduType.RECORD_REQUEST
    record_id: int
    offset: int
    maximum_size: int

    def encode_body(self) -> bytes:
        return _REQUEST.pack(self.record_id, self.offset, self.maximum_size)

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        return cls(*_REQUEST.unpack(body))


_RESPONSE = struct.Struct(">BHHH")


@dataclass(frozen=True, slots=True)
class RecordResponse:
    """A fragment of a record, or why there is none (5.4.1.12)."""

    TYPE: ClassVar = PduType.RECORD_RESPONSE
    status: int
    record_id: int
    offset: int
    total_length: int
    data: bytes = b""

    def encode_body(self) -> bytes:
        head = _RESPONSE.pack(self.status, self.record_id, self.offset, self.total_length)
        return head + self.data

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        status, record_id, offset, total_length = _RESPONSE.unpack_from(body)
        data = body[_RESPONSE.size :]
        return cls(status, record_id, offset, total_length, data)


@dataclass(frozen=True, slots=True)
class RecordsGet(_Empty):
    """Asks which records there are."""

    TYPE: ClassVar = PduType.RECORDS_GET


@dataclass(frozen=True, slots=True)
class RecordsList:
    """The records that are present; all extension bits are reserved (5.4.1.14)."""

    TYPE: ClassVar = PduType.RECORDS_LIST
    extensions: int
    ids: tuple[int, ...]

    def encode_body(self) -> bytes:
        return struct.pack(f">H{len(self.ids)}H", self.extensions, *self.ids)

    @classmethod
    def decode_body(cls, body: bytes) -> Self:
        extensions, *ids = struct.unpack(f">{len(body) // 2}H", body)
        return cls(extensions, tuple(ids))


Pdu = (
    Invite
    | Capabilities
    | Start
    | PublicKey
    | InputComplete
    | Confirmation
    | Random
    | Data
    | Complete
    | Failed
    | RecordRequest
    | RecordResponse
    | RecordsGet
    | RecordsList
)
