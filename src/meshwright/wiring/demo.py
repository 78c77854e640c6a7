"""The whole way once, on virtual devices: factory, labels, register, site.

Each step first looks at what is there already, so a demo that was killed goes on with the same
command, and one that was done only shows its result again.
"""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

from meshwright import settings as settings_file
from meshwright.core.errors import InputError
from meshwright.factory.line import Step
from meshwright.registry.entities import Network
from meshwright.services.commissioning import CommissioningOptions
from meshwright.services.report import AssetResult, CommissioningReport, Progress, ResultKind
from meshwright.services.sightings import Refusal
from meshwright.settings import Manufacturer
from meshwright.sim.device import VirtualDevice
from meshwright.sim.rogue import forge
from meshwright.wiring.home import Home, SecretSource, create, opened
from meshwright.wiring.manufacture import (
    MadeDevice,
    device_name,
    finish_devices,
    flash_of,
    label_of,
)
from meshwright.wiring.network import create_network, enter_assets, scan_labels
from meshwright.wiring.site import DEFAULT_LOSS, Site, SiteOptions

NETWORK = "demo"
_STRANGER, _ROGUE = "stranger", "rogue"
_VENDOR = Manufacturer(company_id=0xFFFF, product_id=0x0001)
MOST_DEVICES = 1_000


class Stage:
    """The stages of a demo, in order."""

    FACTORY = "Factory"
    LABELS = "Labels"
    ASSETS = "Assets"
    SITE = "Site"


_LINE_STAGES = {
    Step.CERTIFIED: (Stage.FACTORY, "has a key and a certificate"),
    Step.LABELED: (Stage.LABELS, "has a label that reads back"),
}


class Observer(Protocol):
    """Whoever shows how far the demo is."""

    def stage(self, name: str, total: int) -> None:
        """Learn that a stage with so many steps begins."""
        ...

    def step(self, name: str, text: str) -> None:
        """Learn that one step of a stage is done."""
        ...

    def busy(self, name: str, text: str) -> None:
        """Learn what a stage is at."""
        ...

    def note(self, text: str) -> None:
        """Learn something worth a line."""
        ...


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `meshwright demo` takes; without `home` a new folder is made."""

    devices: int = 10
    seed: int = 1
    home: Path | None = None
    loss: float = DEFAULT_LOSS
    links: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What became of one physical device."""

    uuid: str
    name: str
    authorized: bool
    outcome: str
    code: str | None = None
    reason: str | None = None
    address: int | None = None
    seconds_on_air: float | None = None
    retransmissions: int = 0


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What `--json` prints."""

    seed: int
    home: str
    unaccounted: int
    simulated_seconds: float
    devices: list[Row] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Tell whether every authorized device is a node and nobody else is."""
        return all(row.authorized == (row.outcome == ResultKind.NODE) for row in self.devices)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


def run_demo(options: DemoOptions, observer: Observer) -> DemoResult:
    """Do what is left to do; raises `InputError` for a home of something else."""
    if not 1 <= options.devices <= MOST_DEVICES:
        raise InputError(f"A demo has 1 to {MOST_DEVICES} devices.", code="bad-count")
    path = options.home or Path(tempfile.mkdtemp(prefix="meshwright-demo-"))
    secrets = SecretSource()
    _prepare_home(path, options, secrets)
    observer.note(f"Home: {path}")
    with opened(path, secrets, actor="demo") as home:
        return _Demo(home, options, observer).run()


def _prepare_home(path: Path, options: DemoOptions, secrets: SecretSource) -> None:
    if not (path / settings_file.FILE_NAME).exists():
        create(
            path,
            secrets,
            seed=options.seed,
            demo_devices=options.devices,
            manufacturer=_VENDOR,
        )
    settings = settings_file.load(path)
    if (settings.seed, settings.demo_devices) != (options.seed, options.devices):
        made = f"--devices {settings.demo_devices} --seed {settings.seed}"
        what = f"made with {made}" if settings.demo_devices else "no home of a demo"
        hint = "say so again" if settings.demo_devices else "nothing was changed"
        raise InputError(f"{path} is {what}; {hint}, or choose another.", code="other-home")


class _Demo:
    def __init__(self, home: Home, options: DemoOptions, observer: Observer) -> None:
        self._home = home
        self._options = options
        self._observer = observer

    def run(self) -> DemoResult:
        made = self._make_devices()
        network = self._network()
        self._enter_assets(made, network)
        return self._commission(made, network)

    # Factory and labels.

    def _make_devices(self) -> list[MadeDevice]:
        home, observer = self._home, self._observer
        if not home.register.authorities():
            observer.note("Made a CA with a root and a batch certificate.")
        self._ensure_authority()
        names = [device_name(i + 1) for i in range(self._options.devices)] + [_STRANGER]
        observer.stage(Stage.FACTORY, len(names))
        observer.stage(Stage.LABELS, len(names))
        for name in names:
            if label_of(home, name).exists():
                self._on_line_step(name, Step.CERTIFIED)
                self._on_line_step(name, Step.LABELED)
        made = finish_devices(home, names, self._on_line_step)
        self._forge_rogue(made[0])
        return made[:-1]

    def _on_line_step(self, name: str, step: Step) -> None:
        if step in _LINE_STAGES:
            stage, text = _LINE_STAGES[step]
            self._observer.step(stage, f"{name} {text}")

    def _ensure_authority(self) -> None:
        try:
            self._home.authorities.create(self._home.settings.manufacturer)
        except InputError as error:
            if error.code != "authority-exists":
                raise

    def _forge_rogue(self, victim: MadeDevice) -> None:
        home = self._home
        rogue = flash_of(home, _ROGUE)
        if rogue.content.uuid is None:
            forge(
                rogue,
                flash_of(home, victim.name).content,
                home.settings.manufacturer.label_base,
                now=home.clock.now(),
                random=home.randomness.stream("rogue"),
            )

    # Register.

    def _network(self) -> Network:
        for network in self._home.register.networks():
            if network.name == NETWORK:
                return network
        return create_network(self._home, NETWORK)

    def _enter_assets(self, made: list[MadeDevice], network: Network) -> None:
        self._observer.stage(Stage.ASSETS, len(made))
        known = {asset.uuid for asset in self._home.register.assets(network.id)}
        missing = [device for device in made if device.uuid not in known]
        scanned = scan_labels([device.label for device in missing])
        enter_assets(self._home, scanned, [device.name for device in missing], network)
        for device in made:
            self._observer.step(Stage.ASSETS, f"{device.name} is on the list")

    # Site.

    def _commission(self, made: list[MadeDevice], network: Network) -> DemoResult:
        self._observer.stage(Stage.SITE, len(made))
        commissioning = CommissioningOptions(links=self._options.links)
        options = SiteOptions(self._options.loss, commissioning)
        site = Site(self._home, network, options, self._on_progress)
        for asset in self._home.register.nodes(network.id):
            self._observer.step(Stage.SITE, f"0x{asset.address:04x} is a node already")
        report = site.commission()
        rows = [_row(device, report, made) for device in site.devices]
        unaccounted = sum(row.authorized and row.outcome != ResultKind.NODE for row in rows)
        seconds = round(report.seconds, 3)
        home = str(self._home.path)
        return DemoResult(self._options.seed, home, unaccounted, seconds, rows)

    def _on_progress(self, progress: Progress) -> None:
        if progress.kind is ResultKind.NODE:
            self._observer.step(Stage.SITE, f"{progress.name} is {progress.text}")
        elif progress.kind is ResultKind.REFUSED:
            self._observer.note(f"Refused {progress.name}: {progress.text}")
        else:
            self._observer.busy(Stage.SITE, f"{progress.name}: {progress.text}")


def _row(device: VirtualDevice, report: CommissioningReport, made: list[MadeDevice]) -> Row:
    """Tell what became of one physical device; the air alone knows who sent from which address."""
    content = device.flash.content
    name, uuid = device.flash.path.stem, content.uuid
    authorized = any(each.flash == device.flash.path for each in made)
    base = Row(str(uuid), name, authorized, ResultKind.UNACCOUNTED.value)
    refusal = _refusal_of(report, content.address)
    if authorized:
        return _authorized_row(base, _result_of(report, uuid), refusal)
    if device.is_node:
        return replace(base, outcome=ResultKind.NODE.value)
    return _intruder_row(base, content.address, refusal, report)


def _authorized_row(base: Row, result: AssetResult, refusal: Refusal | None) -> Row:
    if result.kind is ResultKind.NODE:
        return replace(
            base,
            outcome=result.kind.value,
            address=result.address,
            seconds_on_air=_rounded(result.seconds_on_air),
            retransmissions=result.retransmissions,
        )
    if refusal is not None:
        return _refused(base, refusal)
    if result.kind is ResultKind.UNACCOUNTED:
        return replace(base, code=result.code, reason=result.reason)
    return replace(base, code="not-heard", reason="Only somebody else was heard under its UUID.")


def _intruder_row(
    base: Row, address: bytes, refusal: Refusal | None, report: CommissioningReport
) -> Row:
    if refusal is not None:
        return _refused(base, refusal)
    if any(stranger.sender == address for stranger in report.strangers):
        reason = "The device is not on the list of this network."
        refused = replace(base, code="not-on-list", reason=reason, seconds_on_air=0.0)
        return replace(refused, outcome=ResultKind.REFUSED.value)
    return replace(base, code="not-heard", reason="The device was not heard.")


def _refused(base: Row, refusal: Refusal) -> Row:
    return replace(
        base,
        outcome=ResultKind.REFUSED.value,
        code=refusal.code,
        reason=refusal.reason,
        seconds_on_air=_rounded(refusal.seconds_on_air),
        retransmissions=refusal.retransmissions,
    )


def _result_of(report: CommissioningReport, uuid: UUID | None) -> AssetResult:
    return next(result for result in report.assets if result.asset.uuid == uuid)


def _refusal_of(report: CommissioningReport, address: bytes) -> Refusal | None:
    return next((each for each in report.refusals if each.sender == address), None)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
