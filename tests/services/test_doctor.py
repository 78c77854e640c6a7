"""Diagnoses: of good controllers and of faulty ones, in virtual time, through Bumble's host."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, closing
from typing import Any, TypeVar

import pytest
from bumble import hci
from bumble.controller import Controller
from tests.radio.bumble_controllers import (
    EndlessController,
    ExtendedController,
    MeshController,
    SlowController,
    piped,
    stock_controller,
)
from tests.radio.bumble_place import BumblePlace, Kind

from meshwright.core.errors import MachineError
from meshwright.radio.bumble.examination import examine_on
from meshwright.radio.bumble.spec import RadioOptions
from meshwright.radio.examine.facts import Examined
from meshwright.radio.findings import Finding, Level
from meshwright.radio.station import Station
from meshwright.randomness import SeededRandomness
from meshwright.services.doctor import Diagnosis, Effort, diagnose

EFFORT = Effort(packets=30, seconds=1.0)
HINT = Finding(Level.FAULT, "radio-permission", "You may not.", "Ask.")
GUESS = Finding(Level.WARNING, "controller-in-use", "Somebody may use it.", "End it.")
NOTE = Finding(Level.NOTE, "kernel-driver", "The kernel has it.", "Take it.")

_Result = TypeVar("_Result")


class Practice:
    """Controllers on one link, which are called c1 and c2, and a doctor for them."""

    def __init__(self, kind: Kind = MeshController, options: RadioOptions | None = None) -> None:
        self.place = BumblePlace(kind, options)
        self.suspected: tuple[Finding, ...] = ()
        self.closed: list[str] = []

    def controller(self, number: int = 1) -> Controller:
        return self.run(self.place.controller(number))

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        return self.place.loop.run_until_complete(work)

    async def open(self, spec: str) -> Examined:
        controller = await self.place.controller(int(spec.removeprefix("c")))
        random = SeededRandomness(1).stream(spec)
        transport = piped(controller)
        return await examine_on(spec, transport, self.place.options, random=random)

    def examine(self, *specs: str, effort: Effort = EFFORT) -> Diagnosis:
        random = SeededRandomness(2).stream("self-test")
        work = diagnose(specs, self.open, self._suspect, random, effort)
        return self.run(asyncio.wait_for(work, 600))

    def _suspect(self, _spec: str) -> Iterable[Finding]:
        return self.suspected

    def close(self) -> None:
        self.place.close()


Opening = Callable[..., Practice]


@pytest.fixture
def practice_of() -> Iterator[Opening]:
    """Return what makes a practice, which is closed at the end."""
    with ExitStack() as stack:

        def make(kind: Kind = MeshController, options: RadioOptions | None = None) -> Practice:
            return stack.enter_context(closing(Practice(kind, options)))

        yield make


def codes(found: Diagnosis) -> list[str]:
    return [finding.code for finding in found.findings]


def facts(found: Diagnosis, number: int = 0) -> dict[str, object]:
    return {fact.key: fact.value for fact in found.radios[number].facts}


# Good ones.


def test_one_good_controller(practice_of: Opening) -> None:
    found = practice_of(ExtendedController).examine("c1")
    assert found.error is None
    assert found.faults == 0
    told = facts(found)
    assert told["bearers"] == ["PB-ADV", "PB-GATT"]
    assert told["hci_version"]
    assert told["extended_advertising"] is True
    assert (told["advertising_sets"], told["packet_sets"]) == (4, 3)
    assert told["shortest_interval_ms"] == 20
    assert told["public_address"] == "00:00:00:00:31:63"
    assert float(str(told["packets_a_second"])) > 50
    result = found.radios[0].alone
    assert result is not None
    assert (result.sent, result.wanted) == (30, 30)
    assert codes(found) == ["deaf-while-connecting", "nothing-around"]


def test_two_good_controllers(practice_of: Opening) -> None:
    found = practice_of(MeshController).examine("c1", "c2")
    assert (found.error, found.faults) == (None, 0)
    assert found.pair is not None
    assert found.pair.packets is not None
    for way in found.pair.packets.directions:
        assert (way.sent, way.heard, way.copies) == (30, 30, 30)
        assert way.rssi == -50
    assert [way.round_trips for way in found.pair.gatt] == [50, 50]
    assert [report.alone for report in found.radios] == [None, None]


def test_a_controller_that_was_examined_can_be_opened_again(practice_of: Opening) -> None:
    practice = practice_of(EndlessController)
    first, second = practice.examine("c1"), practice.examine("c1")
    assert facts(first)["packet_sets"] == facts(second)["packet_sets"] == 3
    assert not practice.controller().is_advertising


# Faulty ones.


def test_bumbles_own_controller_with_legacy_commands_is_not_heard(practice_of: Opening) -> None:
    """It drops non-connectable legacy advertisements and says nothing."""
    found = practice_of(stock_controller, RadioOptions(sets=0)).examine("c1", "c2")
    assert codes(found).count("nothing-heard") == 2
    assert found.faults == 2
    assert found.pair is not None
    assert found.pair.packets is not None
    assert [way.sent for way in found.pair.packets.directions] == [30, 30]


def test_bumbles_own_controller_with_extended_commands_reports_as_connectable(
    practice_of: Opening,
) -> None:
    """It reports packets as advertisements that one can connect to, so no bearer takes them."""
    found = practice_of(stock_controller).examine("c1", "c2")
    assert "sets-never-end" in codes(found)
    assert codes(found).count("nothing-heard") == 2
    assert found.pair is not None
    assert [way.round_trips for way in found.pair.gatt] == [50, 50]


def test_a_controller_that_takes_no_short_interval(practice_of: Opening) -> None:
    found = practice_of(SlowController).examine("c1")
    assert facts(found)["shortest_interval_ms"] == 100
    slow = next(each for each in found.findings if each.code == "slow-advertising")
    assert slow.level is Level.WARNING
    assert "slice=20" in slow.remedy
    assert found.faults == 0
    result = found.radios[0].alone
    assert result is not None
    assert result.interval > 0.095


class TwiceController(MeshController):
    """Reports everything twice."""

    def _report(self, pdu: Any) -> hci.HCI_Event:  # noqa: ANN401 - what Bumble hands over
        report = super()._report(pdu)
        assert self.hci_sink is not None
        self.hci_sink.on_packet(bytes(report))
        return report


def test_a_controller_that_reports_twice(practice_of: Opening) -> None:
    found = practice_of(TwiceController).examine("c1", "c2")
    assert codes(found).count("heard-twice") == 2
    assert found.faults == 0


class DeafController(MeshController):
    """Cannot listen while it advertises, and says so."""

    le_states = bytes(8)


def test_a_controller_that_is_deaf_while_it_advertises(practice_of: Opening) -> None:
    found = practice_of(DeafController).examine("c1")
    assert "deaf-while-advertising" in codes(found)
    assert found.faults == 1


def test_a_controller_that_never_answers(practice_of: Opening) -> None:
    practice = practice_of()
    practice.controller().silent = True  # type: ignore[attr-defined]
    found = practice.examine("c1")
    assert codes(found) == ["radio-silent"]
    assert found.error is not None
    assert found.error.code == "radio-silent"
    assert found.radios[0].facts == ()


@pytest.mark.parametrize("command", [hci.HCI_RESET_COMMAND, hci.HCI_LE_SET_SCAN_PARAMETERS_COMMAND])
def test_a_controller_that_refuses_what_is_needed(practice_of: Opening, command: int) -> None:
    practice = practice_of()
    practice.controller().fails = frozenset({command})  # type: ignore[attr-defined]
    found = practice.examine("c1")
    assert codes(found)[0] in ("radio-refused", "radio-silent")
    assert found.error is not None


def lose(its: Controller) -> None:
    its.hci_sink.on_transport_lost()  # type: ignore[union-attr]


def fall_silent(its: Controller) -> None:
    its.silent = True  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("accident", "code"), [(lose, "radio-lost"), (fall_silent, "radio-silent")]
)
@pytest.mark.parametrize("specs", [("c1",), ("c1", "c2"), ("c2", "c1")])
def test_a_controller_that_vanishes_in_the_middle(
    practice_of: Opening, accident: Callable[[Controller], None], code: str, specs: tuple[str, ...]
) -> None:
    practice = practice_of()
    its = practice.controller()
    assert isinstance(its, MeshController)

    def watch() -> None:
        if its.advertised > 5:
            accident(its)
        else:
            practice.place.loop.call_later(0.01, watch)

    practice.place.loop.call_soon(watch)
    found = practice.examine(*specs, effort=Effort(packets=400, seconds=1.0))
    assert codes(found)[-1] == code
    assert found.faults == 1
    assert found.error is None
    assert practice.place.loop.time() < 60


# Suspicions.


def refusing(code: str) -> Callable[[str], Coroutine[Any, Any, Examined]]:
    async def opener(_spec: str) -> Examined:
        raise MachineError("It cannot be opened.", code=code)

    return opener


def refused(code: str, *suspected: Finding) -> tuple[Finding, ...]:
    random = SeededRandomness(1).stream("none")
    work = diagnose(["x"], refusing(code), lambda _spec: suspected, random)
    return asyncio.run(work).findings


def test_a_refusal_is_a_finding() -> None:
    (finding,) = refused("radio-open")
    assert finding == Finding(Level.FAULT, "radio-open", "It cannot be opened.")


def test_what_was_suspected_explains_a_refusal() -> None:
    assert refused("radio-permission", HINT, NOTE) == (HINT, NOTE)
    assert [each.code for each in refused("radio-open", GUESS)] == [
        "radio-open",
        "controller-in-use",
    ]


def test_what_was_suspected_was_wrong_when_it_opens(practice_of: Opening) -> None:
    practice = practice_of()
    practice.suspected = (HINT, GUESS, NOTE)
    found = practice.examine("c1")
    assert "kernel-driver" in codes(found)
    assert not {"radio-permission", "controller-in-use"} & set(codes(found))


# Kinds with less.


async def _nothing() -> None:
    """Close nothing."""


def test_a_station_with_connections_only(practice_of: Opening) -> None:
    practice = practice_of()

    async def opener(spec: str) -> Examined:
        whole = (await practice.open(spec)).station
        return Examined(
            Station(spec, whole.timebase, whole.close, None, whole.gatt_client, None, whole.lost)
        )

    random = SeededRandomness(1).stream("none")
    alone = practice.run(diagnose(["c1"], opener, lambda _spec: (), random))
    assert codes(alone) == ["no-pb-adv", "no-gatt-server"]
    assert facts(alone) == {"bearers": ["PB-GATT"]}
    assert (alone.faults, alone.radios[0].alone) == (0, None)

    async def mixed(spec: str) -> Examined:
        return await (opener(spec) if spec == "c1" else practice.open(spec))

    both = practice.run(diagnose(["c1", "c2"], mixed, lambda _spec: (), random))
    assert both.pair is not None
    assert both.pair.packets is None
    (way,) = both.pair.gatt
    assert (way.server, way.client, way.round_trips) == ("c2", "c1", 50)


def test_a_station_with_nothing() -> None:
    async def opener(spec: str) -> Examined:
        return Examined(Station(spec, asyncio.get_running_loop(), _nothing))

    random = SeededRandomness(1).stream("none")
    found = asyncio.run(diagnose(["x"], opener, lambda _spec: (), random))
    assert "no-bearer" in codes(found)
    assert found.faults == 1


def test_one_of_two_that_does_not_open_leaves_the_other_alone(practice_of: Opening) -> None:
    practice = practice_of()
    practice.controller(2).silent = True  # type: ignore[attr-defined]
    found = practice.examine("c1", "c2")
    assert found.pair is None
    assert [report.error is None for report in found.radios] == [True, False]
    assert found.radios[0].alone is not None
    assert found.radios[1].alone is None
