"""Arbitrary values at one end of a PB-GATT link.

The first octet chooses a scenario, every further one what happens next. The order of what happens
is that of `machines` as far as both have it, so that their seeds are alike.
"""

from __future__ import annotations

from fuzz.ends import End
from fuzz.octets import Decisions
from fuzz.scenarios import SCENARIOS
from meshwright.core.bearers import proxy_sar
from meshwright.core.bearers.pb_gatt import DeviceGattLink, GattLink, ProvisionerGattLink
from meshwright.core.bearers.proxy_sar import MessageType

_MTUS = (23, 24, 69, 185, 247, 512, 517)


class OnConnection(End):
    """One end of a PB-GATT link."""

    longest_packet = proxy_sar.LARGEST_VALUE

    @property
    def link(self) -> GattLink:
        assert isinstance(self.bearer, GattLink)  # noqa: S101 - it is made with one
        return self.bearer

    @property
    def is_open(self) -> bool:
        return self.link.is_open

    def hear_pdu(self) -> None:
        """Hear a whole provisioning PDU."""
        for value in proxy_sar.encode(MessageType.PROVISIONING, self.decisions.sized(), 69):
            self.hear(value)

    def hear_part(self) -> None:
        """Hear a segment; four values of SAR and any type."""
        head, data = self.decisions.octet(), self.decisions.sized()
        self.hear(bytes([head & 0xC0 | MessageType.PROVISIONING]) + data * (1 + head % 64))

    def hear_value(self) -> None:
        self.hear(self.decisions.sized())

    def connect(self) -> None:
        """Connect, whether it was connected before or not."""
        mtu = self.decisions.one_of(_MTUS)
        self.act(self.session.carry_out(self.link.connected(mtu, self.now), self.now))

    def disconnect(self) -> None:
        self._at_radio.clear()
        self.act(self.session.carry_out(self.link.disconnected(self.now), self.now))

    def acknowledge(self) -> None:
        for _ in range(100):
            if not self._at_radio:
                return
            self.radio_sends()

    happenings = (
        hear_pdu,
        hear_part,
        hear_value,
        connect,
        disconnect,
        End.radio_sends,
        acknowledge,
        End.wait,
        End.enter,
        End.close,
    )


CONNECT = b"\3"


def device(data: bytes) -> OnConnection:
    """Let a device on PB-GATT hear anything."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    link = DeviceGattLink(keep=bool(decisions.octet() & 1))
    return OnConnection(link, scenario.device(), decisions, scenario).run()


def provisioner(data: bytes) -> OnConnection:
    """Let a Provisioner on PB-GATT hear anything."""
    decisions = Decisions(data)
    scenario = decisions.one_of(SCENARIOS)
    link = ProvisionerGattLink(keep=bool(decisions.octet() & 1))
    end = OnConnection(link, scenario.provisioner(), decisions, scenario)
    end.act(link.open(0.0))
    return end.run()
