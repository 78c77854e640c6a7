"""`meshwright factory`."""

from __future__ import annotations

from pathlib import Path

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.display import observer
from meshwright.cli.output import counted, emit, say


@click.group("factory")
def command() -> None:
    """Make devices: keys, UUIDs, certificates, labels."""


@command.command(
    "make",
    epilog=example(
        "meshwright factory make --home plant --devices 20",
        "ls plant/labels",
    ),
)
@click.option("--devices", default=1, show_default=True, type=click.IntRange(1, 10_000))
@home_command
def make(devices: int, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Make virtual devices and print their labels.

    Each makes its own key and gets a UUID and a certificate from the CA. What an interrupted run
    has left unfinished is finished first.
    """
    from meshwright.factory.line import Step
    from meshwright.wiring.manufacture import make_devices, names_due
    from meshwright.wiring.progress import Stage

    with open_home(home, key_file) as found, observer(quiet=as_json) as shown:
        names = names_due(found, devices)
        shown.stage(Stage.FACTORY, len(names))

        def on_step(name: str, step: Step) -> None:
            if step is Step.LABELED:
                shown.step(Stage.FACTORY, f"{name} has a certificate and a label")

        made = make_devices(found, names, on_step)
    if as_json:
        rows = [{"name": d.name, "uuid": str(d.uuid), "label": str(d.label)} for d in made]
        emit({"devices": rows})
        return
    say(f"Made {counted(len(made), 'device')}; labels are in {made[0].label.parent}.")
