"""Errors of the PKI room; every `code` is stable."""

from __future__ import annotations

from collections.abc import Sequence

from meshwright.core.errors import InputError, TrustError
from meshwright.pki.findings import Finding


class MalformedCertificateError(TrustError):
    """Octets that are not one strict DER certificate."""

    code = "malformed-certificate"


class IdentityError(TrustError):
    """A subject that does not name a device (Mesh Protocol 1.1, 5.5.1.1); `fault` says why."""

    code = "profile-common-name"

    def __init__(self, fault: str) -> None:
        super().__init__(f"The certificate does not name a device: {fault}.")
        self.fault = fault


class CertificateRejectedError(TrustError):
    """A chain that is not trusted; `findings` holds what the checks said about it."""

    code = "path-untrusted"

    def __init__(self, message: str, *, code: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message, code=code)
        self.findings = tuple(findings)


class RequestRefusedError(InputError):
    """A certificate signing request that does not fit; requests are refused, never adjusted."""

    code = "csr-refused"


class IssuanceRefusedError(TrustError):
    """A certificate that this authority must not sign."""

    code = "issuance-refused"


class KeyStoreError(TrustError):
    """A key file that cannot be opened: `missing-key`, `damaged-key` or `wrong-secret`."""

    code = "damaged-key"
