"""`meshwright commission`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example, home_command, links_option, loss_option, open_home
from meshwright.cli.display import observer
from meshwright.cli.exits import ExitStatus
from meshwright.cli.output import counted, emit, say, table
from meshwright.cli.radios import WEAKENINGS

if TYPE_CHECKING:
    from meshwright.registry.entities import Network
    from meshwright.services.commissioning_options import CommissioningOptions
    from meshwright.services.report import AssetResult, CommissioningReport, Progress
    from meshwright.wiring.home import Home


@click.command(
    "commission",
    short_help="Bring every device of a network in.",
    epilog=example(
        "meshwright commission --home plant",
        "meshwright commission --home plant --network hall --links 16 --loss 0.1",
        "meshwright commission --home plant --radio usb:0",
        "meshwright commission --home plant --allow in-band-key --allow cmac",
    ),
)
@click.option("--network", help="The network to fill, if there are several.")
@click.option("--radio", metavar="SPEC", help="A radio, such as usb:0; else the simulated air.")
@links_option
@loss_option
@click.option(
    "--patience",
    type=click.FloatRange(1),
    default=120.0,
    show_default=True,
    help="Seconds on the air without progress after which the run ends.",
)
@click.option(
    "--allow",
    "allowed",
    multiple=True,
    type=click.Choice(WEAKENINGS),
    help="Something weaker than zero-touch; may be repeated.",
)
@home_command
def command(
    network: str | None,
    radio: str | None,
    links: int | None,
    loss: float,
    patience: float,
    allowed: tuple[str, ...],
    home: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Bring every device of a network in: over a radio, or from among the virtual devices here.

    Run it again after an interruption: nothing is lost and nothing is given twice. Exit status 0
    says that every device on the list is a node, 1 that some are not.
    """
    from meshwright.core.provisioning.authentication import Weakening
    from meshwright.core.provisioning.policy import AuthenticationPolicy
    from meshwright.services.commissioning_options import CommissioningOptions
    from meshwright.services.networks import choose_network
    from meshwright.wiring.progress import Stage, site_progress

    policy = AuthenticationPolicy.allowing(map(Weakening, allowed))
    options = CommissioningOptions(links=links, patience=patience, policy=policy)
    with open_home(home, key_file) as found, observer(quiet=as_json) as shown:
        place = choose_network(found.register, network)
        shown.stage(Stage.SITE, len(found.register.unaccounted(place.id)))
        report = _run(found, place, radio, loss, options, site_progress(shown))
    _print(place.name, report, as_json, simulated=radio is None)
    if report.unaccounted:
        click.get_current_context().exit(ExitStatus.INCOMPLETE)


def _run(
    home: Home,
    network: Network,
    radio: str | None,
    loss: float,
    options: CommissioningOptions,
    on_progress: Callable[[Progress], None],
) -> CommissioningReport:
    """Run on a radio, or on the simulated air of the home."""
    if radio is not None:
        from meshwright.wiring.gateway import commission_on

        return asyncio.run(commission_on(radio, home, network, options, on_progress))
    from meshwright.wiring.site import Site, SiteOptions

    return Site(home, network, SiteOptions(loss, options), on_progress).commission()


def _print(network: str, report: CommissioningReport, as_json: bool, *, simulated: bool) -> None:
    if as_json:
        emit(_to_json(network, report, "simulated_seconds" if simulated else "seconds"))
        return
    columns = ["device", "address", "seconds", "retries", "reason"]
    table(f"Network {network}", columns, [_cells(result) for result in report.assets])
    say(f"Unaccounted: {report.unaccounted}.")
    if report.allowed:
        say(f"Allowed beyond zero-touch: {', '.join(report.allowed)}; used for {_weak(report)}.")
    if report.strangers:
        more = " or more" if report.strangers_uncounted else ""
        say(f"Devices that are not on the list: {len(report.strangers)}{more}; all stay outside.")


def _cells(result: AssetResult) -> list[str]:
    address = "" if result.address is None else f"0x{result.address:04x}"
    seconds = "" if result.seconds_on_air is None else f"{result.seconds_on_air:.1f}"
    how = result.authentication.brief if result.authentication and not result.code else ""
    reason = result.reason or how
    return [result.asset.name, address, seconds, str(result.retransmissions), reason]


def _weak(report: CommissioningReport) -> str:
    chosen = [result.authentication for result in report.assets if result.address is not None]
    return counted(sum(bool(each and each.weaknesses) for each in chosen), "node")


def _to_json(network: str, report: CommissioningReport, time: str) -> dict[str, Any]:
    return {
        "network": network,
        "unaccounted": report.unaccounted,
        "strangers": len(report.strangers),
        time: round(report.seconds, 3),
        "refusals": [
            {"uuid": str(each.uuid), "code": each.code, "reason": each.reason}
            for each in report.refusals
        ],
        "assets": [
            {
                "uuid": str(result.asset.uuid),
                "name": result.asset.name,
                "outcome": result.kind.value,
                "code": result.code,
                "reason": result.reason,
                "address": result.address,
                "seconds_on_air": result.seconds_on_air and round(result.seconds_on_air, 3),
                "retransmissions": result.retransmissions,
                "authentication": result.authentication and result.authentication.to_json(),
            }
            for result in report.assets
        ],
        "allowed": list(report.allowed),
    }
