"""How the packets of a PB-ADV link leave: one by one in each lane, each after a random delay.

A link has two lanes: one pending acknowledgment, and one transaction or bearer control. Each lane
waits its own random 20-50 ms before every packet (5.3.3) and then hands the packet to the radio,
which reports when it has left.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto

from meshwright.core.bearers.lanes import AckLane, Outgoing
from meshwright.core.bearers.link_statistics import LinkStatistics
from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.effects import Effect, Lane, Priority, Transmit, Withdraw
from meshwright.core.timers import Timers


class Timer(IntEnum):
    """The timers of a link; their clauses stand in `LinkTiming`."""

    ACK_DELAY = auto()
    DELAY = auto()
    ACKNOWLEDGMENT = auto()
    ESTABLISHMENT = auto()
    LINK = auto()


# Looking a member up on its enum takes as long as handling a packet's other steps (Python 3.11).
_DELAY, _ACK_DELAY, _ACKNOWLEDGMENT = Timer.DELAY, Timer.ACK_DELAY, Timer.ACKNOWLEDGMENT
_ACK_LANE, _LANE, _ACK = Lane.ACK, Lane.TRANSACTION, Priority.ACK
_WITHDRAWN = Withdraw(_LANE)


class Sending:
    """Both lanes of one link; it keeps the timers that are about packets."""

    __slots__ = (
        "_delay",
        "_minimum",
        "_span",
        "_timers",
        "_timing",
        "_uniform",
        "ack",
        "outgoing",
        "statistics",
    )

    def __init__(
        self, timing: LinkTiming, uniform: Callable[[], float], timers: Timers[Timer]
    ) -> None:
        self.statistics = LinkStatistics()
        self._timing = timing
        self._uniform = uniform
        self._minimum = timing.delay_minimum
        self._span = timing.delay_maximum - timing.delay_minimum
        self._timers = timers
        self.clear()

    def clear(self) -> None:
        """Forget everything of an earlier link."""
        self.outgoing: Outgoing | None = None
        self.ack = AckLane()

    @property
    def idle(self) -> bool:
        """Tell whether nothing waits in either lane."""
        return self.outgoing is None and self.ack.empty

    # The transaction lane.

    def start(self, outgoing: Outgoing, now: float) -> None:
        """Send a PDU's packets, again and again until it is ended; those of a close once."""
        self.outgoing = outgoing
        self._start_delay(now)

    def end(self) -> list[Effect]:
        """Stop sending what is in the transaction lane."""
        if self.outgoing is None:
            return []
        self.outgoing = None
        self._timers.stop(_DELAY)
        self._timers.stop(_ACKNOWLEDGMENT)
        return [_WITHDRAWN]

    def _start_delay(self, now: float) -> None:
        self._timers.set(_DELAY, now + self._minimum + self._span * self._uniform())

    def on_delay(self, _now: float) -> list[Effect]:
        """Hand the next packet of the transaction lane to the radio."""
        outgoing = self.outgoing
        if outgoing is None:
            return []
        outgoing.at_radio = True
        packet = outgoing.packets[outgoing.index]
        return [Transmit(_LANE, packet, outgoing.priority, outgoing.progress)]

    def transmitted(self, lane: Lane, now: float) -> bool:
        """Learn that the packet of `lane` has left the radio; return whether a close is over."""
        statistics = self.statistics
        statistics.packets_sent += 1
        if lane is _ACK_LANE:
            statistics.retransmissions += self.ack.left()
            return False
        if statistics.first_sent_at is None:
            statistics.first_sent_at = now
        outgoing = self.outgoing
        if outgoing is None or not outgoing.at_radio:
            return False  # withdrawn when it was on the air already
        if outgoing.rounds:
            statistics.retransmissions += 1
        outgoing.at_radio = False
        outgoing.index += 1
        return self._after_packet(outgoing, now)

    def _after_packet(self, outgoing: Outgoing, now: float) -> bool:
        if outgoing.began is None and outgoing.is_transaction:
            outgoing.began = now
            self._timers.set(_ACKNOWLEDGMENT, now + self._timing.acknowledgment)
        pause = 0.0
        if outgoing.index == len(outgoing.packets):
            if outgoing.priority is Priority.CLOSE:
                self.outgoing = None
                return True
            outgoing.index = 0
            outgoing.rounds += 1
            pause = self._pause(outgoing)
        self._start_delay(now + pause)
        return False

    def _pause(self, outgoing: Outgoing) -> float:
        """Return the wait for an answer before all packets are sent again."""
        timing = self._timing
        if outgoing.is_transaction:
            return timing.retransmit
        quick = outgoing.rounds < timing.quick_opens
        return timing.open_retransmit if quick else timing.open_patience

    # The ack lane.

    def acknowledge(self, packet: bytes, now: float) -> None:
        """Have `packet` sent in the ack lane, which holds one packet at most."""
        if self.ack.put(packet):
            self._timers.set(_ACK_DELAY, now + self._minimum + self._span * self._uniform())

    def on_ack_delay(self, _now: float) -> list[Effect]:
        """Hand the acknowledgment to the radio."""
        packet = self.ack.to_radio()
        return [] if packet is None else [Transmit(_ACK_LANE, packet, _ACK)]

    def withdraw_ack(self) -> list[Effect]:
        """Drop an acknowledgment that waits."""
        if self.ack.empty:
            return []
        self.ack.clear()
        return [Withdraw(_ACK_LANE)]
