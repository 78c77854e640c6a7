"""A listener that writes everything down."""

from __future__ import annotations

from meshwright.radio.port import Radio, Report


class Recorder:
    """Listens to `radio` and sends what is in `to_send` as soon as the radio can."""

    def __init__(self, radio: Radio, *to_send: bytes) -> None:
        self.radio = radio
        self.to_send = list(to_send)
        self.reports: list[Report] = []
        self.heard_at: list[float] = []
        self.sent_at: list[float] = []
        self.ready_at: list[float] = []
        radio.listen(self)

    @property
    def payloads(self) -> list[bytes]:
        return [report.payload for report in self.reports]

    def heard(self, report: Report, now: float) -> None:
        self.reports.append(report)
        self.heard_at.append(now)

    def transmitted(self, now: float) -> None:
        self.sent_at.append(now)

    def ready(self, now: float) -> None:
        self.ready_at.append(now)
        if self.to_send and self.radio.ready:
            self.radio.transmit(self.to_send.pop(0))


def never_random() -> float:
    """Draw zero: no gaps beyond the minimum, no jitter, everybody on channel 37."""
    return 0.0
