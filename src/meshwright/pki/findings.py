"""What a check says about a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is; an error refuses the certificate."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is not kept; `fault` is the end of a sentence about the certificate."""

    code: str
    level: Level
    clause: str
    fault: str
