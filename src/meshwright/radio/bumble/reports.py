"""Advertising reports, read from HCI octets without building Bumble's objects.

A busy place makes a thousand reports a second, so nothing is built before its kind is known. The
layout is Core 6.0, Vol 4, Part E, 7.7.65.2 and 7.7.65.13. What does not fit its length is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_EVENT, _LE_META = 0x04, 0x3E
_LEGACY, _EXTENDED = 0x02, 0x0D
_HEADER = 5  # packet type, event code, length, subevent, number of reports

_ADDRESS_SIZE = 6
_LEGACY_HEAD = 9  # event type, address type, address, data length
_EXTENDED_HEAD = 24
_NO_RSSI = 127

_ADV_IND, _ADV_NONCONN_IND = 0x00, 0x03
_KIND_BITS = 0x7F  # connectable, scannable, directed, scan response, legacy, data status
_EXTENDED_NONCONN = 0x10  # legacy PDU, and nothing else
_CONNECTABLE_BITS = 0x6D  # connectable, directed, scan response, data still to come or cut
_CONNECTABLE = 0x01


class Kind(Enum):
    """What the mesh does with an advertisement."""

    PACKET = "non-connectable, as the bearers demand (5.2.1)"
    SERVER = "connectable, from whoever may have a mesh service"


@dataclass(frozen=True, slots=True)
class Heard:
    """One advertisement; `address` is as HCI has it, least significant octet first."""

    kind: Kind
    address_type: int
    address: bytes
    data: bytes
    rssi: int | None


_LEGACY_KINDS = {_ADV_NONCONN_IND: Kind.PACKET, _ADV_IND: Kind.SERVER}


def is_reports(packet: bytes) -> bool:
    """Tell whether an HCI packet carries advertising reports."""
    return (
        len(packet) >= _HEADER
        and packet[1] == _LE_META
        and packet[0] == _EVENT
        and (packet[3] == _LEGACY or packet[3] == _EXTENDED)
    )


def read_reports(packet: bytes) -> Iterator[Heard]:
    """Yield the reports that concern the mesh of a packet for which `is_reports` holds."""
    read = _legacy if packet[3] == _LEGACY else _extended
    position = _HEADER
    for _ in range(packet[4]):
        heard, position = read(packet, position)
        if position > len(packet):
            return
        if heard is not None:
            yield heard


def _legacy(packet: bytes, at: int) -> tuple[Heard | None, int]:
    data = at + _LEGACY_HEAD
    if data > len(packet):
        return None, data
    end = data + packet[data - 1]
    kind = _LEGACY_KINDS.get(packet[at])
    if kind is None or end >= len(packet):
        return None, end + 1
    address = packet[at + 2 : at + 2 + _ADDRESS_SIZE]
    return Heard(kind, packet[at + 1], address, packet[data:end], _rssi(packet[end])), end + 1


def _extended(packet: bytes, at: int) -> tuple[Heard | None, int]:
    data = at + _EXTENDED_HEAD
    if data > len(packet):
        return None, data
    end = data + packet[data - 1]
    kind = _extended_kind(packet[at])
    if kind is None or end > len(packet):
        return None, end
    address = packet[at + 3 : at + 3 + _ADDRESS_SIZE]
    return Heard(kind, packet[at + 2], address, packet[data:end], _rssi(packet[at + 13])), end


def _extended_kind(event_type: int) -> Kind | None:
    if event_type & _KIND_BITS == _EXTENDED_NONCONN:
        return Kind.PACKET
    if event_type & _CONNECTABLE_BITS == _CONNECTABLE:
        return Kind.SERVER
    return None


def _rssi(octet: int) -> int | None:
    if octet == _NO_RSSI:
        return None
    return octet - 256 if octet > _NO_RSSI else octet
