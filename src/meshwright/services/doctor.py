"""Examining radios: what each can do, what is missing, and whether two of them hear each other.

A radio that cannot be opened is a result like any other. What was suspected before it was opened
is told when opening fails, because it names the cause; when opening works it was wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from meshwright.core.errors import MeshwrightError
from meshwright.radio.examine.alone import SECONDS, Alone, alone
from meshwright.radio.examine.facts import Examined, Fact, facts_of, limits_of
from meshwright.radio.examine.gatt_loopback import GattWay, gatt_loopback
from meshwright.radio.examine.loopback import PACKETS, SelfTest, loopback
from meshwright.radio.findings import Finding, Level
from meshwright.radio.station import Station
from meshwright.randomness import RandomBytes

_ANSWERED = {"nobody-there"}

_Result = TypeVar("_Result")

Opener = Callable[[str], Awaitable[Examined]]
Suspicions = Callable[[str], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is sent each way, and for how many seconds a radio alone listens at least."""

    packets: int = PACKETS
    seconds: float = SECONDS


@dataclass(frozen=True, slots=True)
class RadioReport:
    """One radio; `error` is why it could not be opened, and `alone` what it did by itself."""

    spec: str
    facts: tuple[Fact, ...] = ()
    findings: tuple[Finding, ...] = ()
    alone: Alone | None = None
    error: MeshwrightError | None = None


@dataclass(frozen=True, slots=True)
class PairReport:
    """What two radios heard of each other; a part is None or empty where one cannot do it."""

    packets: SelfTest | None = None
    gatt: tuple[GattWay, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was found out."""

    radios: tuple[RadioReport, ...]
    pair: PairReport | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything that somebody should know."""
        own = [finding for report in self.radios for finding in report.findings]
        return (*own, *(self.pair.findings if self.pair else ()))

    @property
    def faults(self) -> int:
        """How many findings are faults; without any, the radios can be worked with."""
        return sum(finding.level is Level.FAULT for finding in self.findings)

    @property
    def error(self) -> MeshwrightError | None:
        """Why a radio could not be opened, if so."""
        return next((report.error for report in self.radios if report.error), None)


async def diagnose(
    specs: Sequence[str],
    opener: Opener,
    suspicions: Suspicions,
    random: RandomBytes,
    effort: Effort | None = None,
) -> Diagnosis:
    """Open the radios called `specs` and test them: one by itself, two with each other.

    Raises nothing of ours: what goes wrong is in the result.
    """
    chosen = effort or Effort()
    async with AsyncExitStack() as stack:
        opened = [await _open(spec, opener, suspicions) for spec in specs]
        stations = [station for _, station in opened if station is not None]
        for station in stations:
            stack.push_async_callback(station.close)
        if len(stations) == len(specs) > 1:
            pair = await _pair(stations, random, chosen)
            return Diagnosis(tuple(_without_answered(report) for report, _ in opened), pair)
        reports = [await _alone(report, station, random, chosen) for report, station in opened]
        return Diagnosis(tuple(reports))


async def _open(
    spec: str, opener: Opener, suspicions: Suspicions
) -> tuple[RadioReport, Station | None]:
    suspected = tuple(suspicions(spec))
    try:
        examined = await opener(spec)
    except MeshwrightError as error:
        return RadioReport(spec, findings=_explained(error, suspected), error=error), None
    station = examined.station
    notes = tuple(finding for finding in suspected if finding.level is Level.NOTE)
    return (
        RadioReport(
            spec,
            (*examined.facts, *facts_of(station)),
            (*station.findings, *limits_of(station), *notes),
        ),
        station,
    )


def _explained(error: MeshwrightError, suspected: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Return what went wrong, and what was seen before; the latter knows more about the same."""
    if any(finding.code == error.code for finding in suspected):
        return suspected
    return (Finding(Level.FAULT, error.code, str(error)), *suspected)


async def _alone(
    report: RadioReport, station: Station | None, random: RandomBytes, effort: Effort
) -> RadioReport:
    if station is None or station.radio is None:
        return report
    try:
        work = alone(station, random, packets=effort.packets, seconds=effort.seconds)
        result = await _while_there([station], work)
    except MeshwrightError as error:
        lost = Finding(Level.FAULT, error.code, str(error))
        return replace(report, findings=(*report.findings, lost))
    return replace(report, findings=(*report.findings, *result.findings), alone=result)


async def _pair(stations: Sequence[Station], random: RandomBytes, effort: Effort) -> PairReport:
    one, other = stations
    packets: SelfTest | None = None
    ways: tuple[GattWay, ...] = ()
    found: list[Finding] = []
    try:
        if one.radio is not None and other.radio is not None:
            packets = await _while_there(
                stations, loopback(one, other, random, packets=effort.packets)
            )
            found += packets.findings
        ways = await _while_there(stations, gatt_loopback(one, other, random))
        found += [finding for way in ways for finding in way.findings]
    except MeshwrightError as error:
        found.append(Finding(Level.FAULT, error.code, str(error)))
    return PairReport(packets, ways, tuple(found))


def _without_answered(report: RadioReport) -> RadioReport:
    """Leave out what two radios that were tested with each other have answered."""
    left = tuple(finding for finding in report.findings if finding.code not in _ANSWERED)
    return replace(report, findings=left)


async def _while_there(stations: Iterable[Station], work: Coroutine[Any, Any, _Result]) -> _Result:
    """Return the result of `work`; raises `RadioError` as soon as a station is lost."""
    task = asyncio.ensure_future(work)
    lost = [station.lost for station in stations if station.lost is not None]
    waited: list[asyncio.Future[Any]] = [task, *lost]
    try:
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        for each in lost:
            if each.done():
                raise each.result()
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
