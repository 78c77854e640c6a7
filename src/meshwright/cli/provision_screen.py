"""What `meshwright provision` asks, tells and prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.output import counted, emit, say
from meshwright.core.errors import (
    InputError,
    MachineError,
    MeshwrightError,
    PeerError,
    StoreError,
    TrustError,
)

if TYPE_CHECKING:
    from uuid import UUID

    from meshwright.core.provisioning.challenge import Challenge
    from meshwright.roles.provisioned import ProvisionedNode, ProvisioningError
    from meshwright.roles.provisioner_events import ProvisionerEvents
    from meshwright.services.trial_network import TrialNetwork, TrialNode


def tell(text: str) -> None:
    """Tell a person how it goes; results go elsewhere."""
    click.echo(text, err=True)


def events() -> ProvisionerEvents:
    """Ask and tell whoever sits at the terminal."""
    from meshwright.cli.challenges import instruction, question
    from meshwright.cli.prompts import Prompt
    from meshwright.roles.provisioner_events import ProvisionerEvents

    prompt = Prompt()

    async def ask(_uuid: UUID, challenge: Challenge) -> str:
        return await prompt.ask(question(challenge))

    return ProvisionerEvents(
        link_opened=lambda _uuid, bearer: tell(f"The link is open on PB-{bearer.name}."),
        entry_needed=ask,
        entry_refused=lambda _uuid, error: tell(str(error)),
        show=lambda _uuid, challenge, value: tell(instruction(challenge, value)),
        stop_showing=lambda _uuid: tell("That has served."),
    )


# Results.


def print_node(
    node: ProvisionedNode, network: TrialNetwork, *, show_keys: bool, as_json: bool
) -> None:
    """Print what the device has become, for people or for programs."""
    if as_json:
        emit(_to_json(node) | (_keys(node.device_key, network) if show_keys else {}))
        return
    elements = "" if node.elements == 1 else f" with {counted(node.elements, 'element')}"
    say(f"{node.uuid} is node 0x{node.address:04x}{elements}.")
    say(f"Authenticated by {node.reason}")
    if node.certificate is not None:
        status = "" if node.certificate.status_checked else "; its revocation was not checked"
        say(f"Its certificate leads to {node.certificate.root_subject}{status}.")
    if show_keys:
        say(keys_text(node.device_key, network))


def keys_text(device_key: bytes, network: TrialNetwork) -> str:
    """Show the keys of a node."""
    keys = _keys(device_key, network)
    return f"DevKey: {keys['device_key']}\nNetKey: {keys['net_key']}"


def _keys(device_key: bytes, network: TrialNetwork) -> dict[str, str]:
    return {"device_key": device_key.hex(), "net_key": network.credentials.net_key.hex()}


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
        "status_checked": None if certificate is None else certificate.status_checked,
    }


# Failures.


def maybe_text(node: TrialNode, file: Path | None, *, shown: bool) -> str:
    """Say of a device whose last word is missing what it may be, and where its key is."""
    where = "its key was shown" if shown else "its key is lost, so reset it"
    if file is not None:
        where = f"its key is in {file}, as unconfirmed"
    return f" The device may be node 0x{node.address:04x} all the same; {where}."


def failure_of(error: ProvisioningError, remains: str) -> MeshwrightError:
    """Return the error with the kind that it has, for the exit status.

    `remains` is added to its sentence.
    """
    return _kind_of(error)(f"{error}{remains}", code=error.code)


_KINDS: tuple[type[MeshwrightError], ...] = (InputError, TrustError, StoreError, MachineError)
_NOT_PROVEN = frozenset(
    {
        "confirmation-failed",
        "contradictory-capabilities",
        "downgrade",
        "no-certificate",
        "no-certified-key",
        "no-common-method",
        "reflected-confirmation",
        "reflected-key",
        "reflected-random",
        "static-with-cmac",
    }
)
"""What a session ends with when a device is not trusted or not allowed."""


def _kind_of(error: ProvisioningError) -> type[MeshwrightError]:
    from meshwright.cli.prompts import NoEntryError
    from meshwright.core.provisioning.fields import ErrorCode

    # The device could not verify our value: it is as wrong as its own would be.
    if error.code in _NOT_PROVEN or error.error == ErrorCode.CONFIRMATION_FAILED:
        return TrustError
    cause = error.__cause__
    if isinstance(cause, NoEntryError):
        return InputError
    return next((kind for kind in _KINDS if isinstance(cause, kind)), PeerError)
