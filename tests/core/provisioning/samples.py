"""The published sessions, as values."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path
from typing import Any

from meshwright.randomness import RandomBytes

FOLDER = Path(__file__).parents[2] / "vectors"


def load(name: str) -> list[dict[str, Any]]:
    vectors = json.loads((FOLDER / f"{name}.json").read_text())["vectors"]
    assert isinstance(vectors, list)
    return vectors


def octets_of(raw: dict[str, str]) -> dict[str, bytes]:
    """Return every hexadecimal value of a sample as octets."""
    return {name: bytes.fromhex(value) for name, value in raw.items()}


def public_key(crypto: dict[str, bytes], side: str) -> bytes:
    return crypto[f"{side}_public_x"] + crypto[f"{side}_public_y"]


def scripted(*draws: bytes) -> RandomBytes:
    """Return randomness that yields exactly these draws."""
    waiting = deque(draws)

    def random(count: int) -> bytes:
        draw = waiting.popleft()
        assert len(draw) == count
        return draw

    return random
