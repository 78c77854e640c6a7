"""What both ends of a PB-ADV link share (Mesh Protocol 1.1, 5.2.1 and 5.3).

A link hears and takes turns; how its packets leave is told in `sending`. What belongs to no open
transaction is dropped, never answered.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import ControlOpcode
from meshwright.core.bearers.lanes import Outgoing, ack_packet, control_packet
from meshwright.core.bearers.phase import Phase
from meshwright.core.bearers.sender import SenderBinding
from meshwright.core.bearers.sending import Sending, Timer
from meshwright.core.bearers.timing import LinkTiming
from meshwright.core.bearers.transactions import Half, Incoming, Outbox
from meshwright.core.effects import (
    CloseReason,
    Effect,
    Lane,
    LinkClosed,
    LinkOpened,
    PduReceived,
    Priority,
)
from meshwright.core.errors import MalformedError
from meshwright.core.timers import Timers

# Looking a member up on its enum takes as long as handling a packet's other steps (Python 3.11).
_OPEN, _CLOSING, _LINK = Phase.OPEN, Phase.CLOSING, Timer.LINK


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
        self._own, self._peer = own, peer
        self._timers: Timers[Timer] = Timers()
        self._sending = Sending(timing, uniform, self._timers)
        self.statistics = self._sending.statistics
        self._timeouts: dict[Timer, Callable[[float], list[Effect]]] = {
            Timer.ACK_DELAY: self._sending.on_ack_delay,
            Timer.DELAY: self._sending.on_delay,
            Timer.ACKNOWLEDGMENT: self._on_timeout,
            Timer.ESTABLISHMENT: self._on_timeout,
            Timer.LINK: self._on_timeout,
        }
        self._phase = Phase.IDLE
        self._begin(b"", frozenset())

    def _begin(self, link_id: bytes, refused: frozenset[bytes]) -> None:
        """Forget everything of an earlier link."""
        self._link_id = link_id
        self._sender = SenderBinding(refused)
        self._sending.clear()
        self._incoming = Incoming(self._peer)
        self._outbox = Outbox(self._own, link_id)
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
        outgoing = self._sending.outgoing
        return None if outgoing is None else outgoing.began

    @property
    def finished(self) -> bool:
        """Tell whether the link is closed and its last packet has left."""
        return self._phase is Phase.CLOSED and self._sending.idle

    def next_deadline(self) -> float | None:
        return self._timers.next

    def handle_deadline(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        timers = self._timers
        while timers.next is not None and timers.next <= now:
            effects += self._timeouts[timers.pop()](now)
        return effects

    def transmitted(self, lane: Lane, now: float) -> list[Effect]:
        """Learn that the packet of `lane` has left the radio."""
        if self._sending.transmitted(lane, now):
            self._gone()
        return []

    def receive(self, payload: bytes, now: float, sender: bytes | None) -> list[Effect]:
        """Take the content of a PB-ADV structure; what does not belong here is dropped."""
        if self._phase not in _LISTENING:
            return self._hear_idle(payload, now, sender)
        if not payload.startswith(self._link_id):
            return []
        try:
            pdu = generic.decode(payload[generic.HEADER_SIZE :])
        except MalformedError:
            return self._drop()
        return self._HEARD[type(pdu)](self, pdu, payload[4], sender, now)

    def _hear_idle(self, _payload: bytes, _now: float, _sender: bytes | None) -> list[Effect]:
        return []  # there is no link

    def _drop(self) -> list[Effect]:
        self.statistics.dropped += 1
        return []

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
        fitting = self._phase is _OPEN and number & 0x80 == self._own.first
        if not fitting or not self._sender.admits(sender, now):
            return []
        # Nobody can have received what was not sent whole.
        outgoing = self._sending.outgoing
        if outgoing is None or not outgoing.rounds or number != outgoing.number:
            return self._drop()
        return self._acknowledged(now)

    def _hear_segment(
        self,
        part: generic.Start | generic.Continuation,
        number: int,
        sender: bytes | None,
        now: float,
    ) -> list[Effect]:
        incoming = self._incoming
        fitting = self._phase is _OPEN and number & 0x80 == self._peer.first
        if not fitting or not self._sender.admits(sender, now):
            return []
        if number == incoming.done:
            self._acknowledge(number, now)
            return []
        return self._on_due(part, now) if number == incoming.due else self._drop()

    # Transactions.

    def send(self, pdu: bytes, now: float) -> list[Effect]:
        """Queue one provisioning PDU; without an open link it is dropped.

        One that is too long for PB-ADV ends the link: nothing could follow it.
        """
        if self._phase is not _OPEN:
            return []
        if len(pdu) > generic.MAXIMUM_PDU:
            return self._close(CloseReason.FAIL, [], now)
        self._outbox.put(pdu)
        self._next_transaction(now)
        return []

    def _next_transaction(self, now: float) -> None:
        outgoing = self._outbox.take() if self._sending.outgoing is None else None
        if outgoing is not None:
            self._sending.start(outgoing, now)

    def _acknowledged(self, now: float) -> list[Effect]:
        effects = self._sending.end()
        self._next_transaction(now)
        return effects

    def _on_due(self, part: generic.Start | generic.Continuation, now: float) -> list[Effect]:
        """Take a segment of the transaction that is due."""
        # The peer begins a new transaction only when ours has arrived whole: its reply replaces
        # the acknowledgment, which some stacks then never send (5.3.3 as practised).
        effects: list[Effect] = []
        outgoing = self._sending.outgoing
        if outgoing is not None and outgoing.rounds:
            effects = self._acknowledged(now)
        if self._outbox.full:
            return effects + self._drop()
        number = self._incoming.due
        pdu = self._incoming.add(part)
        if pdu is None:
            return effects
        self._timers.stop(_LINK)
        self._acknowledge(number, now)
        return [*effects, PduReceived(pdu)]

    def _acknowledge(self, number: int, now: float) -> None:
        self._sending.acknowledge(ack_packet(self._link_id, number), now)

    # Opening, closing and time.

    @abstractmethod
    def _expects(self, opcode: int) -> bool:
        """Tell whether the peer may send this bearer control now."""

    @abstractmethod
    def _on_open_control(self, control: generic.Control, now: float) -> list[Effect]:
        """Handle Link Open and Link Ack, which differ by role."""

    def _opened(self, now: float) -> list[Effect]:
        self._phase = _OPEN
        self._timers.set(_LINK, now + self.timing.link)
        return [LinkOpened(self._sender.current)]

    def _gone(self) -> None:
        """Rest after a link: for good, or until the next Link Open."""
        self._phase = Phase.CLOSED

    def close(self, reason: CloseReason, now: float) -> list[Effect]:
        """Send Link Close and be done (5.3.1.4.3).

        A PDU that was handed over just before a Timeout is sent once first: it is the Failed with
        which a Provisioner ends a silent session (5.4.4). Every other close is immediate.
        """
        last_word = self._last_word() if reason is CloseReason.TIMEOUT else []
        return self._close(reason, last_word, now)

    def _last_word(self) -> list[bytes]:
        """Return the packets of the newest PDU if nothing of it has been sent."""
        outgoing = self._outbox.newest() or self._sending.outgoing
        return outgoing.packets if outgoing is not None and outgoing.unsent else []

    def _close(self, reason: CloseReason, last_word: list[bytes], now: float) -> list[Effect]:
        opened = self._phase is _OPEN
        if not opened and self._phase is not Phase.OPENING:
            return []
        effects = self._stop_sending()
        self._timers.stop(Timer.ESTABLISHMENT)
        self._timers.stop(_LINK)
        self._phase = _CLOSING
        close = control_packet(self._link_id, generic.link_close(reason))
        packets = [*last_word, *([close] * self.timing.closes)]
        self._sending.start(Outgoing(packets, Priority.CLOSE), now)
        return [*effects, LinkClosed(reason, by_peer=False, opened=opened)]

    def _stop_sending(self) -> list[Effect]:
        self._outbox = Outbox(self._own, self._link_id)
        return self._sending.end()

    def _on_close(self, reason: int) -> list[Effect]:
        if self._phase is _CLOSING:
            return []
        opened = self._phase is _OPEN
        effects = [*self._stop_sending(), *self._sending.withdraw_ack()]
        self._timers.stop_all()
        self._gone()
        return [*effects, LinkClosed(reason, by_peer=True, opened=opened)]

    def _on_timeout(self, now: float) -> list[Effect]:
        return self._close(CloseReason.TIMEOUT, [], now)

    _HEARD: ClassVar[dict[type, Callable[..., list[Effect]]]] = {
        generic.Start: _hear_segment,
        generic.Ack: _hear_ack,
        generic.Continuation: _hear_segment,
        generic.Control: _hear_control,
    }


_LISTENING = frozenset({Phase.OPENING, _OPEN, _CLOSING})
