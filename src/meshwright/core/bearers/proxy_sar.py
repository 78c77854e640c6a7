"""Proxy PDUs: how one message becomes the values of a GATT characteristic (6.3).

A Proxy PDU is `SAR 2 bits | Message Type 6 bits | Data`. Only an empty message makes one without
data, and every segment but the last is as long as the connection allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import NamedTuple

from meshwright.core.errors import PeerError

ATT_HEADER = 3
"""Octets of an ATT PDU that carry no value."""

SMALLEST_MTU, LARGEST_MTU = 23, 517
"""ATT_MTU without and with everything that Bluetooth allows."""

LARGEST_VALUE = 512
"""No attribute value is longer (Core, volume 3, part F, 3.2.9)."""

SAR_TIMEOUT = 20.0
"""Seconds from the first segment to the last (6.3.2.2)."""

_TYPE_BITS = 0x3F


class MessageType(IntEnum):
    """What a Proxy PDU carries (6.3.1)."""

    NETWORK = 0
    BEACON = 1
    CONFIGURATION = 2
    PROVISIONING = 3


class Sar(IntEnum):
    """Which part of its message a Proxy PDU carries (6.3.1)."""

    COMPLETE = 0
    FIRST = 1
    CONTINUATION = 2
    LAST = 3


PROVISIONING_SIZE = 8 + 8192
"""PB-GATT itself has no limit; this is the response with a whole record of 8 KiB."""

PROVISIONING_SERVICE: Mapping[int, int] = MappingProxyType(
    {MessageType.PROVISIONING: PROVISIONING_SIZE}
)
"""The only type on the characteristics of 0x1827, and its longest message in octets (7.1.3)."""

PROXY_SERVICE: Mapping[int, int] = MappingProxyType(
    {MessageType.NETWORK: 29, MessageType.BEACON: 27, MessageType.CONFIGURATION: 29}
)
"""The types on the characteristics of 0x1828 and their longest messages in octets."""


class ProxySarError(PeerError):
    """The peer broke the rules of segmentation; the connection has to end (6.3.2.2)."""

    code = "proxy-segmentation"


class Message(NamedTuple):
    """One whole message."""

    message_type: int
    content: bytes


def value_size(mtu: int) -> int:
    """Return the octets of the longest value at an ATT_MTU of `mtu`."""
    return min(mtu - ATT_HEADER, LARGEST_VALUE)


def encode(message_type: int, message: bytes, mtu: int) -> list[bytes]:
    """Return the Proxy PDUs of `message` for a connection with an ATT_MTU of 23 to 517 octets."""
    return list(segments(message_type, message, mtu))


def segments(message_type: int, message: bytes, mtu: int) -> Iterator[bytes]:
    """Yield them one by one, which takes less room than all at once."""
    if not SMALLEST_MTU <= mtu <= LARGEST_MTU:
        raise ValueError(f"an ATT_MTU is {SMALLEST_MTU} to {LARGEST_MTU} octets, not {mtu}")
    room = value_size(mtu) - 1
    if len(message) <= room:
        yield bytes([Sar.COMPLETE << 6 | message_type]) + message
        return
    for begin in range(0, len(message), room):
        last = Sar.LAST if begin + room >= len(message) else Sar.CONTINUATION
        sar = last if begin else Sar.FIRST
        yield bytes([sar << 6 | message_type]) + message[begin : begin + room]


class Reassembler:
    """Puts the messages of one direction together again.

    `limits` holds the longest message of each type that is supported. Values of other types are
    ignored one by one, so that a segmented message of such a type disturbs nothing (6.3.1).
    """

    __slots__ = ("_content", "_limits", "_type", "deadline")

    def __init__(self, limits: Mapping[int, int]) -> None:
        self._limits = limits
        self.clear()

    def clear(self) -> None:
        """Forget what has come of a message."""
        self._type = 0
        self._content = bytearray()
        self.deadline: float | None = None
        """When a message that has begun must be whole, in seconds; None when none has begun."""

    def receive(self, value: bytes, now: float) -> Message | None:
        """Take one value; return the message that it ends, if any.

        Raises `ProxySarError` for a segment out of turn, for too long a message and when its time
        is over; nothing is left of that message then.
        """
        if not value or value[0] & _TYPE_BITS not in self._limits:
            return None
        try:
            self.handle_deadline(now)
            return self._add(Sar(value[0] >> 6), value[0] & _TYPE_BITS, value[1:], now)
        except ProxySarError:
            self.clear()
            raise

    def handle_deadline(self, now: float) -> None:
        """Raise `ProxySarError` when a message should be whole by `now` and is not."""
        if self.deadline is not None and self.deadline <= now:
            self.clear()
            raise ProxySarError(f"a message was not whole after {SAR_TIMEOUT:.0f} seconds")

    def _add(self, sar: Sar, message_type: int, data: bytes, now: float) -> Message | None:
        begun = self.deadline is not None
        if begun is not (sar in _WITHIN) or (begun and message_type != self._type):
            raise ProxySarError(f"segment {sar.name} of type {message_type} is out of turn")
        if len(self._content) + len(data) > self._limits[message_type]:
            raise ProxySarError(f"a message of type {message_type} is too long")
        if sar is Sar.COMPLETE:
            return Message(message_type, data)
        if not begun:
            self._type, self.deadline = message_type, now + SAR_TIMEOUT
        self._content += data
        return self._end() if sar is Sar.LAST else None

    def _end(self) -> Message:
        message = Message(self._type, bytes(self._content))
        self.clear()
        return message


_WITHIN = frozenset({Sar.CONTINUATION, Sar.LAST})
