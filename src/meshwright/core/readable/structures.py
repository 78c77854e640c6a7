"""Advertising structures in words, except those of links, which need memory."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.discovery import service_data
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import (
    OobInformation,
    UnprovisionedBeacon,
    decode_beacon,
)
from meshwright.core.discovery.network_beacon import PrivateBeacon, SecureNetworkBeacon
from meshwright.core.discovery.service_data import MeshService
from meshwright.core.discovery.uri import decode_uri, uri_hash
from meshwright.core.errors import MalformedError
from meshwright.core.network.iv_index import NetworkFlags
from meshwright.core.network.network_pdu import SIZES
from meshwright.core.octets import Reader
from meshwright.core.readable.items import Item, Kind, malformed, short
from meshwright.core.readable.words import flags, listed

SERVICE_DATA = 0x16


def read_structure(kind: int, data: bytes) -> Item | None:
    """Return a structure of the mesh in words, None for any other one."""
    name, read = _READERS.get(kind, ("", _not_ours))
    try:
        return read(data)
    except MalformedError as error:
        return malformed(name, data, error)


def _not_ours(_data: bytes) -> None:
    return None


# Beacons.


def _beacon(data: bytes) -> Item:
    match decode_beacon(data):
        case UnprovisionedBeacon() as beacon:
            return _unprovisioned(beacon)
        case SecureNetworkBeacon() as beacon:
            return _secure(beacon)
        case PrivateBeacon() as beacon:
            return _private(beacon)


def _unprovisioned(beacon: UnprovisionedBeacon) -> Item:
    text = f"unprovisioned device {beacon.uuid}; {_oob_text(beacon.oob)}"
    fields = _device_fields(beacon)
    if beacon.uri_hash is not None:
        text += f"; URI hash {beacon.uri_hash.hex()}"
        fields["uri_hash"] = beacon.uri_hash.hex()
    return Item(Kind.UNPROVISIONED_BEACON, text, fields, uuid=beacon.uuid)


def _device_fields(device: UnprovisionedBeacon) -> dict[str, object]:
    oob = int(device.oob)
    return {"uuid": str(device.uuid), "oob": oob, "oob_names": flags(OobInformation, oob)}


def _oob_text(oob: OobInformation) -> str:
    return f"OOB {listed(flags(OobInformation, int(oob)))}"


def _secure(beacon: SecureNetworkBeacon) -> Item:
    state = beacon.state
    text = (
        f"secure network beacon of {beacon.network_id.hex()}; IV Index {state.iv_index}; "
        f"flags {listed(flags(NetworkFlags, int(state.flags)))}; not checked"
    )
    fields = {
        "network_id": beacon.network_id.hex(),
        "iv_index": state.iv_index,
        "flags": int(state.flags),
        "authentication": beacon.authentication.hex(),
    }
    return Item(Kind.SECURE_BEACON, text, fields)


def _private(beacon: PrivateBeacon) -> Item:
    fields = {
        "random": beacon.random.hex(),
        "obfuscated": beacon.obfuscated.hex(),
        "tag": beacon.tag.hex(),
    }
    return Item(Kind.PRIVATE_BEACON, f"private beacon; random {short(beacon.random)}", fields)


# The rest.


def _uri(data: bytes) -> Item:
    uri, digest = decode_uri(data), uri_hash(data).hex()
    fields = {"uri": uri, "uri_hash": digest}
    return Item(Kind.URI, f"URI {uri}; hash {digest}", fields)


def _message(data: bytes) -> Item:
    if len(data) not in SIZES:
        raise MalformedError(f"a network PDU has 14 to 29 octets, not {len(data)}")
    nid, ivi = data[0] & 0x7F, data[0] >> 7
    text = f"mesh message; NID {nid:#04x}; IVI {ivi}; obfuscated, {short(data[1:])}"
    return Item(Kind.MESH_MESSAGE, text, {"nid": nid, "ivi": ivi, "octets": data.hex()})


def _service(data: bytes) -> Item | None:
    reader = Reader(data)
    read = _SERVICES.get(reader.unsigned_le(2))
    return None if read is None else read(reader.rest())


def _provisioning_service(data: bytes) -> Item:
    device = service_data.decode_provisioning(data)
    text = f"provisioning service of {device.uuid}; {_oob_text(device.oob)}"
    fields = {"service": int(MeshService.PROVISIONING), **_device_fields(device)}
    return Item(Kind.SERVICE, text, fields, uuid=device.uuid)


def _proxy_service(data: bytes) -> Item:
    service_data.decode_proxy(data)
    kind, value = data[0], data[1:].hex()
    fields = {"service": int(MeshService.PROXY), "identification": kind, "value": value}
    return Item(Kind.SERVICE, f"proxy service; {_IDENTIFICATIONS[kind]} {value}", fields)


_IDENTIFICATIONS = (
    "network ID",
    "node identity",
    "private network identity",
    "private node identity",
)
"""By identification type (7.2.2.2)."""

_SERVICES: dict[int, Callable[[bytes], Item]] = {
    MeshService.PROVISIONING: _provisioning_service,
    MeshService.PROXY: _proxy_service,
}
_READERS: dict[int, tuple[str, Callable[[bytes], Item | None]]] = {
    AdType.MESH_BEACON: ("mesh beacon", _beacon),
    AdType.MESH_MESSAGE: ("mesh message", _message),
    AdType.URI: ("URI", _uri),
    SERVICE_DATA: ("service data", _service),
}
