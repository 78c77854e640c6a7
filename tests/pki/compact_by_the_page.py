"""A second decoder of compact chains, after docs/compact-chains.md and nothing of the package.

It works on texts of hexadecimal digits, so that it has no mistake in common with the first.
"""

from __future__ import annotations

import hashlib


class Digits:
    """A text of hexadecimal digits that is read from the front."""

    def __init__(self, octets: bytes) -> None:
        self.left = octets.hex()

    def take(self, octets: int) -> str:
        """Take so many octets."""
        taken, self.left = self.left[: 2 * octets], self.left[2 * octets :]
        return taken

    def number(self, octets: int) -> int:
        """Take a number of so many octets."""
        return int(self.take(octets), 16)


class ByThePage:
    """One certificate; `own` is UUID and public key, or nothing."""

    def __init__(self, record: bytes, template: bytes, batch: bytes, own: str) -> None:
        self.record, self.template = Digits(record[1:]), Digits(template[2:])
        self.batch, self.own, self.key = batch.hex(), own, ""

    def certificate(self) -> str:
        """Decode a record of format 1."""
        body = ""
        while self.template.left:
            body += self.step(self.template.take(1))
        numbers = [unsigned(self.record.take(32)) for _ in range(2)]
        assert self.record.left == ""
        bits = wrapped("03", "00" + wrapped("30", "".join(numbers)))
        return wrapped("30", wrapped("30", body) + "300a06082a8648ce3d040302" + bits)

    def step(self, step: str) -> str:
        """Return what one step appends."""
        match step:
            case "00":
                return self.template.take(self.template.number(1))
            case "01":
                start, size = self.template.number(2), self.template.number(1)
                return self.batch[2 * start : 2 * (start + size)]
            case "02":
                size = self.record.number(1)
                return f"02{size:02x}" + self.record.take(size)
            case "03":
                return self.time(2000)[4:]
            case "04":
                return self.time(2050)
            case _:
                return self.value(step)

    def value(self, step: str) -> str:
        """Return what the other steps append."""
        match step:
            case "05":
                digits = self.own[:32] or self.record.take(16)
                parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
                return text("-".join(parts))
            case "06":
                self.key = self.own[32:] or self.record.take(64)
                return self.key
            case "07":
                point = bytes.fromhex("04" + self.key)
                return hashlib.sha1(point, usedforsecurity=False).hexdigest()
            case "08":
                return self.record.take(self.template.number(1))
            case _:
                raise AssertionError(f"step {step} is not on the page")

    def time(self, first_year: int) -> str:
        """Return a time with four digits of the year."""
        bits = f"{self.record.number(4):032b}"
        fields = (bits[6:10], bits[10:15], bits[15:20], bits[20:26], bits[26:])
        others = "".join(f"{int(field, 2):02}" for field in fields)
        return text(f"{first_year + int(bits[:6], 2)}{others}Z")


def text(characters: str) -> str:
    """Return the digits of a text."""
    return characters.encode().hex()


def wrapped(kind: str, contents: str) -> str:
    """Put a tag and a length before contents."""
    size = len(contents) // 2
    length = f"{size:02x}" if size < 128 else f"81{size:02x}" if size < 256 else f"82{size:04x}"
    return kind + length + contents


def unsigned(scalar: str) -> str:
    """Return INTEGER(x)."""
    while scalar.startswith("00"):
        scalar = scalar[2:]
    return wrapped("02", "00" + scalar if not scalar or scalar[0] in "89abcdef" else scalar)
