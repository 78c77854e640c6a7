"""One thing that was read: its kind, a line for people, and fields for programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID


class Kind(StrEnum):
    """What a line is about; these words do not change."""

    UNPROVISIONED_BEACON = "unprovisioned-beacon"
    SECURE_BEACON = "secure-network-beacon"
    PRIVATE_BEACON = "private-beacon"
    URI = "uri"
    SERVICE = "service-data"
    MESH_MESSAGE = "mesh-message"
    LINK_OPEN = "link-open"
    LINK_ACK = "link-ack"
    LINK_CLOSE = "link-close"
    START = "transaction-start"
    CONTINUATION = "transaction-continuation"
    ACK = "transaction-ack"
    PDU = "provisioning-pdu"
    PROXY = "proxy-pdu"
    OTHER = "other"
    MALFORMED = "malformed"


BEACONS = frozenset(
    {
        Kind.UNPROVISIONED_BEACON,
        Kind.SECURE_BEACON,
        Kind.PRIVATE_BEACON,
        Kind.URI,
        Kind.SERVICE,
    }
)
"""What is sent before and beside links."""


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was read.

    `fields` are numbers as they were on the wire and octets as hex digits, ready for JSON. `link`
    is the Link ID of a PB-ADV packet and `uuid` the device it concerns, where that is known.
    `again` says that the same was heard before.
    """

    kind: Kind
    text: str
    fields: Mapping[str, object] = field(default_factory=dict)
    link: int | None = None
    uuid: UUID | None = None
    again: bool = False


def malformed(what: str, octets: bytes, why: object) -> Item:
    """Return what is said of octets that do not decode."""
    fields = {"what": what, "octets": octets.hex()}
    return Item(Kind.MALFORMED, f"malformed {what}: {why}; {short(octets)}", fields)


SHOWN = 8


def short(octets: bytes) -> str:
    """Return the first octets in hex, and how many there are if that is not all."""
    if len(octets) <= SHOWN:
        return octets.hex() or "no octets"
    return f"{octets[:SHOWN].hex()}... ({len(octets)} octets)"
