"""`meshwright ca`."""

from __future__ import annotations

import hashlib
from pathlib import Path

import click

from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.output import emit, say


@click.group("ca")
def command() -> None:
    """Run the manufacturer's certificate authority."""


@command.command("create", epilog=example("meshwright ca create --home plant"))
@home_command
def create(home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Make the root and the first batch certificate.

    The private keys are kept in encrypted files under the home.
    """
    with open_home(home, key_file) as found:
        made = found.authorities.create(found.settings.manufacturer)
        root = hashlib.sha256(made.root).hexdigest()
        batch = hashlib.sha256(made.intermediates[0]).hexdigest()
    if as_json:
        emit({"root_sha256": root, "batch_sha256": batch})
        return
    say(f"Root certificate,  SHA-256 {_grouped(root)}")
    say(f"Batch certificate, SHA-256 {_grouped(batch)}")
    say("Device certificates are checked against this root from now on.")


@command.command(
    "show",
    short_help="Show the trusted root certificates.",
    epilog=example(
        "meshwright ca show --home plant", "meshwright ca show --home plant --pem > root.pem"
    ),
)
@click.option(
    "--pem", is_flag=True, help="Print the certificates, as `provision --roots` takes them."
)
@home_command
def show(pem: bool, home: Path | None, key_file: Path | None, as_json: bool) -> None:
    """Show the root certificates against which device certificates are checked."""
    from meshwright.pki.certificate import Certificate
    from meshwright.pki.certificate_file import to_pem

    with open_home(home, key_file) as found:
        roots = found.authorities.trusted_roots()
    rows = [
        {
            "subject": Certificate.parse(root).parsed.subject.rfc4514_string(),
            "sha256": hashlib.sha256(root).hexdigest(),
            "pem": to_pem(root),
        }
        for root in roots
    ]
    if as_json:
        emit({"roots": rows})
        return
    for row in rows:
        say(row["pem"].rstrip() if pem else f"{row['subject']}, SHA-256 {_grouped(row['sha256'])}")


def _grouped(digest: str) -> str:
    return " ".join(digest[i : i + 8] for i in range(0, len(digest), 8))
