"""Waiting for what has no event of its own, with a limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

LIMIT = 30.0
"""Seconds; far more than anything takes."""


async def until(condition: Callable[[], object], limit: float = LIMIT) -> None:
    """Return when `condition` holds; raises `TimeoutError` when it never does."""
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - sockets and files of others set no event
            await asyncio.sleep(0.001)
