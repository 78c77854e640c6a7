"""What a controller can do, and what of it matters to a mesh."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bumble import hci
from bumble.company_ids import COMPANY_IDENTIFIERS

from meshwright.radio.bumble.errors import RadioRefusedError
from meshwright.radio.bumble.host import ControllerHost
from meshwright.radio.bumble.sets import SLOW_INTERVAL
from meshwright.radio.findings import Finding, Level

# Bits of LE_States (Core 6.0, Vol 4, Part E, 7.8.27) that a mesh has use for.
_STATES = {
    8: "advertise packets and scan",
    10: "advertise a service and scan",
    18: "advertise packets and be a client",
    20: "advertise packets and be a server",
    22: "scan and connect",
    24: "scan and be a client",
    26: "scan and be a server",
}
SEND_AND_SCAN = _STATES[8]
CONNECT_AND_SCAN = _STATES[22]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a controller says about itself; `states` are things it can do at the same time."""

    version: str
    manufacturer: str
    address: bytes | None
    extended_advertising: bool
    advertising_sets: int
    advertising_data: int
    states: frozenset[str]
    buffer_size: int
    buffers: int


@dataclass(frozen=True, slots=True)
class ControllerFacts:
    """A controller as it is used: what it says and what was tried while it was opened.

    `sets` carry packets, 0 being the legacy one; `sets_end` tells whether they end by themselves;
    `shortest_interval` is milliseconds. `address` is the one it advertises with, `findings` are
    what somebody should know.
    """

    name: str
    identity: Identity
    address: bytes
    sets: int
    sets_end: bool
    shortest_interval: int
    packets_a_second: float
    findings: tuple[Finding, ...] = ()


async def identify(host: ControllerHost) -> Identity:
    """Ask the controller, which was reset, what it can do; raises `RadioError`."""
    version = host.local_version
    extended = host.supports_le_features(hci.LeFeatureMask.LE_EXTENDED_ADVERTISING)
    queue = host.le_acl_packet_queue
    return Identity(
        version=_version(version.hci_version) if version else "unknown",
        manufacturer=_manufacturer(version.company_identifier) if version else "unknown",
        address=await _public_address(host),
        extended_advertising=extended,
        advertising_sets=await _sets(host) if extended else 0,
        advertising_data=host.maximum_advertising_data_length,
        states=await _states(host),
        buffer_size=queue.max_packet_size if queue else 0,
        buffers=queue.max_in_flight if queue else 0,
    )


async def _public_address(host: ControllerHost) -> bytes | None:
    try:
        answer = await host.ask(hci.HCI_Read_BD_ADDR_Command())
    except RadioRefusedError:
        return None
    address = bytes(answer.bd_addr)[::-1]
    return address if any(address) else None


async def _sets(host: ControllerHost) -> int:
    # Some controllers know the command and do not list it.
    try:
        command = hci.HCI_LE_Read_Number_Of_Supported_Advertising_Sets_Command()
        return (await host.ask(command)).num_supported_advertising_sets
    except RadioRefusedError:
        return 1


async def _states(host: ControllerHost) -> frozenset[str]:
    try:
        answer = await host.ask(hci.HCI_LE_Read_Supported_States_Command())
    except RadioRefusedError:
        return frozenset()
    bits = int.from_bytes(answer.le_states, "little")
    return frozenset(state for bit, state in _STATES.items() if bits >> bit & 1)


def _version(number: int) -> str:
    """Return the version of the Core Specification, such as 5.0."""
    name, core = hci.SpecificationVersion(number).name, "BLUETOOTH_CORE_"
    known = name.startswith(core)
    return name.removeprefix(core).replace("_", ".") if known else f"number {number}"


def _manufacturer(number: int) -> str:
    return COMPANY_IDENTIFIERS.get(number, f"{number:#06x}")


_Check = Callable[[ControllerFacts], bool]

_CHECKS: tuple[tuple[_Check, Finding], ...] = (
    (
        lambda facts: facts.shortest_interval >= SLOW_INTERVAL,
        Finding(
            Level.WARNING,
            "slow-advertising",
            f"The controller takes no advertising interval under {SLOW_INTERVAL} ms, so a packet "
            "goes out every tenth of a second only.",
            "Use a controller with Bluetooth 5.0 or later, or try ?slice=20 with the self-test.",
        ),
    ),
    (
        lambda facts: not facts.identity.extended_advertising,
        Finding(
            Level.NOTE,
            "one-advertising-set",
            "The controller has one advertising set, which packets and services share in turn.",
            "A controller with extended advertising is faster.",
        ),
    ),
    (
        lambda facts: facts.sets > 0 and not facts.sets_end,
        Finding(
            Level.NOTE,
            "sets-never-end",
            "The controller never says that an advertising set has ended, so each gets a slice of "
            "time.",
            "Newer firmware may do better; ?sets=0 tries the legacy commands.",
        ),
    ),
    (
        lambda facts: SEND_AND_SCAN not in facts.identity.states,
        Finding(
            Level.FAULT,
            "deaf-while-advertising",
            "The controller does not say that it can scan while it advertises; links will be slow "
            "or fail.",
            "Use another controller.",
        ),
    ),
    (
        lambda facts: CONNECT_AND_SCAN not in facts.identity.states,
        Finding(
            Level.NOTE,
            "deaf-while-connecting",
            "The controller does not say that it can scan while it connects; scanning pauses then.",
        ),
    ),
)


def judge(facts: ControllerFacts) -> tuple[Finding, ...]:
    """Return what somebody should know about a controller with these facts."""
    return tuple(finding for applies, finding in _CHECKS if applies(facts))
