"""One advertising set of a controller, by the legacy commands or by the extended ones.

A controller that was once given commands of one family refuses those of the other (Core 6.0,
Vol 4, Part E, 3.1.1), so a radio uses one family for everything.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from bumble import hci

from meshwright.radio.bumble.errors import RadioRefusedError
from meshwright.radio.bumble.host import ControllerHost

SLOW_INTERVAL = 100
"""Milliseconds: the least that controllers before 5.0 take when nobody can connect."""

_INVALID = (
    hci.HCI_UNSUPPORTED_FEATURE_OR_PARAMETER_VALUE_ERROR,
    hci.HCI_INVALID_HCI_COMMAND_PARAMETERS_ERROR,
)
_ALL_CHANNELS = 0x07
_NO_PREFERENCE = 0x7F
_UNIT = 0.625


class Purpose(Enum):
    """What a set advertises."""

    PACKET = "mesh packets; nobody can connect"
    SERVICE = "a mesh service; anybody can connect"


class Commands(Protocol):
    """What can be done with one set; everything raises `RadioError`."""

    async def configure(self, purpose: Purpose, interval: int) -> None:
        """Say what it is for and how many milliseconds lie between events; not while it is on."""
        ...

    async def load(self, data: bytes) -> None:
        """Say what it advertises, at most 31 octets."""
        ...

    async def enable(self, events: int = 0) -> None:
        """Begin, and stop after so many events if the controller can; 0 is never."""
        ...

    async def disable(self) -> None:
        """Stop; harmless when it has stopped."""
        ...


class LegacyCommands:
    """The only set of the legacy commands."""

    def __init__(self, host: ControllerHost) -> None:
        self._host = host

    async def configure(self, purpose: Purpose, interval: int) -> None:
        kinds = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
        await self._host.ask(
            hci.HCI_LE_Set_Advertising_Parameters_Command(
                advertising_interval_min=_units(interval),
                advertising_interval_max=_units(interval),
                advertising_type=(
                    kinds.ADV_NONCONN_IND if purpose is Purpose.PACKET else kinds.ADV_IND
                ),
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=0,
                peer_address=hci.Address.ANY,
                advertising_channel_map=_ALL_CHANNELS,
                advertising_filter_policy=0,
            )
        )

    async def load(self, data: bytes) -> None:
        await self._host.ask(hci.HCI_LE_Set_Advertising_Data_Command(advertising_data=data))

    async def enable(self, events: int = 0) -> None:
        del events
        await self._host.ask(hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=1))

    async def disable(self) -> None:
        await self._host.ask(hci.HCI_LE_Set_Advertising_Enable_Command(advertising_enable=0))


class ExtendedCommands:
    """Set number `handle` of the extended commands, with legacy PDUs: the mesh knows no others."""

    def __init__(self, host: ControllerHost, handle: int, address: hci.Address) -> None:
        self._host = host
        self._handle = handle
        self._address = address

    async def configure(self, purpose: Purpose, interval: int) -> None:
        kinds = hci.HCI_LE_Set_Extended_Advertising_Parameters_Command.AdvertisingProperties
        properties = kinds.USE_LEGACY_ADVERTISING_PDUS
        if purpose is Purpose.SERVICE:
            properties |= kinds.CONNECTABLE_ADVERTISING | kinds.SCANNABLE_ADVERTISING
        await self._host.ask(
            hci.HCI_LE_Set_Extended_Advertising_Parameters_Command(
                advertising_handle=self._handle,
                advertising_event_properties=properties,
                primary_advertising_interval_min=_units(interval),
                primary_advertising_interval_max=_units(interval),
                primary_advertising_channel_map=_ALL_CHANNELS,
                own_address_type=hci.OwnAddressType.RANDOM,
                peer_address_type=0,
                peer_address=hci.Address.ANY,
                advertising_filter_policy=0,
                advertising_tx_power=_NO_PREFERENCE,
                primary_advertising_phy=hci.Phy.LE_1M,
                secondary_advertising_max_skip=0,
                secondary_advertising_phy=hci.Phy.LE_1M,
                advertising_sid=0,
                scan_request_notification_enable=0,
            )
        )
        await self._host.ask(
            hci.HCI_LE_Set_Advertising_Set_Random_Address_Command(
                advertising_handle=self._handle, random_address=self._address
            )
        )

    async def load(self, data: bytes) -> None:
        operations = hci.HCI_LE_Set_Extended_Advertising_Data_Command.Operation
        await self._host.ask(
            hci.HCI_LE_Set_Extended_Advertising_Data_Command(
                advertising_handle=self._handle,
                operation=operations.COMPLETE_DATA,
                fragment_preference=1,
                advertising_data=data,
            )
        )

    async def enable(self, events: int = 0) -> None:
        await self._switch(on=True, events=events)

    async def disable(self) -> None:
        await self._switch(on=False)

    async def _switch(self, *, on: bool, events: int = 0) -> None:
        await self._host.ask(
            hci.HCI_LE_Set_Extended_Advertising_Enable_Command(
                enable=int(on),
                advertising_handles=[self._handle],
                durations=[0],
                max_extended_advertising_events=[events],
            )
        )


async def shortest_interval(commands: Commands, wanted: int) -> int:
    """Return the milliseconds, `wanted` or `SLOW_INTERVAL`, that the controller takes.

    The set is configured for packets then. Raises `RadioError` when it takes neither.
    """
    try:
        await commands.configure(Purpose.PACKET, wanted)
    except RadioRefusedError as refused:
        if wanted >= SLOW_INTERVAL or refused.status not in _INVALID:
            raise
        await commands.configure(Purpose.PACKET, SLOW_INTERVAL)
        return SLOW_INTERVAL
    return wanted


def _units(milliseconds: int) -> int:
    return round(milliseconds / _UNIT)
