"""Listening through the system: begun and ended by a wish, and begun again when it falls silent."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

from meshwright.radio.bleak.errors import lost
from meshwright.radio.bleak.stack import Detected, Stack
from meshwright.radio.errors import RadioError

START_LIMIT = 10.0
_TRIES = 3
_TRY_AGAIN = 1.0

RENEW = 30.0
"""Seconds of silence after which a scan is begun anew: one that the system ended says nothing."""

OnHeard = Callable[[BLEDevice, AdvertisementData], object]


class Listening:
    """One scan at a time; `on_lost` learns when the system lets nobody listen any more."""

    def __init__(
        self, stack: Stack, on_heard: OnHeard, on_lost: Callable[[RadioError], object]
    ) -> None:
        self._stack = stack
        self._on_heard = on_heard
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._wanted = False
        self._changed = asyncio.Event()
        self._heard = 0
        self._task: asyncio.Task[None] | None = None

    async def probe(self) -> None:
        """Begin to listen and stop; raises whatever the system raises, within `START_LIMIT`."""
        await self._stop(await self._start(_hear_nothing))

    def want(self, wanted: bool) -> None:
        """Listen from now on, or stop."""
        self._wanted = wanted
        self._changed.set()
        if wanted and self._task is None:
            self._task = self._loop.create_task(self._run())

    async def close(self) -> None:
        """Stop, and wait until that is done."""
        self.want(wanted=False)
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=2 * START_LIMIT)

    async def _run(self) -> None:
        try:
            while self._wanted:
                scanner = await self._persist()
                try:
                    await self._until_useless()
                finally:
                    await self._stop(scanner)
        except Exception as error:  # noqa: BLE001 - systems raise what their libraries raise
            self._on_lost(lost(error))
        finally:
            self._task = None

    async def _persist(self) -> BleakScanner:
        for _ in range(_TRIES - 1):
            with contextlib.suppress(Exception):  # another program may just have begun or stopped
                return await self._start(self._detected)
            await asyncio.sleep(_TRY_AGAIN)
        return await self._start(self._detected)

    async def _until_useless(self) -> None:
        """Return when nobody wants to listen, or nothing was heard for long."""
        while self._wanted:
            before = self._heard
            self._changed.clear()
            try:
                async with asyncio.timeout(RENEW):
                    await self._changed.wait()
            except TimeoutError:
                if self._heard == before:
                    return

    async def _start(self, detected: Detected) -> BleakScanner:
        async with asyncio.timeout(START_LIMIT):
            scanner = self._stack.scanner(detected)
            await scanner.start()
            return scanner

    async def _stop(self, scanner: BleakScanner) -> None:
        with contextlib.suppress(Exception):  # beginning again will tell
            async with asyncio.timeout(START_LIMIT):
                await scanner.stop()

    def _detected(self, device: BLEDevice, data: AdvertisementData) -> None:
        # Some systems call from threads of their own.
        self._loop.call_soon_threadsafe(self._take, device, data)

    def _take(self, device: BLEDevice, data: AdvertisementData) -> None:
        self._heard += 1
        if self._wanted:
            self._on_heard(device, data)


def _hear_nothing(_device: BLEDevice, _data: AdvertisementData) -> None:
    """Hear nothing: nobody watches yet."""
