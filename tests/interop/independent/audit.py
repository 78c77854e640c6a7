"""Looks at every octet that one end has sent on a link, and says what the text does not allow."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.interop.independent.antenna import PB_ADV, Antenna
from tests.interop.independent.framing import (
    ACK,
    CLOSE,
    IN_NEXT,
    IN_START,
    NEXT,
    OPEN,
    OPENED,
    check_octet,
)

_CONTROL = {OPEN: 17, OPENED: 1, CLOSE: 2}
_SLACK = 0.0101
"""Seconds; the radio of ours sends a packet every 10 ms at most."""


@dataclass
class Sent:
    """What one end has sent: PDUs by their transaction, closings, and complaints."""

    pdus: dict[int, bytes] = field(default_factory=dict)
    acked: list[int] = field(default_factory=list)
    closes: list[int] = field(default_factory=list)
    rounds: dict[int, int] = field(default_factory=dict)
    """How often each segment with index 0 was sent."""
    complaints: list[str] = field(default_factory=list)


def audit(antenna: Antenna, link_id: bytes, half: int) -> Sent:
    """Return what was heard of the end that starts transactions at `half`."""
    sent = Sent()
    segments: dict[int, dict[int, bytes]] = {}
    last: tuple[float, int, int] | None = None
    for heard in antenna.heard:
        if heard.kind != PB_ADV or heard.data[:4] != link_id:
            continue
        number, packet = heard.data[4], heard.data[5:]
        if packet[0] & 3 == 3:
            _control(sent, number, packet, half)
        elif packet[0] & 3 == 1:
            _acknowledgment(sent, number, packet, half)
        else:
            index = packet[0] >> 2 if packet[0] & 3 == NEXT else 0
            _segment(sent, segments, number, index, packet)
            if last is not None and last[1] == number and index == last[2] + 1:
                _delay(sent, heard.at - last[0])
            last = heard.at, number, index
    _whole(sent, segments, half)
    return sent


def _control(sent: Sent, number: int, packet: bytes, half: int) -> None:
    if number or _CONTROL.get(packet[0]) != len(packet):
        sent.complaints.append(f"bearer control {number:02x} {packet.hex()}")
    if packet[0] == (OPEN if half else OPENED):
        sent.complaints.append(f"{packet.hex()} is not for this role")
    if packet[0] == CLOSE:
        sent.closes.append(packet[1])


def _acknowledgment(sent: Sent, number: int, packet: bytes, half: int) -> None:
    if packet != ACK or number & 0x80 == half:
        sent.complaints.append(f"ack {number:02x} {packet.hex()}")
    sent.acked.append(number)


def _segment(
    sent: Sent, segments: dict[int, dict[int, bytes]], number: int, index: int, packet: bytes
) -> None:
    known = segments.setdefault(number, {})
    if known.setdefault(index, packet) != packet:
        sent.complaints.append(f"segment {index} of {number:02x} has changed")
    if sent.closes:
        sent.complaints.append(f"segment of {number:02x} after Link Close")
    sent.rounds[number] = sent.rounds.get(number, 0) + (index == 0)


def _delay(sent: Sent, seconds: float) -> None:
    if not 0.02 - 1e-6 <= seconds <= 0.05 + _SLACK:
        sent.complaints.append(f"{seconds * 1000:.1f} ms between two segments")


def _whole(sent: Sent, segments: dict[int, dict[int, bytes]], half: int) -> None:
    for place, (number, parts) in enumerate(segments.items()):
        first, *others = (parts[index] for index in sorted(parts))
        last, total = first[0] >> 2, int.from_bytes(first[1:3], "big")
        pdu = first[4:] + b"".join(part[1:] for part in others)
        sizes = [len(first) - 4, *(len(part) - 1 for part in others)]
        full = [IN_START, *[IN_NEXT] * last][:last]
        if len(parts) == last + 1:  # else it was given up in the middle
            sent.pdus[number] = pdu
            if sizes[:-1] != full or total != len(pdu) or check_octet(pdu) != first[3]:
                sent.complaints.append(f"transaction {number:02x} is not well formed")
        if number != half + place:
            sent.complaints.append(f"transaction {number:02x} is out of turn")
