"""Parsers of mesh messages, from the network PDU to the configuration message in it."""

from __future__ import annotations

from fuzz.invariant import must, same, value_or_error
from fuzz.octets import Decisions
from meshwright.core.models import configuration
from meshwright.core.models.composition import CompositionPage0
from meshwright.core.models.device_access import DeviceChannel, Inquiry, NodeAccess
from meshwright.core.network.access import AccessMessage
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.network.lower_transport import (
    AccessPdu,
    ControlPdu,
    Segment,
    SegmentAck,
    first_sequence,
)
from meshwright.core.network.network_pdu import NetworkPdu
from meshwright.core.network.replay import ReplayList
from meshwright.core.network.upper_transport import Route, open_application, open_device

NET_KEY = bytes.fromhex("7dd7364cd842ad18c17c2b820c84c3d6")
DEVICE_KEY = bytes.fromhex("9d6dd0e96eb25dc19a40ed9914f8f03f")
APP_KEY = bytes.fromhex("63964771734fbd76e3b40519d1d94a48")
IV = IvIndex(0x12345678)
KEYS = NetworkKeys.derive(NET_KEY)
CHANNEL = DeviceChannel(KEYS, IV, DEVICE_KEY)
"""The keys of the published samples, so that the vectors are seeds."""


def network_pdus(data: bytes) -> None:
    """Open network PDUs, raw and with a header that belongs to our network."""
    value_or_error(NetworkPdu.open, data, KEYS.flooding, IV)
    ours = bytes([KEYS.flooding.nid]) + data[1:]
    opened = value_or_error(NetworkPdu.open, ours, KEYS.flooding, IV)
    if opened is not None:
        same(opened.seal(KEYS.flooding), ours, "a network PDU")


def transport_pdus(data: bytes) -> None:
    """Read lower transport PDUs, and what is inside of them."""
    decisions = Decisions(data)
    sequence, octets = int.from_bytes(decisions.take(3), "big"), decisions.rest()
    access = value_or_error(AccessPdu.decode, octets)
    control = value_or_error(ControlPdu.decode, octets)
    if access is not None:
        same(AccessPdu.decode(access.encode()), access, "an access PDU")
        _first_segment(sequence, access.segment)
    if control is not None:
        same(ControlPdu.decode(control.encode()), control, "a control PDU")
        _first_segment(sequence, control.segment)
    block = value_or_error(SegmentAck.decode, octets)
    if block is not None:
        same(SegmentAck.decode(block.encode()), block, "an acknowledgment")


def _first_segment(sequence: int, place: Segment | None) -> None:
    first = None if place is None else value_or_error(first_sequence, sequence, place.seq_zero)
    must(first is None or 0 <= first <= sequence, "a first segment after this one")


def upper_transport(data: bytes) -> None:
    """Open access messages under a device key and an AppKey."""
    decisions = Decisions(data)
    long_mic = bool(decisions.octet() & 1)
    route = Route(0x1201, 0x0003, int.from_bytes(decisions.take(3), "big"), IV.value, long_mic)
    octets = decisions.rest()
    value_or_error(open_device, DEVICE_KEY, route, octets)
    value_or_error(open_application, APP_KEY, route, octets, octets[:16])


def access_messages(data: bytes) -> None:
    """Read access messages and the configuration messages among them."""
    access = value_or_error(AccessMessage.decode, data)
    if access is not None:
        same(access.encode(), data, "an access message")
    message = value_or_error(configuration.decode_message, data)
    if message is not None:
        same(configuration.encode_message(message), data, type(message).__name__)


def composition(data: bytes) -> None:
    """Read Composition Data page 0."""
    page = value_or_error(CompositionPage0.decode, data)
    if page is not None:
        same(page.encode(), data, "a composition page")


def node(data: bytes) -> None:
    """Ask a node, and who asks nodes, through every layer that the fuzzer has the keys of."""
    decisions = Decisions(data)
    numbers = iter(range(1, 1000))
    access = NodeAccess(CHANNEL, addresses=range(3, 5), next_sequence=lambda: next(numbers))
    asking = Inquiry(
        CHANNEL,
        own_address=0x1201,
        node_address=3,
        next_sequence=lambda: next(numbers),
        replay=ReplayList(),
    )
    for _ in range(16):
        if not decisions.left:
            return
        heard = value_or_error(_on_the_air, decisions)
        if heard is not None:
            must(len(access.receive(heard, 0.0)) <= 1, "more than one answer to one question")
            asking.receive(heard, 0.0)


def _on_the_air(decisions: Decisions) -> bytes:
    """Return a network PDU: raw, around lower transport octets, or around an access message."""
    layer, src, dst = decisions.octet() % 3, decisions.octet(), decisions.octet()
    sequence, octets = decisions.octet(), decisions.sized()
    src, dst = src or 0x1201, dst or 3
    if layer == 0:
        return octets
    if layer == 1:
        control = bool(sequence & 1)
        return NetworkPdu(control, 7, sequence, src, dst, IV.transmit, octets).seal(KEYS.flooding)
    message = configuration.decode_message(octets)
    return CHANNEL.seal(message, src=src, dst=dst, seq=sequence, ttl=7)
