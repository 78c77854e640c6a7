"""A small machine: it answers each packet of its link with the same data, after a while."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.effects import Effect, Lane, Priority, Transmit, Withdraw

DELAY = 0.030


@dataclass(frozen=True, slots=True)
class Heard(Effect):
    """Tells the owner what was heard."""

    data: bytes
    sender: bytes | None


@dataclass(frozen=True, slots=True)
class Answered(Effect):
    """Tells the owner that an answer has left."""


class UnknownLaneError(Exception):
    """A mistake of whoever sent in a lane that this machine does not have."""


class EchoMachine:
    """Answers on `link`; finished after so many answers."""

    def __init__(self, link: bytes, answers: int = 1_000_000) -> None:
        self.link = link
        self.answers_left = answers
        self.answered_at: list[float] = []
        self.deadlines_handled: list[float] = []
        self._deadline: float | None = None
        self._data = b""

    @property
    def finished(self) -> bool:
        return self.answers_left <= 0

    def next_deadline(self) -> float | None:
        return self._deadline

    def handle_deadline(self, now: float) -> list[Effect]:
        self.deadlines_handled.append(now)
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        return [Transmit(Lane.TRANSACTION, self.link + self._data, Priority.SEGMENT)]

    def receive(self, payload: bytes, now: float, sender: bytes | None) -> list[Effect]:
        if payload[: len(self.link)] != self.link:
            return []
        self._data = payload[len(self.link) :]
        self._deadline = now + DELAY
        return [Heard(self._data, sender)]

    def transmitted(self, lane: Lane, now: float) -> list[Effect]:
        if lane is not Lane.TRANSACTION:
            raise UnknownLaneError(lane)
        self.answered_at.append(now)
        self.answers_left -= 1
        return [Answered()]

    # What an owner may ask for.

    def answer_at(self, when: float) -> list[Effect]:
        """Answer again at `when`, sooner or later than planned."""
        self._deadline = when
        return []

    def send(self, data: bytes, progress: int = 0) -> list[Effect]:
        """Send `data` now."""
        return [Transmit(Lane.TRANSACTION, self.link + data, Priority.SEGMENT, progress)]

    def give_up(self) -> list[Effect]:
        """Send nothing after all, and be finished."""
        self.answers_left = 0
        return [Withdraw(Lane.TRANSACTION)]
