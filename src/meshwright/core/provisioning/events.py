"""What the machines tell their owners: of a session, of the person in it, and of its outcome."""

from __future__ import annotations

from dataclasses import dataclass, field

from meshwright.core.effects import Effect
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.fields import ErrorCode
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.pdu import Capabilities

# The Provisioner's machine, in the order of a session.


@dataclass(frozen=True, slots=True)
class RecordsListed(Effect):
    """The device has these records; unknown and repeated IDs are left out."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordRead(Effect):
    """A record was read, or is not there (`content` is None). Nothing in it is trusted yet."""

    record_id: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class CapabilitiesReceived(Effect):
    """What the device offers and what was chosen of it."""

    capabilities: Capabilities
    choice: Choice


@dataclass(frozen=True, slots=True)
class Authenticated(Effect):
    """The confirmations agree: the peer holds the key and the AuthValue. Now `send_data`.

    `device_key` and an address range for `elements` have to be durable before that.
    """

    elements: int
    device_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Provisioned(Effect):
    """The device has confirmed that it is a node."""


@dataclass(frozen=True, slots=True)
class SessionFailed(Effect):
    """The session is over. `code` is stable; `error` is the device's Error Code, if it sent one."""

    code: str
    message: str
    error: int | None = None


# The device's machine.


@dataclass(frozen=True, slots=True)
class AttentionChanged(Effect):
    """Draw attention for so many seconds; 0 switches it off."""

    seconds: int


@dataclass(frozen=True, slots=True)
class BecameNode(Effect):
    """Provisioning Data was accepted. Store it before carrying out what follows."""

    data: ProvisioningData
    device_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionRefused(Effect):
    """The device has sent Failed with this error: its session is over."""

    error: ErrorCode


@dataclass(frozen=True, slots=True)
class AttemptsChanged(Effect):
    """So many authentications have failed in a row. Store the number before what follows.

    Without that, whoever can switch the device off and on may guess as often as it starts.
    """

    failures: int


# Both, for the person who carries a value between device and Provisioner.


@dataclass(frozen=True, slots=True)
class ValueToShow(Effect):
    """Show this value to the person: blink, beep or vibrate it, or write it.

    The device shows it for Output OOB; the Provisioner for Input OOB, to be entered at the device.
    """

    challenge: Challenge
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ValueShown(Effect):
    """The value has served, or the session is over: stop showing it."""


@dataclass(frozen=True, slots=True)
class EntryNeeded(Effect):
    """Ask the person for the value that the other side shows, then call `enter`."""

    challenge: Challenge
