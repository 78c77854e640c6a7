"""First inputs of every target, made from the vectors of the tests and from valid sessions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

from fuzz import connections, machines
from fuzz.octets import sized
from fuzz.scenarios import SCENARIOS
from fuzz.talk import Talk
from meshwright.core.bearers import generic
from meshwright.core.bearers.proxy_sar import encode
from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.discovery.beacon import OobInformation, UnprovisionedBeacon
from meshwright.core.discovery.service_data import (
    MeshService,
    NetworkId,
    NodeIdentity,
    PrivateNetworkIdentity,
    PrivateNodeIdentity,
    advertisement,
    encode_provisioning,
    encode_proxy,
)
from meshwright.core.discovery.uri import encode_uri
from meshwright.core.models.configuration import DefaultTtlGet, DefaultTtlSet, encode_message
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.provisioning.fields import PduType

VECTORS = Path(__file__).parents[1] / "tests" / "vectors"
_HEX = re.compile(r"(?:[0-9a-f]{2})+")

Seeds = Callable[[], list[bytes]]


def values_of(node: Any, name: str | None = None) -> Iterator[tuple[str | None, str]]:  # noqa: ANN401 - JSON
    """Yield every text of a vector file, and the name of the field it stands in."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield from values_of(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from values_of(value, name)
    elif isinstance(node, str):
        yield name, node


@cache
def loaded(name: str) -> Any:  # noqa: ANN401 - JSON
    """Return a vector file."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def vectors(*names: str, fields: frozenset[str] | None = None) -> Seeds:
    """Return the hexadecimal values of some vectors, of all fields or of these."""

    def seeds() -> list[bytes]:
        found = [pair for name in names for pair in values_of(loaded(name))]
        texts = [text for field, text in found if fields is None or field in fields]
        return list(dict.fromkeys(bytes.fromhex(text) for text in texts if _HEX.fullmatch(text)))

    return seeds


def pdus() -> list[bytes]:
    """Return every PDU of every kind of session."""
    talks = [Talk(scenario).run() for scenario in SCENARIOS]
    sent = [pdu for talk in talks for pdu in (*talk.sent_by_provisioner, *talk.sent_by_device)]
    return list(dict.fromkeys(sent))


def packets() -> list[bytes]:
    """Return Generic Provisioning PDUs."""
    return [segment for pdu in pdus() for segment in generic.segment(pdu)]


def transactions() -> list[bytes]:
    """Return the segments of long PDUs, as the reassembly target reads them."""
    return [
        b"".join(sized(segment) for segment in generic.segment(pdu))
        for pdu in [*pdus(), bytes(1469)]
        if len(pdu) > generic.START_DATA
    ]


def advertisements() -> list[bytes]:
    """Return payloads of advertisements."""
    beacons = vectors("beacons")()
    whole = [structure(AdType.MESH_BEACON, each) for each in beacons if len(each) <= 29]
    return [*whole, b"\x02\x01\x06" + whole[0], structure(AdType.PB_ADV, bytes(29))]


def service_datas() -> list[bytes]:
    """Return Service Data of both services, and what it is advertised in."""
    unprovisioned = UnprovisionedBeacon(UUID(int=7), OobInformation(0xA040))
    keys = NetworkKeys.derive(bytes(16))
    network, private = NetworkId.make(keys), PrivateNetworkIdentity.make(keys, bytes(8))
    nodes = NodeIdentity.make(keys, 5, bytes(8)), PrivateNodeIdentity.make(keys, 5, bytes(8))
    proxies = [encode_proxy(each) for each in (network, private, *nodes)]
    device = encode_provisioning(unprovisioned)
    whole = [advertisement(MeshService.PROXY, each) for each in proxies]
    return [device, advertisement(MeshService.PROVISIONING, device), *proxies, *whole]


def proxy_segments() -> list[bytes]:
    """Return messages in values, as the target for them reads them."""
    return [
        b"\0" + b"".join(b"\0" + sized(value) + b"\0" for value in encode(3, pdu, 23))
        for pdu in pdus()
        if len(pdu) > 16
    ]


def readable() -> list[bytes]:
    """Return what is heard: beacons, and sessions in both kinds of packets."""
    uuid = bytes(range(16))
    opening = structure(AdType.PB_ADV, b"\1\2\3\4\0" + generic.link_open(uuid))
    heard = [b"".join(b"\1" + sized(each) for each in advertisements())]
    for number, scenario in enumerate(SCENARIOS):
        talk = Talk(scenario).run()
        cut = [
            structure(AdType.PB_ADV, b"\1\2\3\4" + bytes([turn]) + segment)
            for turn, pdu in enumerate(talk.sent_by_provisioner)
            for segment in generic.segment(pdu)
        ]
        values = [value for pdu in talk.sent_by_device for value in encode(3, pdu, 69)]
        packets = [opening, *cut] if number % 2 else values
        heard.append(b"".join(b"\1" + sized(each) for each in packets))
    return heard


def uris() -> list[bytes]:
    """Return URI Data."""
    return [encode_uri(each) for each in ("https://mesh.example/d?x=1", "http://a", "urn:a:b")]


def record_answers() -> list[bytes]:
    """Return whole records in fragments of several sizes."""
    content = bytes(range(200))
    answers = []
    for size in (10, 57, 100):
        parts = [content[at : at + size] for at in range(0, 200, size)]
        heads = [b"\x0b\0\0\1" + bytes([0, at, 0, 200]) for at in range(0, 200, size)]
        pairs = zip(heads, parts, strict=True)
        answers.append(b"\1" + b"".join(sized(head + part) for head, part in pairs))
    return [*answers, b"\2" + sized(b"\x0b\1\0\2\0\0\0\0")]


def behind(count: int, seeds: Seeds) -> Seeds:
    """Return seeds with so many zero octets of decisions before them."""
    return lambda: [bytes(count) + each for each in seeds()]


def node() -> list[bytes]:
    """Return questions to a node, through every layer."""
    messages = [encode_message(each) for each in (DefaultTtlGet(), DefaultTtlSet(5))]
    heard = b"".join(bytes([2, 0, 0, n]) + sized(m) for n, m in enumerate(messages, 1))
    return [heard, bytes([1, 0, 0, 1]) + sized(bytes(11))]


def device() -> list[bytes]:
    """Return what devices hear in valid sessions."""
    opened = machines.HEAR_CONTROL + bytes(2)
    talks = [Talk(scenario).run() for scenario in SCENARIOS]
    return [
        bytes([number]) + opened + _heard(talk.sent_by_provisioner, talk.entered)
        for number, talk in enumerate(talks)
    ]


def provisioner() -> list[bytes]:
    """Return what Provisioners hear in valid sessions."""
    opened = machines.HEAR_CONTROL + b"\1"
    talks = [Talk(scenario).run() for scenario in SCENARIOS]
    return [
        bytes([number]) + opened + _heard(talk.sent_by_device, talk.entered)
        for number, talk in enumerate(talks)
    ]


def device_connections() -> list[bytes]:
    """Return what devices hear in valid sessions over GATT."""
    opened = connections.CONNECT + b"\0"
    return [seed[:1] + b"\0" + opened + seed[4:] for seed in device()]


def provisioner_connections() -> list[bytes]:
    """Return what Provisioners hear in valid sessions over GATT."""
    opened = connections.CONNECT + b"\0"
    return [seed[:1] + b"\0" + opened + seed[3:] for seed in provisioner()]


def _heard(sent: list[bytes], entered: str) -> bytes:
    """Hear what was sent; a value is entered just before the confirmation."""
    person = machines.ENTER + sized(entered.encode())
    return b"".join(
        (person if pdu[0] == PduType.CONFIRMATION and entered else b"")
        + machines.ACKNOWLEDGE
        + machines.HEAR_PDU
        + sized(pdu)
        + machines.ACKNOWLEDGE
        for pdu in sent
    )


def sessions() -> list[bytes]:
    """Return sessions that nobody changes, and some that somebody does."""
    kinds = range(len(SCENARIOS))
    changed = [bytes([kind, 0, number, change, 3, 1]) for kind in kinds for number, change in _FEW]
    return [*(bytes([kind, 0]) for kind in kinds), *changed]


_FEW = ((3, 0), (6, 8), (9, 4), (12, 7))


def fates() -> list[bytes]:
    """Return air that does nothing, and air that does a little."""
    return [bytes([1]), bytes([2]) + bytes(60) + b"\x90" + bytes(40) + b"\xd3" + bytes(40)]
