"""An air with one provisioner and any number of devices, as programs set them up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from uuid import UUID

from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.radio.simulated.gatt import GattAir
from meshwright.radio.simulated.propagation import Faults
from meshwright.radio.simulated.virtual_loop import run
from meshwright.randomness import SeededRandomness
from meshwright.roles.bearers import Bearer
from meshwright.roles.device import Device
from meshwright.roles.device_events import DeviceEvents, Joined
from meshwright.roles.provisioned import NetworkCredentials
from meshwright.roles.provisioner import Provisioner
from meshwright.roles.provisioner_events import ProvisionerEvents
from meshwright.roles.transceiver import Transceiver

T = TypeVar("T")
NETWORK = NetworkCredentials(bytes(range(16)), key_index=0x123, iv_index=7)
IN_BAND = AuthenticationPolicy(require_oob_public_key=False)
ONE = UUID(int=0xF0000000E5EC11F1804D010203040001)
BEARERS = [Bearer.ADV, Bearer.GATT]

Notes = list[tuple[Any, ...]]


class World:
    """Everything of one run; what both sides were told is in `told`, with the time."""

    def __init__(self, seed: int = 1, *, loss: float = 0.0) -> None:
        self.randomness = SeededRandomness(seed)
        self.air = Air(self.randomness.uniform("air"), faults=Faults(loss=loss))
        self.gatt = GattAir(self.air)
        self.told: Notes = []
        self.values: asyncio.Queue[str] = asyncio.Queue()
        self.devices: dict[UUID, Device] = {}
        self._places = 0
        self._noted = asyncio.Event()

    def run(self, program: Coroutine[Any, Any, T], limit: float = 3600.0) -> T:
        """Run a program in the time of the air, and let what it has sent arrive."""
        try:
            return run(self.air, program, limit=limit)
        finally:
            self.air.run_until(self.air.time() + 2.0)

    def place(self, *, gatt: bool = True, fast: bool = False) -> Transceiver:
        """Return one more transceiver on the air."""
        self._places += 1
        address = b"\xc0" + self._places.to_bytes(5, "big")
        radio = (
            self.air.radio(address, OWN_TIMING, hop=PROVISIONER_HOP)
            if fast
            else self.air.radio(address)
        )
        if not gatt:
            return Transceiver(self.air, radio=radio)
        both = self.gatt.gatt(radio)
        return Transceiver(self.air, radio=radio, gatt_client=both, gatt_server=both)

    def note(self, *what: object) -> None:
        """Write down what happened, and when."""
        self.told.append((self.air.time(), *what))
        self._noted.set()

    async def until(self, who: str, what: str) -> None:
        """Wait until something is told."""
        while not self.noted(who, what):
            self._noted.clear()
            await self._noted.wait()

    def noted(self, who: str, what: str) -> Notes:
        """Return what was told: the arguments of each call."""
        return [entry[3:] for entry in self.told if entry[1:3] == (who, what)]

    def when(self, who: str, what: str) -> list[float]:
        """Return the times at which something was told."""
        return [entry[0] for entry in self.told if entry[1:3] == (who, what)]

    def order(self, who: str, what: str) -> list[int]:
        """Return the places at which something was told among everything."""
        return [place for place, entry in enumerate(self.told) if entry[1:3] == (who, what)]

    def hear(self, who: str, what: str) -> Callable[..., None]:
        """Return a callback that writes down its arguments."""
        return lambda *arguments: self.note(who, what, *arguments)

    # A device, with a person who sees what it shows.

    def device(self, uuid: UUID = ONE, options: DeviceOptions | None = None, **more: Any) -> Device:  # noqa: ANN401 - handed on
        """Put one more device on the air."""
        more.setdefault("bearers", Bearer.AUTO)
        events = more.pop("events", None) or self.device_events()
        place = more.pop("place", None) or self.place()
        device = Device(place, uuid, options, randomness=self.randomness, events=events, **more)
        self.devices[uuid] = device
        return device

    def device_events(self, **more: Any) -> DeviceEvents:  # noqa: ANN401 - handed on
        names = (
            *("link_opened", "link_closed", "attention", "stop_showing", "entry_needed"),
            *("refused", "attempts_changed", "complete", "reset"),
        )
        calls: dict[str, Any] = {name: self.hear("device", name) for name in names}
        return DeviceEvents(**{**calls, "show": self._device_shows, "persist": self._keep, **more})

    def _device_shows(self, challenge: Challenge, value: str) -> None:
        self.note("device", "show", challenge, value)
        self.values.put_nowait(value)

    def _keep(self, joined: Joined) -> None:
        self.note("device", "persist", joined)

    # The provisioner, whose person enters what the device shows, and the other way round.

    def provisioner(self, **more: Any) -> Provisioner:  # noqa: ANN401 - handed on
        """Return the provisioner; most tests are about other things than certificates."""
        more.setdefault("policy", IN_BAND)
        more.setdefault("events", self.provisioner_events())
        place = more.pop("place", None) or self.place(fast=True)
        network = more.pop("network", NETWORK)
        return Provisioner(place, network, randomness=self.randomness, **more)

    def provisioner_events(self, **more: Any) -> ProvisionerEvents:  # noqa: ANN401 - handed on
        names = ("link_opened", "link_closed", "entry_refused", "stop_showing", "node_added")
        calls: dict[str, Any] = {name: self.hear("provisioner", name) for name in names}
        person = {"entry_needed": self._read_aloud, "show": self._provisioner_shows}
        return ProvisionerEvents(**{**calls, **person, **more})

    async def _read_aloud(self, uuid: UUID, challenge: Challenge) -> str:
        self.note("provisioner", "entry_needed", uuid, challenge)
        value = await self.values.get()
        await asyncio.sleep(1.0)
        return value

    def _provisioner_shows(self, uuid: UUID, challenge: Challenge, value: str) -> None:
        self.note("provisioner", "show", uuid, challenge, value)
        self.air.call_at(self.air.time() + 1.0, lambda: self.devices[uuid].enter(value))
