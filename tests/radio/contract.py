"""What every radio must do, whatever it is made of.

Derive from `RadioContract`, give it two radios in range of each other, and run it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.radio.recorder import Recorder

from meshwright.core.discovery.ad import AdType, structure
from meshwright.radio.errors import PayloadError, RadioBusyError
from meshwright.radio.interests import Pattern
from meshwright.radio.port import Radio, Timebase

ONE = structure(AdType.MESH_MESSAGE, b"one message")
OTHER = structure(AdType.PB_ADV, b"LINK of another type")


class RadioContract(ABC):
    """The tests; an adapter says how to make radios and how time passes."""

    @abstractmethod
    def radio(self, number: int) -> Radio:
        """Return a radio of its own that hears and is heard by the others."""

    @abstractmethod
    def run(self, seconds: float) -> None:
        """Let time pass."""

    def heard_as(self, radio: Radio) -> bytes | None:
        """Return the address that others see of `radio`; None where the air has no addresses."""
        return radio.address

    def pair(self, *to_send: bytes) -> tuple[Recorder, Recorder]:
        """Return a sender of `to_send` and somebody who hears it."""
        sender, hearer = Recorder(self.radio(1), *to_send), Recorder(self.radio(2))
        self.run(1.0)
        return sender, hearer

    def test_has_an_address_of_six_octets(self) -> None:
        assert len(self.radio(1).address) == 6

    def test_is_heard_whole_and_under_its_address(self) -> None:
        sender, hearer = self.pair(*[ONE] * 20)
        assert ONE in hearer.payloads
        assert {report.payload for report in hearer.reports} == {ONE}
        assert {report.address for report in hearer.reports} == {self.heard_as(sender.radio)}

    def test_does_not_hear_itself(self) -> None:
        sender, _ = self.pair(*[ONE] * 20)
        assert sender.reports == []

    def test_reports_every_event_once_and_is_ready_after_each(self) -> None:
        sender, _ = self.pair(*[ONE] * 10)
        assert len(sender.sent_at) == 10
        assert sender.to_send == []
        assert sender.radio.ready

    def test_keeps_its_pacing(self) -> None:
        sender, _ = self.pair(*[ONE] * 10)
        waits = [after - before for before, after in pairwise(sender.ready_at[-10:])]
        assert min(waits) >= sender.radio.pacing.interval - 1e-9

    def test_takes_no_more_than_it_can_send(self) -> None:
        radio = Recorder(self.radio(1)).radio
        self.run(0.1)

        def flood() -> None:
            for _ in range(100):
                radio.transmit(ONE)

        with pytest.raises(RadioBusyError) as caught:
            flood()
        assert caught.value.code == "radio-busy"
        assert not radio.ready
        self.run(1.0)
        assert radio.ready

    def test_never_calls_back_within_transmit(self) -> None:
        recorder = Recorder(self.radio(1))
        self.run(0.1)
        recorder.radio.transmit(ONE)
        assert recorder.sent_at == []

    @pytest.mark.parametrize("payload", [b"", bytes(32)])
    def test_refuses_what_fits_no_advertisement(self, payload: bytes) -> None:
        radio = Recorder(self.radio(1)).radio
        self.run(0.1)
        with pytest.raises(PayloadError):
            radio.transmit(payload)
        assert radio.ready

    def test_narrowing_lets_through_what_is_wanted(self) -> None:
        sender, hearer = Recorder(self.radio(1), *[OTHER] * 20), Recorder(self.radio(2))
        hearer.radio.narrow([Pattern(AdType.PB_ADV, 0, b"LINK")])
        self.run(1.0)
        assert OTHER in hearer.payloads
        assert sender.to_send == []

    def test_widening_lets_everything_through_again(self) -> None:
        hearer = Recorder(self.radio(2))
        hearer.radio.narrow(())
        hearer.radio.narrow(None)
        Recorder(self.radio(1), *[ONE] * 20)
        self.run(1.0)
        assert ONE in hearer.payloads

    def test_tells_nobody_when_nobody_listens(self) -> None:
        hearer = Recorder(self.radio(2))
        hearer.radio.listen(None)
        Recorder(self.radio(1), *[ONE] * 20)
        self.run(1.0)
        assert hearer.reports == []


class TimebaseContract(ABC):
    """What every timebase must do."""

    @abstractmethod
    def timebase(self) -> Timebase:
        """Return a timebase."""

    @abstractmethod
    def run(self, seconds: float) -> None:
        """Let time pass."""

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        timebase = self.timebase()
        timebase.call_at(timebase.time() + seconds, callback)

    def test_time_never_goes_back(self) -> None:
        before = self.timebase().time()
        self.run(0.001)
        assert self.timebase().time() >= before

    def test_calls_in_the_order_of_time(self) -> None:
        calls: list[str] = []
        self.later(0.004, lambda: calls.append("second"))
        self.later(0.002, lambda: calls.append("first"))
        self.run(0.02)
        assert calls == ["first", "second"]

    def test_never_calls_early_by_more_than_a_tick(self) -> None:
        times: list[float] = []
        due = self.timebase().time() + 0.003
        self.timebase().call_at(due, lambda: times.append(self.timebase().time()))
        self.run(0.02)
        assert times[0] >= due - 1e-6

    def test_a_cancelled_call_is_not_made(self) -> None:
        calls: list[str] = []
        timebase = self.timebase()
        timer = timebase.call_at(timebase.time() + 0.001, lambda: calls.append("no"))
        timer.cancel()
        self.run(0.01)
        timer.cancel()
        assert calls == []

    def test_what_is_past_is_called_soon_but_not_at_once(self) -> None:
        calls: list[str] = []
        self.timebase().call_at(self.timebase().time() - 1.0, lambda: calls.append("soon"))
        assert calls == []
        self.run(0.01)
        assert calls == ["soon"]
