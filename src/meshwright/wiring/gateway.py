"""One run over one network on a real radio: what `site` is for the simulated air."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from meshwright.pki.validation import ChainValidator
from meshwright.radio.runner import Runner
from meshwright.radio.station import Station
from meshwright.registry.entities import Network
from meshwright.roles.bearers import Bearer
from meshwright.roles.transceiver import no_bearer
from meshwright.services.commissioning import Commissioner
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.report import CommissioningReport, Progress
from meshwright.wiring.home import Home
from meshwright.wiring.radios import opened_station

_LOOK = 0.05
"""Seconds between two looks at whether the run is over; nothing tells."""


async def commission_on(
    spec: str,
    home: Home,
    network: Network,
    options: CommissioningOptions,
    on_progress: Callable[[Progress], None],
) -> CommissioningReport:
    """Bring the devices of `network` in on the radio called `spec`.

    Ctrl-C ends the run in order: links are closed, and what is half done is found again by the
    next. Raises what opening a radio raises, `RadioError` when the radio goes away, and
    `PredictableRandomnessError` for a seeded home.
    """
    async with opened_station(spec) as station:
        commissioner = _commissioner(station, home, network, options, on_progress)
        commissioner.start()
        with _ending(commissioner):
            while not commissioner.finished:
                await asyncio.sleep(_LOOK)
                if station.lost is not None and station.lost.done():
                    commissioner.stop()
                    raise station.lost.result()
        return commissioner.report()


def _commissioner(
    station: Station,
    home: Home,
    network: Network,
    options: CommissioningOptions,
    on_progress: Callable[[Progress], None],
) -> Commissioner:
    if station.radio is None:
        raise no_bearer(Bearer.ADV)
    return Commissioner(
        network,
        home.register,
        ChainValidator(home.authorities.trusted_roots()),
        Runner(station.radio, station.timebase),
        clock=home.clock,
        randomness=home.randomness,
        options=options,
        on_progress=on_progress,
    )


@contextmanager
def _ending(commissioner: Commissioner) -> Iterator[None]:
    """Let Ctrl-C end the run in order; a second one ends the process."""
    loop = asyncio.get_running_loop()

    def interrupted() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        commissioner.stop()

    loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGINT)
