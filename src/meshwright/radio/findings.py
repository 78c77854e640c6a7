"""What somebody should know about a radio, in words for people and codes for programs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding matters."""

    NOTE = "note"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact that matters; `code` is stable, `remedy` says what to do or is empty."""

    level: Level
    code: str
    sentence: str
    remedy: str = ""
