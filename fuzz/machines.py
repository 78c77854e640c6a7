"""Arbitrary packet sequences at one end of a PB-ADV link.

The first octet chooses a scenario, every further one what happens next.
"""

from __future__ import annotations

from fuzz.ends import End
from fuzz.octets import Decisions
from fuzz.scenarios import SCENARIOS, UUID
from meshwright.core.bearers import generic
from meshwright.core.bearers.generic import ControlOpcode
from meshwright.core.bearers.link import Link
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.bearers.phase import Phase
from meshwright.randomness import SeededRandomness

LINK_ID = bytes.fromhex("11223344")
_SENDERS = (b"PEER..", b"STRANG", None)


class OnAir(End):
    """One end of a PB-ADV link."""

    longest_packet = 29

    @property
    def link(self) -> Link:
        assert isinstance(self.bearer, Link)  # noqa: S101 - it is made with one
        return self.bearer

    @property
    def is_open(self) -> bool:
        return self.link._phase is Phase.OPEN

    def hear_octets(self) -> None:
        self.hear(self.decisions.sized()[: self.longest_packet])

    def hear_packet(self) -> None:
        number = bytes([self.decisions.octet()])
        self.hear(self.link.link_id + number + self.decisions.sized()[:24])

    def hear_pdu(self) -> None:
        """Hear a whole provisioning PDU under the number that is expected."""
        octets = self.decisions.sized()
        head = self.link.link_id + bytes([self.link._incoming.due])
        for segment in generic.segment(octets) if octets else ():
            self.hear(head + segment)
        self.radio_sends()

    def hear_control(self) -> None:
        opcode = self.decisions.octet() % 4
        if opcode == ControlOpcode.LINK_OPEN:
            link_id = LINK_ID if self.decisions.octet() % 2 == 0 else b"OTHR"
            self.hear(link_id + b"\0" + generic.link_open(UUID))
        elif opcode == ControlOpcode.LINK_ACK:
            self.hear(self.link.link_id + b"\0" + generic.LINK_ACK)
        elif opcode == ControlOpcode.LINK_CLOSE:
            self.hear(self.link.link_id + b"\0" + generic.link_close(self.decisions.octet()))
        else:
            self.hear(self.link.link_id + bytes([self.decisions.octet()]) + generic.ACK)

    def hear_somebody(self) -> None:
        sender = self.decisions.one_of(_SENDERS)
        self.hear(self.link.link_id + self.decisions.sized()[:25], sender)

    def acknowledge(self) -> None:
        """Send what waits, hear it acknowledged, and so on with all that waits behind it."""
        for _ in range(8):
            self.pass_time(0.06)
            self.radio_sends()
            outgoing = self.link._sending.outgoing
            number = outgoing.number if outgoing else 0
            self.hear(self.link.link_id + bytes([number]) + generic.ACK)

    happenings = (
        hear_pdu,
        hear_packet,
        hear_octets,
        hear_control,
        hear_somebody,
        End.radio_sends,
        acknowledge,
        End.wait,
        End.enter,
        End.close,
    )


HEAR_PDU, HEAR_CONTROL, ACKNOWLEDGE, ENTER = b"\0", b"\3", b"\6", b"\x08"


def device(data: bytes) -> OnAir:
    """Let a device on PB-ADV hear anything."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    link = DeviceLink(UUID, SeededRandomness(1).uniform("delays"))
    return OnAir(link, scenario.device(), decisions, scenario).run()


def provisioner(data: bytes) -> OnAir:
    """Let a Provisioner on PB-ADV hear anything."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    link = ProvisionerLink(UUID, LINK_ID, SeededRandomness(1).uniform("delays"))
    end = OnAir(link, scenario.provisioner(), decisions, scenario)
    end.act(link.open(0.0))
    return end.run()
