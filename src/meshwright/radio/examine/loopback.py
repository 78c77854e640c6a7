"""A self-test over two radios in range of each other: the one should hear what the other sends.

It knows nothing about what the radios are made of. Its packets are mesh messages too short for any
network PDU, so nodes nearby drop them at once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from meshwright.core.discovery.ad import AdType, structure, structures
from meshwright.radio.errors import RadioError
from meshwright.radio.findings import Finding, Level
from meshwright.radio.port import Pacing, Radio, Report
from meshwright.radio.station import Station
from meshwright.randomness import RandomBytes

PACKETS = 100

MARK_SIZE = 8
_COUNTER_SIZE = 2
_LIMIT = 60.0  # seconds for one direction, or more where packets take longer
_SETTLE = 0.5  # seconds in which the last packet arrives
SLOW = 1.5  # times what the radio says
_TWICE = 1.5


@dataclass(frozen=True, slots=True)
class Direction:
    """What became of the packets from `sender` to `hearer`.

    `sent` have left the radio and `heard` different ones arrived, in `copies` reports. `interval`
    is the mean of seconds between two packets, `pacing` what the radio says about it, `rssi` the
    mean in dBm where it is known.
    """

    sender: str
    hearer: str
    wanted: int
    sent: int
    heard: int
    copies: int
    interval: float
    pacing: Pacing
    rssi: float | None

    @property
    def loss(self) -> float:
        """The share of packets that left and did not arrive."""
        return 1 - self.heard / self.sent if self.sent else 1.0

    @property
    def rate(self) -> float:
        """Packets a second."""
        return 1 / self.interval if self.interval else 0.0


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Both directions, and what somebody should know about them."""

    directions: tuple[Direction, Direction]
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Tell whether nothing is broken."""
        return not any(finding.level is Level.FAULT for finding in self.findings)


async def loopback(
    one: Station, other: Station, random: RandomBytes, *, packets: int = PACKETS
) -> SelfTest:
    """Send `packets` from `one` to `other` and back, and see what arrives.

    Both are listened to meanwhile, and to nobody afterwards. Raises `RadioError` (`no-packets`)
    when one of them cannot send packets at all.
    """
    directions = (
        await _direction(one, other, random(MARK_SIZE), packets),
        await _direction(other, one, random(MARK_SIZE), packets),
    )
    return SelfTest(directions, tuple(finding for each in directions for finding in _judge(each)))


class Sender:
    """Sends numbered packets as fast as its radio takes them."""

    def __init__(self, radio: Radio, mark: bytes, packets: int, done: Callable[[], object]) -> None:
        self.radio = radio
        self.begun_at: list[float] = []
        self.sent = 0
        self._mark = mark
        self._packets = packets
        self._done = done
        radio.listen(self)

    def heard(self, report: Report, now: float) -> None:
        """Care for nothing."""

    def transmitted(self, now: float) -> None:
        del now
        self.sent += 1
        if self.sent == self._packets:
            self._done()

    def ready(self, now: float) -> None:
        while self.radio.ready and len(self.begun_at) < self._packets:
            number = len(self.begun_at).to_bytes(_COUNTER_SIZE, "big")
            self.begun_at.append(now)
            self.radio.transmit(structure(AdType.MESH_MESSAGE, self._mark + number))


class _Hearer:
    """Counts the packets of one sender."""

    def __init__(self, radio: Radio, mark: bytes) -> None:
        self.numbers: set[bytes] = set()
        self.copies = 0
        self.rssi: list[int] = []
        self._mark = mark
        radio.narrow(None)
        radio.listen(self)

    def heard(self, report: Report, now: float) -> None:
        del now
        for kind, data in structures(report.payload):
            if kind == AdType.MESH_MESSAGE and data[:MARK_SIZE] == self._mark:
                self.numbers.add(data[MARK_SIZE:])
                self.copies += 1
                self.rssi += [] if report.rssi is None else [report.rssi]

    def transmitted(self, now: float) -> None:
        """Care for nothing."""

    def ready(self, now: float) -> None:
        """Care for nothing."""


async def _direction(sender: Station, hearer: Station, mark: bytes, packets: int) -> Direction:
    radios = radio_of(sender), radio_of(hearer)
    left = asyncio.Event()
    sending, hearing = (
        Sender(radios[0], mark, packets, left.set),
        _Hearer(radios[1], mark),
    )
    sending.ready(sender.timebase.time())  # a radio that has long been ready does not say so
    with contextlib.suppress(TimeoutError):  # the count says so
        await asyncio.wait_for(left.wait(), limit_of(radios[0], packets))
    await asyncio.sleep(_SETTLE)
    for radio in radios:
        radio.listen(None)
    gaps = [after - before for before, after in pairwise(sending.begun_at)]
    return Direction(
        sender=sender.name,
        hearer=hearer.name,
        wanted=packets,
        sent=sending.sent,
        heard=len(hearing.numbers),
        copies=hearing.copies,
        interval=fmean(gaps) if gaps else 0.0,
        pacing=radios[0].pacing,
        rssi=fmean(hearing.rssi) if hearing.rssi else None,
    )


def radio_of(station: Station) -> Radio:
    """Return what carries packets; raises `RadioError` (`no-packets`)."""
    if station.radio is None:
        raise RadioError(
            f"{station.name} carries no packets; test it with a radio that does.", code="no-packets"
        )
    return station.radio


def limit_of(radio: Radio, packets: int) -> float:
    """Return how many seconds so many packets may take before something must be wrong."""
    return max(_LIMIT, 2 * packets * radio.pacing.mean)


_Applies = Callable[[Direction], bool]

_JUDGMENTS: tuple[tuple[_Applies, Level, str, str, str], ...] = (
    (
        lambda way: way.sent < way.wanted,
        Level.FAULT,
        "packets-stuck",
        "{sender} sent {sent} of {wanted} packets only.",
        "Open it again; if that does not help, use another controller.",
    ),
    (
        lambda way: way.sent > 0 and way.heard == 0,
        Level.FAULT,
        "nothing-heard",
        "{hearer} hears nothing of what {sender} sends.",
        "Bring the two together; if that does not help, one of them does not send, or does not "
        "listen.",
    ),
    (
        lambda way: way.heard > 0 and way.loss > 1 / 2,
        Level.WARNING,
        "much-loss",
        "{hearer} hears {heard} of {sent} packets of {sender}.",
        "Bring the two together and away from other transmitters, or try ?repeats=2.",
    ),
    (
        lambda way: way.interval > SLOW * way.pacing.mean,
        Level.NOTE,
        "slower-than-told",
        "{sender} sends a packet every {milliseconds:.0f} ms, which is slower than it says.",
        "",
    ),
    (
        lambda way: way.copies > _TWICE * max(way.heard, 1),
        Level.NOTE,
        "heard-twice",
        "{hearer} hears packets of {sender} more than once.",
        "",
    ),
)


def _judge(way: Direction) -> list[Finding]:
    facts = {
        "sender": way.sender,
        "hearer": way.hearer,
        "wanted": way.wanted,
        "sent": way.sent,
        "heard": way.heard,
        "milliseconds": way.interval * 1000,
    }
    return [
        Finding(level, code, sentence.format(**facts), remedy)
        for applies, level, code, sentence, remedy in _JUDGMENTS
        if applies(way)
    ]
