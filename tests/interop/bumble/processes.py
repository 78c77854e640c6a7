"""Our programs as processes of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

LIMIT = 60.0
"""Seconds; far more than anything takes."""

ROOT = Path(__file__).parents[3]


class Program:
    """One of the modules beside this one, running."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> Any:  # noqa: ANN401 - JSON is what it is
        """Return its next line of JSON; fails with what it complained about when it has ended."""
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), LIMIT)
        if not line:
            assert self.process.stderr is not None
            raise AssertionError((await self.process.stderr.read()).decode())
        return json.loads(line)

    async def end(self) -> None:
        """Let it end by itself, and see that it does so quietly."""
        _, complaints = await asyncio.wait_for(self.process.communicate(b""), LIMIT)
        assert (self.process.returncode, complaints.decode()) == (0, "")


@asynccontextmanager
async def running(module: str, *arguments: str) -> AsyncIterator[Program]:
    """Run `module` and kill it at the end, should it still be there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "default",
        "-m",
        f"tests.interop.bumble.{module}",
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
