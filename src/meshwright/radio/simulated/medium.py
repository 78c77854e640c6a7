"""What simulated connections need of the air and of the radios on both sides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from meshwright.radio.gatt import GattConnection
from meshwright.radio.simulated.propagation import Position


@dataclass(frozen=True, slots=True)
class ConnectionParameters:
    """How connections work; times in seconds.

    `values_per_event` is how many values each side sends in one event, and how many it holds until
    then. `setup_events` is how many events it takes to agree on an MTU, find the service and enable
    notifications; half of them to find another service later. A side that hears nothing for
    `supervision` gives the connection up. `connecting` and `switching` bound how long a client
    waits for a server, and for a service of it.
    """

    interval: float = 0.030
    values_per_event: int = 4
    setup_events: int = 8
    supervision: float = 4.0
    connecting: float = 10.0
    switching: float = 5.0


class Side(Protocol):
    """The radio on one side, as connections see it."""

    @property
    def address(self) -> bytes:
        """Its six octets, most significant first."""
        ...

    @property
    def position(self) -> Position | None:
        """Where it is."""
        ...

    @property
    def mtu(self) -> int:
        """The ATT_MTU that it offers."""
        ...

    @property
    def is_on(self) -> bool:
        """Tell whether it can be heard and told anything."""
        ...


class Medium(Protocol):
    """The air, as connections see it."""

    @property
    def parameters(self) -> ConnectionParameters:
        """How connections work."""
        ...

    def time(self) -> float:
        """Return the seconds of virtual time."""
        ...

    def at(self, when: float, function: Callable[[int], object], turn: int) -> None:
        """Call `function(turn)` at `when`."""
        ...

    def soon(self, function: Callable[[], object]) -> None:
        """Call `function` at this time, but not within this call."""
        ...

    def heard(self, one: Side, other: Side) -> bool:
        """Draw whether `other` hears one packet of `one`."""
        ...

    def loses(self) -> bool:
        """Draw whether one packet is lost."""
        ...

    def give_up(self, connection: GattConnection) -> bool:
        """Stop making `connection`; return whether it was being made."""
        ...

    def passed(self, sender: Side, receiver: Side, value: bytes) -> None:
        """Learn that a value changes sides."""
        ...
