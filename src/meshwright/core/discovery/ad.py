"""Advertising data: `length | type | data` structures one after the other (CSS, part A)."""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

from meshwright.core.errors import InputError

LEGACY_SIZE = 31
"""Octets of advertising data in one legacy advertising PDU; mesh bearers use no other."""

LONGEST = 255
"""Octets of a payload that are looked at, however long it claims to be."""


class AdType(IntEnum):
    """The AD types that the mesh uses (Assigned Numbers)."""

    URI = 0x24
    PB_ADV = 0x29
    MESH_MESSAGE = 0x2A
    MESH_BEACON = 0x2B


def structures(payload: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and data of each complete structure.

    The octets come from strangers: a zero length or a structure that runs past the end ends the
    walk quietly, and what was complete before it counts.
    """
    position, end = 0, min(len(payload), LONGEST)
    while position + 1 < end:
        after = position + 1 + payload[position]
        if after == position + 1 or after > end:
            return
        yield payload[position + 1], payload[position + 2 : after]
        position = after


def structure(kind: int, data: bytes) -> bytes:
    """Return one structure; raises `InputError` when it cannot fit a legacy advertisement."""
    if len(data) > LEGACY_SIZE - 2:
        raise InputError(
            f"an advertisement holds {LEGACY_SIZE - 2} octets, not {len(data)}; shorten the data",
            code="advertisement-too-long",
        )
    return bytes((len(data) + 1, kind)) + data


def join(*parts: tuple[int, bytes]) -> bytes:
    """Return the payload made of `parts`; raises `InputError` when it is longer than 31 octets."""
    payload = b"".join(structure(kind, data) for kind, data in parts)
    if len(payload) > LEGACY_SIZE:
        raise InputError(
            f"an advertisement holds {LEGACY_SIZE} octets, not {len(payload)}; send two",
            code="advertisement-too-long",
        )
    return payload
