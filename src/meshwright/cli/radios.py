"""Options of the commands that work on a radio, and how their values are read."""

from __future__ import annotations

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

radio_option = click.option(
    "--radio", required=True, metavar="SPEC", help="The radio, such as usb:0; see docs/radios.md."
)
bearer_option = click.option(
    "--bearer",
    type=click.Choice(BEARERS),
    default="auto",
    show_default=True,
    help="PB-ADV, PB-GATT.",
)
static_option = click.option(
    "--static-oob",
    metavar="VALUE",
    help="Static OOB value: hex, or alphanumeric:TEXT, or numeric:DIGITS; - asks for it.",
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
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        raise InputError(f"{text} is no address such as 0x0010.", code="bad-address") from None


def static_of(text: str | None) -> StaticOob | None:
    """Read a static OOB value; raises `InputError` (`bad-static-oob`) without showing it."""
    from meshwright.core.provisioning.static_text import KINDS, parse_static, parse_static_text
    from meshwright.core.provisioning.values import OobKind

    if text is None:
        return None
    if text == "-":
        text = str(click.prompt("Static OOB value", hide_input=True, err=True))
    if text.partition(":")[0] in KINDS:
        return parse_static_text(text)
    return parse_static(OobKind.BINARY, text)
