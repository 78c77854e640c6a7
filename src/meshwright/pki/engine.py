"""The RFC 5280 engine, offline: the algorithm of section 6.1 over one path that is given.

It is driven without an event loop, knows no network, and gets the constraints of the anchor
explicitly, which it would skip otherwise (RFC 5937).
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from asn1crypto import x509 as asn1
from asn1crypto.algos import SignedDigestAlgorithm
from asn1crypto.keys import PublicKeyInfo
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import (
    CertTrustAnchor,
    derive_quals_from_cert,
)
from pyhanko_certvalidator.errors import (
    InsufficientRevinfoError,
    PathError,
    RevokedError,
    ValidationError,
)
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import (
    AcceptAllAlgorithms,
    CertRevTrustPolicy,
    PKIXValidationParams,
    RevocationCheckingPolicy,
    RevocationCheckingRule,
)
from pyhanko_certvalidator.registry import SimpleTrustManager
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_SIGNATURE_VALIDATOR,
    SignatureValidationContext,
    SignatureValidator,
)
from pyhanko_certvalidator.validate import async_validate_path

from meshwright.pki.certificate import Certificate, printable
from meshwright.pki.errors import CertificateRejectedError
from meshwright.pki.path import Path
from meshwright.pki.revocation import usable_crls

# What the ASN.1 library and the engine may raise on octets that a strict parser let through.
_ACCIDENTS = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    RecursionError,
)
# The engine logs what it then raises; without a handler that would land on standard error.
logging.getLogger("pyhanko_certvalidator").addHandler(logging.NullHandler())

_NO_TOLERANCE = timedelta(0)


@dataclass(frozen=True, slots=True)
class PathParameters:
    """The inputs (c) to (f) of RFC 5280, 6.1.1; `policies` None stands for any policy."""

    policies: frozenset[str] | None = None
    explicit_policy: bool = False
    inhibit_mapping: bool = False
    inhibit_any_policy: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """Revocation lists, and certificates beside the path that may have signed them.

    With lists, every certificate of the path but the anchor must be covered by one; without any,
    the status stays unchecked.
    """

    crls: tuple[bytes, ...] = ()
    issuers: tuple[Certificate, ...] = ()


UNCHECKED = Status()


def check_path(
    path: Path, *, at: datetime, parameters: PathParameters, status: Status = UNCHECKED
) -> None:
    """Raise `CertificateRejectedError` unless the path is valid."""
    try:
        _run(path, at, parameters, status)
    except RevokedError as error:
        raise _rejected(error, "revoked") from None
    except InsufficientRevinfoError as error:
        raise _rejected(error, "status-unknown") from None
    except (ValidationError, PathError) as error:
        raise _rejected(error, "path-invalid") from None
    except _ACCIDENTS:
        message = "A certificate or revocation list of the chain cannot be understood."
        raise CertificateRejectedError(message, code="malformed-certificate") from None


def _rejected(error: Exception, code: str) -> CertificateRejectedError:
    return CertificateRejectedError(printable(str(error.args[0])).rstrip(".") + ".", code=code)


def _run(path: Path, at: datetime, parameters: PathParameters, status: Status) -> None:
    anchor = _anchor(path.anchor)
    certificates = [asn1.Certificate.load(item.der) for item in path.certificates]
    context = ValidationContext(
        trust_manager=SimpleTrustManager.build(trust_roots=[anchor]),
        other_certs=[*certificates, *(asn1.Certificate.load(item.der) for item in status.issuers)],
        moment=at,
        crls=usable_crls(status.crls),
        revinfo_policy=_status_policy(checked=bool(status.crls)),
        time_tolerance=_NO_TOLERANCE,
        algorithm_usage_policy=AcceptAllAlgorithms(),
        signature_validator=_Verified(path),
    )
    whole = ValidationPath(anchor, certificates[:-1], certificates[-1])
    _drive(async_validate_path(context, whole, _parameters(parameters)))


def _anchor(certificate: Certificate) -> CertTrustAnchor:
    parsed = asn1.Certificate.load(certificate.der)
    qualifiers = derive_quals_from_cert(parsed)
    # The engine takes this bound from the other one's presence, and then needs it to be a number.
    qualifiers = replace(qualifiers, max_aa_path_length=qualifiers.max_path_length)
    return CertTrustAnchor(parsed, qualifiers)


def _status_policy(*, checked: bool) -> CertRevTrustPolicy:
    rule = RevocationCheckingRule.CRL_REQUIRED if checked else RevocationCheckingRule.NO_CHECK
    return CertRevTrustPolicy(RevocationCheckingPolicy(rule, rule))


def _parameters(parameters: PathParameters) -> PKIXValidationParams:
    policies = parameters.policies
    return PKIXValidationParams(
        user_initial_policy_set=frozenset(("any_policy",)) if policies is None else policies,
        initial_policy_mapping_inhibit=parameters.inhibit_mapping,
        initial_explicit_policy=parameters.explicit_policy,
        initial_any_policy_inhibit=parameters.inhibit_any_policy,
    )


def _drive(validation: Coroutine[object, None, object]) -> None:
    """Run a coroutine that has nothing to wait for, because nothing is fetched."""
    try:
        validation.send(None)
    except StopIteration:
        return
    validation.close()
    raise ValueError("the engine wants to wait for something")


class _Verified(SignatureValidator):
    """Knows the signatures that the path builder verified, and verifies all others."""

    def __init__(self, path: Path) -> None:
        issuers = (path.anchor, *path.certificates)
        self._known = {
            (item.raw.signature, item.raw.tbs, issuer.raw.spki)
            for issuer, item in zip(issuers, path.certificates, strict=False)
        }

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: PublicKeyInfo,
        signature_algorithm: SignedDigestAlgorithm,
        context: SignatureValidationContext | None = None,
    ) -> None:
        del context
        if (signature, signed_data, public_key_info.dump()) not in self._known:
            DEFAULT_SIGNATURE_VALIDATOR.validate_signature(
                signature, signed_data, public_key_info, signature_algorithm
            )
