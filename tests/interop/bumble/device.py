"""A process with a certified device on a controller somewhere else.

    python -m tests.interop.bumble.device RADIO BEARER UUID

When it is a node it writes what it was given as one JSON line, and stays until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import UUID

from tests.roles.certified import certified

from meshwright.core.discovery.beacon import CERTIFICATE_BASED
from meshwright.randomness import SystemRandomness
from meshwright.roles.advertised import BeaconTiming
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.wiring.radios import opened_station

OFTEN = BeaconTiming(0.1, 0.1)


async def main(radio: str, bearer: str, uuid: UUID) -> None:
    async with opened_station(radio) as station:
        device = Device(
            station,
            uuid,
            certified(uuid).options,
            randomness=SystemRandomness(),
            bearers=Bearer[bearer],
            oob_information=CERTIFICATE_BASED,
            beacons=OFTEN,
        )
        joined = await device.provisioned()
        answer = {"key": joined.device_key.hex(), "address": joined.data.address}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], UUID(sys.argv[3])))
