"""One function for each parser of the core: any octets are a value or malformed."""

from __future__ import annotations

from uuid import UUID

from fuzz.invariant import must, same, value_or_error
from fuzz.octets import Decisions
from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import Continuation, Start
from meshwright.core.bearers.reassembly import Reassembly
from meshwright.core.discovery import ad, beacon, uri
from meshwright.core.discovery.network_beacon import PrivateBeacon, SecureNetworkBeacon
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
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.records import (
    RecordError,
    RecordLimits,
    RecordReader,
    RecordServer,
)

NET_KEY = bytes.fromhex("7dd7364cd842ad18c17c2b820c84c3d6")
DEVICE_KEY = bytes.fromhex("9d6dd0e96eb25dc19a40ed9914f8f03f")
APP_KEY = bytes.fromhex("63964771734fbd76e3b40519d1d94a48")
IV = IvIndex(0x12345678)
KEYS = NetworkKeys.derive(NET_KEY)
CHANNEL = DeviceChannel(KEYS, IV, DEVICE_KEY)
EXPECTED = frozenset([UUID("70cf7c97-32a3-45b6-9149-4810d2e9cbf4").bytes])
"""Keys and UUID of the published samples, so that the vectors are seeds."""


def advertising(data: bytes) -> None:
    """Walk AD structures, and the beacon in them."""
    found = list(ad.structures(data))
    held = sum(len(part) + 2 for _, part in found)
    must(held <= min(len(data), ad.LONGEST), "structures hold more than there was")
    must(all(0 <= kind <= 255 for kind, _ in found), "an AD type is no octet")
    heard = beacon.heard_beacon(data)
    expected = beacon.expected_beacon(data, EXPECTED)
    must(expected in (None, heard), "an expected beacon was not heard")


def beacons(data: bytes) -> None:
    """Read Unprovisioned, Secure Network and Mesh Private beacons."""
    decoded = value_or_error(beacon.decode_beacon, data)
    if decoded is None:
        return
    same(beacon.encode_beacon(decoded), data, "a beacon")
    if isinstance(decoded, SecureNetworkBeacon):
        value_or_error(decoded.verify, KEYS.beacon_key)
    elif isinstance(decoded, PrivateBeacon):
        value_or_error(decoded.open, KEYS.private_beacon_key)


def uris(data: bytes) -> None:
    """Read the URI AD type."""
    text = value_or_error(uri.decode_uri, data)
    if text is not None:
        must(text.isprintable(), "a URI steers a terminal")
        again = value_or_error(uri.encode_uri, text)
        must(again is not None, "a URI that was read cannot be written")
        same(uri.decode_uri(again or b""), text, "a URI")


def generic_pdus(data: bytes) -> None:
    """Read Generic Provisioning PDUs."""
    decoded = value_or_error(generic.decode, data)
    if isinstance(decoded, Start):
        must(decoded.total_length <= generic.MAXIMUM_PDU, "a PDU that no segments can hold")
        must(decoded.last_segment <= generic.LAST_SEGMENT_LIMIT, "a segment beyond the last")
    elif isinstance(decoded, Continuation):
        must(1 <= decoded.segment_index <= generic.LAST_SEGMENT_LIMIT, "an index beyond the last")


def reassembly(data: bytes) -> None:
    """Collect segments in any order."""
    decisions, collecting = Decisions(data), Reassembly()
    while decisions.left:
        part = value_or_error(generic.decode, decisions.sized())
        if not isinstance(part, Start | Continuation):
            continue
        whole = collecting.add(part)
        held = sum(len(segment) for segment in collecting._segments.values())
        must(held <= 23 * 63, "more is kept than one PDU can have")
        if whole is not None:
            start = collecting._start
            must(start is not None, "a PDU without a start")
            must(start and len(whole) == start.total_length, "a PDU of another length")
            must(start and generic.frame_check(whole) == start.fcs, "a PDU with a wrong FCS")
            collecting.clear()


def provisioning_pdus(data: bytes) -> None:
    """Read the fourteen provisioning PDUs."""
    decoded = value_or_error(pdu.decode, data)
    if decoded is not None:
        same(pdu.encode(decoded), data, type(decoded).__name__)


_LIMITS = RecordLimits(record_octets=300, fragment_octets=100, requests=8)
_SERVER = RecordServer({0: b"\x17//mesh.example", 1: bytes(range(200)), 2: b""}, 57)


def record_answers(data: bytes) -> None:
    """Read records of a device that answers as it likes."""
    decisions = Decisions(data)
    reader = RecordReader(decisions.octet() % 3, _LIMITS)
    try:
        reader.request()
        while decisions.left:
            answer = value_or_error(pdu.decode_as, pdu.RecordResponse, decisions.sized())
            if answer is not None and reader.accept(answer):
                break
            reader.request()
    except RecordError as error:
        must(error.code == "bad-record", "a record error without its code")
        must(reader.content is None, "a record that contradicts itself was taken")
    must(len(reader._data) <= _LIMITS.record_octets, "a record beyond its limit")
    must(reader.content is None or reader.content == reader._data, "another record than was read")


def record_requests(data: bytes) -> None:
    """Answer a Provisioner that asks for records."""
    request = value_or_error(pdu.decode_as, pdu.RecordRequest, data)
    answer = None if request is None else value_or_error(_SERVER.respond, request)
    if request is not None and answer is not None:
        must(len(answer.data) <= min(57, request.maximum_size), "more than was asked for")
        same(pdu.decode(pdu.encode(answer)), answer, "an answer")


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
