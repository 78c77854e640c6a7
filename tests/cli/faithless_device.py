"""A device that becomes a node and never says so: it closes the link in place of Complete.

python -m tests.cli.faithless_device RADIO UUID
"""

from __future__ import annotations

import asyncio
import sys
from uuid import UUID

from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseLink, CloseReason, Effect, SendPdu
from meshwright.core.provisioning.fields import PduType
from meshwright.randomness import SystemRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.wiring.radios import opened_station


class Faithless:
    """Swallows Complete."""

    def __init__(self, machine: ProvisioningMachine) -> None:
        self._machine = machine
        self.next_deadline = machine.next_deadline
        self.handle_deadline = machine.handle_deadline
        self.bearer_opened = machine.bearer_opened
        self.bearer_closed = machine.bearer_closed

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        return [_instead(effect) for effect in self._machine.receive(pdu, now)]


def _instead(effect: Effect) -> Effect:
    last = isinstance(effect, SendPdu) and effect.pdu[0] == PduType.COMPLETE
    return CloseLink(CloseReason.FAIL) if last else effect


async def main(radio: str, uuid: UUID) -> None:
    async with opened_station(radio) as station:
        Device(station, uuid, randomness=SystemRandomness(), bearers=Bearer.ADV, wrap=Faithless)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2])))
