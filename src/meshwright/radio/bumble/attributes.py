"""Bumble's GATT device on our host, with the two mesh services in its attribute table.

A node has one of the two, never both (Mesh Protocol 1.1, 7.1 and 7.2): what is not exposed keeps
its handles and is not found. Nobody can pair: the mesh has its own security.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bumble import att, hci, smp
from bumble.core import UUID
from bumble.device import Connection, Device, DeviceConfiguration
from bumble.gatt import Characteristic, CharacteristicValue, Service

from meshwright.radio.bumble.host import ControllerHost
from meshwright.radio.gatt import DATA_IN, DATA_OUT, MeshService

_NAME = "meshwright"
_PAIRING_FAILED = bytes((0x05, 0x05))  # Pairing Failed, Pairing Not Supported

OnWritten = Callable[[Connection, MeshService, bytes], object]
OnSubscribed = Callable[[Connection, MeshService, bool], object]


class Attributes:
    """The device, its mesh services and what clients do with them."""

    def __init__(
        self,
        host: ControllerHost,
        address: hci.Address,
        on_written: OnWritten,
        on_subscribed: OnSubscribed,
    ) -> None:
        config = DeviceConfiguration(name=_NAME, address=address)
        self.device = Device(config=config, host=host)
        self.device.connect_own_address_type = hci.OwnAddressType.RANDOM
        self._refuse_pairing()
        self._on_written = on_written
        self._on_subscribed = on_subscribed
        self._plain = list(self.device.gatt_server.attributes)
        self._outs: dict[MeshService, Characteristic[bytes]] = {}
        self._services = {service: self._add(service) for service in MeshService}
        self.expose(None)

    def expose(self, service: MeshService | None) -> None:
        """Let clients find `service`, and the other one no longer."""
        server = self.device.gatt_server
        server.attributes = self._plain + (self._services[service] if service else [])
        server.attributes_by_handle.clear()

    def notify(self, connection: Connection, service: MeshService, value: bytes) -> None:
        """Notify `value`, which fits, on Data Out of `service`."""
        notification = att.ATT_Handle_Value_Notification(
            attribute_handle=self._outs[service].handle, attribute_value=value
        )
        self.device.gatt_server.send_gatt_pdu(connection, bytes(notification))

    def _add(self, service: MeshService) -> list[att.Attribute[bytes]]:
        server = self.device.gatt_server
        before = len(server.attributes)
        data_out: Characteristic[bytes] = Characteristic(
            UUID.from_16_bits(DATA_OUT[service]),
            Characteristic.Properties.NOTIFY,
            Characteristic.Permissions(0),
        )
        data_out.on(
            data_out.EVENT_SUBSCRIPTION,
            lambda bearer, notify, _indicate: self._on_subscribed(bearer, service, notify),
        )
        data_in: Characteristic[bytes] = Characteristic(
            UUID.from_16_bits(DATA_IN[service]),
            Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            Characteristic.Permissions.WRITEABLE,
            CharacteristicValue(write=partial(self._written, service)),
        )
        server.add_service(Service(UUID.from_16_bits(service), [data_in, data_out]))
        self._outs[service] = data_out
        return server.attributes[before:]

    def _written(self, service: MeshService, connection: Connection, value: bytes) -> None:
        self._on_written(connection, service, value)

    def _refuse_pairing(self) -> None:
        def refuse(handle: int, _pdu: bytes) -> None:
            connection = self.device.lookup_connection(handle)
            if connection is not None:
                connection.send_l2cap_pdu(smp.SMP_CID, _PAIRING_FAILED)

        self.device.l2cap_channel_manager.register_fixed_channel(smp.SMP_CID, refuse)
