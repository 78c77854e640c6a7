"""Chains explained: the verdict of `ChainValidator`, and everything its rules have to say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from meshwright.pki import oids
from meshwright.pki.certificate import Certificate, printable
from meshwright.pki.checks import DEVICE
from meshwright.pki.engine import PathParameters, Status, check_path
from meshwright.pki.errors import (
    CertificateRejectedError,
    IdentityError,
    MalformedCertificateError,
)
from meshwright.pki.findings import Level
from meshwright.pki.identity import DeviceIdentity
from meshwright.pki.path import MAX_INTERMEDIATES, Path
from meshwright.pki.path_validation import validate_path
from meshwright.pki.profile import UUID_ASSIGNED_AND_UNIQUE
from meshwright.pki.reach import climb, first_path, issuer_name, why_it_ends
from meshwright.pki.remarks import CLAUSES, about, about_uuid, error, malformed, remark, sha256
from meshwright.pki.report import CertificateSummary, ChainReport, Remark, Role, StatusOutcome
from meshwright.pki.rules_device import device_identity
from meshwright.pki.validation import ChainValidator

_OUR_POLICY = frozenset((UUID_ASSIGNED_AND_UNIQUE,))
_NOBODY = UUID(int=0)
_ACCEPTED = "The chain is valid and leads to a trusted root."
_STATUSES = {"revoked": StatusOutcome.REVOKED, "status-unknown": StatusOutcome.UNKNOWN}
_OF_ONE_CERTIFICATE = frozenset(("revoked", "status-unknown", "path-invalid"))


class ChainExplainer:
    """Explains the chains of devices; the verdict is that of a `ChainValidator` of the same roots.

    With an empty set of `required_policies` a chain is accepted that is not valid for our policy,
    and a warning says so. Raises what `ChainValidator` raises.
    """

    def __init__(
        self,
        roots: Sequence[bytes],
        *,
        required_policies: frozenset[str] = _OUR_POLICY,
        crls: Sequence[bytes] = (),
    ) -> None:
        self._validator = ChainValidator(roots, required_policies=required_policies, crls=crls)
        self._anchors = [Certificate.parse(root) for root in roots]
        self._policies = required_policies
        self._crls = tuple(crls)

    def explain(
        self,
        device_certificate: bytes,
        intermediates: Sequence[bytes],
        *,
        at: datetime,
        uuid: UUID | None = None,
    ) -> ChainReport:
        """Report on a chain at the aware time `at`; without `uuid` any device may have it."""
        leaf = _parse(device_certificate)
        bounded = intermediates if len(intermediates) <= MAX_INTERMEDIATES else ()
        others = [found for found in map(_parse, bounded) if found is not None]
        identity = _identity(leaf)
        if uuid is None:
            uuid = identity.uuid if identity else _NOBODY
        refusal = self._refusal(device_certificate, intermediates, uuid, at)
        path = self._path(leaf, others, at, accepted=refusal is None)
        way = _upwards(path) if path or not leaf else climb(leaf, others)
        roles = [_role(item, leaf, path) for item in way]
        findings = [
            *malformed((device_certificate, *bounded)),
            *about(way, roles, at),
            *about_uuid(leaf, identity, uuid),
        ]
        if leaf and not path and len(others) == len(intermediates):
            findings += self._about_end(way, others)
        findings += self._about_chain(refusal, findings, path, others, at)
        return self._report(leaf, intermediates, at, refusal, tuple(findings), path, way, roles)

    def _report(
        self,
        leaf: Certificate | None,
        intermediates: Sequence[bytes],
        at: datetime,
        refusal: CertificateRejectedError | None,
        findings: tuple[Remark, ...],
        path: Path | None,
        way: Sequence[Certificate],
        roles: Sequence[Role],
    ) -> ChainReport:
        summaries = tuple(map(_summary, way, roles))
        on_path = {item.sha256 for item in summaries}
        return ChainReport(
            accepted=refusal is None,
            code=refusal.code if refusal else None,
            sentence=str(refusal) if refusal else _ACCEPTED,
            at=at,
            findings=findings,
            path=summaries,
            complete=path is not None,
            unused=tuple(x for x in map(sha256, intermediates) if x not in on_path),
            identity=_identity(leaf),
            organization=_organization(leaf),
            spki_sha256=leaf.spki_sha256 if leaf else None,
            required_policies=tuple(sorted(self._policies)),
            status=self._status(refusal),
        )

    def _refusal(
        self, leaf: bytes, intermediates: Sequence[bytes], uuid: UUID, at: datetime
    ) -> CertificateRejectedError | None:
        try:
            self._validator.validate(leaf, intermediates, uuid=uuid, at=at)
        except CertificateRejectedError as refusal:
            return refusal
        return None

    def _path(
        self,
        leaf: Certificate | None,
        intermediates: Sequence[Certificate],
        at: datetime,
        *,
        accepted: bool,
    ) -> Path | None:
        """Return the path that was accepted, or the one that a refusal is about."""
        if leaf is None:
            return None
        if not accepted:
            return first_path(leaf, intermediates, self._anchors)
        return validate_path(
            leaf,
            intermediates,
            self._anchors,
            rules=DEVICE,
            at=at,
            parameters=self._parameters(),
            crls=self._crls,
        ).path

    def _parameters(self) -> PathParameters:
        return PathParameters(self._policies or None, explicit_policy=bool(self._policies))

    def _about_end(
        self, reached: Sequence[Certificate], intermediates: Sequence[Certificate]
    ) -> Iterator[Remark]:
        top = reached[-1]
        found = why_it_ends(top, [*self._anchors, *intermediates], reached)
        if found is not None:
            yield remark(found, top)

    def _about_chain(
        self,
        refusal: CertificateRejectedError | None,
        known: Sequence[Remark],
        path: Path | None,
        others: Sequence[Certificate],
        at: datetime,
    ) -> Iterator[Remark]:
        """Tell what the validator says of the chain as a whole, and of which certificate."""
        if refusal is None:
            yield from self._about_our_policy(path, at)
        elif not any(_is_error(item, refusal.code) for item in known):
            certificate = None
            if path and refusal.code in _OF_ONE_CERTIFICATE:
                certificate = self._first_fault(path, others, at.replace(microsecond=0))
            yield error(refusal.code, str(refusal), certificate)

    def _first_fault(
        self, path: Path, intermediates: Sequence[Certificate], at: datetime
    ) -> Certificate | None:
        """Return the first certificate down to which the path is not valid."""
        status = Status(self._crls, tuple(intermediates))
        for position, certificate in enumerate(path.certificates):
            part = Path(path.anchor, path.certificates[:position], certificate)
            try:
                check_path(part, at=at, parameters=PathParameters(), status=status)
            except CertificateRejectedError:
                return certificate
        return None

    def _about_our_policy(self, path: Path | None, at: datetime) -> Iterator[Remark]:
        if path is None or self._policies:
            return
        parameters = PathParameters(_OUR_POLICY, explicit_policy=True)
        try:
            check_path(path, at=at.replace(microsecond=0), parameters=parameters)
        except CertificateRejectedError:
            sentence = (
                "The chain does not say that its CA assigned the UUID and assigns none twice; "
                "`commission` demands that policy."
            )
            clause = CLAUSES["policy-missing"]
            yield Remark(Level.WARNING, "policy-missing", clause, sentence)

    def _status(self, refusal: CertificateRejectedError | None) -> StatusOutcome:
        if not self._crls:
            return StatusOutcome.UNCHECKED
        if refusal is None:
            return StatusOutcome.GOOD
        return _STATUSES.get(refusal.code, StatusOutcome.UNCHECKED)


def _parse(octets: bytes) -> Certificate | None:
    try:
        return Certificate.parse(octets)
    except MalformedCertificateError:
        return None


def _is_error(remark: Remark, code: str) -> bool:
    return remark.level is Level.ERROR and remark.code == code


def _upwards(path: Path | None) -> list[Certificate]:
    return [*reversed(path.certificates), path.anchor] if path else []


def _role(certificate: Certificate, leaf: Certificate | None, path: Path | None) -> Role:
    if certificate is leaf:
        return Role.DEVICE
    return Role.ROOT if path and certificate is path.anchor else Role.INTERMEDIATE


def _summary(certificate: Certificate, role: Role) -> CertificateSummary:
    return CertificateSummary(
        role,
        certificate.describe(),
        issuer_name(certificate),
        certificate.raw.serial,
        certificate.not_before,
        certificate.not_after,
        tuple(sorted(certificate.policies)),
        sha256(certificate.der),
    )


def _identity(leaf: Certificate | None) -> DeviceIdentity | None:
    try:
        return device_identity(leaf) if leaf else None
    except (IdentityError, MalformedCertificateError):
        return None


def _organization(leaf: Certificate | None) -> str | None:
    try:
        names = leaf.names(oids.ORGANIZATION) if leaf else []
    except MalformedCertificateError:
        return None
    return printable(names[0]) if len(names) == 1 else None
