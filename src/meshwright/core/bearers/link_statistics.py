"""What a link of either bearer has seen."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class LinkStatistics:
    """Packets that have left, and when the first one had.

    On PB-ADV also `retransmissions`, packets sent again for want of an answer, and how many packets
    of the peer were `dropped`. An acknowledgment is never the first.
    """

    packets_sent: int = 0
    retransmissions: int = 0
    dropped: int = 0
    first_sent_at: float | None = None
