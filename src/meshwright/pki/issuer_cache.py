"""What is known about the issuer of a batch, so that its next device costs one signature check.

A cached issuer only ever says yes, and only where the engine would too: whatever does not fit
exactly takes the whole way again, which also finds out what is wrong.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from meshwright.pki import oids
from meshwright.pki.certificate import Certificate, verify_signature
from meshwright.pki.findings import Finding
from meshwright.pki.path import Path, key_ids_agree

_MAX_ISSUERS = 256
# With one of these above it, a leaf must be looked at together with its whole path.
_REACHING_DOWN = frozenset(
    (
        oids.NAME_CONSTRAINTS,
        oids.POLICY_MAPPINGS,
        oids.POLICY_CONSTRAINTS,
        oids.INHIBIT_ANY_POLICY,
    )
)


@dataclass(frozen=True, slots=True)
class Issuer:
    """The issuer at the end of a CA path that was valid from `not_before` to `not_after`."""

    certificate: Certificate
    key: CertificatePublicKeyTypes = field(repr=False)
    not_before: datetime
    not_after: datetime
    policies: frozenset[str] | None
    root_subject: str
    findings: tuple[Finding, ...]
    reusable: bool

    def vouches_for(self, leaf: Certificate, at: datetime, required: frozenset[str] | None) -> bool:
        """Do for the leaf what RFC 5280, 6.1.3 asks of the last certificate of a path."""
        return (
            leaf.issuer == self.certificate.subject != leaf.subject
            and key_ids_agree(self.certificate, leaf)
            and self.not_before <= at <= self.not_after
            and leaf.not_before <= at <= leaf.not_after
            and _REACHING_DOWN.isdisjoint(leaf.extensions)
            and self._allows(leaf.policies, required)
            and verify_signature(leaf, self.key)
        )

    def _allows(self, asserted: frozenset[str], required: frozenset[str] | None) -> bool:
        """Intersect policies; None stands for any (6.1.3 (d), 6.1.5 (g))."""
        if required is None:
            return True
        wanted = required if self.policies is None else required & self.policies
        return bool(wanted) and (oids.ANY_POLICY in asserted or not wanted.isdisjoint(asserted))


def issuer_of(path: Path, findings: tuple[Finding, ...]) -> Issuer:
    """Return what a valid path says about the further leaves of its last authority."""
    authorities = (path.anchor, *path.intermediates)
    return Issuer(
        path.issuer,
        path.issuer.public_key,
        max(item.not_before for item in authorities),
        min(item.not_after for item in authorities),
        _common_policies(path.intermediates),
        path.anchor.describe(),
        findings,
        reusable=all(_REACHING_DOWN.isdisjoint(item.extensions) for item in authorities),
    )


def _common_policies(intermediates: Sequence[Certificate]) -> frozenset[str] | None:
    """Intersect what the intermediates allow; the anchor's own policies do not count (6.1.1)."""
    common: frozenset[str] | None = None
    for policies in (item.policies for item in intermediates):
        if oids.ANY_POLICY not in policies:
            common = policies if common is None else common & policies
    return common


class IssuerCache:
    """Issuers by the exact octets that were validated; the least recently used goes first."""

    def __init__(self) -> None:
        self._issuers: OrderedDict[bytes, Issuer] = OrderedDict()

    @staticmethod
    def key(leaf: Certificate, intermediates: Sequence[bytes]) -> bytes:
        """Identify the intermediates that were sent, in their order, and the issuer's name."""
        sent = (leaf.issuer, *intermediates)
        framed = b"".join([len(octets).to_bytes(4, "big") + octets for octets in sent])
        return hashlib.sha256(framed).digest()

    def get(self, key: bytes) -> Issuer | None:
        issuer = self._issuers.get(key)
        if issuer is not None:
            self._issuers.move_to_end(key)
        return issuer

    def put(self, key: bytes, issuer: Issuer) -> None:
        self._issuers[key] = issuer
        if len(self._issuers) > _MAX_ISSUERS:
            self._issuers.popitem(last=False)
