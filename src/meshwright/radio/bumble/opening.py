"""From the name of a transport to a controller that is ready for work."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, replace

from bumble import hci
from bumble.transport import open_transport
from bumble.transport.common import Transport

from meshwright.radio.bumble.advertising import AdvertisingSet, Timing
from meshwright.radio.bumble.errors import explained
from meshwright.radio.bumble.facts import ControllerFacts, Identity, identify, judge
from meshwright.radio.bumble.host import ControllerHost
from meshwright.radio.bumble.scanning import Scanner
from meshwright.radio.bumble.sets import (
    Commands,
    ExtendedCommands,
    LegacyCommands,
    shortest_interval,
)
from meshwright.radio.bumble.spec import RadioOptions
from meshwright.radio.port import Pacing
from meshwright.randomness import RandomBytes

OPEN_LIMIT = 15.0

_ADDRESS_SIZE = 6
_STATIC = 0xC0  # the two highest bits (Core 6.0, Vol 6, Part B, 1.3.2.1)
_COMMANDS_A_PACKET = 3


@dataclass(frozen=True, slots=True)
class Controller:
    """An opened controller: `sets` are for packets, `service_set` may be one of them."""

    host: ControllerHost
    facts: ControllerFacts
    address: hci.Address
    sets: tuple[AdvertisingSet, ...]
    service_set: AdvertisingSet
    pacing: Pacing
    scanner: Scanner
    extended: bool

    async def close(self) -> None:
        """Switch off what is on and let go of the transport; never raises."""
        self.host.abandon()
        await close_transport(self.host.transport)


async def open_named(spec: str) -> Transport:
    """Open the transport `spec`; raises `MachineError` and `InputError`, with what to do."""
    try:
        return await asyncio.wait_for(open_transport(spec), OPEN_LIMIT)
    except Exception as error:  # noqa: BLE001 - transports raise what their libraries raise
        raise explained(spec, error) from None


async def close_transport(transport: Transport) -> None:
    """Close `transport`, whatever state it is in."""
    with contextlib.suppress(Exception):  # it may be gone already, in ways of its library
        await transport.close()
    await asyncio.sleep(0)  # asyncio closes sockets in its next round


async def open_controller(
    name: str, transport: Transport, options: RadioOptions, random: RandomBytes
) -> Controller:
    """Reset the controller, see what it can do and begin to listen; raises `RadioError`.

    The radio uses one random static address, drawn anew each time: one address is right for
    packets and for services, and nobody can follow it from one day to the next.
    """
    host = ControllerHost(transport)
    try:
        await host.start()
        return await _prepare(name, host, options, random)
    except BaseException:
        host.abandon()
        await close_transport(transport)
        raise


async def _prepare(
    name: str, host: ControllerHost, options: RadioOptions, random: RandomBytes
) -> Controller:
    identity = await identify(host)
    address = _static_address(random)
    await host.ask(hci.HCI_LE_Set_Random_Address_Command(random_address=address))
    extended = identity.extended_advertising and options.sets > 0
    commands = _commands(host, identity, options, address) if extended else [LegacyCommands(host)]
    interval = await shortest_interval(commands[0], options.interval)
    turnaround = await _turnaround(commands[0])
    sets = [AdvertisingSet(each, Timing.of(options, interval)) for each in commands]
    for handle, each in enumerate(sets if extended else []):
        host.set_ended[handle] = each.ended
    ends = extended and await sets[0].probe()
    for each in sets:
        each.ends = ends
    packets = deque(sets)
    service = packets.pop() if len(sets) > 1 else sets[0]
    pacing = sets[0].timing.pacing(len(packets), ends=ends, turnaround=turnaround)
    scanner = Scanner(host, extended=extended)
    await scanner.start()
    facts = ControllerFacts(
        name=name,
        identity=identity,
        address=bytes(address)[::-1],
        sets=len(packets) if extended else 0,
        sets_end=ends,
        shortest_interval=interval,
        packets_a_second=1 / pacing.mean,
    )
    return Controller(
        host=host,
        facts=replace(facts, findings=judge(facts)),
        address=address,
        sets=tuple(packets),
        service_set=service,
        pacing=pacing,
        scanner=scanner,
        extended=extended,
    )


def _static_address(random: RandomBytes) -> hci.Address:
    octets = bytearray(random(_ADDRESS_SIZE))
    octets[-1] |= _STATIC
    return hci.Address(bytes(octets), hci.Address.RANDOM_DEVICE_ADDRESS)


def _commands(
    host: ControllerHost, identity: Identity, options: RadioOptions, address: hci.Address
) -> list[Commands]:
    """Return sets for packets, and one more for the service when the controller has it."""
    count = max(1, min(options.sets + 1, identity.advertising_sets))
    return [ExtendedCommands(host, handle, address) for handle in range(count)]


async def _turnaround(commands: Commands) -> float:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await commands.load(b"")
    return _COMMANDS_A_PACKET * (loop.time() - begun)
