"""Emulated controllers that behave like real ones, for tests only.

Bumble's own controller never sends non-connectable legacy advertisements, takes intervals for
milliseconds, reports everything as connectable and twice, ends no advertising set and forgets to
cancel connections. What is overridden here is private to the pinned Bumble; `test_bumble.py` has a
test that notices when it changes.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from bumble import hci, ll
from bumble.controller import AdvertisingSet, Controller, LegacyAdvertiser
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink, Transport

_KINDS = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_PROPERTIES = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command.AdvertisingProperties
_EXTENDED = hci.LeFeatureMask.LE_EXTENDED_ADVERTISING | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
_UNIT = 0.000625
_LEAST = 0x20
_NO_CONNECTION = 0x02
_LIMIT_REACHED = 0x43


def _wait(units: int) -> float:
    return max(units, _LEAST) * _UNIT + random.random() * 0.010  # noqa: S311 - advDelay


class MeshLegacyAdvertiser(LegacyAdvertiser):
    """Keeps its interval, and sends what nobody can connect to as well."""

    controller: MeshController

    def _on_timer_fired(self) -> None:
        self.send_advertising_data()
        self.timer_handle = asyncio.get_running_loop().call_later(
            _wait(self.advertising_interval_min), self._on_timer_fired
        )

    def send_advertising_data(self) -> None:
        if self.enabled and self.advertising_type == _KINDS.ADV_NONCONN_IND:
            self.controller.advertised += 1
            pdu = ll.AdvNonConnInd(self.address, bytes(self.advertising_data))
            self.controller.send_advertising_pdu(pdu)
        else:
            super().send_advertising_data()


class MeshController(Controller):
    """A controller of Bluetooth 5.0 without extended advertising; `advertised` counts events."""

    le_features = Controller.le_features & ~_EXTENDED
    least_interval = _LEAST
    """Units of 0.625 ms below which it refuses intervals of non-connectable advertising."""
    fails = frozenset[int]()
    """Op codes that it answers with an error."""
    silent = False

    def __init__(self, name: str, link: LocalLink, transport: Transport | None = None) -> None:
        source, sink = (transport.source, transport.sink) if transport else (None, None)
        super().__init__(name, source, sink, link, public_address=_address(name))
        self.advertised = 0
        self.le_legacy_advertiser = MeshLegacyAdvertiser(self)

    def on_packet(self, packet: bytes) -> None:
        if not self.silent:
            super().on_packet(packet)

    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        if command.op_code in self.fails:
            self._send_hci_command_status(
                hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR, command.op_code
            )
        else:
            super().on_hci_command_packet(command)

    def on_hci_reset_command(
        self, command: hci.HCI_Reset_Command
    ) -> hci.HCI_StatusReturnParameters:
        self.le_legacy_advertiser.stop()
        for advertising_set in self.advertising_sets.values():
            advertising_set.stop()
        self.advertising_sets.clear()
        self.le_scan_enable = False
        self.pending_le_connection = None
        return super().on_hci_reset_command(command)

    def on_hci_le_set_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Advertising_Parameters_Command
    ) -> hci.HCI_StatusReturnParameters:
        refused = (
            command.advertising_type == _KINDS.ADV_NONCONN_IND
            and command.advertising_interval_min < self.least_interval
        )
        if refused:
            return hci.HCI_StatusReturnParameters(
                hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR
            )
        return super().on_hci_le_set_advertising_parameters_command(command)

    def on_hci_le_create_connection_cancel_command(
        self, command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is not None:
            failed = hci.HCI_LE_Connection_Complete_Event(
                status=_NO_CONNECTION,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
            asyncio.get_running_loop().call_soon(self.send_hci_packet, failed)
        return super().on_hci_le_create_connection_cancel_command(command)

    def on_ll_advertising_pdu(self, packet: ll.AdvertisingPdu) -> None:
        if not isinstance(packet, ll.AdvNonConnInd):
            super().on_ll_advertising_pdu(packet)
        elif self.le_scan_enable and self.hci_sink is not None:
            event = bytes(self._report(packet))
            asyncio.get_running_loop().call_soon(self.hci_sink.on_packet, event)

    def _report(self, pdu: ll.AdvNonConnInd) -> hci.HCI_Event:
        kinds = hci.HCI_LE_Advertising_Report_Event
        report = kinds.Report(
            event_type=kinds.EventType.ADV_NONCONN_IND,
            address_type=pdu.advertiser_address.address_type,
            address=pdu.advertiser_address,
            data=pdu.data,
            rssi=-50,
        )
        return kinds([report])


class SlowController(MeshController):
    """A controller of Bluetooth 4.2: no interval under 100 ms unless somebody can connect."""

    hci_version = hci.HCI_VERSION_BLUETOOTH_CORE_4_2
    least_interval = 0xA0


@dataclass
class MeshAdvertisingSet(AdvertisingSet):
    """Keeps its interval, sends legacy PDUs and ends when it was told to."""

    events: int = 0
    sent: int = field(default=0)

    def _on_extended_advertising_timer_fired(self) -> None:
        if not self.enabled or self.parameters is None:
            return
        self.send_extended_advertising_data()
        self.sent += 1
        if self.events and self.sent >= self.events and self._ends():
            return
        interval = _wait(self.parameters.primary_advertising_interval_min)
        self.timer_handle = asyncio.get_running_loop().call_later(
            interval, self._on_extended_advertising_timer_fired
        )

    def _ends(self) -> bool:
        if not getattr(self.controller, "ends_sets", False):
            return False
        self.stop()
        self.controller.send_hci_packet(
            hci.HCI_LE_Advertising_Set_Terminated_Event(
                status=_LIMIT_REACHED,
                advertising_handle=self.handle,
                connection_handle=0,
                num_completed_extended_advertising_events=self.sent,
            )
        )
        return True

    def send_extended_advertising_data(self) -> None:
        assert self.parameters is not None
        connectable = _PROPERTIES.CONNECTABLE_ADVERTISING
        if self.parameters.advertising_event_properties & connectable:
            super().send_extended_advertising_data()
        elif self.address is not None:
            assert isinstance(self.controller, MeshController)
            self.controller.advertised += 1
            self.controller.send_advertising_pdu(ll.AdvNonConnInd(self.address, bytes(self.data)))


class ExtendedController(MeshController):
    """A controller with extended advertising and four sets, which end as they should."""

    le_features = Controller.le_features
    sets = 4
    ends_sets = True

    def on_hci_le_set_extended_advertising_parameters_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Parameters_Command
    ) -> hci.HCI_LE_Set_Extended_Advertising_Parameters_ReturnParameters:
        handle = command.advertising_handle
        if handle not in self.advertising_sets:
            self.advertising_sets[handle] = MeshAdvertisingSet(self, handle)
        return super().on_hci_le_set_extended_advertising_parameters_command(command)

    def on_hci_le_set_extended_advertising_enable_command(
        self, command: hci.HCI_LE_Set_Extended_Advertising_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        limits = zip(
            command.advertising_handles, command.max_extended_advertising_events, strict=True
        )
        for handle, events in limits:
            chosen = self.advertising_sets.get(handle)
            if isinstance(chosen, MeshAdvertisingSet):
                chosen.events, chosen.sent = events, 0
        return super().on_hci_le_set_extended_advertising_enable_command(command)

    def on_hci_le_read_number_of_supported_advertising_sets_command(
        self, _command: hci.HCI_LE_Read_Number_Of_Supported_Advertising_Sets_Command
    ) -> hci.HCI_LE_Read_Number_Of_Supported_Advertising_Sets_ReturnParameters:
        return hci.HCI_LE_Read_Number_Of_Supported_Advertising_Sets_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS, num_supported_advertising_sets=self.sets
        )

    def _report(self, pdu: ll.AdvNonConnInd) -> hci.HCI_Event:
        kinds = hci.HCI_LE_Extended_Advertising_Report_Event
        report = kinds.Report(
            event_type=kinds.EventType.LEGACY_ADVERTISING_PDU_USED,
            address_type=pdu.advertiser_address.address_type,
            address=pdu.advertiser_address,
            primary_phy=hci.Phy.LE_1M,
            secondary_phy=hci.Phy(0),
            advertising_sid=kinds.NO_ADI_FIELD_PROVIDED,
            tx_power=kinds.TX_POWER_INFORMATION_NOT_AVAILABLE,
            rssi=-50,
            periodic_advertising_interval=0,
            direct_address_type=0,
            direct_address=hci.Address.ANY,
            data=pdu.data,
        )
        return kinds([report])


class EndlessController(ExtendedController):
    """Has advertising sets and never ends one, as Bumble's own."""

    ends_sets = False


class LonelyController(ExtendedController):
    """Has one advertising set for everything."""

    sets = 1


def _address(name: str) -> hci.Address:
    octets = name.encode().ljust(6, b"\0")[:6]
    return hci.Address(octets, hci.Address.PUBLIC_DEVICE_ADDRESS)


def piped(controller: Controller) -> Transport:
    """Return a transport to `controller` in this process."""
    return Transport(controller, AsyncPipeSink(controller))


def stock_controller(name: str, link: LocalLink) -> Controller:
    """Return Bumble's own controller, faults and all."""
    return Controller(name, link=link, public_address=_address(name))
