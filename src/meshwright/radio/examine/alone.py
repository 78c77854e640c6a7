"""A self-test of one radio: it sends, and whoever is near may be heard meanwhile.

A radio that sends nothing although it says so cannot be told from one that does; that takes two.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from meshwright.radio.examine.loopback import MARK_SIZE, SLOW, Sender, limit_of, radio_of
from meshwright.radio.findings import Finding, Level
from meshwright.radio.port import Pacing, Radio, Report
from meshwright.radio.station import Station
from meshwright.randomness import RandomBytes

SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Alone:
    """What became of the packets of one radio, and what it heard of others.

    `interval` is the mean of seconds between two packets, `pacing` what the radio says about it.
    `heard` counts packets of `senders` different addresses in `seconds`.
    """

    wanted: int
    sent: int
    interval: float
    pacing: Pacing
    heard: int
    senders: int
    seconds: float

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Say what somebody should know."""
        facts = {"sent": self.sent, "wanted": self.wanted, "interval": self.interval * 1000}
        facts |= {"seconds": self.seconds}
        return tuple(
            Finding(level, code, sentence.format(**facts), remedy)
            for applies, level, code, sentence, remedy in _JUDGMENTS
            if applies(self)
        )


async def alone(
    station: Station, random: RandomBytes, *, packets: int, seconds: float = SECONDS
) -> Alone:
    """Send `packets` and listen for at least `seconds`; raises `RadioError` (`no-packets`)."""
    radio = radio_of(station)
    radio.narrow(None)
    left = asyncio.Event()
    listening = _Alone(radio, random(MARK_SIZE), packets, left.set)
    begun = station.timebase.time()
    listening.ready(begun)
    with contextlib.suppress(TimeoutError):  # the count says so
        await asyncio.wait_for(left.wait(), limit_of(radio, packets))
    await asyncio.sleep(max(0.0, begun + seconds - station.timebase.time()))
    radio.listen(None)
    gaps = [after - before for before, after in pairwise(listening.begun_at)]
    return Alone(
        wanted=packets,
        sent=listening.sent,
        interval=fmean(gaps) if gaps else 0.0,
        pacing=radio.pacing,
        heard=listening.count,
        senders=len(listening.addresses),
        seconds=station.timebase.time() - begun,
    )


class _Alone(Sender):
    """Sends, and counts what others send."""

    def __init__(self, radio: Radio, mark: bytes, packets: int, done: Callable[[], object]) -> None:
        self.count = 0
        self.addresses: set[bytes] = set()
        super().__init__(radio, mark, packets, done)

    def heard(self, report: Report, now: float) -> None:
        del now
        self.count += 1
        if report.address is not None:
            self.addresses.add(report.address)


_Applies = Callable[[Alone], bool]

_JUDGMENTS: tuple[tuple[_Applies, Level, str, str, str], ...] = (
    (
        lambda test: test.sent < test.wanted,
        Level.FAULT,
        "packets-stuck",
        "It sent {sent} of {wanted} packets only.",
        "Open it again; if that does not help, use another controller.",
    ),
    (
        lambda test: test.interval > SLOW * test.pacing.mean,
        Level.NOTE,
        "slower-than-told",
        "It sends a packet every {interval:.0f} ms, which is slower than it says.",
        "",
    ),
    (
        lambda test: test.heard == 0,
        Level.NOTE,
        "nothing-around",
        "Nothing was heard in {seconds:.1f} s: nobody advertises near it, or it does not listen.",
        "Give a second radio with another --radio: then it shows which.",
    ),
)
