"""The whole way once, on virtual devices: factory, labels, register, site.

Each step first looks at what is there already, so a demo that was killed goes on with the same
command, and one that was done only shows its result again.
"""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from meshwright import settings as settings_file
from meshwright.core.errors import InputError
from meshwright.factory.line import Step
from meshwright.radio.capture import CaptureFile
from meshwright.registry.entities import Network
from meshwright.services.assets import enter_assets, scan_labels
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.networks import create_network
from meshwright.services.report import ResultKind
from meshwright.settings import Manufacturer
from meshwright.sim.rogue import forge
from meshwright.wiring.demo_result import DemoResult, row_of
from meshwright.wiring.home import Home, SecretSource, create, opened
from meshwright.wiring.manufacture import (
    MadeDevice,
    device_name,
    flash_of,
    label_of,
    make_devices,
)
from meshwright.wiring.progress import Observer, Stage, site_progress
from meshwright.wiring.site import DEFAULT_LOSS, Site, SiteOptions

NETWORK = "demo"
_STRANGER, _ROGUE = "stranger", "rogue"
_VENDOR = Manufacturer(company_id=0xFFFF, product_id=0x0001)
MOST_DEVICES = 1_000


_LINE_STAGES = {
    Step.CERTIFIED: (Stage.FACTORY, "has a key and a certificate"),
    Step.LABELED: (Stage.LABELS, "has a label that reads back"),
}


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What `meshwright demo` takes; without `home` a new folder is made.

    `pcap` is a new file for everything that is sent on the air.
    """

    devices: int = 10
    seed: int = 1
    home: Path | None = None
    loss: float = DEFAULT_LOSS
    links: int | None = None
    pcap: Path | None = None


def run_demo(options: DemoOptions, observer: Observer) -> DemoResult:
    """Do what is left to do; raises `InputError` for a home of something else."""
    if not 1 <= options.devices <= MOST_DEVICES:
        raise InputError(f"A demo has 1 to {MOST_DEVICES} devices.", code="bad-count")
    path = options.home or Path(tempfile.mkdtemp(prefix="meshwright-demo-"))
    secrets = SecretSource()
    _prepare_home(path, options, secrets)
    observer.note(f"Home: {path}")
    with (
        opened(path, secrets, actor="demo") as home,
        CaptureFile(options.pcap) if options.pcap else nullcontext() as capture,
    ):
        return _Demo(home, options, observer, capture).run()


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
    def __init__(
        self, home: Home, options: DemoOptions, observer: Observer, capture: CaptureFile | None
    ) -> None:
        self._home = home
        self._options = options
        self._observer = observer
        self._capture = capture

    def run(self) -> DemoResult:
        made = self._make_devices()
        network = self._network()
        self._enter_assets(made, network)
        return self._commission(made, network)

    # Factory and labels.

    def _make_devices(self) -> list[MadeDevice]:
        self._ensure_authority()
        names = [device_name(i + 1) for i in range(self._options.devices)] + [_STRANGER]
        self._observer.stage(Stage.FACTORY, len(names))
        self._observer.stage(Stage.LABELS, len(names))
        for name in names:
            if label_of(self._home, name).exists():
                for step in _LINE_STAGES:
                    self._on_line_step(name, step)
        made = make_devices(self._home, names, self._on_line_step)
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
        else:
            self._observer.note("Made a CA with a root and a batch certificate.")

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
        register = self._home.register
        if any(network.name == NETWORK for network in register.networks()):
            return register.network(NETWORK)
        return create_network(register, NETWORK, self._home.randomness)

    def _enter_assets(self, made: list[MadeDevice], network: Network) -> None:
        self._observer.stage(Stage.ASSETS, len(made))
        register = self._home.register
        known = {asset.uuid for asset in register.assets(network.id)}
        labels = [device.label for device in made if device.uuid not in known]
        enter_assets(register, scan_labels(labels), network)  # named after their labels
        for device in made:
            self._observer.step(Stage.ASSETS, f"{device.name} is on the list")

    # Site.

    def _commission(self, made: list[MadeDevice], network: Network) -> DemoResult:
        self._observer.stage(Stage.SITE, len(made))
        commissioning = CommissioningOptions(links=self._options.links)
        options = SiteOptions(self._options.loss, commissioning)
        site = Site(self._home, network, options, site_progress(self._observer))
        for node in self._home.register.nodes(network.id):
            self._observer.step(Stage.SITE, f"0x{node.address:04x} is a node already")
        if self._capture is not None:
            site.record(self._capture)
        report = site.commission()
        authorized = {device.flash for device in made}
        rows = [row_of(device, report, authorized) for device in site.devices]
        unaccounted = sum(row.authorized and row.outcome != ResultKind.NODE for row in rows)
        seconds = round(report.seconds, 3)
        return DemoResult(self._options.seed, str(self._home.path), unaccounted, seconds, rows)
