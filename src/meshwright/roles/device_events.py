"""What a device tells its program, and what it asks of each of its bearers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Effect
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.fields import ErrorCode
from meshwright.radio.gatt import GattConnection
from meshwright.roles.bearers import Bearer


def _ignore(*_arguments: object) -> None:
    """Do nothing: what a program does not ask for."""


@dataclass(frozen=True, slots=True)
class Joined:
    """What makes a device a node."""

    data: ProvisioningData
    device_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeviceEvents:
    """What a device calls; each is called in the middle of a step and must not take long.

    `persist` has to make its argument durable before it returns: only then Complete leaves. When it
    raises, the device has not become a node and the exception goes on.
    """

    link_opened: Callable[[Bearer], object] = _ignore
    link_closed: Callable[[Bearer, int], object] = _ignore
    """With the reason: an octet of Link Close, or our own."""
    attention: Callable[[int], object] = _ignore
    """Draw attention for so many seconds; 0 switches it off."""
    show: Callable[[Challenge, str], object] = _ignore
    """Blink, beep, vibrate or write the value; the provisioner's person enters it."""
    stop_showing: Callable[[], object] = _ignore
    """The value has served, or the session is over."""
    entry_needed: Callable[[Challenge], object] = _ignore
    """Let somebody enter what the provisioner shows, then call `Device.enter`."""
    refused: Callable[[ErrorCode], object] = _ignore
    """The device has failed the session."""
    attempts_changed: Callable[[int], object] = _ignore
    """So many authentications in a row have failed; keep it, `Attempts` starts with it."""
    persist: Callable[[Joined], object] = _ignore
    complete: Callable[[int, int], object] = _ignore
    """The device is a node: NetKey Index and the address of its primary element."""
    reset: Callable[[], object] = _ignore
    connection_kept: Callable[[GattConnection], object] | None = None
    """Take over the connection on which the device became a node, instead of ending it."""


class End(Protocol):
    """One bearer of a device."""

    def start(self, machine: ProvisioningMachine) -> None:
        """Let Provisioners find the device and open a link."""

    def pause(self) -> None:
        """Be silent and deaf; an open link is forgotten."""

    def hold(self) -> None:
        """Be silent but for the link that has opened."""

    def release(self) -> None:
        """Be found again after a link."""

    def leave(self, *, by_peer: bool) -> None:
        """Be a node from now on: only what ends the link still leaves."""

    def settle(self) -> None:
        """Learn that the device has become a node."""

    def perform(self, effects: list[Effect]) -> None:
        """Carry out what a call to the machine has returned."""

    def close(self, reason: CloseReason) -> None:
        """Close an open link."""
