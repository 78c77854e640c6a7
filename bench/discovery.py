"""How many beacons a scanner can look at: 500 devices in range, one in five expected."""

from __future__ import annotations

import random
from collections.abc import Callable, Container
from time import perf_counter
from uuid import UUID

from meshwright.core.discovery.beacon import (
    CERTIFICATE_BASED,
    OobInformation,
    UnprovisionedBeacon,
    advertisement,
    expected_beacon,
)

Row = dict[str, str | float | bool]
Filter = Callable[[bytes, Container[bytes]], object]

DEVICES = 500
EXPECTED = 100
HEARD = 20_000
ROUNDS = 5
BAR = 20_000


def rows() -> list[Row]:
    """Return one row: beacons filtered per second, beside a bare slice and look-up."""
    payloads, expected = _site()
    value = _best_rate(expected_beacon, payloads, expected)
    floor = _best_rate(_slice_and_look_up, payloads, expected)
    return [
        {
            "name": "beacons filtered",
            "value": round(value),
            "unit": "1/s",
            "floor": round(floor),
            "ratio": round(floor / value, 2),
            "bar": BAR,
            "ok": value >= BAR,
        }
    ]


def _site() -> tuple[list[bytes], set[bytes]]:
    draw = random.Random(1)  # noqa: S311 - the same devices in every run, not a secret
    beacons = [
        UnprovisionedBeacon(
            UUID(bytes=draw.randbytes(16), version=1),
            draw.choice((CERTIFICATE_BASED, OobInformation.NUMBER, OobInformation.NONE)),
            draw.choice((None, draw.randbytes(4))),
        )
        for _ in range(DEVICES)
    ]
    payloads = [advertisement(beacon) for beacon in beacons]
    expected = {beacon.uuid.bytes for beacon in beacons[:EXPECTED]}
    return draw.choices(payloads, k=HEARD), expected


def _best_rate(look: Filter, payloads: list[bytes], expected: set[bytes]) -> float:
    return len(payloads) / min(_seconds(look, payloads, expected) for _ in range(ROUNDS))


def _seconds(look: Filter, payloads: list[bytes], expected: set[bytes]) -> float:
    start = perf_counter()
    found = sum(1 for payload in payloads if look(payload, expected))
    seconds = perf_counter() - start
    assert 0.15 < found / len(payloads) < 0.25, "about one beacon in five is expected"
    return seconds


def _slice_and_look_up(payload: bytes, expected: Container[bytes]) -> bool:
    return payload[3:19] in expected


if __name__ == "__main__":
    for row in rows():
        print(row)
