"""A simulated site: the virtual devices of a home under power, and a provisioner among them."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, current_thread, main_thread
from types import FrameType

from meshwright.clock import Clock, ManualClock
from meshwright.pki.validation import ChainValidator
from meshwright.radio.capture import CapturedPacket, CaptureFile
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.radio.simulated.propagation import Faults
from meshwright.registry.entities import Network
from meshwright.services.commissioning import Commissioner
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.report import CommissioningReport, Progress
from meshwright.sim.device import VirtualDevice
from meshwright.sim.flash import FlashFile
from meshwright.wiring.home import Home

DEFAULT_LOSS = 0.05


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """How the air behaves and how the provisioner works; see `CommissioningOptions`."""

    loss: float = DEFAULT_LOSS
    commissioning: CommissioningOptions = field(default_factory=CommissioningOptions)


class Site:
    """Powers on every virtual device of a home and commissions one network among them."""

    def __init__(
        self,
        home: Home,
        network: Network,
        options: SiteOptions,
        on_progress: Callable[[Progress], None],
    ) -> None:
        validator = ChainValidator(home.authorities.trusted_roots())
        flashes = [FlashFile.open(path) for path in sorted(home.flash.glob("*.json"))]
        # Every power-on meets other noise, and the same one when a seed is repeated from the start.
        visits = sum(flash.content.boots for flash in flashes)
        label = ("air", network.name, visits)
        self.air = Air(home.randomness.uniform(*label), faults=Faults(loss=options.loss))
        self.devices = [VirtualDevice(flash, self.air, home.randomness) for flash in flashes]
        digest = hashlib.sha256(network.uuid.bytes).digest()
        radio = self.air.radio(b"\xc0" + digest[:5], OWN_TIMING, hop=PROVISIONER_HOP)
        self.clock = _air_clock(home.clock, self.air)
        self.commissioner = Commissioner(
            network,
            home.register,
            validator,
            Runner(radio, self.air),
            clock=self.clock,
            randomness=home.randomness,
            options=options.commissioning,
            on_progress=on_progress,
        )

    def record(self, capture: CaptureFile) -> None:
        """Write everything that is sent from now on into `capture`, heard by anybody or not."""

        def on_sent(_now: float, address: bytes, payload: bytes) -> None:
            capture.write(CapturedPacket(self.clock.now(), payload, address))

        self.air.capture(on_sent)

    def commission(self) -> CommissioningReport:
        """Run to the end; Ctrl-C ends the run in order, and a second one at once."""
        commissioner = self.commissioner
        commissioner.start()
        with _interruption() as interrupted:
            self.air.run_until(lambda: commissioner.finished or interrupted.is_set())
        if not commissioner.finished:
            commissioner.stop()
            self.air.run_until(lambda: commissioner.finished)
        return commissioner.report()


@contextmanager
def _interruption() -> Iterator[Event]:
    """Show Ctrl-C as an event: an exception could strike in the middle of a step."""
    interrupted = Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or current_thread() is not main_thread():
        yield interrupted  # not ours to handle
        return
    signal.signal(signal.SIGINT, on_signal)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


class _AirClock:
    """Wall-clock time that passes as fast as the time of an air."""

    def __init__(self, start: Clock, air: Air) -> None:
        self._start = start.now()
        self._air = air

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._air.time())


def _air_clock(clock: Clock, air: Air) -> Clock:
    """Return the clock of a simulated home on this air; real homes have real time."""
    return _AirClock(clock, air) if isinstance(clock, ManualClock) else clock
