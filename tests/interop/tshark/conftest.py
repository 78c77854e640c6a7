"""Sessions, recorded and dissected once for all tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.interop.tshark.dissection import Dissected, dissect
from tests.interop.tshark.sessions import CASES, Case, record

from meshwright.core.readable.items import Item
from meshwright.core.readable.reader import Reader
from meshwright.radio.capture import read_capture


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


@pytest.fixture(scope="session")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Recorded]:
    """Return the sessions by the names of their cases."""
    folder = tmp_path_factory.mktemp("captures")
    return {
        case.name: Recorded(case, both(record(case, folder / f"{case.name}.pcap")))
        for case in CASES
    }
