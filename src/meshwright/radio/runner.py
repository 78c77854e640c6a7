"""Pumps packets and deadlines between one radio and any number of machines.

It behaves the same on the simulated air and on a real radio: what is heard goes to whoever wants
it, what machines ask for waits in one queue, and every machine has one timer at most. An exception
that leaves a machine is a mistake of ours and is not caught.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import partial

from meshwright.core.discovery.ad import AdType, structure, structures
from meshwright.core.driver import PacketMachine
from meshwright.core.effects import Effect, Priority
from meshwright.radio.counters import Counters
from meshwright.radio.driven import Driven, OnEffects
from meshwright.radio.errors import RadioError
from meshwright.radio.interests import Interests, Pattern
from meshwright.radio.outbox import Outbox
from meshwright.radio.port import Radio, Report, Timebase
from meshwright.radio.queue import Sent

OnHeard = Callable[[bytes, Report, float], object]
"""Takes the data of one structure, the advertisement it came in, and the time."""

ANY_LINK = Pattern(AdType.PB_ADV)

_FILTERS = 4
"""A radio is asked to look for so many patterns at most, and for whole AD types otherwise."""


class _Subscription:
    """Somebody who listens without a machine."""

    __slots__ = ("heard",)

    def __init__(self, heard: OnHeard) -> None:
        self.heard = heard


class Runner:
    """Drives machines on `radio`; the time of `timebase` is the `now` of every call."""

    def __init__(self, radio: Radio, timebase: Timebase) -> None:
        self.radio = radio
        self.timebase = timebase
        self.counters = Counters()
        self._outbox = Outbox(radio, self.counters)
        self._driven: dict[PacketMachine, Driven] = {}
        self._hearing: Interests[Driven | _Subscription] = Interests()
        self._narrowed: tuple[Pattern, ...] | None = ()
        radio.narrow(())
        radio.listen(self)

    # Machines.

    def add(
        self, machine: PacketMachine, on_effects: OnEffects, wanted: Pattern = ANY_LINK
    ) -> None:
        """Drive `machine` until it is finished; `wanted` says which packets concern it.

        What it returns goes to `on_effects`, except `Transmit` and `Withdraw`.
        """
        self.remove(machine)
        driven = Driven(machine, on_effects, self._outbox, self.timebase, self.remove)
        self._driven[machine] = driven
        self._tune(driven, wanted)
        driven.perform([], self.timebase.time())

    def retune(self, machine: PacketMachine, wanted: Pattern) -> None:
        """Change which packets concern `machine`, which may be gone."""
        driven = self._driven.get(machine)
        if driven is not None:
            self._tune(driven, wanted)

    def perform(self, machine: PacketMachine, effects: list[Effect]) -> None:
        """Carry out what the owner got by calling `machine` itself.

        Call it even for no effects, because the deadline may have changed. What is not for the
        radio goes to `on_effects`.
        """
        driven = self._driven.get(machine)
        if driven is not None:
            driven.perform(effects, self.timebase.time())
        elif effects:
            raise RadioError("this machine is not driven here; add it first", code="not-driven")

    def remove(self, machine: PacketMachine) -> None:
        """Stop driving `machine`, which may be gone; nothing of it is sent any more."""
        driven = self._driven.pop(machine, None)
        if driven is not None:
            driven.stop()
            self._ignore(driven)

    @property
    def machines(self) -> tuple[PacketMachine, ...]:
        """Everything that is driven at present."""
        return tuple(self._driven)

    # Packets without a machine.

    def subscribe(self, ad_type: int, on_heard: OnHeard) -> Callable[[], None]:
        """Show `on_heard` every structure of `ad_type` until the result is called."""
        subscription = _Subscription(on_heard)
        self._tune(subscription, Pattern(ad_type))
        return partial(self._ignore, subscription)

    def send(
        self,
        ad_type: int,
        data: bytes,
        priority: Priority = Priority.BEACON,
        *,
        key: Hashable = None,
        sent: Sent | None = None,
    ) -> None:
        """Send one structure once and tell `sent`; it replaces what waits under the same `key`."""
        place = (Runner, object() if key is None else key)
        now = self.timebase.time()
        self._outbox.put(place, structure(ad_type, data), priority, now, sent=sent)
        self._outbox.pump(now)

    def withdraw(self, key: Hashable) -> None:
        """Do not send what waits under `key`."""
        self._outbox.withdraw((Runner, key))

    # The radio's side.

    def heard(self, report: Report, now: float) -> None:
        self.counters.heard += 1
        for ad_type, data in structures(report.payload):
            for hearer in self._hearing.lookup(ad_type, data):
                if hearer in self._hearing:  # what one does may remove the next
                    hearer.heard(data, report, now)

    def transmitted(self, now: float) -> None:
        self._outbox.transmitted(now)

    def ready(self, now: float) -> None:
        self._outbox.pump(now)

    def _tune(self, hearer: Driven | _Subscription, wanted: Pattern) -> None:
        self._hearing.set(hearer, (wanted,))
        self._narrow()

    def _ignore(self, hearer: Driven | _Subscription) -> None:
        self._hearing.discard(hearer)
        self._narrow()

    def _narrow(self) -> None:
        wanted = self._hearing.wanted(_FILTERS)
        if wanted != self._narrowed:
            self._narrowed = wanted
            self.radio.narrow(wanted)
