"""`meshwright provision`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.common import example, json_option
from meshwright.cli.exits import ExitStatus
from meshwright.cli.provision_asked import METHODS, Asked, Job
from meshwright.cli.provision_screen import (
    events,
    failure_of,
    keys_text,
    maybe_text,
    print_node,
    tell,
)
from meshwright.cli.radios import (
    GIVEN_FILE,
    WEAKENINGS,
    bearer_option,
    radio_option,
    static_option,
)

if TYPE_CHECKING:
    from meshwright.core.bearers.timing import LinkTiming
    from meshwright.core.errors import MeshwrightError
    from meshwright.radio.station import Station
    from meshwright.roles.provisioned import ProvisioningError
    from meshwright.services.trial_network import TrialNetwork


@click.command(
    "provision",
    short_help="Make one device a node, by its UUID.",
    epilog=example(
        "meshwright provision UUID --radio usb:0 --roots root.pem",
        "meshwright provision UUID --radio usb:0 --network-file hall.json",
        "meshwright provision UUID --radio bleak --method no-oob --show-keys",
    ),
)
@click.argument("uuid")
@radio_option
@bearer_option
@click.option(
    "--roots",
    type=GIVEN_FILE,
    multiple=True,
    help="Root certificates, PEM or DER; the device then has to prove its certificate.",
)
@click.option(
    "--public-key",
    metavar="HEX|FILE",
    help="The public key of the device, which it then has to prove.",
)
@static_option
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="auto",
    show_default=True,
    help="Which OOB value is proven; auto takes a static one that was given, then none for a key "
    "known beforehand, then one that a person carries.",
)
@click.option(
    "--allow",
    type=click.Choice(WEAKENINGS),
    multiple=True,
    help="Accept something weaker; may be repeated.",
)
@click.option("--address", metavar="ADDRESS", help="Such as 0x0010; else the next that is free.")
@click.option(
    "--attention",
    type=click.IntRange(0, 255),
    default=0,
    show_default=True,
    help="Seconds in which the device draws attention.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds in which the device has to be found, and again to answer.",
)
@click.option(
    "--network-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keeps the NetKey and the nodes; made if there is none.",
)
@click.option("--show-keys", is_flag=True, help="Print the DevKey and the NetKey.")
@json_option
def command(show_keys: bool, as_json: bool, **asked: Any) -> None:  # noqa: ANN401 - as in Asked
    """Make the device with this UUID a node, over any radio.

    This is for single devices and trials; `commission` brings a whole list in. Without --roots and
    --public-key the device sends its key in band, and has to prove an OOB value.
    """
    from meshwright.roles.provisioned import ProvisioningError

    job = Asked(**asked).job()
    session = _Session(job, _network(job), show_keys, as_json)
    session.prepare()
    try:
        asyncio.run(session.run())
    except ProvisioningError as error:
        raise session.failure(error) from error
    except KeyboardInterrupt:
        session.interrupted()
        click.get_current_context().exit(ExitStatus.INTERRUPTED)


def _network(job: Job) -> TrialNetwork:
    from meshwright.randomness import SystemRandomness
    from meshwright.services.trial_network import TrialNetwork

    random = SystemRandomness().stream("trial network")
    file = job.network_file
    return TrialNetwork.draw(random) if file is None else TrialNetwork.open(file, random)


@dataclass
class _Session:
    """One device, from looking for it to what is said in the end."""

    job: Job
    network: TrialNetwork
    show_keys: bool
    as_json: bool

    def prepare(self) -> None:
        """Refuse or say beforehand what can be known beforehand."""
        job, network = self.job, self.network
        if job.address is not None:
            network.check(job.address)
        for node in [each for each in network.nodes if each.uuid == job.uuid][-1:]:
            tell(f"It is node 0x{node.address:04x} in this file; it gets a new entry.")
        if job.network_file is None and not self.show_keys:
            tell("The keys will be lost; --network-file keeps them, --show-keys prints them.")

    async def run(self) -> None:
        """Provision the device and print what it is; raises `ProvisioningError`."""
        from meshwright.cli.waiting import first_of
        from meshwright.randomness import SystemRandomness
        from meshwright.roles.provisioner import Provisioner
        from meshwright.wiring.radios import opened_station

        job, network = self.job, self.network
        async with (
            opened_station(job.radio) as station,
            Provisioner(
                station,
                network.credentials,
                randomness=SystemRandomness(),
                policy=job.policy,
                events=events(),
                addresses=network.addresses,
                store=network.add,
                roots=job.validator,
                timing=_timing(station, job.timeout),
            ) as provisioner,
        ):
            tell("Looking for the device ...")
            provisioning = provisioner.provision(
                job.uuid,
                job.bearer,
                address=job.address,
                device_public=job.public_key,
                static_oob=job.static_oob,
                attention=job.attention,
            )
            node = await first_of(station, provisioning)
            network.confirm(node)
            print_node(node, network, show_keys=self.show_keys, as_json=self.as_json)

    def failure(self, error: ProvisioningError) -> MeshwrightError:
        """Return what has to be said of a failed session, whose data may have arrived."""
        return failure_of(error, self._remains() if error.may_be_node else "")

    def interrupted(self) -> None:
        """Say how it stands after Ctrl-C."""
        tell(f"Interrupted; the link is closed.{self._remains()}")

    def _remains(self) -> str:
        """Say what is left of a device whose last word is missing, if there is one."""
        node = self.network.pending
        if node is None:
            return ""
        if self.show_keys:
            tell(keys_text(node.device_key, self.network))
        return maybe_text(node, self.job.network_file, shown=self.show_keys)


def _timing(station: Station, timeout: float) -> LinkTiming:
    from meshwright.core.bearers.timing import LinkTiming
    from meshwright.radio.concurrency import retransmit_after

    timing = LinkTiming(establishment=timeout)
    if station.radio is None:
        return timing
    return replace(timing, retransmit=retransmit_after(station.radio.pacing))
