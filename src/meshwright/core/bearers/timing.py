"""Every time of both bearers, in seconds; those without a clause are ours to choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BearerTiming:
    """What both bearers have."""

    establishment: float = 60.0  # 5.3.2; the same on PB-GATT
    link: float = 60.0  # 5.2.1, 5.2.2


@dataclass(frozen=True, slots=True)
class LinkTiming(BearerTiming):
    """PB-ADV.

    `retransmit` is the wait after the last segment before all are sent again; `open_retransmit`
    the same for Link Open, the first `quick_opens` times, and `open_patience` from then on: some
    peers start their Link Ack anew at each Link Open and need more than a second for it.
    """

    delay_minimum: float = 0.020  # 5.3.3
    delay_maximum: float = 0.050  # 5.3.3
    acknowledgment: float = 30.0  # 5.3.3
    retransmit: float = 0.2
    open_retransmit: float = 0.2
    quick_opens: int = 4
    open_patience: float = 1.3
    closes: int = 4  # sent once and repeated three times (5.3.1.4.3)


DEVICE_TIMING = LinkTiming(retransmit=0.5)


@dataclass(frozen=True, slots=True)
class GattTiming(BearerTiming):
    """PB-GATT; `farewell` is for what still has to leave before we disconnect."""

    farewell: float = 5.0
