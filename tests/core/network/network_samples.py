"""The 26 sample messages of 8.3 and 8.12, ready to use."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest.mark.structures import ParameterSet

from meshwright.core.crypto import NetworkCredentials
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys, friendship_credentials
from meshwright.core.network.upper_transport import Route

DOCUMENT = json.loads(
    (Path(__file__).parents[2] / "vectors" / "network_transport.json").read_text()
)
NET_KEY = bytes.fromhex(DOCUMENT["keys"]["NetKey"])
APP_KEY = bytes.fromhex(DOCUMENT["keys"]["AppKey"])
DEVICE_KEY = bytes.fromhex(DOCUMENT["keys"]["DevKey"])


@dataclass(frozen=True)
class Sample:
    """One sample message with its fields as values."""

    raw: dict[str, Any]

    @property
    def credentials(self) -> NetworkCredentials:
        if self.raw["credentials"] == "flooding":
            return NetworkKeys.derive(NET_KEY).flooding
        return friendship_credentials(NET_KEY, 0x1201, 0x2345, 0x0000, 0x072F)

    @property
    def control(self) -> bool:
        return bool(self.raw["ctl"])

    @property
    def iv(self) -> IvIndex:
        return IvIndex(self.number("iv_index"))

    def number(self, name: str) -> int:
        return int(self.raw[name], 16)

    @property
    def lower(self) -> list[bytes]:
        return [bytes.fromhex(pdu) for pdu in self.raw["lower"]]

    @property
    def network(self) -> list[tuple[int, bytes, bytes]]:
        """Sequence number, lower transport PDU and network PDU of each packet."""
        return [
            (int(one["seq"], 16), self.lower[one["lower"]], bytes.fromhex(one["pdu"]))
            for one in self.raw["network"]
        ]

    @property
    def upper(self) -> dict[str, Any]:
        found: dict[str, Any] = self.raw["upper"]
        return found

    @property
    def label(self) -> bytes:
        return bytes.fromhex(self.raw.get("label_uuid", ""))

    @property
    def route(self) -> Route:
        return Route(
            self.number("src"),
            self.number("dst"),
            int(self.upper["seq"], 16),
            self.number("iv_index"),
            bool(self.upper["szmic"]),
        )


SAMPLES = [Sample(vector) for vector in DOCUMENT["vectors"]]


def cases(control: bool | None = None) -> list[ParameterSet]:
    """All samples as parameters, or only the control or only the access messages."""
    chosen = [one for one in SAMPLES if control in (None, one.control)]
    return [pytest.param(one, id=one.raw["section"]) for one in chosen]
