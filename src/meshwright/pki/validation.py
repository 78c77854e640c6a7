"""Device chain validation: everything a certificate must survive before its key is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from meshwright.core.errors import InputError
from meshwright.pki.certificate import MAX_CERTIFICATE_SIZE, Certificate
from meshwright.pki.checks import DEVICE
from meshwright.pki.engine import PathParameters
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.findings import Finding
from meshwright.pki.identity import DeviceIdentity
from meshwright.pki.issuer_cache import Issuer, IssuerCache, issuer_of
from meshwright.pki.path import MAX_INTERMEDIATES
from meshwright.pki.path_validation import lint, validate_path
from meshwright.pki.profile import UUID_ASSIGNED_AND_UNIQUE
from meshwright.pki.rules_device import device_identity

_OUR_POLICY = frozenset((UUID_ASSIGNED_AND_UNIQUE,))
_POINT_SIZE = 64


@dataclass(frozen=True, slots=True)
class ValidatedDevice:
    """A device certificate that was accepted; `public_key` is X || Y, 64 octets.

    `status_checked` tells whether revocation lists were asked. A deny list goes by `spki_sha256`,
    never by the octets of a certificate: another encoding of the same signature can verify too.
    """

    public_key: bytes
    identity: DeviceIdentity
    spki_sha256: bytes
    findings: tuple[Finding, ...]
    root_subject: str
    status_checked: bool


class ChainValidator:
    """Validates the chains of devices against configured roots.

    `required_policies` holds the policies of which a chain must be valid for one; an empty set
    accepts any. With `company_id`, certificates of other companies are refused. With `crls`, every
    certificate below the root must be covered by one of the lists.
    """

    def __init__(
        self,
        roots: Sequence[bytes],
        *,
        required_policies: frozenset[str] = _OUR_POLICY,
        company_id: int | None = None,
        crls: Sequence[bytes] = (),
    ) -> None:
        if not roots:
            raise InputError("No root certificate is configured; add one.", code="missing-root")
        self._anchors = [Certificate.parse(root) for root in roots]
        self._anchor_ids = {(item.subject, item.raw.spki) for item in self._anchors}
        self._required = required_policies or None
        self._company_id = company_id
        self._crls = tuple(crls)
        self._cache = IssuerCache()

    def validate(
        self, device_certificate: bytes, intermediates: Sequence[bytes], *, uuid: UUID, at: datetime
    ) -> ValidatedDevice:
        """Accept the chain of the device `uuid` at the aware time `at`.

        Raises `CertificateRejectedError` for anything else, whatever the octets are.
        """
        if at.tzinfo is None:
            raise InputError("The time needs a time zone.", code="bad-time")
        try:
            return self._validate(device_certificate, intermediates, uuid, at)
        except MalformedCertificateError as error:
            raise CertificateRejectedError(str(error), code=error.code) from None

    def _validate(
        self, device_certificate: bytes, intermediates: Sequence[bytes], uuid: UUID, at: datetime
    ) -> ValidatedDevice:
        _check_bounds(intermediates)
        leaf = Certificate.parse(device_certificate)
        self._refuse_root(leaf)
        findings = lint(DEVICE.leaf, leaf)
        issuer = self._issuer(leaf, intermediates, at)
        identity = self._identify(leaf, uuid)
        return ValidatedDevice(
            public_key=leaf.raw.spki[-_POINT_SIZE:],
            identity=identity,
            spki_sha256=leaf.spki_sha256,
            findings=(*findings, *issuer.findings),
            root_subject=issuer.root_subject,
            status_checked=bool(self._crls),
        )

    def _issuer(self, leaf: Certificate, intermediates: Sequence[bytes], at: datetime) -> Issuer:
        """Find the issuer in the cache, or validate the whole path."""
        key = IssuerCache.key(leaf, intermediates)
        known = self._cache.get(key)
        if known is not None and known.vouches_for(leaf, at, self._required):
            return known
        parsed = [Certificate.parse(octets) for octets in intermediates]
        for certificate in parsed:
            self._refuse_root(certificate)
        valid = validate_path(
            leaf,
            parsed,
            self._anchors,
            rules=DEVICE,
            at=at,
            parameters=PathParameters(self._required, explicit_policy=self._required is not None),
            crls=self._crls,
        )
        issuer = issuer_of(valid.path, valid.authority_findings)
        if issuer.reusable and not self._crls:
            self._cache.put(key, issuer)
        return issuer

    def _refuse_root(self, certificate: Certificate) -> None:
        """Roots come by other ways, never from a device (Mesh Protocol 1.1, 5.4.2.6.5)."""
        if not certificate.self_issued:
            return
        anchor = (certificate.subject, certificate.raw.spki) in self._anchor_ids
        if anchor or _is_root(certificate):
            message = f"The device sent a root certificate, {certificate.describe()}."
            raise CertificateRejectedError(message, code="root-on-device")

    def _identify(self, leaf: Certificate, uuid: UUID) -> DeviceIdentity:
        identity = device_identity(leaf)
        if identity.uuid != uuid:
            message = f"The certificate names the device {identity.uuid}, not {uuid}."
            raise CertificateRejectedError(message, code="uuid-mismatch")
        if self._company_id is not None and identity.company_id != self._company_id:
            message = f"The certificate does not name the expected company {self._company_id:04x}."
            raise CertificateRejectedError(message, code="company-mismatch")
        return identity


def _is_root(certificate: Certificate) -> bool:
    return certificate.is_ca and certificate.self_signed


def _check_bounds(intermediates: Sequence[bytes]) -> None:
    if len(intermediates) > MAX_INTERMEDIATES:
        message = f"The device sent more than {MAX_INTERMEDIATES} intermediate certificates."
        raise CertificateRejectedError(message, code="too-many-certificates")
    if any(len(octets) > MAX_CERTIFICATE_SIZE for octets in intermediates):
        message = f"The device sent a certificate of more than {MAX_CERTIFICATE_SIZE:,} octets."
        raise CertificateRejectedError(message, code="malformed-certificate")
