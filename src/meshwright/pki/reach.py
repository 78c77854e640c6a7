"""How far up a chain goes that leads to no root, and why it ends there."""

from __future__ import annotations

from collections.abc import Sequence

from meshwright.pki.certificate import (
    PARSER_ERRORS,
    Certificate,
    printable,
    verify_signature,
)
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.findings import Finding, Level
from meshwright.pki.names import same_name
from meshwright.pki.path import Path, PathBuilder, key_ids_agree


def first_path(
    leaf: Certificate, intermediates: Sequence[Certificate], anchors: Sequence[Certificate]
) -> Path | None:
    """Return the path that a refusal is about; None when there is none within the bounds."""
    try:
        return next(PathBuilder(anchors, intermediates).paths(leaf), None)
    except CertificateRejectedError:
        return None


def climb(leaf: Certificate, intermediates: Sequence[Certificate]) -> list[Certificate]:
    """Return `leaf` and its issuers as far up as signatures verify; every one at most once."""
    reached, left = [leaf], list(intermediates)
    while True:
        issuer = next((item for item in left if _issued(item, reached[-1])), None)
        if issuer is None:
            return reached
        left.remove(issuer)
        reached.append(issuer)


def why_it_ends(
    top: Certificate, others: Sequence[Certificate], reached: Sequence[Certificate]
) -> Finding | None:
    """Tell why nothing goes on above `top`; None when it vouches for itself, or for a loop."""
    named = [item for item in others if same_name(item.subject, top.issuer)]
    if top.self_issued or any(item in reached for item in named):
        return None
    issuer = issuer_name(top)
    if not named:
        fault = f"the certificate of its issuer, {issuer}, was not given"
        return Finding("issuer-missing", Level.ERROR, "RFC 5280, 6.1", fault)
    if not any(key_ids_agree(item, top) for item in named):
        fault = f"it is signed with another key than that of the {issuer} that was given"
        return Finding("issuer-key", Level.ERROR, "RFC 5280, 4.2.1.1", fault)
    fault = f"its signature was not made with the key of its issuer, {issuer}"
    return Finding("issuer-signature", Level.ERROR, "RFC 5280, 6.1.3 (a)(1)", fault)


def issuer_name(certificate: Certificate) -> str:
    """Name the issuer for a person; never raises."""
    try:
        return printable(certificate.parsed.issuer.rfc4514_string()) or "(no name)"
    except PARSER_ERRORS:
        return "(unreadable name)"


def _issued(issuer: Certificate, subject: Certificate) -> bool:
    if not same_name(issuer.subject, subject.issuer) or not key_ids_agree(issuer, subject):
        return False
    try:
        return verify_signature(subject, issuer.public_key)
    except MalformedCertificateError:
        return False
