"""PB-GATT links (Mesh Protocol 1.1, 5.2.2): one class a role.

The connection itself is the link: values arrive whole, once and in order, so there are no
acknowledgments, and nothing on the air gives the reason of a close. `LinkClosed` tells our own
reason when we closed, FAIL when the peer or the radio did, and TIMEOUT when a timer did.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum, auto
from typing import ClassVar

from meshwright.core.bearers import proxy_sar
from meshwright.core.bearers.link_statistics import LinkStatistics
from meshwright.core.bearers.phase import Phase
from meshwright.core.bearers.proxy_sar import (
    PROVISIONING_SIZE,
    SMALLEST_MTU,
    MessageType,
    ProxySarError,
    Reassembler,
)
from meshwright.core.bearers.timing import GattTiming
from meshwright.core.bearers.transactions import QUEUE_LIMIT
from meshwright.core.effects import (
    CloseReason,
    Disconnect,
    Effect,
    Lane,
    LinkClosed,
    LinkOpened,
    PduReceived,
    Priority,
    Transmit,
)
from meshwright.core.timers import Timers

QUEUE_OCTETS = 16_384
"""So much may wait for a peer that goes on asking; then it is cut off."""


class _Timer(IntEnum):
    ESTABLISHMENT = auto()
    LINK = auto()
    SAR = auto()
    FAREWELL = auto()


class GattLink:
    """What both ends share.

    `keep` leaves the connection open after a close with SUCCESS, for a proxy bearer to use;
    `LinkClosed` then says that all has left and the connection is free. A PDU of the peer with more
    than `pdu_limit` octets ends the link.
    """

    _resting: ClassVar[Phase]
    """Where a link goes when it is closed."""

    def __init__(
        self,
        *,
        timing: GattTiming | None = None,
        keep: bool = False,
        pdu_limit: int = PROVISIONING_SIZE,
    ) -> None:
        self.timing = timing or GattTiming()
        self.keep = keep
        self.statistics = LinkStatistics()
        self._timers: Timers[_Timer] = Timers()
        self._reassembler = Reassembler({MessageType.PROVISIONING: pdu_limit})
        self._phase = Phase.IDLE
        self._reset()

    def _reset(self) -> None:
        """Forget everything of an earlier connection."""
        self._mtu = SMALLEST_MTU
        self._reason = CloseReason.SUCCESS
        self._queue: deque[bytes] = deque()
        self._values: Iterator[bytes] = iter(())
        self._at_radio = False
        self._reassembler.clear()
        self._timers.stop_all()

    # The driver's side.

    @property
    def finished(self) -> bool:
        """Tell whether the link will never be used again."""
        return self._phase is Phase.CLOSED

    @property
    def is_open(self) -> bool:
        """Tell whether PDUs can be exchanged."""
        return self._phase is Phase.OPEN

    def next_deadline(self) -> float | None:
        return self._timers.next

    def handle_deadline(self, now: float) -> list[Effect]:
        effects: list[Effect] = []
        while (timer := self._timers.pop_due(now)) is not None:
            effects += self._HANDLERS[timer](self)
        return effects

    def connected(self, mtu: int, now: float) -> list[Effect]:
        """Learn that values can be exchanged: notifications of Data Out are enabled (5.2.2)."""
        if self._phase not in _CONNECTABLE:
            return []
        self._reset()
        self._mtu = min(max(mtu, SMALLEST_MTU), proxy_sar.LARGEST_MTU)
        self._phase = Phase.OPEN
        self._timers.set(_Timer.LINK, now + self.timing.link)
        return [LinkOpened()]

    def disconnected(self, now: float) -> list[Effect]:
        """Learn that the connection is gone, or could not be made."""
        del now
        if self._phase in _OVER:
            return []
        return [self._closed(CloseReason.FAIL, by_peer=True)]

    def receive(self, value: bytes, now: float, sender: bytes | None = None) -> list[Effect]:
        """Take one value of the peer; a mistake in segmentation ends the link (6.3.2.2)."""
        del sender  # a connection has one peer
        if self._phase is not Phase.OPEN:
            return []
        try:
            message = self._reassembler.receive(value, now)
        except ProxySarError:
            return self._cut(CloseReason.FAIL)
        self._keep_sar_timer()
        return [] if message is None else self._on_pdu(message.content)

    def _on_pdu(self, pdu: bytes) -> list[Effect]:
        self._timers.stop(_Timer.LINK)
        # Values come one after the other whether ours leave or not, and none may be dropped.
        if len(self._queue) > QUEUE_LIMIT or sum(map(len, self._queue)) > QUEUE_OCTETS:
            return self._cut(CloseReason.FAIL)
        return [PduReceived(pdu)]

    def _keep_sar_timer(self) -> None:
        deadline = self._reassembler.deadline
        if deadline is None:
            self._timers.stop(_Timer.SAR)
        elif not self._timers.running(_Timer.SAR):
            self._timers.set(_Timer.SAR, deadline)

    def transmitted(self, lane: Lane, now: float) -> list[Effect]:
        """Learn that the value handed over last has left."""
        del lane
        if not self._at_radio:
            return []
        self._at_radio = False
        self.statistics.packets_sent += 1
        if self.statistics.first_sent_at is None:
            self.statistics.first_sent_at = now
        return self._next_value()

    # The machine's side.

    def send(self, pdu: bytes, now: float) -> list[Effect]:
        """Queue one provisioning PDU; without an open link it is dropped."""
        del now
        if self._phase is not Phase.OPEN:
            return []
        self._queue.append(pdu)
        return [] if self._at_radio else self._next_value()

    def close(self, reason: CloseReason, now: float) -> list[Effect]:
        """Let what is queued leave, then disconnect; nothing more is heard.

        So Complete and Failed are on their way before the connection ends. A peer that takes
        nothing is cut off after `timing.farewell`.
        """
        if self._phase is Phase.OPENING:
            return self._cut(reason)
        if self._phase is not Phase.OPEN:
            return []
        self._phase, self._reason = Phase.CLOSING, reason
        self._timers.stop_all()
        self._timers.set(_Timer.FAREWELL, now + self.timing.farewell)
        return [] if self._at_radio else self._next_value()

    # Common steps.

    def _next_value(self) -> list[Effect]:
        """Hand the next value to the radio, one at a time."""
        value = next(self._values, None)
        if value is None and self._queue:
            pdu = self._queue.popleft()
            self._values = proxy_sar.segments(MessageType.PROVISIONING, pdu, self._mtu)
            value = next(self._values)
        if value is not None:
            self._at_radio = True
            return [Transmit(Lane.TRANSACTION, value, Priority.SEGMENT)]
        return self._all_sent() if self._phase is Phase.CLOSING else []

    def _all_sent(self) -> list[Effect]:
        if self.keep and self._reason is CloseReason.SUCCESS:
            return [self._closed(self._reason)]
        return self._cut(self._reason)

    def _cut(self, reason: CloseReason) -> list[Effect]:
        """Disconnect at once; what is queued is dropped."""
        return [Disconnect(), self._closed(reason)]

    def _closed(self, reason: CloseReason, *, by_peer: bool = False) -> LinkClosed:
        opened = self._phase is not Phase.OPENING
        self._reset()
        self._phase = self._resting
        return LinkClosed(reason, by_peer=by_peer, opened=opened)

    def _on_timeout(self) -> list[Effect]:
        return self._cut(CloseReason.TIMEOUT)

    def _on_slow_message(self) -> list[Effect]:
        return self._cut(CloseReason.FAIL)

    def _on_farewell(self) -> list[Effect]:
        return self._cut(self._reason)

    _HANDLERS: ClassVar[dict[_Timer, Callable[[GattLink], list[Effect]]]] = {
        _Timer.ESTABLISHMENT: _on_timeout,
        _Timer.LINK: _on_timeout,
        _Timer.SAR: _on_slow_message,
        _Timer.FAREWELL: _on_farewell,
    }


class ProvisionerGattLink(GattLink):
    """Opens one link and is finished when it is closed."""

    _resting = Phase.CLOSED

    def open(self, now: float) -> list[Effect]:
        """Wait for the connection that is being made; ends in `LinkOpened` or `LinkClosed`."""
        self._phase = Phase.OPENING
        self._timers.set(_Timer.ESTABLISHMENT, now + self.timing.establishment)
        return []


class DeviceGattLink(GattLink):
    """Serves one connection after the other, for as long as it is driven."""

    _resting = Phase.IDLE


_CONNECTABLE = frozenset({Phase.IDLE, Phase.OPENING})
_OVER = frozenset({Phase.IDLE, Phase.CLOSED})
