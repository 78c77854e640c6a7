"""One function for each parser of the core: any octets are a value or malformed."""

from __future__ import annotations

from uuid import UUID

from fuzz.invariant import check_error, must, same, value_or_error, weight
from fuzz.messages import KEYS
from fuzz.octets import Decisions
from meshwright.core.bearers import generic, proxy_sar
from meshwright.core.bearers.generic import Continuation, Start
from meshwright.core.bearers.proxy_sar import ProxySarError
from meshwright.core.bearers.reassembly import Reassembly
from meshwright.core.discovery import ad, beacon, service_data, uri
from meshwright.core.discovery.network_beacon import PrivateBeacon, SecureNetworkBeacon
from meshwright.core.discovery.service_data import NodeIdentity, PrivateNodeIdentity
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.records import (
    RecordError,
    RecordLimits,
    RecordReader,
    RecordServer,
)
from meshwright.core.readable.proxy import ProxyReader
from meshwright.core.readable.reader import Reader

EXPECTED = frozenset([UUID("70cf7c97-32a3-45b6-9149-4810d2e9cbf4").bytes])
"""The UUID of a published sample, so that its beacon is a seed."""


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


_SERVICES = (proxy_sar.PROVISIONING_SERVICE, proxy_sar.PROXY_SERVICE)


def proxy_segments(data: bytes) -> None:
    """Collect Proxy PDUs, with time passing between them."""
    decisions = Decisions(data)
    limits = decisions.one_of(_SERVICES)
    collecting, now = proxy_sar.Reassembler(limits), 0.0
    while decisions.left:
        now += decisions.octet() / 8
        value, times = decisions.sized(), 1 + decisions.octet() % 64
        for _ in range(times):
            try:
                message = collecting.receive(value, now)
            except ProxySarError as error:
                check_error(error)
                must(collecting.deadline is None, "a broken message goes on")
                continue
            must(len(collecting._content) <= max(limits.values()), "more is kept than may come")
            if message is not None:
                must(len(message.content) <= limits[message.message_type], "too long a message")
        deadline = collecting.deadline
        must(deadline is None or deadline <= now + proxy_sar.SAR_TIMEOUT, "a wait without end")


def proxy_messages(data: bytes) -> None:
    """Cut any message for any connection, and put it together again."""
    decisions = Decisions(data)
    mtu = 23 + (decisions.octet() << 8 | decisions.octet()) % 495
    message, collecting = decisions.rest(), proxy_sar.Reassembler(_SERVICES[0])
    values = proxy_sar.encode(proxy_sar.MessageType.PROVISIONING, message, mtu)
    must(all(len(value) <= proxy_sar.value_size(mtu) for value in values), "too long a value")
    whole = [collecting.receive(value, 0.0) for value in values]
    same([each.content for each in whole if each], [message], "a Proxy message")


def service_datas(data: bytes) -> None:
    """Read Service Data of both mesh services, and the advertisements around it."""
    heard = service_data.from_advertisement(data)
    must(heard is None or len(heard[1]) <= len(data), "more Service Data than there was")
    device = value_or_error(service_data.decode_provisioning, data)
    if device is not None:
        same(service_data.encode_provisioning(device), data, "a device")
    identity = value_or_error(service_data.decode_proxy, data)
    if identity is None:
        return
    same(service_data.encode_proxy(identity), data, "an identity")
    if isinstance(identity, NodeIdentity | PrivateNodeIdentity):
        identity.matches(KEYS, 0x1201)
    else:
        identity.matches(KEYS)


def readable(data: bytes) -> None:
    """Tell a person what is on the air."""
    decisions, reader, proxy, now = Decisions(data), Reader(links=4), ProxyReader(), 0.0
    while decisions.left:
        now += decisions.octet() / 8
        octets = decisions.sized()
        for item in (*reader.read(octets, octets[:1] or None), *proxy.read(octets, now)):
            must(item.text.isprintable(), "a line steers a terminal")
            must(len(item.text) <= 10_000, "a line without end")
    must(weight(reader) + weight(proxy) <= 512 * 1024, "a reader remembers too much")


def provisioning_pdus(data: bytes) -> None:
    """Read the fourteen provisioning PDUs."""
    decoded = value_or_error(codec.decode, data)
    if decoded is not None:
        same(codec.encode(decoded), data, type(decoded).__name__)


_LIMITS = RecordLimits(record_octets=300, fragment_octets=100, requests=8)
_SERVER = RecordServer({0: b"\x17//mesh.example", 1: bytes(range(200)), 2: b""}, 57)


def record_answers(data: bytes) -> None:
    """Read records of a device that answers as it likes."""
    decisions = Decisions(data)
    reader = RecordReader(decisions.octet() % 3, _LIMITS)
    try:
        reader.request()
        while decisions.left:
            answer = value_or_error(codec.decode_as, pdu.RecordResponse, decisions.sized())
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
    request = value_or_error(codec.decode_as, pdu.RecordRequest, data)
    answer = None if request is None else value_or_error(_SERVER.respond, request)
    if request is not None and answer is not None:
        must(len(answer.data) <= min(57, request.maximum_size), "more than was asked for")
        same(codec.decode(codec.encode(answer)), answer, "an answer")
