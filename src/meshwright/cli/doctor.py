"""`meshwright doctor`."""

from __future__ import annotations

import asyncio
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example, json_option
from meshwright.cli.exits import ExitStatus, status_of
from meshwright.cli.output import counted, emit, say

if TYPE_CHECKING:
    from meshwright.radio.examine.alone import Alone
    from meshwright.radio.examine.facts import Fact
    from meshwright.radio.examine.gatt_loopback import GattWay
    from meshwright.radio.examine.loopback import Direction
    from meshwright.radio.findings import Finding
    from meshwright.services.doctor import Diagnosis, PairReport, RadioReport
    from meshwright.services.survey import KindReport

_MOST_RADIOS = 2
_NAME = 22
_LEVEL = 9
_WIDTHS = (60, 80, 100)  # least, without a terminal, most


@click.command(
    "doctor",
    short_help="Say what a radio can do, and what is missing.",
    epilog=example(
        "meshwright doctor",
        "meshwright doctor --radio usb:0",
        "meshwright doctor --radio usb:0 --radio usb:1",
    ),
)
@click.option(
    "--radio", "specs", multiple=True, metavar="SPEC", help="A radio; give two to test both ways."
)
@click.option(
    "--packets",
    type=click.IntRange(1, 500),
    default=100,
    show_default=True,
    help="Packets that each radio sends.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, 600),
    default=3.0,
    show_default=True,
    help="How long one radio alone listens at least.",
)
@json_option
def command(specs: tuple[str, ...], packets: int, seconds: float, as_json: bool) -> None:
    """Say what a radio can do, what is missing and how to fix it.

    Without --radio, see which kinds of radios this machine could use. One radio sends and listens;
    two also test each other. What is sent are mesh messages that every node drops.
    """
    if len(specs) > _MOST_RADIOS:
        raise click.UsageError("Give one radio or two.")
    if not specs:
        _survey(as_json=as_json)
        return
    from meshwright.services.doctor import Effort
    from meshwright.wiring.doctor import examine

    found = asyncio.run(examine(specs, Effort(packets, seconds)))
    if as_json:
        emit(_diagnosis(found))
    else:
        _print(found)
    click.get_current_context().exit(_status(found))


def _status(found: Diagnosis) -> ExitStatus:
    if found.error is not None:
        return status_of(found.error)
    return ExitStatus.INCOMPLETE if found.faults else ExitStatus.DONE


# Without a radio.


def _survey(*, as_json: bool) -> None:
    from meshwright.radio.examine.surroundings import Machine
    from meshwright.services.survey import facts_of, survey

    machine = Machine()
    facts, kinds = facts_of(machine), survey(machine)
    if as_json:
        emit({"machine": _values(facts), "kinds": [_kind(each) for each in kinds]})
        return
    say("This machine")
    _facts(facts)
    for report in kinds:
        say(f"\n{report.kind.form} - {report.kind.purpose}")
        _pair("here", _here(report))
        _findings(report.findings)
    say("\nTest one with: meshwright doctor --radio SPEC")


def _here(report: KindReport) -> str:
    if report.specs:
        return ", ".join(report.specs)
    return "can be used at any time" if report.kind.always else "nothing found"


def _kind(report: KindReport) -> dict[str, Any]:
    return {
        "form": report.kind.form,
        "purpose": report.kind.purpose,
        "found": list(report.specs),
        "usable": report.usable,
        "findings": [_finding(each) for each in report.findings],
    }


# With one radio or two.


def _print(found: Diagnosis) -> None:
    for report in found.radios:
        say(report.spec)
        _facts(report.facts)
        if report.alone is not None:
            for name, text in _alone_words(report.alone):
                _pair(name, text)
        _findings(report.findings)
        say("")
    if found.pair is not None:
        _print_pair(found.pair)
    say(_verdict(found))


def _print_pair(pair: PairReport) -> None:
    for way in pair.packets.directions if pair.packets else ():
        say(f"Packets from {way.sender} to {way.hearer}")
        _pair("heard", f"{way.heard} of {way.sent} sent, loss {way.loss:.0%}")
        _pair("pace", _pace(way.interval))
        if way.rssi is not None:
            _pair("strength", f"{way.rssi:.0f} dBm")
        say("")
    for visit in pair.gatt:
        say(f"GATT: {visit.client} connects to {visit.server}")
        for name, text in _gatt_words(visit):
            _pair(name, text)
        say("")
    _findings(pair.findings)
    if pair.findings:
        say("")


def _verdict(found: Diagnosis) -> str:
    if found.error is not None:
        return "It cannot be opened." if len(found.radios) == 1 else "They cannot both be opened."
    if found.faults:
        return f"{counted(found.faults, 'fault')}; see above what to do."
    if found.pair is not None:
        return "No faults: they hear each other."
    bearers = next(fact.text for fact in found.radios[0].facts if fact.key == "bearers")
    return f"No faults: it can provision over {bearers.replace(', ', ' and ')}."


def _alone_words(test: Alone) -> Iterable[tuple[str, str]]:
    yield "sent", f"{test.sent} of {counted(test.wanted, 'packet')}"
    yield "pace", _pace(test.interval)
    senders = f" of {counted(test.senders, 'sender')}" if test.senders else ""
    yield "heard", f"{counted(test.heard, 'packet')}{senders} in {test.seconds:.1f} s"


def _gatt_words(way: GattWay) -> Iterable[tuple[str, str]]:
    yield "found", "never" if way.found_after is None else f"after {way.found_after:.2f} s"
    if way.connected_after is not None:
        yield "connected", f"after {way.connected_after:.2f} s, MTU {way.mtu}"
        rate = f", {way.rate:.0f} a second" if way.rate else ""
        yield "round trips", f"{way.round_trips} of {way.wanted}{rate}"


def _pace(interval: float) -> str:
    return f"one every {interval * 1000:.1f} ms" if interval else "unknown"


# For people.


def _width() -> int:
    least, usual, most = _WIDTHS
    if not sys.stdout.isatty():
        return usual
    return max(least, min(most, shutil.get_terminal_size().columns))


def _facts(facts: Iterable[Fact]) -> None:
    for fact in facts:
        _pair(fact.name, fact.text)


def _pair(name: str, text: str) -> None:
    _wrapped(f"  {name:<{_NAME}}", text)


def _findings(findings: Sequence[Finding]) -> None:
    for finding in findings:
        _wrapped(f"  {finding.level:<{_LEVEL}}", f"{finding.sentence} ({finding.code})")
        advice, *verbatim = finding.remedy.splitlines() or [""]
        if advice:
            _wrapped(" " * (_LEVEL + 2), advice)
        for line in verbatim:  # never broken: it is there to be copied
            say(" " * (_LEVEL + 4) + line)


def _wrapped(front: str, text: str) -> None:
    lines = textwrap.wrap(
        text,
        width=_width(),
        initial_indent=front,
        subsequent_indent=" " * len(front),
        break_long_words=False,
        break_on_hyphens=False,
    )
    say("\n".join(lines))


# For programs.


def _diagnosis(found: Diagnosis) -> dict[str, Any]:
    return {
        "radios": [_radio(report) for report in found.radios],
        "pair": None if found.pair is None else _pair_values(found.pair),
        "faults": found.faults,
        "fit": not found.faults and found.error is None,
    }


def _radio(report: RadioReport) -> dict[str, Any]:
    return {
        "radio": report.spec,
        "opened": report.error is None,
        "facts": _values(report.facts),
        "alone": None if report.alone is None else _alone_values(report.alone),
        "findings": [_finding(each) for each in report.findings],
    }


def _alone_values(test: Alone) -> dict[str, Any]:
    return {
        "wanted": test.wanted,
        "sent": test.sent,
        "interval_ms": _milliseconds(test.interval),
        "heard": test.heard,
        "senders": test.senders,
        "seconds": round(test.seconds, 3),
    }


def _pair_values(pair: PairReport) -> dict[str, Any]:
    ways = pair.packets.directions if pair.packets else ()
    return {
        "packets": [_direction(way) for way in ways],
        "gatt": [_visit(way) for way in pair.gatt],
        "findings": [_finding(each) for each in pair.findings],
    }


def _direction(way: Direction) -> dict[str, Any]:
    return {
        "sender": way.sender,
        "hearer": way.hearer,
        "wanted": way.wanted,
        "sent": way.sent,
        "heard": way.heard,
        "copies": way.copies,
        "loss": round(way.loss, 4),
        "interval_ms": _milliseconds(way.interval),
        "told_ms": _milliseconds(way.pacing.mean),
        "rssi": None if way.rssi is None else round(way.rssi, 1),
    }


def _visit(way: GattWay) -> dict[str, Any]:
    return {
        "server": way.server,
        "client": way.client,
        "found_after": _seconds(way.found_after),
        "connected_after": _seconds(way.connected_after),
        "mtu": way.mtu,
        "wanted": way.wanted,
        "round_trips": way.round_trips,
        "round_trips_a_second": round(way.rate, 1),
        "reason": way.reason,
    }


def _values(facts: Iterable[Fact]) -> dict[str, Any]:
    return {fact.key: fact.value for fact in facts}


def _finding(finding: Finding) -> dict[str, str]:
    return {
        "level": finding.level.value,
        "code": finding.code,
        "sentence": finding.sentence,
        "remedy": finding.remedy,
    }


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


def _seconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
