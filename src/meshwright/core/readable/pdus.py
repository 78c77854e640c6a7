"""Provisioning PDUs in words, whatever bearer they came on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from meshwright.core.errors import MalformedError
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    InputAction,
    OobType,
    OutputAction,
    PduType,
    PublicKeyOffer,
    PublicKeyType,
    RecordStatus,
)
from meshwright.core.readable.items import Item, Kind, malformed, short
from meshwright.core.readable.words import (
    actions,
    counted,
    flags,
    listed,
    named,
    record_name,
    words,
)


def read_pdu(octets: bytes) -> Item:
    """Return a provisioning PDU in words; what does not decode is said to be malformed."""
    try:
        decoded = codec.decode(octets)
    except MalformedError as error:
        return malformed("provisioning PDU", octets, error)
    name = words(decoded.TYPE.name).capitalize()
    details = _TEXTS[decoded.TYPE](decoded)
    text = f"{name}: {details}" if details else name
    return Item(Kind.PDU, text, {"pdu": words(decoded.TYPE.name), **_fields(decoded)})


def _fields(decoded: pdu.Pdu) -> dict[str, object]:
    if isinstance(decoded, pdu.InputComplete | pdu.Complete | pdu.RecordsGet):
        return {}
    return {each.name: _plain(getattr(decoded, each.name)) for each in fields(decoded)}


def _plain(value: object) -> object:
    return value.hex() if isinstance(value, bytes) else value


def _capabilities(offer: pdu.Capabilities) -> str:
    parts = (
        counted(offer.elements, "element"),
        f"algorithms {listed(flags(Algorithms, offer.algorithms))}",
        f"public key {listed(flags(PublicKeyOffer, offer.public_key_type))}",
        f"OOB {listed(flags(OobType, offer.oob_type))}",
        f"output {_offered(OutputAction, offer.output_actions, offer.output_size)}",
        f"input {_offered(InputAction, offer.input_actions, offer.input_size)}",
    )
    return "; ".join(parts)


def _offered(kind: type[OutputAction | InputAction], bits: int, size: int) -> str:
    names = listed(actions(kind, bits))
    return f"{names} up to size {size}" if bits or size else names


_ACTIONS: dict[int, type[OutputAction | InputAction]] = {
    AuthenticationMethod.OUTPUT: OutputAction,
    AuthenticationMethod.INPUT: InputAction,
}


def _start(start: pdu.Start) -> str:
    kind = _ACTIONS.get(start.method)
    action = named(kind, start.action) if kind else f"action {start.action}"
    has_action = kind or start.action or start.size
    parts = [
        f"algorithm {named(Algorithm, start.algorithm)}",
        f"public key {named(PublicKeyType, start.public_key)}",
        f"authentication {named(AuthenticationMethod, start.method)}",
        *([f"{action} of size {start.size}"] if has_action else []),
    ]
    return "; ".join(parts)


def _public_key(key: pdu.PublicKey) -> str:
    middle = len(key.key) // 2
    return f"X {key.key[:4].hex()}..., Y {key.key[middle : middle + 4].hex()}..."


def _request(request: pdu.RecordRequest) -> str:
    name = record_name(request.record_id)
    return f"{name}, from octet {request.offset}, at most {request.maximum_size}"


def _response(response: pdu.RecordResponse) -> str:
    name = record_name(response.record_id)
    if response.status != RecordStatus.SUCCESS:
        return f"{name}, {named(RecordStatus, response.status)}"
    if not response.data:
        return f"{name}, no octets of {response.total_length}"
    last = response.offset + len(response.data) - 1
    return f"{name}, octets {response.offset} to {last} of {response.total_length}"


def _list(records: pdu.RecordsList) -> str:
    names = listed([record_name(record_id) for record_id in records.ids])
    return names + (f"; extensions {records.extensions:#06x}" if records.extensions else "")


_TEXTS: dict[PduType, Callable[[Any], str]] = {
    PduType.INVITE: lambda invite: f"attention for {invite.attention_duration} s",
    PduType.CAPABILITIES: _capabilities,
    PduType.START: _start,
    PduType.PUBLIC_KEY: _public_key,
    PduType.INPUT_COMPLETE: lambda _pdu: "",
    PduType.CONFIRMATION: lambda confirmation: short(confirmation.value),
    PduType.RANDOM: lambda random: short(random.value),
    PduType.DATA: lambda data: f"encrypted, {short(data.sealed)}",
    PduType.COMPLETE: lambda _pdu: "",
    PduType.FAILED: lambda failed: named(ErrorCode, failed.error),
    PduType.RECORD_REQUEST: _request,
    PduType.RECORD_RESPONSE: _response,
    PduType.RECORDS_GET: lambda _pdu: "",
    PduType.RECORDS_LIST: _list,
}
