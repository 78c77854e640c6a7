"""An air in virtual time, and the radios on it.

One advertising event is a packet on channel 37, 38 and 39 in turn. A radio hears a packet that
begins and ends on the channel it listens to, while it does not transmit itself, if no other packet
touched it there and if it is not lost at random. All chance comes from one source: the same seed
gives the same run. What an event will meet is worked out when it begins, less than 3 ms ahead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from heapq import heappush

from meshwright.radio.errors import RadioBusyError
from meshwright.radio.interests import Interests, Pattern
from meshwright.radio.port import DEVICE, Listener, Pacing, Report, check_payload
from meshwright.radio.simulated.propagation import (
    CHANNELS,
    GAP_MAXIMUM,
    GAP_MINIMUM,
    TURNAROUND,
    AirStatistics,
    Faults,
    PathLoss,
    Position,
    airtime,
)
from meshwright.radio.simulated.virtual_time import VirtualTime
from meshwright.randomness import Uniform

PROVISIONER_HOP, DEVICE_HOP = 0.100, 0.030
_GAP_SPAN = GAP_MAXIMUM - GAP_MINIMUM

Capture = Callable[[float, bytes, bytes], object]
"""Takes the time, the sender's address and the payload of an event."""


class _Part:
    """One packet on one channel, and who listens there meanwhile."""

    __slots__ = ("clear", "end", "hearing", "payload", "sender", "start")

    def __init__(self, sender: SimulatedRadio, payload: bytes, start: float, end: float) -> None:
        self.sender = sender
        self.payload = payload
        self.start = start
        self.end = end
        self.hearing: list[SimulatedRadio] = []
        self.clear = True


_Event = tuple[_Part, _Part, _Part]  # on 37, 38 and 39


class Air(VirtualTime):
    """The air of one place; `uniform` is its only source of chance."""

    def __init__(
        self,
        uniform: Uniform,
        *,
        faults: Faults | None = None,
        path_loss: PathLoss | None = None,
    ) -> None:
        super().__init__()
        self.uniform = uniform
        self.faults = faults or Faults()
        self.statistics = AirStatistics()
        self._path_loss = path_loss or PathLoss()
        self._radios: Interests[SimulatedRadio] = Interests()
        self._on_air: list[_Event] = []
        self._captures: list[Capture] = []

    def radio(
        self,
        address: bytes,
        pacing: Pacing = DEVICE,
        *,
        hop: float = DEVICE_HOP,
        position: Position | None = None,
    ) -> SimulatedRadio:
        """Put a radio on the air, switched on; `hop` is how long it stays on a channel."""
        radio = SimulatedRadio(self, address, pacing, hop, position)
        radio.switch_on()
        return radio

    def capture(self, callback: Capture) -> None:
        """Show `callback` everything that is sent from now on, whether it is heard or not."""
        self._captures.append(callback)

    def tune(self, radio: SimulatedRadio, wanted: Collection[Pattern] | None) -> None:
        """Let `radio` hear what it wants; None is everything."""
        self._radios.set(radio, wanted)

    def silence(self, radio: SimulatedRadio) -> None:
        """Let `radio` hear nothing."""
        self._radios.discard(radio)

    def send(self, sender: SimulatedRadio, payload: bytes) -> _Event:
        """Begin an advertising event; its parts go on the air one after the other."""
        now = self._now
        self.statistics.sent += 1
        for capture in self._captures:
            capture(now, sender.address, payload)
        parts = self._parts(sender, payload, now + TURNAROUND)
        for radio in self._candidates(payload):
            if radio is not sender:
                radio.tune_in(parts)
        self._interfere(parts)
        for part in parts:
            if part.hearing:
                heappush(self._events, (part.end, next(self._serials), self._deliver, part))
        return parts

    def _interfere(self, parts: _Event) -> None:
        now = self._now
        others = [event for event in self._on_air if event[-1].end > now]
        for event in others:
            for part, other in zip(parts, event, strict=True):
                if other.start < part.end and other.end > part.start:
                    other.clear = part.clear = False
        others.append(parts)
        self._on_air = others

    def _parts(self, sender: SimulatedRadio, payload: bytes, first: float) -> _Event:
        uniform, length = self.uniform, airtime(len(payload))
        second = first + length + GAP_MINIMUM + _GAP_SPAN * uniform()
        third = second + length + GAP_MINIMUM + _GAP_SPAN * uniform()
        return (
            _Part(sender, payload, first, first + length),
            _Part(sender, payload, second, second + length),
            _Part(sender, payload, third, third + length),
        )

    def _candidates(self, payload: bytes) -> tuple[SimulatedRadio, ...]:
        if len(payload) > 1 and payload[0] + 1 == len(payload):
            return self._radios.lookup(payload[1], payload[2:])
        return self._radios.members

    def _deliver(self, part: _Part) -> None:
        statistics = self.statistics
        if not part.clear:
            statistics.collided += len(part.hearing)
            return
        for radio in part.hearing:
            if radio.deaf(part.start, part.end):
                statistics.deaf += 1
            elif self.uniform() < self.faults.loss:
                statistics.lost += 1
            else:
                statistics.heard += 1
                self._hand_over(radio, part)

    def _hand_over(self, radio: SimulatedRadio, part: _Part) -> None:
        sender, faults = part.sender, self.faults
        rssi = self._path_loss.rssi(sender.position, radio.position)
        report = Report(part.payload, sender.address, rssi)
        if faults.duplication and self.uniform() < faults.duplication:
            self._hand_over_later(radio, report)
        if faults.delay:
            self._hand_over_later(radio, report)
        else:
            radio.hear(report)

    def _hand_over_later(self, radio: SimulatedRadio, report: Report) -> None:
        self.schedule(self._now + self.faults.delay * self.uniform(), radio.hear, report)


class SimulatedRadio:
    """One transceiver on an air: it hears one channel at a time, and nothing while it sends."""

    predictable_allowed = True

    def __init__(
        self, air: Air, address: bytes, pacing: Pacing, hop: float, position: Position | None
    ) -> None:
        self.address = address
        self.pacing = pacing
        self.position = position
        self._air = air
        self._hops_a_second = 1 / hop
        self._phase = air.uniform() * CHANNELS * hop
        self._listener: Listener | None = None
        self._wanted: Collection[Pattern] | None = None
        self._on = False
        self._ready = False
        self._turn = 0  # a rest that was ordered in an earlier turn means nothing
        self._event: _Event | None = None
        self._deaf_from = self._deaf_until = -1.0

    @property
    def ready(self) -> bool:
        return self._ready

    @property
    def is_on(self) -> bool:
        """Tell whether it is on the air at all."""
        return self._on

    def listen(self, listener: Listener | None) -> None:
        self._listener = listener

    def narrow(self, wanted: Collection[Pattern] | None) -> None:
        self._wanted = wanted
        if self._on:
            self._air.tune(self, wanted)

    def switch_on(self) -> None:
        """Hear and be heard; harmless when it is on."""
        if self._on:
            return
        self._on = self._ready = True
        self._air.tune(self, self._wanted)
        self._air.schedule(self._air.time(), self._rested, self._turn)

    def switch_off(self) -> None:
        """Leave the air at once; an event on its way is cut off, and reported as any other."""
        self._on = self._ready = False
        self._turn += 1
        self._air.silence(self)
        for part in self._event or ():
            part.clear = part.clear and part.end <= self._air.time()

    def transmit(self, payload: bytes) -> None:
        if not self._ready:
            raise RadioBusyError("the radio takes one packet at a time; wait until it is ready")
        check_payload(payload)
        air = self._air
        begin = air.time()
        self._ready = False
        self._turn += 1
        self._event = event = air.send(self, payload)
        end = event[-1].end
        self._deaf_from, self._deaf_until = begin, end + TURNAROUND
        air.schedule(end, self._transmitted, None)
        wait = self.pacing.interval + self.pacing.jitter * air.uniform()
        air.schedule(max(begin + wait, self._deaf_until), self._rested, self._turn)

    def tune_in(self, parts: _Event) -> None:
        """Listen to those of `parts` that begin and end on our channel."""
        phase, hops = self._phase, self._hops_a_second
        first = int((parts[0].start + phase) * hops)
        if first == int((parts[-1].end + phase) * hops):  # no hop meanwhile: one channel
            parts[first % CHANNELS].hearing.append(self)
            return
        for channel, part in enumerate(parts):
            hop = int((part.start + phase) * hops)
            if hop % CHANNELS == channel and hop == int((part.end + phase) * hops):
                part.hearing.append(self)

    def deaf(self, start: float, end: float) -> bool:
        """Tell whether it cannot have heard a packet that took from `start` to `end`."""
        return not self._on or (self._deaf_from < end and self._deaf_until > start)

    def hear(self, report: Report) -> None:
        """Take what the air delivers."""
        if self._on and self._listener is not None:
            self._listener.heard(report, self._air.time())

    def _transmitted(self, _nothing: None) -> None:
        if self._listener is not None:
            self._listener.transmitted(self._air.time())

    def _rested(self, turn: int) -> None:
        if turn != self._turn:
            return
        self._ready = True
        if self._listener is not None:
            self._listener.ready(self._air.time())
