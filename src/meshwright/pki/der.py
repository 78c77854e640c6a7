"""A bounds-checked walk over DER, for the few octets that the parser does not hand out."""

from __future__ import annotations

from typing import NamedTuple

from meshwright.core.errors import MalformedError

SEQUENCE = 0x30
INTEGER = 0x02
BIT_STRING = 0x03
OCTET_STRING = 0x04
_LONG_FORM = 0x80
_MAX_LENGTH_OCTETS = 3
_MULTI_OCTET_TAG = 0x1F


class Element(NamedTuple):
    """One element: its tag and the positions of header, contents and end."""

    tag: int
    header: int
    start: int
    end: int


def element(data: bytes, at: int, limit: int) -> Element:
    """Read the element at `at`, which must end at or before `limit`."""
    return _elements(data, at, limit, 1)[0]


def children(data: bytes, parent: Element, count: int) -> list[Element]:
    """Read the first `count` elements inside `parent`."""
    return _elements(data, parent.start, parent.end, count)


def _elements(data: bytes, at: int, limit: int, count: int) -> list[Element]:
    """Read elements that follow each other (X.690, 8.1 and 10.1)."""
    found = []
    for _ in range(count):
        start = at + 2
        if start > limit or data[at] & _MULTI_OCTET_TAG == _MULTI_OCTET_TAG:
            raise MalformedError("a DER element is cut short or has an unknown tag")
        length = data[at + 1]
        if length >= _LONG_FORM:
            start, length = _long_length(data, start, limit)
        if limit - start < length:
            raise MalformedError("a DER element is longer than its surroundings")
        found.append(Element(data[at], at, start, start + length))
        at = start + length
    return found


def _long_length(data: bytes, at: int, limit: int) -> tuple[int, int]:
    """Read the octets of a length; return where the contents start, and the length (8.1.3.5)."""
    start = at + (data[at - 1] & ~_LONG_FORM)
    if not at < start <= min(limit, at + _MAX_LENGTH_OCTETS):
        raise MalformedError("a DER length is indefinite, too large or cut short")
    return start, int.from_bytes(data[at:start], "big")


def expect(item: Element, tag: int) -> Element:
    """Return `item` when it has the tag `tag`."""
    if item.tag != tag:
        raise MalformedError(f"DER tag {tag:02x} wanted, {item.tag:02x} found")
    return item


def whole(data: bytes) -> Element:
    """Read `data` as exactly one SEQUENCE."""
    outer = expect(element(data, 0, len(data)), SEQUENCE)
    if outer.end != len(data):
        raise MalformedError(f"{len(data) - outer.end} octets follow the DER element")
    return outer


def encode(tag: int, *contents: bytes) -> bytes:
    """Encode one element."""
    body = b"".join(contents)
    if len(body) < _LONG_FORM:
        return bytes((tag, len(body))) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((tag, _LONG_FORM | size)) + len(body).to_bytes(size, "big") + body
