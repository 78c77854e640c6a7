"""`meshwright cert`."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from meshwright.cli.cert_said import as_object, print_report
from meshwright.cli.common import example, home_command, open_home
from meshwright.cli.exits import ExitStatus
from meshwright.cli.output import emit
from meshwright.cli.radios import GIVEN_FILE, uuid_of
from meshwright.core.errors import InputError, TrustError

if TYPE_CHECKING:
    from meshwright.pki.explain import ChainExplainer


@click.group("cert")
def command() -> None:
    """Look at certificates."""


@command.command(
    "check",
    short_help="Explain whether a chain is trusted, and why.",
    epilog=example(
        "meshwright cert check lamp.pem --roots root.pem",
        "meshwright cert check lamp.der batch.der --home plant --json",
        "meshwright cert check lamp.pem --roots root.pem --at 2027-01-01T00:00:00Z",
    ),
)
@click.argument("files", nargs=-1, required=True, type=GIVEN_FILE)
@click.option(
    "--roots",
    multiple=True,
    type=GIVEN_FILE,
    help="Root certificates in PEM or DER; without them those of the home.",
)
@click.option("--at", metavar="TIME", help="When, such as 2027-01-01T00:00:00Z; else now.")
@click.option("--uuid", metavar="UUID", help="The device that has to be named.")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    metavar="OID",
    help="Demand one of these certificate policies.",
)
@click.option(
    "--crl",
    "crls",
    multiple=True,
    type=GIVEN_FILE,
    help="Revocation lists in PEM or DER; then every certificate needs one.",
)
@home_command
def check(
    files: tuple[Path, ...],
    roots: tuple[Path, ...],
    at: str | None,
    uuid: str | None,
    policies: tuple[str, ...],
    crls: tuple[Path, ...],
    home: Path | None,
    key_file: Path | None,
    as_json: bool,
) -> None:
    """Explain whether the chain of one device is trusted, and why.

    FILES hold its certificate and those above it, in PEM or DER and in any order. A root among
    them is refused, as it is from a device.
    """
    from meshwright.clock import SystemClock
    from meshwright.pki.chain_files import read_chain

    wanted = uuid_of(uuid) if uuid else None
    instant = _time(at) if at else SystemClock().now()
    explainer = _explainer(roots, policies, crls, home, key_file)
    device, others = read_chain(files, wanted)
    report = explainer.explain(device, others, uuid=wanted, at=instant)
    if as_json:
        emit(as_object(report))
    else:
        print_report(report)
    if not report.accepted:
        click.get_current_context().exit(ExitStatus.TRUST)


def _explainer(
    roots: tuple[Path, ...],
    policies: tuple[str, ...],
    crls: tuple[Path, ...],
    home: Path | None,
    key_file: Path | None,
) -> ChainExplainer:
    """Demand what `provision --roots` does, or with the roots of a home what `commission` does."""
    from meshwright.pki.certificate_file import read_certificates
    from meshwright.pki.chain_files import read_crls
    from meshwright.pki.explain import ChainExplainer

    options: dict[str, Any] = {"crls": [each for path in crls for each in read_crls(path)]}
    if policies or roots:
        options["required_policies"] = frozenset(map(_oid, policies))
    if roots:
        anchors = [each for path in roots for each in read_certificates(path)]
    else:
        with open_home(home, key_file) as found:
            anchors = list(found.authorities.trusted_roots())
    try:
        return ChainExplainer(anchors, **options)
    except TrustError as error:
        message = f"One of the roots cannot be used: {error}"
        raise InputError(message, code="bad-root") from None


def _oid(text: str) -> str:
    from cryptography.x509 import ObjectIdentifier

    with suppress(ValueError):
        return ObjectIdentifier(text).dotted_string
    raise InputError(f"{text} is no object identifier, such as 2.25.1.", code="bad-policy")


def _time(text: str) -> datetime:
    """Read a time of ISO 8601; without a zone it is in UTC."""
    with suppress(ValueError, OverflowError):
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    raise InputError(f"{text} is no time; write it like 2027-01-01T00:00:00Z.", code="bad-time")
