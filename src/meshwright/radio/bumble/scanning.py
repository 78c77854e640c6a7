"""Listening: passive, all of the time, and everything that is said twice twice."""

from __future__ import annotations

from bumble import hci

from meshwright.radio.bumble.host import ControllerHost

_HOP = 160
"""In units of 0.625 ms, so 100 ms on one channel; a window as long as that is 100 % of the time."""

_PASSIVE = 0
_EVERYBODY = 0


class Scanner:
    """Switches scanning on and off; `extended` says by which family of commands."""

    def __init__(self, host: ControllerHost, *, extended: bool) -> None:
        self._host = host
        self._extended = extended

    async def start(self) -> None:
        """Listen from now on; raises `RadioError`."""
        await self._host.ask(self._parameters())
        await self._switch(on=True)

    async def stop(self) -> None:
        """Listen no more; raises `RadioError`."""
        await self._switch(on=False)

    def _parameters(self) -> hci.HCI_SyncCommand[hci.HCI_StatusReturnParameters]:
        if self._extended:
            return hci.HCI_LE_Set_Extended_Scan_Parameters_Command(
                own_address_type=hci.OwnAddressType.RANDOM,
                scanning_filter_policy=_EVERYBODY,
                scanning_phys=1,
                scan_types=[_PASSIVE],
                scan_intervals=[_HOP],
                scan_windows=[_HOP],
            )
        return hci.HCI_LE_Set_Scan_Parameters_Command(
            le_scan_type=_PASSIVE,
            le_scan_interval=_HOP,
            le_scan_window=_HOP,
            own_address_type=hci.OwnAddressType.RANDOM,
            scanning_filter_policy=_EVERYBODY,
        )

    async def _switch(self, *, on: bool) -> None:
        if self._extended:
            await self._host.ask(
                hci.HCI_LE_Set_Extended_Scan_Enable_Command(
                    enable=int(on), filter_duplicates=0, duration=0, period=0
                )
            )
        else:
            await self._host.ask(
                hci.HCI_LE_Set_Scan_Enable_Command(le_scan_enable=int(on), filter_duplicates=0)
            )
