"""PB-ADV packets in words, and the provisioning PDUs that they carry together (5.3)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID

from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import ControlOpcode
from meshwright.core.bearers.reassembly import Reassembly
from meshwright.core.effects import CloseReason
from meshwright.core.errors import MalformedError
from meshwright.core.readable.items import Item, Kind, malformed, short
from meshwright.core.readable.memory import Recent, Seen
from meshwright.core.readable.pdus import read_pdu
from meshwright.core.readable.words import counted, named

LINKS = 64
_TRANSACTIONS = 12
"""Transactions of one link that are put together at a time, whoever sends them."""

_PDUS = 1024
_FROM_DEVICE = 0x80


class _Transaction:
    """What was heard of one transaction: its segments until the PDU is whole, then its start."""

    __slots__ = ("_heard", "_reassembly", "_start", "done")

    def __init__(self) -> None:
        self.done = False
        self._start: generic.Start | None = None
        self._heard: set[int] = set()
        self._reassembly = Reassembly()

    def is_another(self, part: _Part) -> bool:
        """Tell whether `part` begins something new under the number of a PDU that was whole."""
        return self.done and isinstance(part, generic.Start) and part != self._start

    def add(self, part: _Part) -> bytes | None:
        """Return the PDU once; raises `MalformedError` when all segments make none."""
        if self.done:
            return None
        if isinstance(part, generic.Start):
            self._start = part
        self._heard.add(part.segment_index if isinstance(part, generic.Continuation) else 0)
        octets = self._reassembly.add(part)
        if octets is not None:
            self.done = True
            self._heard.clear()
            self._reassembly.clear()
        elif self._start and self._heard.issuperset(range(self._start.last_segment + 1)):
            self._heard.clear()
            raise MalformedError("its segments do not fit together, or their FCS is wrong")
        return octets


_Part = generic.Start | generic.Continuation


_Place = tuple[int, bytes | None]
"""A transaction number, and who sends; None is anybody."""


class _Link:
    """What is remembered of one link."""

    __slots__ = ("transactions", "uuid")

    def __init__(self) -> None:
        self.uuid: UUID | None = None
        self.transactions: Recent[_Place, _Transaction] = Recent(_TRANSACTIONS)

    def add(self, place: _Place, part: _Part) -> bytes | None:
        """Add a segment to a transaction; returns and raises what `_Transaction.add` does."""
        transaction = self.transactions.get_or_make(place, _Transaction)
        if transaction.is_another(part):
            self.transactions.put(place, transaction := _Transaction())
        return transaction.add(part)


class LinkReader:
    """Reads the packets of up to `limit` links; the one that was silent longest is forgotten.

    Several may talk on one link, such as two devices of one UUID, and then their segments must not
    be mixed; but some advertisers have another address in every packet. So both are tried: what
    one address sends, and what all send together.
    """

    def __init__(self, limit: int = LINKS) -> None:
        self._links: Recent[int, _Link] = Recent(limit)
        self._pdus: Seen[tuple[int, int, bytes | None, bytes]] = Seen(_PDUS)

    def __len__(self) -> int:
        return len(self._links)

    def read(self, data: bytes, address: bytes | None = None) -> list[Item]:
        """Return the packet in words, and its provisioning PDU if that is whole now."""
        if len(data) < generic.HEADER_SIZE:
            return [malformed("PB-ADV packet", data, "it has no header")]
        link_id, number = int.from_bytes(data[:4], "big"), data[4]
        link = self._links.get_or_make(link_id, _Link)
        try:
            part = generic.decode(data[generic.HEADER_SIZE :])
        except MalformedError as error:
            items = [malformed("PB-ADV packet", data, error)]
        else:
            items = [_TEXTS[type(part)](part)]
            if isinstance(part, generic.Start | generic.Continuation):
                items += self._collected(link, (link_id, number, address), part)
            if items[0].kind is Kind.LINK_OPEN:
                link.uuid = UUID(bytes=data[-16:])
        to_device = _direction(number, items[0].kind)
        return [_placed(each, link_id, number, to_device, link.uuid) for each in items]

    def _collected(
        self, link: _Link, place: tuple[int, int, bytes | None], part: _Part
    ) -> list[Item]:
        """Return the provisioning PDU that `part` makes whole."""
        link_id, number, address = place
        together = None
        with suppress(MalformedError):
            together = link.add((number, None), part) if address else None
        try:
            octets = link.add((number, address), part)
        except MalformedError as error:
            return [malformed("transaction", bytes([number]), error)]
        if octets is not None:
            again = self._pdus.again((*place, octets))
            self._pdus.again((link_id, number, None, octets))
            return [replace(read_pdu(octets), again=again)]
        if together is not None and not self._pdus.again((link_id, number, None, together)):
            return [read_pdu(together)]
        return []


def _direction(number: int, kind: Kind) -> bool | None:
    """Tell whether a packet goes to the device; None when nothing says so (Table 5.5)."""
    if kind in _CONTROLS:
        return _CONTROLS[kind]
    if kind is Kind.MALFORMED:
        return None
    from_device = number >= _FROM_DEVICE
    return from_device if kind is Kind.ACK else not from_device


_CONTROLS = {Kind.LINK_OPEN: True, Kind.LINK_ACK: False, Kind.LINK_CLOSE: None}
_ARROWS = {True: ">", False: "<", None: "-"}


def _placed(
    item: Item, link_id: int, number: int, to_device: bool | None, uuid: UUID | None
) -> Item:
    """Say which link and transaction an item belongs to."""
    text = f"link {link_id:08x} {_ARROWS[to_device]} {number:02x} {item.text}"
    fields: dict[str, object] = {"link": f"{link_id:08x}", "transaction": number}
    if to_device is not None:
        fields["to"] = "device" if to_device else "provisioner"
    if uuid is not None:
        fields["uuid"] = str(uuid)
    fields |= item.fields
    return replace(item, text=text, fields=fields, link=link_id, uuid=uuid)


def _start(start: generic.Start) -> Item:
    text = (
        f"start, segment 0 of {start.last_segment}, {counted(start.total_length, 'octet')}, "
        f"FCS {start.fcs:02x}"
    )
    fields = {
        "segment": 0,
        "last_segment": start.last_segment,
        "total_length": start.total_length,
        "fcs": start.fcs,
        "octets": start.data.hex(),
    }
    return Item(Kind.START, text, fields)


def _continuation(part: generic.Continuation) -> Item:
    text = f"segment {part.segment_index}, {short(part.data)}"
    return Item(Kind.CONTINUATION, text, {"segment": part.segment_index, "octets": part.data.hex()})


def _ack(_part: generic.Ack) -> Item:
    return Item(Kind.ACK, "transaction acknowledged")


def _control(control: generic.Control) -> Item:
    if control.opcode == ControlOpcode.LINK_OPEN:
        return Item(Kind.LINK_OPEN, f"Link Open, device {UUID(bytes=control.parameters)}")
    if control.opcode == ControlOpcode.LINK_ACK:
        return Item(Kind.LINK_ACK, "Link Ack")
    (reason,) = control.parameters
    return Item(Kind.LINK_CLOSE, f"Link Close, {named(CloseReason, reason)}", {"reason": reason})


_TEXTS: dict[type[generic.Generic], Callable[[Any], Item]] = {
    generic.Start: _start,
    generic.Continuation: _continuation,
    generic.Ack: _ack,
    generic.Control: _control,
}
