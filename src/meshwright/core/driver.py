"""The contract between every protocol machine and whatever drives it."""

from __future__ import annotations

from typing import Protocol

from meshwright.core.effects import CloseReason, Effect, Lane


class Machine(Protocol):
    """Synchronous: time comes in as `now` (monotonic seconds), effects come out."""

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` wants to be called; None for never."""
        ...

    def handle_deadline(self, now: float) -> list[Effect]:
        """Handle what is due at `now`; calling too early or too often is harmless."""
        ...


class PacketMachine(Machine, Protocol):
    """A machine that lives on advertising packets."""

    @property
    def finished(self) -> bool:
        """Tell whether it will never again send or wait for anything."""
        ...

    def receive(self, payload: bytes, now: float, sender: bytes | None) -> list[Effect]:
        """Take the content of one advertising structure; `sender` is the advertiser's address."""
        ...

    def transmitted(self, lane: Lane, now: float) -> list[Effect]:
        """Learn that the packet of `lane` has left the radio."""
        ...


class ProvisioningMachine(Machine, Protocol):
    """Either role of the provisioning protocol."""

    def bearer_opened(self, now: float) -> list[Effect]:
        """Learn that provisioning PDUs can be exchanged."""
        ...

    def bearer_closed(self, now: float) -> list[Effect]:
        """Learn that they no longer can."""
        ...

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        """Take one provisioning PDU; any octets are allowed."""
        ...


class Bearer(PacketMachine, Protocol):
    """A packet machine that carries provisioning PDUs."""

    def send(self, pdu: bytes, now: float) -> list[Effect]:
        """Queue one provisioning PDU."""
        ...

    def close(self, reason: CloseReason, now: float) -> list[Effect]:
        """Close the link; harmless when it is closed already."""
        ...
