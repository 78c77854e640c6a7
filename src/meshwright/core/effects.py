"""What machines ask for: plain data that a driver carries out.

Two kinds cross the boundary between a bearer and a provisioning machine: a machine asks its bearer
to `SendPdu` and to `CloseLink`; a bearer tells its machine `LinkOpened`, `PduReceived` and
`LinkClosed`. A bearer that sends packets asks its radio to `Transmit` and `Withdraw`, one on a
connection to `Transmit` and `Disconnect`. Whatever a machine wants its owner to know is an `Effect`
too, defined beside that machine; those of provisioning in `provisioning.events`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum


class Effect:
    """Base of everything that a machine returns."""

    __slots__ = ()


class CloseReason(IntEnum):
    """Reason of a Link Close (5.3.1.4.3); unknown ones still close."""

    SUCCESS = 0
    TIMEOUT = 1
    FAIL = 2


class Lane(IntEnum):
    """A link has one packet in each lane at most, waiting for the radio."""

    ACK = 0
    TRANSACTION = 1


class Priority(IntEnum):
    """Order at the radio, most urgent first."""

    ACK = 0
    CLOSE = 1
    SEGMENT = 2
    OPEN = 3
    BEACON = 4


# Not frozen: one is made for every packet, and a frozen one takes three times as long to make.
@dataclass(slots=True, unsafe_hash=True)
class Transmit(Effect):
    """Put `payload` on the air once; it replaces what waits in the same lane.

    `payload` is the content of an advertising structure, after its type. Among packets of the same
    priority the one with the higher `progress` goes first. The driver calls `transmitted(lane,
    now)` when the packet has left.
    """

    lane: Lane
    payload: bytes
    priority: Priority
    progress: int = 0


@dataclass(frozen=True, slots=True)
class Withdraw(Effect):
    """What waits in `lane` has lost its purpose."""

    lane: Lane


@dataclass(frozen=True, slots=True)
class Disconnect(Effect):
    """End the connection, or stop making it; what still waits for the radio is dropped."""


@dataclass(frozen=True, slots=True)
class SendPdu(Effect):
    """Send one provisioning PDU to the peer."""

    pdu: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CloseLink(Effect):
    """Close the bearer."""

    reason: CloseReason


@dataclass(frozen=True, slots=True)
class LinkOpened(Effect):
    """The bearer is open; `sender` is the peer's address as the radio saw it, or None."""

    sender: bytes | None = None


@dataclass(frozen=True, slots=True)
class PduReceived(Effect):
    """The peer sent one whole provisioning PDU."""

    pdu: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinkClosed(Effect):
    """The bearer is gone; `reason` is the octet of a Link Close or our own reason."""

    reason: int
    by_peer: bool
    opened: bool = True
