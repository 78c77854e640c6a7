"""`meshwright init`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from meshwright.cli.common import (
    example,
    home_option,
    home_path,
    json_option,
    prompt_passphrase,
    secrets,
)
from meshwright.cli.output import emit, say


@click.command(
    "init",
    epilog=example(
        "meshwright init --home plant",
        "meshwright init --home plant --key-file ~/keys/plant.key",
        "meshwright init --home trial --seed 1     # for simulations",
    ),
)
@home_option
@click.option(
    "--key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="MESHWRIGHT_KEY_FILE",
    help="Lock the home with this file; it is made if there is none.",
)
@click.option("--passphrase", is_flag=True, help="Lock the home with a passphrase; asks for it.")
@click.option("--organization", default="Example Lighting", show_default=True)
@click.option("--company-id", help="Company ID in hex, such as 05f1.")
@click.option("--product-id", help="Product ID in hex; goes together with --company-id.")
@click.option("--lifetime-days", type=click.IntRange(1), help="Validity of device certificates.")
@click.option(
    "--label-base",
    default="https://mesh.example/d",
    show_default=True,
    help="Base URI on the labels; up to 19 characters of host and path.",
)
@click.option("--seed", type=int, help="Derive all randomness from a number; simulations only.")
@json_option
def command(
    home: Path | None,
    key_file: Path | None,
    passphrase: bool,
    organization: str,
    company_id: str | None,
    product_id: str | None,
    lifetime_days: int | None,
    label_base: str,
    seed: int | None,
    as_json: bool,
) -> None:
    """Make a new project folder.

    Its secrets are locked with a passphrase (asked for with --passphrase, or taken from
    MESHWRIGHT_PASSPHRASE), with the key in MESHWRIGHT_KEY, or with a key file. Without a choice a
    key file is made inside the folder.
    """
    from meshwright.settings import Manufacturer
    from meshwright.wiring.home import create

    path = home_path(home)
    phrase = _new_passphrase(key_file) if passphrase else None
    manufacturer = Manufacturer(
        organization,
        _identifier(company_id, "--company-id"),
        _identifier(product_id, "--product-id"),
        lifetime_days,
        label_base,
    )
    settings = create(path, secrets(key_file, phrase), seed=seed, manufacturer=manufacturer)
    if as_json:
        emit({"home": str(path), "secret": settings.secret, "key_file": settings.key_file})
        return
    say(f"Made the home {path}, locked with {_SECRETS[settings.secret]}.")
    if settings.key_file is not None:
        say(f"Keep the key file safe: {path / settings.key_file}")
    say(f"Next: meshwright ca create --home {shlex.quote(str(path))}")


def _new_passphrase(key_file: Path | None) -> str:
    if key_file is not None:
        raise click.UsageError("Choose one: --passphrase or --key-file.")
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask at; set MESHWRIGHT_PASSPHRASE instead.")
    return prompt_passphrase(twice=True)


_SECRETS = {
    "passphrase": "a passphrase",
    "key-file": "a key file",
    "variable": "the key in MESHWRIGHT_KEY",
}


def _identifier(text: str | None, option: str) -> int | None:
    if text is None:
        return None
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number <= 0xFFFF:
        raise click.BadParameter("four hex digits are needed, such as 05f1", param_hint=option)
    return number
