"""tshark reads what we record, and sees in it what our own reader sees.

Its dissectors know the Mesh Profile 1.0 and neither HMAC nor records; `UNKNOWN` is the whole list
of what they complain of.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.tshark.dissection import Dissected, Recorded, both, dissect
from tests.interop.tshark.sessions import CASES, DEVICE_UUID, NOON

from meshwright.core.discovery.ad import AdType, join
from meshwright.core.discovery.beacon import (
    OobInformation,
    UnprovisionedBeacon,
    advertisement,
)
from meshwright.core.discovery.network_beacon import (
    NetworkState,
    PrivateBeacon,
    SecureNetworkBeacon,
)
from meshwright.core.discovery.service_data import MeshService, encode_provisioning
from meshwright.core.discovery.service_data import advertisement as service_advertisement
from meshwright.core.network.iv_index import NetworkFlags
from meshwright.core.provisioning.fields import PduType
from meshwright.core.readable.items import Item, Kind
from meshwright.radio.capture import CapturedPacket, CaptureFile

pytestmark = pytest.mark.system("tshark")

LEGACY = [case.name for case in CASES if case.name != "certificate"]
"""What the Mesh Profile 1.0 knows: CMAC, without records."""

KNOWN_TYPES = range(PduType.INVITE, PduType.FAILED + 1)


def whole(item: Item) -> str:
    """Return what an item is called in `UNKNOWN`."""
    return str(item.fields.get("pdu", item.kind))


def complaints(recorded: Recorded) -> dict[str, frozenset[str]]:
    """Return what tshark complains of, by what our reader read."""
    found: dict[str, frozenset[str]] = {}
    for dissected, items in recorded.packets:
        if dissected.complaints:
            name = whole(items[-1])
            found[name] = found.get(name, frozenset()) | dissected.complaints
    return found


@pytest.mark.parametrize("name", LEGACY)
def test_no_packet_of_a_session_is_malformed_or_odd(
    name: str, sessions: dict[str, Recorded]
) -> None:
    recorded = sessions[name]
    assert len(recorded.packets) > 20
    assert complaints(recorded) == {}


@pytest.mark.parametrize("name", LEGACY)
def test_every_packet_is_dissected_as_what_it_is(name: str, sessions: dict[str, Recorded]) -> None:
    layers = {
        Kind.UNPROVISIONED_BEACON: ["beacon"],
        Kind.URI: [],
        Kind.PDU: ["pbadv", "provisioning"],
    }
    for dissected, items in sessions[name].packets:
        mesh = [layer for layer in dissected.layers if layer in {"beacon", "pbadv", "provisioning"}]
        assert mesh == layers.get(items[-1].kind, ["pbadv"]), items


UNKNOWN = {
    "unprovisioned-beacon": {"Reserved for Future Use value not equal to 0"},  # certificate bits
    "records get": {"Malformed Packet", "Malformed Packet (Exception occurred)"},
    "records list": {"Unknown Opcode"},
    "record request": {"Unknown Opcode"},
    "record response": {"Unknown Opcode"},
    "capabilities": {"RFU value not equal to 0"},  # the bit of HMAC
    "start": {"Value in RFU range"},  # HMAC
    "confirmation": {"Unknown Payload"},  # the second half of 32 octets
    "random": {"Unknown Payload"},
}


def test_what_tshark_does_not_know_is_this_and_nothing_else(
    sessions: dict[str, Recorded],
) -> None:
    assert complaints(sessions["certificate"]) == UNKNOWN


def names(recorded: Recorded) -> Iterator[tuple[int, str, str]]:
    """Yield each provisioning PDU: its type, its name at tshark's and at ours."""
    for dissected, items in recorded.packets:
        if dissected.has("provisioning.pdu_type"):
            shown = dissected.fields["provisioning.pdu_type"]
            found = re.search(r": (?:Provisioning )?(.+?)(?: PDU)? \(", shown.shown)
            assert found is not None, shown
            yield int(shown.value, 16), found[1].lower(), str(items[-1].fields["pdu"])


def test_every_pdu_type_is_dissected_under_its_name(sessions: dict[str, Recorded]) -> None:
    found = [each for name in LEGACY for each in names(sessions[name])]
    assert {kind for kind, _, _ in found} == set(KNOWN_TYPES)
    assert [each for each in found if each[1] != each[2]] == []


def test_every_pdu_is_put_together_once(sessions: dict[str, Recorded]) -> None:
    """Ours and theirs are whole in the same packet, records and HMAC included."""
    for recorded in sessions.values():
        for dissected, items in recorded.packets:
            ours = [item for item in items if item.kind is Kind.PDU]
            assert len(ours) == dissected.has("provisioning.pdu_type"), items
            if ours and dissected.has("pbadv.gen_prov.gpcf.segment_index"):
                length = dissected.fields["pbadv.gen_prov.gpp.reassembled.length"].shown
                assert int(length.split()[-1]) > 20


# Field by field.

SAME = {
    # tshark's field: ours
    "beacon.uuid": "uuid",
    "beacon.oob": "oob",
    "beacon.uri_hash": "uri_hash",
    "pbadv.linkid": "link",
    "pbadv.trnumber": "transaction",
    "pbadv.gen_prov.gpcf.segn": "last_segment",
    "pbadv.gen_prov.gpcf.total_length": "total_length",
    "pbadv.gen_prov.gpcf.fcs": "fcs",
    "pbadv.gen_prov.gpcf.segment_index": "segment",
    "pbadv.gen_prov.gpcf.bearer_opcode.device_uuid": "uuid",
    "pbadv.gen_prov.gpcf.bearer_opcode.reason": "reason",
    "provisioning.attention_duration": "attention_duration",
    "provisioning.number_of_elements": "elements",
    "provisioning.algorithms": "algorithms",
    "provisioning.public_key_type": "public_key_type",
    "provisioning.static_oob_type": "oob_type",
    "provisioning.output_oob_size": "output_size",
    "provisioning.output_oob_action": "output_actions",
    "provisioning.input_oob_size": "input_size",
    "provisioning.input_oob_action": "input_actions",
    "provisioning.algorithm": "algorithm",
    "provisioning.public_key": "public_key",
    "provisioning.authentication_method": "method",
    "provisioning.authentication_action.no_oob_action": "action",
    "provisioning.authentication_action.static_oob_action": "action",
    "provisioning.authentication_action.output_oob_action": "action",
    "provisioning.authentication_action.input_oob_action": "action",
    "provisioning.authentication_size.no_oob_action": "size",
    "provisioning.authentication_size.static_oob_action": "size",
    "provisioning.authentication_size.output_oob_action": "size",
    "provisioning.authentication_size.input_oob_action": "size",
    "provisioning.error_code": "error",
}


def agrees(theirs: str, ours: object) -> bool:
    """Compare octets in hex with a number or with hex digits of ours."""
    if isinstance(ours, int):
        return int(theirs, 16) == ours
    return theirs == str(ours).replace("-", "")


def test_fields_agree_with_those_of_our_reader(sessions: dict[str, Recorded]) -> None:
    compared = set()
    for name in LEGACY:
        for dissected, items in sessions[name].packets:
            ours = {key: value for item in reversed(items) for key, value in item.fields.items()}
            for theirs, key in SAME.items():
                if dissected.has(theirs):
                    compared.add(theirs)
                    assert agrees(dissected.fields[theirs].value, ours[key]), (theirs, items)
    assert compared == set(SAME)


LONG = {
    "public key": ("key", ["provisioning.public_key_x", "provisioning.public_key_y"]),
    "confirmation": ("value", ["provisioning.confirmation"]),
    "random": ("value", ["provisioning.random"]),
    "data": (
        "sealed",
        [
            "provisioning.encrypted_provisioning_data",
            "provisioning.decrypted_provisioning_data_mic",
        ],
    ),
}


def test_keys_and_proofs_agree(sessions: dict[str, Recorded]) -> None:
    """These travel in several segments: both have put the same octets together."""
    seen = set()
    for name in LEGACY:
        for dissected, items in sessions[name].packets:
            key, theirs = LONG.get(whole(items[-1]), ("", []))
            if theirs:
                seen.add(whole(items[-1]))
                octets = "".join(dissected.fields[each].value for each in theirs)
                assert octets == items[-1].fields[key]
    assert seen == set(LONG)


BITS: dict[str, Callable[[str], str]] = {
    "provisioning.output_oob_action.": lambda bit: bit.removeprefix("output_"),
    "provisioning.input_oob_action.": lambda bit: bit.removeprefix("input_"),
}


def bits(dissected: Dissected, prefix: str) -> list[str]:
    """Return the names of the bits that tshark shows as set."""
    return [
        BITS[prefix](name.removeprefix(prefix))
        for name, field in dissected.fields.items()
        if name.startswith(prefix) and field.value == "1"
    ]


def test_actions_are_called_the_same(sessions: dict[str, Recorded]) -> None:
    for name, words in (("output", "output {} up to"), ("input", "input {} up to")):
        (found,) = [
            (dissected, items[-1].text)
            for dissected, items in sessions[name].packets
            if whole(items[-1]) == "capabilities"
        ]
        dissected, text = found
        set_bits = [bit for prefix in BITS for bit in bits(dissected, prefix)]
        assert len(set_bits) == 2
        assert words.format(", ".join(set_bits)) in text


def test_a_failure_is_called_the_same(sessions: dict[str, Recorded]) -> None:
    (found,) = [
        (dissected, items[-1].text)
        for dissected, items in sessions["wrong-static"].packets
        if whole(items[-1]) == "failed"
    ]
    dissected, text = found
    assert "Confirmation Failed" in dissected.fields["provisioning.error_code"].shown
    assert "confirmation failed" in text


def test_the_packet_around_it_is_what_was_on_the_air(sessions: dict[str, Recorded]) -> None:
    for dissected, _ in sessions["no-oob"].packets:
        fields = dissected.fields
        assert fields["btle.access_address"].value == "d6be898e"
        assert "ADV_NONCONN_IND" in fields["btle.advertising_header.pdu_type"].shown
        assert fields["btle.advertising_address"].shown.split()[2].startswith("c0:")
        assert "-61" in fields["btle_rf.signal_dbm"].shown
        assert "Advertising channel 37" in fields["btle_rf.channel"].shown


def test_a_wrong_crc_would_be_noticed(tmp_path: Path) -> None:
    path = tmp_path / "damaged.pcap"
    with CaptureFile(path) as file:
        file.write(CapturedPacket(NOON, b"\x02\x01\x06"))
    octets = path.read_bytes()
    path.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert [packet.complaints for packet in dissect(path)] == [{"Incorrect CRC"}]


# What stands beside links.

KEY = bytes(range(16))
STATE = NetworkState(NetworkFlags.IV_UPDATE, 0x01020304)
BESIDE: dict[Kind, tuple[bytes, bool, set[str]]] = {
    # what our reader says: payload, connectable, complaints of tshark
    Kind.SECURE_BEACON: (
        advertisement(SecureNetworkBeacon.sign(KEY, bytes(8), STATE)),
        False,
        set(),
    ),
    Kind.PRIVATE_BEACON: (
        advertisement(PrivateBeacon.seal(KEY, bytes(13), STATE)),
        False,
        {"Unknown Beacon Type"},
    ),
    Kind.MESH_MESSAGE: (join((AdType.MESH_MESSAGE, b"\xe8" + bytes(20))), False, set()),
    Kind.SERVICE: (
        service_advertisement(
            MeshService.PROVISIONING,
            encode_provisioning(UnprovisionedBeacon(DEVICE_UUID, OobInformation.NUMBER)),
        ),
        True,
        set(),
    ),
}


def test_beacons_messages_and_services_are_dissected(tmp_path: Path) -> None:
    path = tmp_path / "beside.pcap"
    with CaptureFile(path) as file:
        for payload, connectable, _ in BESIDE.values():
            file.write(CapturedPacket(NOON, payload, connectable=connectable))
    found = both(path)
    assert [items[0].kind for _, items in found] == list(BESIDE)
    assert [packet.complaints for packet, _ in found] == [odd for _, _, odd in BESIDE.values()]
    secure, _, message, service = (packet.fields for packet, _ in found)
    assert secure["beacon.ivindex"].value == "01020304"
    assert secure["beacon.network_id"].value == bytes(8).hex()
    assert secure["beacon.flags.iv_update"].value == "1"
    assert (message["btmesh.ivi"].value, message["btmesh.nid"].value) == ("1", "68")
    assert "ADV_IND" in service["btle.advertising_header.pdu_type"].shown
    assert found[3][1][0].uuid == DEVICE_UUID
