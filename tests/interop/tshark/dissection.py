"""What tshark says of a capture file, packet by packet."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.interop.tshark.sessions import Case

from meshwright.core.readable.items import Item
from meshwright.core.readable.reader import Reader
from meshwright.radio.capture import read_capture

MESH = {"beacon", "pbadv", "provisioning", "btmesh"}
"""The layers that are ours; the rest is Bluetooth itself."""


@dataclass(frozen=True)
class Field:
    """One field: its octets in hex, and how it is shown."""

    value: str
    shown: str


@dataclass(frozen=True)
class Dissected:
    """One packet: its layers, the fields of all of them by name, and what tshark complains of."""

    layers: tuple[str, ...]
    fields: dict[str, Field]
    complaints: frozenset[str]

    def has(self, name: str) -> bool:
        """Tell whether a field is there."""
        return name in self.fields


def dissect(path: Path) -> list[Dissected]:
    """Read a capture file in two passes, so that reassembled PDUs are known when they are shown."""
    command = ["tshark", "-2", "-n", "-r", str(path), "-T", "pdml"]
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    root = ElementTree.fromstring(done.stdout)  # noqa: S314 - tshark's own output
    return [_dissected(packet) for packet in root.iter("packet")]


def _dissected(packet: ElementTree.Element) -> Dissected:
    layers = tuple(proto.get("name", "") for proto in packet.iter("proto"))
    fields: dict[str, Field] = {}
    complaints = {"Malformed Packet"} if "_ws.malformed" in layers else set()
    for element in packet.iter("field"):
        name, shown = element.get("name", ""), element.get("show", "")
        if name == "_ws.expert.message":
            complaints.add(shown)
        fields.setdefault(name, Field(element.get("value", ""), element.get("showname", shown)))
    return Dissected(layers, fields, frozenset(complaints))


@dataclass(frozen=True)
class Recorded:
    """One session: each packet as tshark and as our reader see it."""

    case: Case
    packets: list[tuple[Dissected, list[Item]]]


def both(path: Path) -> list[tuple[Dissected, list[Item]]]:
    """Let tshark and our reader read a capture file."""
    reader = Reader()
    items = [reader.read(packet.payload, packet.address) for packet in read_capture(path)]
    return list(zip(dissect(path), items, strict=True))
