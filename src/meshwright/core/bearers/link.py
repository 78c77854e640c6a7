"""What both ends of a PB-ADV link share (Mesh Protocol 1.1, 5.2.1 and 5.3).

A link has two lanes: one pending acknowledgment, and one transaction or bearer control. Each lane
waits its own random 20-50 ms before every packet (5.3.3) and then hands the packet to the radio,
which reports when it has left. What belongs to no open transaction is dropped, never answered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, auto
from typing import ClassVar

from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import ControlOpcode
from meshwright.core.bearers.lanes import AckLane, Half, Outgoing, control_packet
from meshwright.core.bearers.reassembly import Reassembly
from meshwright.core.bearers.sender import SenderBinding
from meshwright.core.effects import (
    CloseReason,
    Effect,
    Lane,
    LinkClosed,
    LinkOpened,
    PduReceived,
    Priority,
    Transmit,
    Withdraw,
)
from meshwright.core.errors import MalformedError
from meshwright.core.timers import Timers


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Every time of the bearer, in seconds; those without a clause are ours to choose.

    `retransmit` is the wait after the last segment before all are sent again; `open_retransmit`
    the same for Link Open, the first `quick_opens` times, and `open_patience` from then on: some
    peers start their Link Ack anew at each Link Open and need more than a second for it.
    """

    delay_minimum: float = 0.020  # 5.3.3
    delay_maximum: float = 0.050  # 5.3.3
    establishment: float = 60.0  # 5.3.2
    link: float = 60.0  # 5.2.1
    acknowledgment: float = 30.0  # 5.3.3
    retransmit: float = 0.2
    open_retransmit: float = 0.2
    quick_opens: int = 4
    open_patience: float = 1.3
    closes: int = 4  # sent once and repeated three times (5.3.1.4.3)


DEVICE_TIMING = LinkTiming(retransmit=0.5)


QUEUE_LIMIT = 4
"""PDUs that may wait before nothing more is taken from the peer, which then has to repeat."""


class Timer(IntEnum):
    """The timers of a link; their clauses stand in `LinkTiming`."""

    ACK_DELAY = auto()
    DELAY = auto()
    ACKNOWLEDGMENT = auto()
    ESTABLISHMENT = auto()
    LINK = auto()


class Phase(IntEnum):
    """Where a link is in its life."""

    IDLE = auto()
    OPENING = auto()
    OPEN = auto()
    CLOSING = auto()
    CLOSED = auto()


@dataclass(slots=True)
class LinkStatistics:
    """What a link has seen. `retransmissions` counts packets sent again for want of an answer."""

    packets_sent: int = 0
    retransmissions: int = 0
    dropped: int = 0
    first_sent_at: float | None = None


# Looking a member up on its enum takes as long as handling a packet's other steps (Python 3.11).
_OPEN, _CLOSING = Phase.OPEN, Phase.CLOSING
_DELAY, _ACK_DELAY, _ACKNOWLEDGMENT = Timer.DELAY, Timer.ACK_DELAY, Timer.ACKNOWLEDGMENT
_LINK = Timer.LINK
_ACK_LANE, _LANE = Lane.ACK, Lane.TRANSACTION
_WITHDRAWN = Withdraw(_LANE)


class Link(ABC):
    """What both ends of a link share."""

    def __init__(
        self,
        uuid: bytes,
        uniform: Callable[[], float],
        timing: LinkTiming,
        own: Half,
        peer: Half,
    ) -> None:
        self.uuid = uuid
        self.timing = timing
        self.statistics = LinkStatistics()
        self._uniform = uniform
        self._delay_minimum = timing.delay_minimum
        self._delay_span = timing.delay_maximum - timing.delay_minimum
        self._own, self._peer = own, peer
        self._timers: Timers[Timer] = Timers()
        self._phase = Phase.IDLE
        self._begin(b"", frozenset())

    def _begin(self, link_id: bytes, refused: frozenset[bytes]) -> None:
        """Forget everything of an earlier link."""
        self._link_id = link_id
        self._sender = SenderBinding(refused)
        self._queue: deque[bytes] = deque()
        self._outgoing: Outgoing | None = None
        self._own_next = self._own.first
        self._peer_next = self._peer.first
        self._peer_last: int | None = None
        self._reassembly = Reassembly()
        self._ack = AckLane()
        self._timers.stop_all()

    # The driver's side.

    @property
    def link_id(self) -> bytes:
        """The four octets that name this link on the air; empty before one was opened."""
        return self._link_id

    @property
    def sender(self) -> bytes | None:
        """The advertiser address the link listens to at present."""
        return self._sender.current

    @property
    def transaction_began(self) -> float | None:
        """When the transaction that waits for its Ack was first sent."""
        return None if self._outgoing is None else self._outgoing.began

    @property
    def finished(self) -> bool:
        """Tell whether the link is closed and its last packet has left."""
        return self._phase is Phase.CLOSED and self._outgoing is None and self._ack.empty

    def next_deadline(self) -> float | None:
        return self._timers.next

    def handle_deadline(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        timers = self._timers
        while timers.next is not None and timers.next <= now:
            effects += self._HANDLERS[timers.pop()](self, now)
        return effects

    def receive(self, payload: bytes, now: float, sender: bytes | None) -> list[Effect]:
        """Take the content of a PB-ADV structure; what does not belong here is dropped."""
        if not payload.startswith(self._link_id) or self._phase not in _LISTENING:
            return []
        try:
            pdu = generic.decode(payload[generic.HEADER_SIZE :])
        except MalformedError:
            self.statistics.dropped += 1
            return []
        return self._HEARD[type(pdu)](self, pdu, payload[4], sender, now)

    # Devices that answer the same Link Open hear one another under the same Link ID. What only a
    # peer of theirs can send is dropped before the sender is looked at: it must not decide whom we
    # listen to.

    def _hear_control(
        self, control: generic.Control, _number: int, sender: bytes | None, now: float
    ) -> list[Effect]:
        closes = control.opcode == ControlOpcode.LINK_CLOSE
        if not (closes or self._expects(control.opcode)) or not self._sender.admits(sender, now):
            return []
        if closes:
            return self._on_close(control.parameters[0])
        return self._on_open_control(control, now)

    def _hear_ack(
        self, _ack: generic.Ack, number: int, sender: bytes | None, now: float
    ) -> list[Effect]:
        if self._phase is not _OPEN or number & 0x80 != self._own.first:
            return []
        return self._on_ack(number, now) if self._sender.admits(sender, now) else []

    def _hear_segment(
        self,
        part: generic.Start | generic.Continuation,
        number: int,
        sender: bytes | None,
        now: float,
    ) -> list[Effect]:
        if self._phase is not _OPEN or number & 0x80 != self._peer.first:
            return []
        return self._on_segment(part, number, now) if self._sender.admits(sender, now) else []

    def transmitted(self, lane: Lane, now: float) -> list[Effect]:
        """Learn that the packet of `lane` has left the radio."""
        self.statistics.packets_sent += 1
        if lane is _ACK_LANE:
            self.statistics.retransmissions += self._ack.left()
            return []
        if self.statistics.first_sent_at is None:
            self.statistics.first_sent_at = now
        outgoing = self._outgoing
        if outgoing is None or not outgoing.at_radio:
            return []  # withdrawn when it was on the air already
        self.statistics.retransmissions += outgoing.rounds > 0
        outgoing.at_radio = False
        outgoing.index += 1
        self._after_packet(outgoing, now)
        return []

    # The machine's side.

    def send(self, pdu: bytes, now: float) -> list[Effect]:
        """Queue one provisioning PDU; without an open link it is dropped."""
        if self._phase is _OPEN:
            self._queue.append(pdu)
            self._next_transaction(now)
        return []

    def close(self, reason: CloseReason, now: float) -> list[Effect]:
        """Send Link Close and be done (5.3.1.4.3).

        A PDU that was handed over just before a Timeout is sent once first: it is the Failed with
        which a Provisioner ends a silent session (5.4.4). Every other close is immediate.
        """
        last_word = self._last_word() if reason is CloseReason.TIMEOUT else []
        return self._close(reason, last_word, now)

    def _last_word(self) -> list[bytes]:
        """Return the packets of the newest PDU if nothing of it has been sent."""
        if self._queue:
            return Outgoing.transaction(self._queue[-1], self._own_next).packets
        outgoing = self._outgoing
        if outgoing is None or not outgoing.is_transaction or outgoing.begun:
            return []
        return outgoing.packets

    def _close(self, reason: CloseReason, last_word: list[bytes], now: float) -> list[Effect]:
        opened = self._phase is _OPEN
        if not opened and self._phase is not Phase.OPENING:
            return []
        effects = self._drop_transaction()
        self._timers.stop(Timer.ESTABLISHMENT)
        self._timers.stop(_LINK)
        self._phase = _CLOSING
        farewell = [control_packet(generic.link_close(reason))] * self.timing.closes
        self._outgoing = Outgoing([*last_word, *farewell], Priority.CLOSE)
        self._start_delay(now)
        return [*effects, LinkClosed(reason, by_peer=False, opened=opened)]

    # Sending.

    def _delay(self) -> float:
        return self._delay_minimum + self._delay_span * self._uniform()

    def _start_delay(self, now: float) -> None:
        """Have the next packet of the transaction lane sent after the random delay."""
        delay = self._delay_minimum + self._delay_span * self._uniform()
        self._timers.set(_DELAY, now + delay)

    def _next_transaction(self, now: float) -> None:
        if self._outgoing is None and self._queue:
            self._outgoing = Outgoing.transaction(self._queue.popleft(), self._own_next)
            self._own_next = self._own.following(self._own_next)
            self._start_delay(now)

    def _on_delay(self, _now: float) -> list[Effect]:
        outgoing = self._outgoing
        if outgoing is None:
            return []
        outgoing.at_radio = True
        packet = self._link_id + outgoing.packets[outgoing.index]
        progress = self._own_next & 0x7F
        return [Transmit(_LANE, packet, outgoing.priority, progress)]

    def _after_packet(self, outgoing: Outgoing, now: float) -> None:
        if outgoing.began is None and outgoing.is_transaction:
            outgoing.began = now
            self._timers.set(_ACKNOWLEDGMENT, now + self.timing.acknowledgment)
        if outgoing.index < len(outgoing.packets):
            self._start_delay(now)
        elif self._phase is _CLOSING:
            self._outgoing = None
            self._gone()
        else:
            outgoing.index = 0
            outgoing.rounds += 1
            self._start_delay(now + self._wait(outgoing))

    def _wait(self, outgoing: Outgoing) -> float:
        timing = self.timing
        if outgoing.is_transaction:
            return timing.retransmit
        quick = outgoing.rounds < timing.quick_opens
        return timing.open_retransmit if quick else timing.open_patience

    def _gone(self) -> None:
        """Rest after a link: for good, or until the next Link Open."""
        self._phase = Phase.CLOSED

    def _drop_transaction(self) -> list[Effect]:
        self._queue.clear()
        return self._end_outgoing()

    def _end_outgoing(self) -> list[Effect]:
        if self._outgoing is None:
            return []
        self._outgoing = None
        self._timers.stop(_DELAY)
        self._timers.stop(_ACKNOWLEDGMENT)
        return [_WITHDRAWN]

    # Receiving.

    def _on_ack(self, number: int, now: float) -> list[Effect]:
        # Nobody can have received what was not sent whole.
        outgoing = self._outgoing
        if outgoing is None or not outgoing.rounds or number != outgoing.number:
            self.statistics.dropped += 1
            return []
        return self._acknowledged(now)

    def _acknowledged(self, now: float) -> list[Effect]:
        effects = self._end_outgoing()
        self._next_transaction(now)
        return effects

    def _on_segment(
        self, part: generic.Start | generic.Continuation, number: int, now: float
    ) -> list[Effect]:
        if number == self._peer_last:
            self._acknowledge(number, now)
            return []
        if number != self._peer_next:
            self.statistics.dropped += 1
            return []
        # The peer begins a new transaction only when ours has arrived whole: its reply replaces
        # the acknowledgment, which some stacks then never send (5.3.3 as practised).
        effects: list[Effect] = []
        if self._outgoing is not None and self._outgoing.rounds:
            effects = self._acknowledged(now)
        if len(self._queue) > QUEUE_LIMIT:
            self.statistics.dropped += 1
            return effects
        pdu = self._reassembly.add(part)
        return effects if pdu is None else effects + self._complete(pdu, number, now)

    def _complete(self, pdu: bytes, number: int, now: float) -> list[Effect]:
        self._timers.stop(_LINK)
        self._peer_last = number
        self._peer_next = self._peer.following(number)
        self._reassembly.clear()
        self._acknowledge(number, now)
        return [PduReceived(pdu)]

    def _acknowledge(self, number: int, now: float) -> None:
        self._queue_ack(_ACKS[number], now)

    def _queue_ack(self, packet: bytes, now: float) -> None:
        """Have `packet` sent in the ack lane, which holds one packet at most."""
        if self._ack.put(packet):
            self._timers.set(_ACK_DELAY, now + self._delay())

    def _on_ack_delay(self, _now: float) -> list[Effect]:
        packet = self._ack.to_radio()
        return [] if packet is None else [Transmit(_ACK_LANE, self._link_id + packet, Priority.ACK)]

    # Opening, closing and time.

    @abstractmethod
    def _expects(self, opcode: int) -> bool:
        """Tell whether the peer may send this bearer control now."""

    @abstractmethod
    def _on_open_control(self, control: generic.Control, now: float) -> list[Effect]:
        """Handle Link Open and Link Ack, which differ by role."""

    def _on_close(self, reason: int) -> list[Effect]:
        if self._phase is _CLOSING:
            return []
        opened = self._phase is _OPEN
        effects = self._drop_transaction()
        if not self._ack.empty:
            self._ack.clear()
            effects.append(Withdraw(_ACK_LANE))
        self._timers.stop_all()
        self._gone()
        return [*effects, LinkClosed(reason, by_peer=True, opened=opened)]

    def _opened(self, now: float) -> list[Effect]:
        self._phase = _OPEN
        self._timers.set(_LINK, now + self.timing.link)
        return [LinkOpened(self._sender.current)]

    def _on_timeout(self, now: float) -> list[Effect]:
        return self._close(CloseReason.TIMEOUT, [], now)

    _HEARD: ClassVar[dict[type, Callable[..., list[Effect]]]] = {
        generic.Start: _hear_segment,
        generic.Ack: _hear_ack,
        generic.Continuation: _hear_segment,
        generic.Control: _hear_control,
    }
    _HANDLERS: ClassVar[dict[Timer, Callable[[Link, float], list[Effect]]]] = {
        _ACK_DELAY: _on_ack_delay,
        _DELAY: _on_delay,
        _ACKNOWLEDGMENT: _on_timeout,
        Timer.ESTABLISHMENT: _on_timeout,
        _LINK: _on_timeout,
    }


_LISTENING = frozenset({Phase.OPENING, _OPEN, _CLOSING})
_ACKS = [bytes([number]) + generic.ACK for number in range(256)]
