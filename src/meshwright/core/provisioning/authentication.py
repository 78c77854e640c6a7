"""How a session was authenticated: what is stored with a node and shown to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self


class KeySource(StrEnum):
    """Where the device's public key came from.

    `OOB` says that it was known beforehand, from a source that is not told.
    """

    CERTIFICATE = "certificate"
    OPERATOR = "operator"
    OOB = "oob"
    IN_BAND = "in-band"


class Weakening(StrEnum):
    """What a policy may allow beyond zero-touch; it is written down wherever it is made use of."""

    CMAC = "cmac"
    IN_BAND_KEY = "in-band-key"
    UNAUTHENTICATED = "unauthenticated"
    STATIC_WITH_CMAC = "static-with-cmac"
    WITHOUT_STATIC = "without-static"


@dataclass(frozen=True, slots=True)
class Authentication:
    """What was chosen for one session, in the words of the specification and in a sentence.

    `algorithm` is `hmac` or `cmac`, `method` `no-oob`, `static`, `output` or `input`; `action` and
    `size` belong to the last two. `weaknesses` tells in what it is less than zero-touch.
    """

    algorithm: str
    key: KeySource
    method: str
    action: str | None = None
    size: int = 0
    weaknesses: tuple[Weakening, ...] = ()

    @property
    def reason(self) -> str:
        """One sentence for people."""
        method = _METHODS[self.method].format(action=self.action, size=self.size)
        text = f"{self.algorithm.upper()} with {_KEYS[self.key]} and {method}"
        if self.weaknesses:
            text += f"; weaker than zero-touch, as allowed: {', '.join(self.weaknesses)}"
        return f"{text}."

    @property
    def brief(self) -> str:
        """The same in a few words, for a table."""
        text = f"{self.algorithm.upper()}, {self.key}"
        if self.method != "no-oob":
            text += f", {self.method} {self.action or ''}".rstrip()
        return f"{text}, weak: {' '.join(self.weaknesses)}" if self.weaknesses else text

    def to_json(self) -> dict[str, object]:
        """Return it for programs, the sentence included."""
        return {
            "algorithm": self.algorithm,
            "key": self.key.value,
            "method": self.method,
            "action": self.action,
            "size": self.size,
            "weaknesses": [each.value for each in self.weaknesses],
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Undo `to_json`; for anything else raises ValueError, KeyError or TypeError."""
        method = str(found["method"])
        if method not in _METHODS:
            raise ValueError(method)
        return cls(
            str(found["algorithm"]),
            KeySource(found["key"]),
            method,
            None if found["action"] is None else str(found["action"]),
            int(found["size"]),
            tuple(Weakening(each) for each in found["weaknesses"]),
        )


_KEYS = {
    KeySource.CERTIFICATE: "the certified public key",
    KeySource.OPERATOR: "the public key from the operator",
    KeySource.OOB: "a public key known beforehand",
    KeySource.IN_BAND: "a public key sent in band",
}
_METHODS = {
    "no-oob": "no OOB value",
    "static": "the static OOB value",
    "output": "output OOB ({action}, size {size})",
    "input": "input OOB ({action}, size {size})",
}
