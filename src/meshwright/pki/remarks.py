"""What is said about certificates and chains: findings of the rules as whole sentences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from uuid import UUID

from meshwright.pki import checks
from meshwright.pki.certificate import Certificate
from meshwright.pki.checks import DEVICE, Rule
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.findings import Finding, Level
from meshwright.pki.identity import DeviceIdentity
from meshwright.pki.path_validation import check_times
from meshwright.pki.report import Remark, Role

_RULES = {
    Role.DEVICE: DEVICE.leaf,
    Role.INTERMEDIATE: DEVICE.intermediate,
    Role.ROOT: DEVICE.anchor,
}
_PATH = "RFC 5280, 6.1"
CLAUSES = {
    "expired": "RFC 5280, 6.1.3 (a)(2)",
    "malformed-certificate": "RFC 5280, 4.1",
    "not-yet-valid": "RFC 5280, 6.1.3 (a)(2)",
    "path-length": "RFC 5280, 6.1.4 (l) and (m)",
    "policy-missing": "RFC 5280, 6.1.5 (g)",
    "revoked": "RFC 5280, 6.1.3 (a)(3)",
    "root-on-device": "Mesh Protocol 1.1, 5.4.2.6.5",
    "serial-range": "RFC 5280, 4.1.2.2",
    "status-unknown": "RFC 5280, 6.3",
    "unsupported-key": "RFC 5480, 2.1.1",
    "uuid-mismatch": "Mesh Protocol 1.1, 5.5.1.1",
}


def malformed(chain: Iterable[bytes]) -> Iterator[Remark]:
    """Tell which octets are no certificates."""
    for octets in chain:
        try:
            Certificate.parse(octets)
        except MalformedCertificateError as fault:
            clause = CLAUSES.get(fault.code, _PATH)
            yield Remark(Level.ERROR, fault.code, clause, str(fault), sha256=sha256(octets))


def about(path: Sequence[Certificate], roles: Sequence[Role], at: datetime) -> Iterator[Remark]:
    """Ask every rule, and not only until the first fault."""
    instant = at.replace(microsecond=0)  # as the validator counts
    for certificate, role in zip(path, roles, strict=True):
        for rule in _RULES[role]:
            yield from _ask(rule, certificate)
        try:
            check_times(certificate, instant)
        except CertificateRejectedError as fault:
            yield error(fault.code, str(fault), certificate)


def _ask(rule: Rule, certificate: Certificate) -> Iterator[Remark]:
    try:
        yield from [remark(found, certificate) for found in checks.run((rule,), certificate)]
    except MalformedCertificateError as fault:
        yield error(fault.code, str(fault), certificate)


def about_uuid(
    leaf: Certificate | None, identity: DeviceIdentity | None, uuid: UUID
) -> Iterator[Remark]:
    """Tell that the certificate is of another device."""
    if leaf and identity and identity.uuid != uuid:
        sentence = f"The certificate names the device {identity.uuid}, not {uuid}."
        yield error("uuid-mismatch", sentence, leaf)


def remark(found: Finding, certificate: Certificate) -> Remark:
    """Make a sentence of a finding about a certificate."""
    said = "is refused" if found.level is Level.ERROR else "deserves a remark"
    return Remark(
        found.level,
        found.code,
        found.clause,
        f"The certificate {certificate.describe()} {said}: {found.fault}.",
        certificate.describe(),
        sha256(certificate.der),
    )


def error(code: str, sentence: str, certificate: Certificate | None) -> Remark:
    """Tell what refuses the chain, and of which certificate, if it is about one."""
    clause = CLAUSES.get(code, _PATH)
    if certificate is None:
        return Remark(Level.ERROR, code, clause, sentence)
    return Remark(
        Level.ERROR, code, clause, sentence, certificate.describe(), sha256(certificate.der)
    )


def sha256(octets: bytes) -> bytes:
    """Digest a certificate, as a person compares it."""
    return hashlib.sha256(octets).digest()
