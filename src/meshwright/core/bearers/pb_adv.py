"""PB-ADV links (Mesh Protocol 1.1, 5.2.1 and 5.3): one class a role."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import ControlOpcode
from meshwright.core.bearers.lanes import Outgoing, control_packet
from meshwright.core.bearers.link import Link
from meshwright.core.bearers.phase import Phase
from meshwright.core.bearers.sending import Timer
from meshwright.core.bearers.timing import DEVICE_TIMING, LinkTiming
from meshwright.core.bearers.transactions import DEVICE_HALF, PROVISIONER_HALF
from meshwright.core.effects import Effect, Priority

LINK_ID_SIZE = 4


class ProvisionerLink(Link):
    """Opens one link to the device with `uuid` and is finished when it is closed.

    `link_id` is four random octets (5.3.2); `uniform` gives the random delays. Packets from the
    addresses in `refused` are not heard.
    """

    def __init__(
        self,
        uuid: bytes,
        link_id: bytes,
        uniform: Callable[[], float],
        *,
        refused: frozenset[bytes] = frozenset(),
        timing: LinkTiming | None = None,
    ) -> None:
        super().__init__(uuid, uniform, timing or LinkTiming(), PROVISIONER_HALF, DEVICE_HALF)
        self._begin(link_id, refused)

    def open(self, now: float) -> list[Effect]:
        """Start to send Link Open; ends in `LinkOpened` or `LinkClosed`."""
        self._phase = Phase.OPENING
        self._timers.set(Timer.ESTABLISHMENT, now + self.timing.establishment)
        packet = control_packet(self._link_id, generic.link_open(self.uuid))
        self._sending.start(Outgoing([packet], Priority.OPEN), now)
        return []

    def _expects(self, opcode: int) -> bool:
        return opcode == ControlOpcode.LINK_ACK and self._phase is Phase.OPENING

    def _on_open_control(self, control: generic.Control, now: float) -> list[Effect]:
        del control  # a Link Ack has no parameters
        self._timers.stop(Timer.ESTABLISHMENT)
        return [*self._sending.end(), *self._opened(now)]


class DeviceLink(Link):
    """Answers Link Opens for `uuid`, one link at a time, for as long as it is driven."""

    def __init__(
        self, uuid: bytes, uniform: Callable[[], float], *, timing: LinkTiming = DEVICE_TIMING
    ) -> None:
        super().__init__(uuid, uniform, timing, DEVICE_HALF, PROVISIONER_HALF)

    @property
    def is_open(self) -> bool:
        """Tell whether a Provisioner holds this device."""
        return self._phase is Phase.OPEN

    def _hear_idle(self, payload: bytes, now: float, sender: bytes | None) -> list[Effect]:
        """Take a Link Open for this device, which opens a link."""
        if payload[generic.HEADER_SIZE :] != generic.link_open(self.uuid):
            return []
        self._begin(payload[:LINK_ID_SIZE], frozenset())
        self._sender.admits(sender, now)
        self._acknowledge_open(now)
        return self._opened(now)

    def _acknowledge_open(self, now: float) -> None:
        self._sending.acknowledge(control_packet(self._link_id, generic.LINK_ACK), now)

    def _expects(self, opcode: int) -> bool:
        # Until the first Provisioning PDU a repeated Link Open is acknowledged again (5.3.2).
        fresh = self._incoming.done is None and self._phase is Phase.OPEN
        return fresh and opcode == ControlOpcode.LINK_OPEN

    def _on_open_control(self, control: generic.Control, now: float) -> list[Effect]:
        if control.parameters == self.uuid:
            self._acknowledge_open(now)
        return []

    def _gone(self) -> None:
        self._phase = Phase.IDLE
