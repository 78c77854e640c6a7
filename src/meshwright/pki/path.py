"""The path builder: from a certificate to a trust anchor, within fixed bounds.

The engine's own builder does not end in bearable time on chains made to be pathological.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshwright.pki.certificate import Certificate, verify_signature
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.names import same_name

MAX_INTERMEDIATES = 15
MAX_SIGNATURE_CHECKS = 64


@dataclass(frozen=True, slots=True)
class Path:
    """Anchor, intermediates from the anchor down, and the certificate in question.

    Names chain and signatures verify; nothing else is known yet.
    """

    anchor: Certificate
    intermediates: tuple[Certificate, ...]
    leaf: Certificate

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """All but the anchor, from the anchor down."""
        return (*self.intermediates, self.leaf)

    @property
    def issuer(self) -> Certificate:
        """The issuer of the leaf."""
        return self.intermediates[-1] if self.intermediates else self.anchor


class PathBuilder:
    """Finds the paths of one certificate; every signature check counts, also a repeated one."""

    def __init__(
        self, anchors: Sequence[Certificate], intermediates: Sequence[Certificate]
    ) -> None:
        self._anchors = anchors
        self._intermediates = intermediates
        self._checks_left = MAX_SIGNATURE_CHECKS

    def paths(self, leaf: Certificate) -> Iterator[Path]:
        """Yield paths, shortest detour first; raises `path-too-complex` at the bound."""
        for anchor, intermediates in self._climb(leaf, ()):
            yield Path(anchor, intermediates, leaf)

    def _climb(
        self, subject: Certificate, below: tuple[Certificate, ...]
    ) -> Iterator[tuple[Certificate, tuple[Certificate, ...]]]:
        for anchor in self._anchors:
            if self._issued(anchor, subject):
                yield anchor, below
        for issuer in self._intermediates:
            if not _repeats(issuer, below) and self._issued(issuer, subject):
                yield from self._climb(issuer, (issuer, *below))

    def _issued(self, issuer: Certificate, subject: Certificate) -> bool:
        if not same_name(issuer.subject, subject.issuer) or not key_ids_agree(issuer, subject):
            return False
        if self._checks_left == 0:
            message = (
                f"The chain takes more than {MAX_SIGNATURE_CHECKS} signature checks; "
                "a device must send only what is needed."
            )
            raise CertificateRejectedError(message, code="path-too-complex")
        self._checks_left -= 1
        try:
            return verify_signature(subject, issuer.public_key)
        except MalformedCertificateError:
            return False


def key_ids_agree(issuer: Certificate, subject: Certificate) -> bool:
    """Tell whether the key identifiers are equal or one is missing (RFC 5280, 4.2.1.1)."""
    wanted, present = subject.authority_key_identifier, issuer.subject_key_identifier
    return wanted is None or present is None or wanted == present


def _repeats(issuer: Certificate, below: tuple[Certificate, ...]) -> bool:
    """Tell whether a name and key are on the way already: a loop."""
    return any(
        issuer.raw.spki == other.raw.spki and same_name(issuer.subject, other.subject)
        for other in below
    )
