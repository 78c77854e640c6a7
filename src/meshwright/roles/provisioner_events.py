"""What a program tells a provisioner, and is told by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

from meshwright.clock import Clock
from meshwright.core.errors import InputError
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.fields import AuthenticationMethod
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import StaticOob
from meshwright.pki.validation import ChainValidator
from meshwright.roles.bearers import Bearer
from meshwright.roles.discovery import Discovery
from meshwright.roles.entry import Entered
from meshwright.roles.methods import Picked
from meshwright.roles.provisioned import NetworkCredentials, ProvisionedNode


def _ignore(*_arguments: object) -> None:
    """Do nothing: what a program does not ask for."""


@dataclass(frozen=True, slots=True)
class ProvisionerEvents:
    """What a provisioner calls; each gets the UUID of the device first.

    Functions that return something may be coroutine functions. A `MeshwrightError` that one of
    those raises refuses the device and is the reason; any other exception ends the attempt and
    comes out of `provision`.
    """

    link_opened: Callable[[UUID, Bearer], object] = _ignore
    link_closed: Callable[[UUID, Bearer, int], object] = _ignore
    """With the reason: an octet of Link Close, or our own."""
    capabilities: Callable[[UUID, Capabilities, Choice], Picked | Awaitable[Picked]] | None = None
    """Choose how to authenticate, knowing what the policy would choose; None leaves it at that."""
    entry_needed: Callable[[UUID, Challenge], Entered | Awaitable[Entered]] | None = None
    """Return what the device shows. Without this, Output OOB is never chosen."""
    entry_refused: Callable[[UUID, InputError], object] = _ignore
    """What was entered cannot be right; it is asked for again."""
    show: Callable[[UUID, Challenge, str], object] | None = None
    """Show a value that is to be entered at the device. Without this, Input OOB is never chosen."""
    stop_showing: Callable[[UUID], object] = _ignore
    """The device has taken the value, or the session is over."""
    node_added: Callable[[ProvisionedNode], object] = _ignore
    """The device has confirmed that it is a node."""

    def feasible(self, policy: AuthenticationPolicy) -> AuthenticationPolicy:
        """Return `policy` without the methods that nobody is there for."""
        missing = {
            AuthenticationMethod.OUTPUT: self.entry_needed is None,
            AuthenticationMethod.INPUT: self.show is None,
        }
        methods = tuple(method for method in policy.methods if not missing.get(method))
        return replace(policy, methods=methods)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for one device."""

    uuid: UUID
    policy: AuthenticationPolicy
    address: int | None = None
    device_public: bytes | None = None
    static_oob: StaticOob | None = field(default=None, repr=False)
    attention: int = 0
    records: tuple[int, ...] = ()
    keep_connection: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What every attempt of one provisioner works with."""

    network: NetworkCredentials
    events: ProvisionerEvents
    addresses: Callable[[UUID, int], int | Awaitable[int]]
    store: Callable[[ProvisionedNode], object]
    roots: ChainValidator | None
    clock: Clock
    discovery: Discovery
    time: Callable[[], float]
