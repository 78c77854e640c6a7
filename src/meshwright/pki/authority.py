"""The certificate authority: roots, batches, and device certificates in two steps.

`prepare` checks the request, builds the certificate, signs it with a throwaway key and runs every
check on the result; what it returns is written down durably. Only then `issue` signs exactly
those octets. A crash between the two never leaves a certificate that nobody knows about, and
signing again gives the same octets, for the signature is deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec

from meshwright.core.errors import InputError
from meshwright.pki import checks
from meshwright.pki.certificate import Certificate, verify_signature
from meshwright.pki.csr import check_csr
from meshwright.pki.errors import IssuanceRefusedError
from meshwright.pki.findings import Finding, Level
from meshwright.pki.keys import Signer
from meshwright.pki.profile import Assignment, BatchProfile, DeviceProfile, RootProfile
from meshwright.pki.templates import (
    assemble,
    batch_template,
    device_template,
    draw_serial,
    provisional,
    root_template,
)
from meshwright.randomness import RandomBytes


def create_root(
    signer: Signer, profile: RootProfile, *, now: datetime, random: RandomBytes
) -> bytes:
    """Make a self-signed root certificate."""
    template = root_template(profile, signer.public_key, now).serial_number(draw_serial(random))
    return _sign(_checked(provisional(template), checks.DEVICE.anchor), signer)


def create_batch(
    issuer_certificate: bytes,
    signer: Signer,
    public_key: ec.EllipticCurvePublicKey,
    profile: BatchProfile,
    *,
    now: datetime,
    random: RandomBytes,
) -> bytes:
    """Make the certificate of a production batch, signed by a root or another intermediate."""
    issuer = _issuer(issuer_certificate, signer)
    _check_room(issuer, profile)
    template = batch_template(profile, issuer.parsed, public_key, now)
    certificate = provisional(template.serial_number(draw_serial(random)))
    return _sign(_checked(certificate, checks.DEVICE.intermediate), signer)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A certificate that may be signed once; to be recorded durably before it is."""

    serial: int
    uuid: UUID
    spki_sha256: bytes
    tbs: bytes = field(repr=False)
    issuer_id: str


class Authority:
    """Issues the device certificates of one batch."""

    def __init__(self, issuer_certificate: bytes, signer: Signer, profile: DeviceProfile) -> None:
        self._issuer = _issuer(issuer_certificate, signer)
        self._signer = signer
        self._profile = profile
        self._redeemed: set[int] = set()

    @property
    def issuer_id(self) -> str:
        """SHA-256 of the issuer's SubjectPublicKeyInfo, in hex."""
        return self._issuer.spki_sha256.hex()

    def prepare(
        self, csr_der: bytes, assignment: Assignment, *, now: datetime, random: RandomBytes
    ) -> Prepared:
        """Check a request and build its certificate; raises before anything is signed."""
        if assignment != self._profile.assign(assignment.uuid):
            raise InputError(
                "The assignment is not of the profile of this CA; make a new one.",
                code="bad-assignment",
            )
        request = check_csr(csr_der, assignment)
        template = device_template(
            self._profile, assignment, self._issuer.parsed, request.public_key, now
        )
        serial = draw_serial(random, avoid=assignment.uuid)
        certificate = _checked(provisional(template.serial_number(serial)), checks.DEVICE.leaf)
        tbs = certificate.raw.tbs
        return Prepared(serial, assignment.uuid, request.spki_sha256, tbs, self.issuer_id)

    def issue(self, prepared: Prepared) -> bytes:
        """Sign a prepared certificate, once."""
        if prepared.issuer_id != self.issuer_id:
            raise IssuanceRefusedError(
                "The certificate was prepared for another issuer; prepare it again.",
                code="wrong-issuer",
            )
        if prepared.serial in self._redeemed:
            raise IssuanceRefusedError(
                "The certificate was issued already; take the one on record.", code="already-issued"
            )
        certificate = self.reissue(prepared.tbs)
        self._redeemed.add(prepared.serial)
        return certificate

    def reissue(self, tbs: bytes) -> bytes:
        """Sign recorded octets after a crash; they give the same certificate every time."""
        certificate = _checked(assemble(tbs), checks.DEVICE.leaf)
        self._check_origin(certificate)
        return _sign(certificate, self._signer)

    def _check_origin(self, certificate: Certificate) -> None:
        same_name = certificate.issuer == self._issuer.subject
        key_id = certificate.authority_key_identifier
        if not same_name or key_id != self._issuer.subject_key_identifier:
            message = "The recorded certificate belongs to another issuer; let that one sign it."
            raise IssuanceRefusedError(message, code="wrong-issuer")


def _issuer(certificate: bytes, signer: Signer) -> Certificate:
    issuer = Certificate.parse(certificate)
    if issuer.public_key != signer.public_key:
        raise InputError(
            "The key does not belong to the CA certificate; give the right one.", code="wrong-key"
        )
    return _checked(issuer, checks.DEVICE.intermediate)


def _check_room(issuer: Certificate, profile: BatchProfile) -> None:
    """Refuse a batch that no path could contain (RFC 5280, 6.1.4 (m))."""
    limit = issuer.path_length
    if limit is not None and profile.path_length >= limit:
        message = (
            f"The CA {issuer.describe()} allows only {limit} intermediates below it; name another."
        )
        raise IssuanceRefusedError(message, code="path-length")


def _checked(certificate: Certificate, rules: tuple[checks.Rule, ...]) -> Certificate:
    errors = [item for item in checks.run(rules, certificate) if item.level is Level.ERROR]
    if errors:
        raise IssuanceRefusedError(_sentence(errors), code=errors[0].code)
    return certificate


def _sentence(errors: list[Finding]) -> str:
    reasons = "; ".join(f"{item.fault} ({item.clause})" for item in errors)
    return f"This certificate must not be signed: {reasons}."


def _sign(certificate: Certificate, signer: Signer) -> bytes:
    tbs = certificate.raw.tbs
    signed = assemble(tbs, signer.sign(tbs))
    if not verify_signature(signed, signer.public_key):
        raise IssuanceRefusedError(
            "The signer made a signature that does not verify; check the key."
        )
    return signed.der
