"""How `meshwright cert check` tells its result."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from meshwright.cli.output import say, table

if TYPE_CHECKING:
    from meshwright.pki.report import CertificateSummary, ChainReport, Remark

_COLUMNS = ("role", "name", "from", "until", "SHA-256")
_DIGITS = 16
_NO_EXPIRY = 9999  # RFC 5280, 4.1.2.5
_STATUSES = {
    "unchecked": "Revocation was not checked.",
    "good": "No certificate of the chain is revoked.",
    "revoked": "A certificate of the chain is revoked.",
    "unknown": "No revocation list answers for a certificate of the chain.",
}


def print_report(report: ChainReport) -> None:
    """Print the path, every finding in a sentence, and the verdict last."""
    say(_device(report))
    rows = [_row(item) for item in report.path]
    table("", _COLUMNS, rows, empty="No certificate could be read.")
    for item in report.findings:
        say(f"{item.level.capitalize()} ({item.code}): {item.sentence} [{item.clause}]")
    for digest in report.unused:
        say(f"Not on the path: the certificate with SHA-256 {digest.hex()[:_DIGITS]}.")
    say(_STATUSES[report.status])
    if report.accepted:
        say(f"Accepted at {_time(report.at)}. {report.sentence}")
    else:
        say(f"Refused at {_time(report.at)} ({report.code}). {report.sentence}")


def as_object(report: ChainReport) -> dict[str, Any]:
    """Return the report for a program; digests in hex, times in ISO 8601."""
    identity = report.identity
    return {
        "accepted": report.accepted,
        "code": report.code,
        "sentence": report.sentence,
        "at": report.at.isoformat(),
        "uuid": str(identity.uuid) if identity else None,
        "company_id": identity.company_id if identity else None,
        "product_id": identity.product_id if identity else None,
        "organization": report.organization,
        "spki_sha256": _hex(report.spki_sha256),
        "not_before": _iso(report.not_before),
        "not_after": _iso(report.not_after),
        "required_policies": list(report.required_policies),
        "status": report.status.value,
        "complete": report.complete,
        "path": [_certificate(item) for item in report.path],
        "unused": [each.hex() for each in report.unused],
        "findings": [_finding(item) for item in report.findings],
    }


def _device(report: ChainReport) -> str:
    identity = report.identity
    if identity is None:
        return "The certificate names no device."
    maker = "" if report.organization is None else f" of {report.organization}"
    product = ""
    if identity.company_id is not None:
        product = f", company {identity.company_id:04x}, product {identity.product_id:04x}"
    return f"Device {identity.uuid}{maker}{product}"


def _row(item: CertificateSummary) -> tuple[str, ...]:
    digest = item.sha256.hex()[:_DIGITS]
    until = "without end" if item.not_after.year == _NO_EXPIRY else _time(item.not_after)
    return item.role.value, item.subject, _time(item.not_before), until, digest


def _certificate(item: CertificateSummary) -> dict[str, Any]:
    return {
        "role": item.role.value,
        "subject": item.subject,
        "issuer": item.issuer,
        "serial": f"{item.serial:x}",
        "not_before": item.not_before.isoformat(),
        "not_after": item.not_after.isoformat(),
        "policies": list(item.policies),
        "sha256": item.sha256.hex(),
    }


def _finding(item: Remark) -> dict[str, Any]:
    return {
        "level": item.level.value,
        "code": item.code,
        "clause": item.clause,
        "sentence": item.sentence,
        "subject": item.subject,
        "sha256": _hex(item.sha256),
    }


def _hex(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex()


def _iso(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()


def _time(instant: datetime) -> str:
    return f"{instant:%F %T}"
