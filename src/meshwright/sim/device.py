"""A virtual device under power on the simulated air, with a small processor."""

from __future__ import annotations

from meshwright.radio.simulated.air import Air, SimulatedRadio
from meshwright.randomness import Randomness
from meshwright.roles.transceiver import Transceiver
from meshwright.sim.flash import FlashFile
from meshwright.sim.flash_device import Build, FlashDevice
from meshwright.sim.slow import SlowMachine

_BUILD = Build(wrap=SlowMachine)


class VirtualDevice(FlashDevice):
    """One device on an air, from power-on to power-off."""

    def __init__(self, flash: FlashFile, air: Air, randomness: Randomness) -> None:
        self.radio: SimulatedRadio = air.radio(flash.content.address)
        super().__init__(flash, Transceiver(air, radio=self.radio), randomness, _BUILD)

    def power_off(self) -> None:
        """Take it off the air, in the middle of anything; what is in flash stays."""
        self.radio.switch_off()
        self.radio.listen(None)
        if self.device is not None:
            self.device.suspend()
