"""Provisioner and device as two processes, each on its own controller behind TCP HCI.

The controllers are a third process. Certificates are read over the link and validated; the keys of
both sides are compared. None of this is hardware.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest
from tests.interop.bumble.processes import running
from tests.interop.bumble.provisioner import ADDRESS
from tests.roles.certified import certified

UUID_1 = UUID(int=0x4711)
FAST = "?slice=5"
"""These controllers begin at once, so a packet needs no whole interval."""


def radio(port: int) -> str:
    return f"tcp-client:127.0.0.1:{port}{FAST}"


def provisioned(kind: str, bearer: str, root: Path) -> tuple[dict[str, object], dict[str, object]]:
    """Run all three and return what provisioner and device say."""

    async def main() -> tuple[dict[str, object], dict[str, object]]:
        async with running("air", kind, kind) as air:
            ports = await air.line()
            ours = radio(ports[0]), bearer, str(UUID_1), str(root)
            async with (
                running("device", radio(ports[1]), bearer, str(UUID_1)) as device,
                running("provisioner", *ours) as provisioner,
            ):
                said = await provisioner.line(), await device.line()
                await provisioner.end()
                await device.end()
            await air.end()
        return said

    return asyncio.run(main())


@pytest.mark.parametrize("bearer", ["ADV", "GATT"])
@pytest.mark.parametrize("kind", ["legacy", "extended"])
def test_a_certified_device_joins(tmp_path: Path, kind: str, bearer: str) -> None:
    root = tmp_path / "root.der"
    root.write_bytes(certified(UUID_1).root)
    provisioner, device = provisioned(kind, bearer, root)
    assert provisioner == {
        "key": device["key"],
        "address": ADDRESS,
        "bearer": bearer,
        "proof": "certificate",
        "certified": str(UUID_1),
    }
    assert device["address"] == ADDRESS
