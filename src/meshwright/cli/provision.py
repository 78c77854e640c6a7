"""`meshwright provision`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from meshwright.cli.common import example, json_option
from meshwright.cli.oob_options import public_key_of
from meshwright.cli.output import emit, say
from meshwright.cli.radios import (
    WEAKENINGS,
    address_of,
    bearer_of,
    bearer_option,
    radio_option,
    static_of,
    static_option,
    uuid_of,
)

if TYPE_CHECKING:
    from meshwright.core.provisioning.challenge import Challenge
    from meshwright.core.provisioning.policy import AuthenticationPolicy
    from meshwright.core.provisioning.values import StaticOob
    from meshwright.pki.validation import ChainValidator
    from meshwright.roles.bearers import Bearer
    from meshwright.roles.provisioned import ProvisionedNode
    from meshwright.roles.provisioner_events import ProvisionerEvents
    from meshwright.services.trial_network import TrialNetwork

_METHODS = ("auto", "no-oob", "static", "output", "input")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(
    "provision",
    short_help="Make one device a node, by its UUID.",
    epilog=example(
        "meshwright provision 1b9d6bcd-bbfd-11f0-8000-ab8dfbbd4bed --radio usb:0 --roots root.pem",
        "meshwright provision 1b9d6bcd-bbfd-11f0-8000-ab8dfbbd4bed --radio usb:0 --method output",
    ),
)
@click.argument("uuid")
@radio_option
@bearer_option
@click.option(
    "--roots",
    type=_FILE,
    multiple=True,
    help="Root certificates in PEM or DER; the device then has to prove its certificate.",
)
@click.option("--public-key", metavar="HEX|FILE", help="The public key of the device.")
@static_option
@click.option(
    "--method",
    type=click.Choice(_METHODS),
    default="auto",
    show_default=True,
    help="How a value is proven; auto takes the strongest that is offered.",
)
@click.option(
    "--allow", type=click.Choice(WEAKENINGS), multiple=True, help="Accept something weaker."
)
@click.option("--address", metavar="ADDRESS", help="Such as 0x0010; else the next that is free.")
@click.option(
    "--attention",
    type=click.IntRange(0, 255),
    default=0,
    help="Seconds in which the device draws attention.",
)
@click.option(
    "--network-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keeps the NetKey and the nodes; made if there is none.",
)
@click.option("--show-keys", is_flag=True, help="Print the DevKey and the NetKey.")
@json_option
def command(
    uuid: str,
    radio: str,
    bearer: str,
    roots: tuple[Path, ...],
    public_key: str | None,
    static_oob: str | None,
    method: str,
    allow: tuple[str, ...],
    address: str | None,
    attention: int,
    network_file: Path | None,
    show_keys: bool,
    as_json: bool,
) -> None:
    """Make the device with this UUID a node.

    This is for single devices and trials; `commission` brings a whole list in. Without --roots and
    --public-key the device sends its key in band, and has to prove an OOB value.
    """
    from meshwright.randomness import SystemRandomness
    from meshwright.services.trial_network import TrialNetwork

    static = static_of(static_oob)
    job = _Job(
        uuid_of(uuid),
        bearer_of(bearer),
        _policy(
            method, allow, key_known=bool(roots or public_key), static_known=static is not None
        ),
        _validator(roots),
        public_key_of(public_key),
        static,
        address_of(address),
        attention,
    )
    random = SystemRandomness().stream("trial network")
    network = TrialNetwork.open(network_file, random) if network_file else TrialNetwork.draw(random)
    if network_file is None and not show_keys:
        _tell("The keys will be lost; keep them with --network-file, or see them with --show-keys.")
    node = asyncio.run(_provision(job, radio, network))
    network.confirm(node)
    _print(node, network, show_keys=show_keys, as_json=as_json)


@dataclass(frozen=True)
class _Job:
    """What was asked for."""

    uuid: UUID
    bearer: Bearer
    policy: AuthenticationPolicy
    validator: ChainValidator | None
    public_key: bytes | None
    static_oob: StaticOob | None
    address: int | None
    attention: int


def _policy(
    method: str, allow: tuple[str, ...], *, key_known: bool, static_known: bool
) -> AuthenticationPolicy:
    """Return what is accepted; a key that is known beforehand needs no OOB value besides."""
    from meshwright.core.provisioning.authentication import Weakening
    from meshwright.core.provisioning.fields import AuthenticationMethod as Method
    from meshwright.core.provisioning.policy import AuthenticationPolicy

    if method == "static" and not static_known:
        raise click.UsageError("Give the value with --static-oob.")
    with_person = (Method.OUTPUT, Method.INPUT)
    automatic = (Method.NO_OOB, *with_person) if key_known else (*with_person, Method.NO_OOB)
    methods = automatic if method == "auto" else (Method[method.replace("-", "_").upper()],)
    policy = AuthenticationPolicy.allowing(Weakening(each) for each in allow)
    return replace(
        policy,
        methods=methods,
        require_oob_public_key=key_known,
        no_oob_in_band=policy.no_oob_in_band or method == "no-oob",
    )


def _validator(roots: tuple[Path, ...]) -> ChainValidator | None:
    from meshwright.pki.certificate_file import read_certificates
    from meshwright.pki.validation import ChainValidator

    if not roots:
        return None
    certificates = [each for path in roots for each in read_certificates(path)]
    return ChainValidator(certificates, required_policies=frozenset())


async def _provision(job: _Job, radio: str, network: TrialNetwork) -> ProvisionedNode:
    from meshwright.randomness import SystemRandomness
    from meshwright.roles.provisioner import Provisioner
    from meshwright.wiring.radios import opened_station

    async with (
        opened_station(radio) as station,
        Provisioner(
            station,
            network.credentials,
            randomness=SystemRandomness(),
            policy=job.policy,
            events=_events(),
            addresses=network.addresses,
            store=network.add,
            roots=job.validator,
        ) as provisioner,
    ):
        _tell("Looking for the device ...")
        return await provisioner.provision(
            job.uuid,
            job.bearer,
            address=job.address,
            device_public=job.public_key,
            static_oob=job.static_oob,
            attention=job.attention,
        )


def _events() -> ProvisionerEvents:
    """Ask and tell whoever sits at the terminal."""
    from meshwright.cli.challenges import instruction, question
    from meshwright.cli.prompts import Prompt
    from meshwright.roles.provisioner_events import ProvisionerEvents

    prompt = Prompt()

    async def ask(_uuid: UUID, challenge: Challenge) -> str:
        return await prompt.ask(question(challenge))

    return ProvisionerEvents(
        link_opened=lambda _uuid, bearer: _tell(f"The link is open on PB-{bearer.name}."),
        entry_needed=ask,
        entry_refused=lambda _uuid, error: _tell(str(error)),
        show=lambda _uuid, challenge, value: _tell(instruction(challenge, value)),
        stop_showing=lambda _uuid: _tell("That has served."),
    )


def _tell(text: str) -> None:
    """Tell a person how it goes; results go elsewhere."""
    click.echo(text, err=True)


def _print(node: ProvisionedNode, network: TrialNetwork, *, show_keys: bool, as_json: bool) -> None:
    keys = {
        "device_key": node.device_key.hex(),
        "net_key": network.credentials.net_key.hex(),
    }
    if as_json:
        emit(_to_json(node) | (keys if show_keys else {}))
        return
    elements = "" if node.elements == 1 else f" with {node.elements} elements"
    say(f"{node.uuid} is node 0x{node.address:04x}{elements}.")
    say(f"Authenticated by {node.reason}")
    if node.certificate is not None:
        say(f"Its certificate leads to {node.certificate.root_subject}.")
    if show_keys:
        say(f"DevKey: {keys['device_key']}\nNetKey: {keys['net_key']}")


def _to_json(node: ProvisionedNode) -> dict[str, Any]:
    certificate = node.certificate
    return {
        "uuid": str(node.uuid),
        "address": node.address,
        "elements": node.elements,
        "net_key_index": node.key_index,
        "bearer": str(node.bearer.name).lower(),
        "authentication": node.authentication.to_json(),
        "root": None if certificate is None else certificate.root_subject,
    }
