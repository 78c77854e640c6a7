"""Plain mutations of octets, the same for the same seed: for short runs and without atheris."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

_INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFF)
_MOST_AT_ONCE = 4


def mutated(seeds: Sequence[bytes], seed: int, longest: int) -> Iterator[bytes]:
    """Yield mutations of `seeds` without end."""
    random = Random(seed)  # noqa: S311 - chances that must repeat
    while True:
        data = bytearray(random.choice(seeds) if seeds else b"")
        for _ in range(random.randint(1, _MOST_AT_ONCE)):
            random.choice(_MUTATIONS)(data, random, seeds)
        yield bytes(data[:longest])


def _flip(data: bytearray, random: Random, _seeds: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _set(data: bytearray, random: Random, _seeds: Sequence[bytes]) -> None:
    if data:
        data[random.randrange(len(data))] = random.choice((*_INTERESTING, random.randrange(256)))


def _insert(data: bytearray, random: Random, _seeds: Sequence[bytes]) -> None:
    at = random.randint(0, len(data))
    data[at:at] = random.randbytes(random.randint(1, 8))


def _delete(data: bytearray, random: Random, _seeds: Sequence[bytes]) -> None:
    at = random.randint(0, len(data))
    del data[at : at + random.randint(1, 8)]


def _repeat(data: bytearray, random: Random, _seeds: Sequence[bytes]) -> None:
    at = random.randint(0, len(data))
    data[at:at] = data[at : at + random.randint(1, 32)]


def _cut(data: bytearray, random: Random, _seeds: Sequence[bytes]) -> None:
    del data[random.randint(0, len(data)) :]


def _cross(data: bytearray, random: Random, seeds: Sequence[bytes]) -> None:
    other = random.choice(seeds) if seeds else b""
    data[random.randint(0, len(data)) :] = other[random.randint(0, len(other)) :]


_MUTATIONS: tuple[Callable[[bytearray, Random, Sequence[bytes]], None], ...] = (
    _flip,
    _set,
    _insert,
    _delete,
    _repeat,
    _cut,
    _cross,
)
