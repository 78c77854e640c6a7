"""What a radio with GATT does: advertise a mesh service, find those who do, and connect to them.

One connection carries the values of one mesh service: what a client writes to Data In and what a
server notifies on Data Out (Mesh Protocol 1.1, 7). Values are whole Proxy PDUs of at most
`mtu` - 3 octets, and never more than 512; cutting messages into them is not a radio's business. As
with `Radio`, nobody is called back within a call of his own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Protocol

from meshwright.core.bearers.proxy_sar import ATT_HEADER, SMALLEST_MTU, value_size
from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.errors import PayloadError

__all__ = [
    "ATT_HEADER",
    "DATA_IN",
    "DATA_OUT",
    "SMALLEST_MTU",
    "GattClient",
    "GattConnection",
    "GattListener",
    "GattServer",
    "MeshService",
    "ServiceReport",
    "check_value",
]

# Characteristics: a client writes to Data In without response, a server notifies on Data Out.
DATA_IN = {MeshService.PROVISIONING: 0x2ADB, MeshService.PROXY: 0x2ADD}
DATA_OUT = {MeshService.PROVISIONING: 0x2ADC, MeshService.PROXY: 0x2ADE}


@dataclass(frozen=True, slots=True)
class ServiceReport:
    """One connectable advertisement with Service Data of a mesh service, as heard.

    `peer` is whom to connect to and means something to its radio only; `address` is six octets,
    most significant first, where the radio knows it; `rssi` is in dBm.
    """

    service: MeshService
    data: bytes
    peer: Hashable
    address: bytes | None = None
    rssi: int | None = None


class GattListener(Protocol):
    """Whoever uses one end of a connection. `now` is the time of the radio's timebase."""

    def connected(self, mtu: int, now: float) -> None:
        """Learn that values can be exchanged: notifications of Data Out are enabled."""
        ...

    def received(self, value: bytes, now: float) -> None:
        """Take one value that the other end wrote or notified."""
        ...

    def ready(self, now: float) -> None:
        """Learn that the connection can take another value."""
        ...

    def disconnected(self, now: float, reason: str | None) -> None:
        """Learn that the connection is gone or was never made; `reason` is for people."""
        ...


class GattConnection(Protocol):
    """One end of a connection, from the wish to have it to its end."""

    @property
    def mtu(self) -> int:
        """ATT_MTU in octets; `SMALLEST_MTU` until `connected`."""
        ...

    @property
    def ready(self) -> bool:
        """Tell whether `send` may be called now."""
        ...

    def send(self, value: bytes) -> None:
        """Write `value` to Data In without response, or notify it on Data Out.

        Raises `RadioBusyError` unless `ready`, `PayloadError` for a wrong size (`check_value`).
        """
        ...

    def disconnect(self) -> None:
        """End the connection, or stop making it; the listener learns of it. Harmless twice.

        What was sent before leaves first, as far as the radio can see to that.
        """
        ...

    def listen(self, listener: GattListener | None) -> None:
        """Tell `listener` from now on, or nobody; so is an open connection handed on."""
        ...

    def switch(self, service: MeshService) -> None:
        """Carry the values of `service` from now on, as after provisioning.

        The listener learns with `connected` when it can, or with `disconnected` when it cannot.
        """
        ...


class GattClient(Protocol):
    """A radio that finds servers and connects to them."""

    def watch(self, on_report: Callable[[ServiceReport, float], object] | None) -> None:
        """Report advertisements of mesh services from now on, or stop."""
        ...

    def connect(self, report: ServiceReport, listener: GattListener) -> GattConnection:
        """Connect to whoever sent `report`, find its service and enable its notifications."""
        ...


class GattServer(Protocol):
    """A radio that advertises a mesh service and lets clients connect, one at a time."""

    def serve(
        self,
        service: MeshService,
        data: Callable[[], bytes],
        accept: Callable[[GattConnection, float], GattListener],
        *,
        interval: float,
    ) -> None:
        """Advertise `service` every `interval` seconds with Service Data until `stop`.

        `data` is asked again for every advertisement. `accept` is called when a client has
        connected and enabled notifications; the listener's `connected` follows. While a client is
        connected nothing is advertised. Serving something else replaces it.
        """
        ...

    def stop(self) -> None:
        """Advertise no more; a connection that is open stays open."""
        ...


def check_value(value: bytes, mtu: int) -> None:
    """Raise `PayloadError` unless `value` fits a connection with this ATT_MTU."""
    if not 0 < len(value) <= value_size(mtu):
        raise PayloadError(
            f"This connection carries values of 1 to {value_size(mtu)} octets, not {len(value)}; "
            "cut the message into Proxy PDUs.",
            code="value-size",
        )
