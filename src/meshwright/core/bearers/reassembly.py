"""Collecting the segments of one transaction (5.3.3), in any order, with bounded memory."""

from __future__ import annotations

from meshwright.core.bearers.generic import (
    CONTINUATION_DATA,
    START_DATA,
    Continuation,
    Start,
    frame_check,
)


class Reassembly:
    """Segments of one transaction number, kept across the sender's repetitions."""

    __slots__ = ("_segments", "_start")

    def __init__(self) -> None:
        self._start: Start | None = None
        self._segments: dict[int, bytes] = {}

    def clear(self) -> None:
        """Forget everything, for the next transaction."""
        self._start = None
        self._segments.clear()

    def add(self, part: Start | Continuation) -> bytes | None:
        """Take a segment; return the whole PDU when it is complete and its FCS agrees.

        A segment that does not fit the Transaction Start is dropped. A wrong FCS discards
        everything: the sender repeats all segments.
        """
        if type(part) is Start:
            self._begin(part)
        elif self._start is None or _fits(self._start, *part):
            self._segments.setdefault(*part)
        start = self._start
        if start is None or len(self._segments) < start.last_segment:
            return None
        return self._whole(start)

    def _begin(self, start: Start) -> None:
        """Keep the newest Transaction Start and drop what does not fit it.

        All of one transaction are the same; should a stray one differ, the next repetition of the
        genuine one replaces it.
        """
        if start != self._start:
            self._start = start
            for index in [i for i, data in self._segments.items() if not _fits(start, i, data)]:
                del self._segments[index]

    def _whole(self, start: Start) -> bytes | None:
        segments = self._segments
        pdu = start.data + b"".join(segments[i] for i in range(1, start.last_segment + 1))
        if frame_check(pdu) == start.fcs:
            return pdu
        self.clear()
        return None


def _fits(start: Start, index: int, data: bytes) -> bool:
    if index < start.last_segment:
        return len(data) == CONTINUATION_DATA
    rest = start.total_length - START_DATA - CONTINUATION_DATA * (start.last_segment - 1)
    return index == start.last_segment and len(data) == rest
