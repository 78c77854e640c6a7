"""A device on PB-GATT: it advertises the Mesh Provisioning Service until a client holds it."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.bearers.pb_gatt import DeviceGattLink
from meshwright.core.discovery.beacon import UnprovisionedBeacon
from meshwright.core.discovery.service_data import encode_provisioning
from meshwright.core.driver import ProvisioningMachine
from meshwright.core.effects import CloseReason, Effect
from meshwright.radio.gatt import GattConnection, GattServer, MeshService
from meshwright.radio.gatt_driven import GattDriven
from meshwright.radio.port import Timebase
from meshwright.roles.advertised import Advertised


class GattEnd:
    """The PB-GATT end of one device; its effects go to `on_effects`.

    With `keep` a connection on which the device became a node stays open and goes to `on_kept`.
    """

    def __init__(
        self,
        server: GattServer,
        timebase: Timebase,
        advertised: Advertised,
        on_effects: Callable[[list[Effect]], object],
        *,
        interval: float,
        on_kept: Callable[[GattConnection], object] | None = None,
    ) -> None:
        self._server = server
        self._timebase = timebase
        self._data = encode_provisioning(UnprovisionedBeacon(advertised.uuid, advertised.oob))
        self._on_effects = on_effects
        self._interval = interval
        self._on_kept = on_kept
        self._driven: GattDriven | None = None

    def start(self, machine: ProvisioningMachine) -> None:
        """Advertise the service and let a client connect."""
        link = DeviceGattLink(keep=self._on_kept is not None)
        take = self._on_effects
        self._driven = GattDriven(
            link, machine, lambda effects, _now: take(effects), self._timebase
        )
        self.release()

    def _told(self, effects: list[Effect], _now: float) -> None:
        self._on_effects(effects)

    def pause(self) -> None:
        """Be silent and deaf; an open connection is ended."""
        self._server.stop()
        driven, self._driven = self._driven, None
        if driven is not None:
            driven.stop()

    def hold(self) -> None:
        """Be silent but for the client that has connected."""
        self._server.stop()

    def release(self) -> None:
        """Advertise again after a link."""
        if self._driven is not None:
            accept = self._driven.accept
            self._server.serve(
                MeshService.PROVISIONING, lambda: self._data, accept, interval=self._interval
            )

    def leave(self, *, by_peer: bool) -> None:
        """Be a node from now on; a connection that is kept goes to whoever wants it."""
        self._server.stop()
        driven, self._driven = self._driven, None
        connection = None if driven is None or by_peer else driven.release()
        if connection is not None and self._on_kept is not None:
            self._on_kept(connection)

    def settle(self) -> None:
        """Be done with the link as soon as Complete has left, if the connection is kept."""
        if self._on_kept is not None:
            self.close(CloseReason.SUCCESS)

    def perform(self, effects: list[Effect]) -> None:
        """Carry out what a call to the machine has returned."""
        if self._driven is not None:
            self._driven.carry_out(effects)

    def close(self, reason: CloseReason) -> None:
        """Close an open link when all has left."""
        if self._driven is not None:
            self._driven.close(reason)
