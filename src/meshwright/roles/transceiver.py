"""One station, shared by all roles that work on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from meshwright.core.errors import InputError
from meshwright.radio.errors import RadioError
from meshwright.radio.gatt import GattClient, GattServer, ServiceReport
from meshwright.radio.port import Radio, Timebase
from meshwright.radio.runner import Runner
from meshwright.radio.station import Station
from meshwright.randomness import Randomness
from meshwright.roles.bearers import Bearer

OnReport = Callable[[ServiceReport, float], object]


class Transceiver:
    """What a station offers, once: a radio reports to one runner only.

    Roles take a `Station` or a `Transceiver`. Whoever has several roles on one station makes the
    transceiver first and gives it to each.
    """

    def __init__(
        self,
        timebase: Timebase,
        *,
        radio: Radio | None = None,
        gatt_client: GattClient | None = None,
        gatt_server: GattServer | None = None,
    ) -> None:
        self.timebase = timebase
        self.gatt_client = gatt_client
        self.gatt_server = gatt_server
        self._watchers: list[OnReport] = []
        self._runner = None if radio is None else Runner(radio, timebase)

    @classmethod
    def of(cls, place: Station | Transceiver) -> Transceiver:
        """Return the transceiver of a station, or the one that was given."""
        if isinstance(place, Transceiver):
            return place
        return cls(
            place.timebase,
            radio=place.radio,
            gatt_client=place.gatt_client,
            gatt_server=place.gatt_server,
        )

    @property
    def can_advertise(self) -> bool:
        """Tell whether it has a radio for PB-ADV."""
        return self._runner is not None

    @property
    def runner(self) -> Runner:
        """The runner of its radio; raises `RadioError` (`no-bearer`) when it has none."""
        if self._runner is None:
            raise no_bearer(Bearer.ADV)
        return self._runner

    @property
    def reaches(self) -> Bearer:
        """The bearers on which it can provision others."""
        adv = Bearer.ADV if self._runner is not None else Bearer.NONE
        return adv | (Bearer.GATT if self.gatt_client is not None else Bearer.NONE)

    def watch(self, on_report: OnReport) -> Callable[[], None]:
        """Show `on_report` advertisements of mesh services until the result is called."""
        self._watchers.append(on_report)
        self._look()
        return partial(self._unwatch, on_report)

    def _unwatch(self, on_report: OnReport) -> None:
        if on_report in self._watchers:
            self._watchers.remove(on_report)
            self._look()

    def _look(self) -> None:
        if self.gatt_client is not None:
            self.gatt_client.watch(self._on_report if self._watchers else None)

    def _on_report(self, report: ServiceReport, now: float) -> None:
        for watcher in tuple(self._watchers):
            watcher(report, now)

    def check(self, randomness: Randomness) -> None:
        """Refuse seeded randomness where it would reach real devices."""
        if not randomness.predictable:
            return
        if self._runner is None or not self._runner.radio.predictable_allowed:
            raise InputError(
                "Seeded randomness is predictable; real radios need the system's.",
                code="predictable-randomness",
            )


_NAMES = {Bearer.ADV: "PB-ADV", Bearer.GATT: "PB-GATT"}


def no_bearer(bearer: Bearer) -> RadioError:
    """Return the error that says that a bearer is missing."""
    name = _NAMES.get(bearer, "that")
    return RadioError(f"This radio cannot do {name}; use another one.", code="no-bearer")
