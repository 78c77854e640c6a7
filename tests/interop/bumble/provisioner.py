"""A process with a provisioner on a controller somewhere else, which trusts one root.

    python -m tests.interop.bumble.provisioner RADIO BEARER UUID ROOT

It writes what became of the device as one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from uuid import UUID

from tests.roles.certified import NOW

from meshwright.clock import ManualClock
from meshwright.core.errors import MeshwrightError
from meshwright.pki.validation import ChainValidator
from meshwright.radio.station import Station
from meshwright.randomness import SystemRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.provisioned import NetworkCredentials, ProvisionedNode
from meshwright.roles.provisioner import Provisioner
from meshwright.wiring.radios import opened_station

ADDRESS = 0x0102


async def main(radio: str, bearer: Bearer, uuid: UUID, root: bytes) -> dict[str, object]:
    try:
        async with opened_station(radio) as station:
            node = await provision(station, bearer, uuid, root)
    except MeshwrightError as error:
        return {"code": error.code, "message": str(error)}
    assert node.certificate is not None
    return {
        "key": node.device_key.hex(),
        "address": node.address,
        "bearer": node.bearer.name,
        "proof": node.authentication.key,
        "certified": str(node.certificate.identity.uuid),
    }


async def provision(station: Station, bearer: Bearer, uuid: UUID, root: bytes) -> ProvisionedNode:
    roots = ChainValidator([root])
    network = NetworkCredentials(bytes(16))
    async with Provisioner(
        station, network, randomness=SystemRandomness(), roots=roots, clock=ManualClock(NOW)
    ) as provisioner:
        provisioning = asyncio.ensure_future(provisioner.provision(uuid, bearer, address=ADDRESS))
        assert station.lost is not None
        await asyncio.wait((provisioning, station.lost), return_when=asyncio.FIRST_COMPLETED)
        if station.lost.done():
            provisioning.cancel()
            raise station.lost.result()
        return await provisioning


if __name__ == "__main__":
    arguments = sys.argv[1:]
    result = asyncio.run(
        main(
            arguments[0],
            Bearer[arguments[1]],
            UUID(arguments[2]),
            Path(arguments[3]).read_bytes(),
        )
    )
    sys.stdout.write(json.dumps(result) + "\n")
