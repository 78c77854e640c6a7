"""Octets and provisioning PDUs: one table of all types and their lengths (5.4.1).

`decode` takes any octets and returns a PDU that encodes to the same octets, or raises.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TypeVar, cast

from meshwright.core.crypto import PUBLIC_KEY_SIZE
from meshwright.core.errors import MalformedError
from meshwright.core.provisioning.fields import PduType
from meshwright.core.provisioning.pdu import (
    Capabilities,
    Complete,
    Confirmation,
    Data,
    Failed,
    InputComplete,
    Invite,
    Pdu,
    PublicKey,
    Random,
    RecordRequest,
    RecordResponse,
    RecordsGet,
    RecordsList,
    Start,
)

_TYPE_BITS = 0x3F


class UnknownPduError(MalformedError):
    """A type that the specification does not know."""

    code = "unknown-pdu"


class MalformedPduError(MalformedError):
    """A known type of the wrong length, or with its padding bits set."""

    code = "malformed-pdu"


_ANY = 65_536
PDUS: dict[PduType, tuple[type[Pdu], Container[int]]] = {
    # type: class, allowed octets of parameters
    PduType.INVITE: (Invite, (1,)),
    PduType.CAPABILITIES: (Capabilities, (11,)),
    PduType.START: (Start, (5,)),
    PduType.PUBLIC_KEY: (PublicKey, (PUBLIC_KEY_SIZE,)),
    PduType.INPUT_COMPLETE: (InputComplete, (0,)),
    PduType.CONFIRMATION: (Confirmation, (16, 32)),
    PduType.RANDOM: (Random, (16, 32)),
    PduType.DATA: (Data, (33,)),
    PduType.COMPLETE: (Complete, (0,)),
    PduType.FAILED: (Failed, (1,)),
    PduType.RECORD_REQUEST: (RecordRequest, (6,)),
    PduType.RECORD_RESPONSE: (RecordResponse, range(7, 7 + _ANY)),
    PduType.RECORDS_GET: (RecordsGet, (0,)),
    PduType.RECORDS_LIST: (RecordsList, range(2, 2 + 2 * _ANY, 2)),
}
_TYPES = {int(pdu_type): pdu_type for pdu_type in PduType}


def type_of(octets: bytes) -> PduType:
    """Return the type of a PDU; raises `UnknownPduError`. Nothing else is checked."""
    pdu_type = _TYPES.get(octets[0] & _TYPE_BITS) if octets else None
    if pdu_type is None:
        raise UnknownPduError(f"unknown provisioning PDU {octets[:1].hex() or 'without type'}")
    return pdu_type


def decode(octets: bytes) -> Pdu:
    """Decode one PDU; raises `UnknownPduError` or `MalformedPduError`."""
    pdu_type = type_of(octets)
    pdu_class, _ = PDUS[pdu_type]
    return pdu_class.decode_body(_checked_body(pdu_type, octets))


def _checked_body(pdu_type: PduType, octets: bytes) -> bytes:
    if not octets or octets[0] != pdu_type:
        raise MalformedPduError(f"the padding bits of {pdu_type.name} are set")
    _, sizes = PDUS[pdu_type]
    if len(octets) - 1 not in sizes:
        raise MalformedPduError(f"{pdu_type.name} does not have {len(octets)} octets")
    return octets[1:]


P = TypeVar("P", bound=Pdu)


def decode_as(pdu_class: type[P], octets: bytes) -> P:
    """Decode a PDU whose type was looked at already; raises `MalformedPduError`."""
    return cast("P", pdu_class.decode_body(_checked_body(pdu_class.TYPE, octets)))


def encode(pdu: Pdu) -> bytes:
    """Return the octets of a PDU."""
    return bytes([pdu.TYPE]) + pdu.encode_body()
