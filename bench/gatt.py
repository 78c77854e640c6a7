"""PB-GATT: round trips, values and simulated time of one session with a certificate.

Nothing is timed: the figures are the same in every run. A round trip is a change of direction and
back; the floor of a session's time is one connection interval for each, as a client's request and
the server's answer never share a connection event.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from bench._session import DEVICE, Sessions, Way
from meshwright.core.bearers.pb_gatt import DeviceGattLink, ProvisionerGattLink
from meshwright.core.crypto import KeyPair
from meshwright.core.discovery.beacon import UnprovisionedBeacon
from meshwright.core.discovery.service_data import MeshService, encode_provisioning
from meshwright.core.effects import Effect
from meshwright.core.provisioning.events import Provisioned
from meshwright.core.provisioning.fields import Algorithm
from meshwright.radio.gatt import ServiceReport
from meshwright.radio.gatt_driven import GattDriven
from meshwright.radio.simulated.air import Air
from meshwright.radio.simulated.gatt import GattAir
from meshwright.radio.simulated.medium import ConnectionParameters
from meshwright.randomness import SeededRandomness

Row = dict[str, Any]

MTUS = 23, 69, 247
CERTIFICATE = bytes(600)
PARAMETERS = ConnectionParameters()


class Meeting:
    """One session between a client and a server, and every value that passed."""

    def __init__(self, way: Way, mtu: int) -> None:
        randomness = SeededRandomness(1)
        self._pair = KeyPair.generate(randomness.stream("device"))
        sessions = Sessions(self._pair, lambda _certificate: self._pair.public)
        self._air = Air(randomness.uniform("air"))
        gatts = GattAir(self._air, PARAMETERS)
        self.values: list[tuple[float, bytes]] = []
        gatts.capture(lambda time, sender, _receiver, _value: self.values.append((time, sender)))
        client = gatts.gatt(self._air.radio(b"CLIENT"), mtu=mtu)
        server = gatts.gatt(self._air.radio(b"SERVER"), mtu=mtu)
        self._machine, self._leads, device = sessions.machines(way)
        self._device = GattDriven(DeviceGattLink(), device, lambda _effects, _now: None, self._air)
        data = encode_provisioning(UnprovisionedBeacon(DEVICE))
        server.serve(MeshService.PROVISIONING, lambda: data, self._device.accept, interval=0.1)
        self._client, self.opened, self.ended = client, 0.0, 0.0
        self._driven: GattDriven | None = None
        client.watch(self._found)
        assert self._air.run_until(lambda: self.ended > 0, limit=60.0), "no node"

    def _found(self, report: ServiceReport, now: float) -> None:
        self._client.watch(None)
        self.opened = now
        link = ProvisionerGattLink()
        self._driven = GattDriven(link, self._machine, self._on_effects, self._air)
        self._driven.connect(self._client, report)

    def _on_effects(self, effects: list[Effect], now: float) -> None:
        assert self._driven is not None
        for effect in effects:
            lead = self._leads.get(type(effect))
            self._driven.carry_out([] if lead is None else lead(effect, now))
            if isinstance(effect, Provisioned):
                self.ended = now

    @property
    def round_trips(self) -> int:
        """How often the direction changed and changed back."""
        senders = [sender for _time, sender in self.values]
        return (sum(before != after for before, after in pairwise(senders)) + 1) // 2

    @property
    def seconds(self) -> float:
        """From the first value to the node."""
        return self.ended - self.values[0][0]


def rows() -> list[Row]:
    """Return two rows for each MTU."""
    way = Way(Algorithm.HMAC, oob_key=True, certificate=CERTIFICATE)
    return [row for mtu in MTUS for row in _rows(mtu, Meeting(way, mtu))]


def _rows(mtu: int, meeting: Meeting) -> list[Row]:
    name = f"PB-GATT session, certificate of {len(CERTIFICATE)} octets read, ATT_MTU {mtu}"
    floor = meeting.round_trips * PARAMETERS.interval
    base: Row = {"floor": None, "ratio": None, "bar": None, "ok": True}
    values = {"name": f"{name}, {len(meeting.values)} values", "value": meeting.round_trips}
    time = {"name": f"{name}, connection excluded", "value": round(meeting.seconds, 3)}
    return [
        {**values, "unit": "round trips", **base},
        {
            **time,
            "unit": "s simulated",
            **base,
            "floor": round(floor, 3),
            "ratio": round(meeting.seconds / floor, 2),
        },
    ]
