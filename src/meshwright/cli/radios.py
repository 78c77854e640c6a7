"""Options of the commands that work on a radio, and how their values are read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from meshwright.core.errors import InputError
from meshwright.core.provisioning.authentication import Weakening

if TYPE_CHECKING:
    from meshwright.core.provisioning.values import StaticOob
    from meshwright.roles.bearers import Bearer

BEARERS = ("auto", "adv", "gatt")
WEAKENINGS = tuple(each.value for each in Weakening)
GIVEN_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""A file that a person gives to be read."""

RADIO_HELP = "The radio, such as usb:0 or unix:LOCAL,REMOTE; `doctor` lists them"
radio_option = click.option("--radio", required=True, metavar="SPEC", help=f"{RADIO_HELP}.")
bearer_option = click.option(
    "--bearer",
    type=click.Choice(BEARERS),
    default="auto",
    show_default=True,
    help="PB-ADV or PB-GATT; auto leaves it to the radio.",
)
static_option = click.option(
    "--static-oob",
    metavar="VALUE",
    help="Static OOB value: hex, alphanumeric:TEXT or numeric:DIGITS. Other users of this machine "
    "can see it there; - asks for it or reads a line of the input.",
)


def bearer_of(name: str) -> Bearer:
    """Return the bearer of an option."""
    from meshwright.roles.bearers import Bearer

    return Bearer[name.upper()]


def uuid_of(text: str) -> UUID:
    """Read a UUID; raises `InputError` (`bad-uuid`)."""
    try:
        return UUID(text)
    except ValueError:
        raise InputError(
            f"{text} is no UUID; it has 32 hex digits, as `meshwright scan --full` shows them.",
            code="bad-uuid",
        ) from None


def address_of(text: str | None) -> int | None:
    """Read a unicast address in hex or decimal; raises `InputError` (`bad-address`)."""
    from meshwright.core.provisioning.data import UNICAST_ADDRESSES

    if text is None:
        return None
    try:
        address = int(text, 0)
    except ValueError:
        address = 0
    if address not in UNICAST_ADDRESSES:
        raise InputError(
            f"{text} is no unicast address; give one of 0x0001 to 0x7fff.", code="bad-address"
        )
    return address


def static_of(text: str | None) -> StaticOob | None:
    """Read a static OOB value; raises `InputError` (`bad-static-oob`) without showing it."""
    from meshwright.cli.prompts import read_secret
    from meshwright.core.provisioning.static_text import KINDS, parse_static, parse_static_text
    from meshwright.core.provisioning.values import OobKind

    if text is None:
        return None
    if text == "-":
        text = read_secret("Static OOB value")
    if text.partition(":")[0] in KINDS:
        return parse_static_text(text)
    return parse_static(OobKind.BINARY, text)
