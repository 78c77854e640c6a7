"""Path validation: lint, bounded building, times, lengths, and then the RFC 5280 engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from meshwright.pki import checks
from meshwright.pki.certificate import Certificate
from meshwright.pki.checks import Rule, RuleSet
from meshwright.pki.engine import PathParameters, Status, check_path
from meshwright.pki.errors import CertificateRejectedError
from meshwright.pki.findings import Finding, Level
from meshwright.pki.path import MAX_INTERMEDIATES, Path, PathBuilder

ANY_POLICY = PathParameters()


@dataclass(frozen=True, slots=True)
class ValidPath:
    """A path that is valid, and the findings about its authorities that do not refuse it."""

    path: Path
    authority_findings: tuple[Finding, ...]


def validate_path(
    leaf: Certificate,
    intermediates: Sequence[Certificate],
    anchors: Sequence[Certificate],
    *,
    rules: RuleSet,
    at: datetime,
    parameters: PathParameters = ANY_POLICY,
    crls: Sequence[bytes] = (),
) -> ValidPath:
    """Find a valid path or raise `CertificateRejectedError` with what is wrong with the first."""
    if len(intermediates) > MAX_INTERMEDIATES:
        message = f"The chain has more than {MAX_INTERMEDIATES} intermediate certificates."
        raise CertificateRejectedError(message, code="too-many-certificates")
    # A certificate counts whole seconds: it is valid until its last one is over.
    instant = at.replace(microsecond=0)
    status = Status(tuple(crls), tuple(intermediates))
    lint(rules.leaf, leaf)
    first: CertificateRejectedError | None = None
    for path in PathBuilder(anchors, intermediates).paths(leaf):
        try:
            return ValidPath(path, _validate_one(path, rules, instant, parameters, status))
        except CertificateRejectedError as error:
            first = first or error
    raise first or _untrusted(leaf)


def _validate_one(
    path: Path, rules: RuleSet, at: datetime, parameters: PathParameters, status: Status
) -> tuple[Finding, ...]:
    findings = lint(rules.anchor, path.anchor)
    for certificate in path.intermediates:
        findings += lint(rules.intermediate, certificate)
    for certificate in (path.anchor, *path.certificates):
        check_times(certificate, at)
    _check_length(path)
    try:
        check_path(path, at=at, parameters=parameters, status=status)
    except CertificateRejectedError as error:
        _explain(error, path, at, parameters)
        raise
    return findings


def lint(rules: Iterable[Rule], certificate: Certificate) -> tuple[Finding, ...]:
    """Run rules; raises `CertificateRejectedError` with the code of the first error."""
    findings = tuple(checks.run(rules, certificate))
    for item in findings:
        if item.level is Level.ERROR:
            reason = f"{item.fault} ({item.clause})"
            message = f"The certificate {certificate.describe()} is refused: {reason}."
            raise CertificateRejectedError(message, code=item.code, findings=findings)
    return findings


def check_times(certificate: Certificate, at: datetime) -> None:
    """Raise unless `at` lies in the validity (RFC 5280, 6.1.3 (a)(2)); both ends belong to it."""
    name = f"The certificate {certificate.describe()}"
    if at < certificate.not_before:
        message = f"{name} is not valid before {certificate.not_before:%F %T} UTC."
        raise CertificateRejectedError(message, code="not-yet-valid")
    if at > certificate.not_after:
        message = f"{name} expired on {certificate.not_after:%F %T} UTC."
        raise CertificateRejectedError(message, code="expired")


def _check_length(path: Path) -> None:
    """Count the intermediates below every authority (RFC 5280, 6.1.4 (l) and (m)).

    The engine counts too; counting here gives the refusal a code of its own.
    """
    authorities = (path.anchor, *path.intermediates)
    for position, authority in enumerate(authorities):
        below = sum(not item.self_issued for item in authorities[position + 1 :])
        limit = authority.path_length
        if limit is not None and below > limit:
            message = (
                f"The CA {authority.describe()} allows {limit} intermediates below it, not {below}."
            )
            raise CertificateRejectedError(message, code="path-length")


def _explain(
    error: CertificateRejectedError, path: Path, at: datetime, parameters: PathParameters
) -> None:
    """Raise `policy-missing` when the path is valid but for the policies that are required."""
    if error.code != "path-invalid" or not parameters.explicit_policy:
        return
    try:
        check_path(path, at=at, parameters=ANY_POLICY)
    except CertificateRejectedError:
        return
    wanted = " or ".join(sorted(parameters.policies or ())) or "any"
    message = f"The chain is not valid for the certificate policy that is required: {wanted}."
    raise CertificateRejectedError(message, code="policy-missing")


def _untrusted(leaf: Certificate) -> CertificateRejectedError:
    if leaf.self_issued:
        message = (
            f"The certificate {leaf.describe()} vouches for itself; no trusted root signed it."
        )
    else:
        message = f"No chain leads from {leaf.describe()} to a trusted root."
    return CertificateRejectedError(message, code="path-untrusted")
