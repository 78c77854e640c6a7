"""The checks: what every rule set asks of which certificate, as tables over one small engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from meshwright.pki import rules_authority as authority
from meshwright.pki import rules_device as device
from meshwright.pki import rules_hygiene as hygiene
from meshwright.pki.certificate import Certificate
from meshwright.pki.findings import Finding, Level


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: `check` returns what is wrong, or None."""

    code: str
    clause: str
    check: Callable[[Certificate], str | None]
    level: Level = Level.ERROR


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What is asked of trust anchors, intermediates and the last certificate of a path."""

    name: str
    anchor: tuple[Rule, ...]
    intermediate: tuple[Rule, ...]
    leaf: tuple[Rule, ...]

    def without(self, *codes: str) -> RuleSet:
        """Return the same rule set without some rules."""
        anchor, intermediate, leaf = (
            tuple(rule for rule in rules if rule.code not in codes)
            for rules in (self.anchor, self.intermediate, self.leaf)
        )
        return RuleSet(self.name, anchor, intermediate, leaf)


def run(rules: Iterable[Rule], certificate: Certificate) -> Iterator[Finding]:
    """Yield a finding for every rule that `certificate` does not keep."""
    for rule in rules:
        fault = rule.check(certificate)
        if fault is not None:
            yield Finding(rule.code, rule.level, rule.clause, fault)


_HYGIENE = (
    Rule("signature-bits", "RFC 5758, 3.2", hygiene.signature_is_whole_octets),
    Rule("version", "RFC 5280, 4.1.2.1", hygiene.version_is_3),
    Rule("algorithm-mismatch", "RFC 5280, 4.1.1.2", hygiene.algorithms_agree),
    Rule("issuer-name", "RFC 5280, 4.1.2.4", hygiene.issuer_has_name),
    Rule("validity-order", "RFC 5280, 4.1.2.5", hygiene.validity_is_ordered),
    Rule("unknown-critical-extension", "RFC 5280, 4.2", hygiene.critical_extensions_are_known),
    Rule("wrongly-critical", "RFC 5280, 4.2", hygiene.informative_extensions_are_not_critical),
    Rule("subject-name", "RFC 5280, 4.1.2.6", hygiene.alternative_name_replaces_subject),
    Rule("cert-sign-without-ca", "RFC 5280, 4.2.1.9", hygiene.only_authorities_sign_certificates),
    Rule("name-constraints", "RFC 5280, 4.2.1.10", hygiene.only_authorities_constrain_names),
)
_ISSUER_KEY = Rule("authority-key-id", "RFC 5280, 4.2.1.1", hygiene.names_its_issuer_key)
_AUTHORITY = (
    *_HYGIENE,
    _ISSUER_KEY,
    Rule("not-a-ca", "RFC 5280, 4.2.1.9", authority.is_authority),
    Rule("ca-subject", "RFC 5280, 4.1.2.6", authority.has_subject),
    Rule("ca-key-id", "RFC 5280, 4.2.1.2", authority.identifies_its_key),
    Rule("ca-key-usage", "RFC 5280, 4.2.1.3", authority.may_sign_certificates),
    Rule("constraints-not-critical", "RFC 5280, 4.2.1", authority.constraints_are_critical),
    Rule("too-many-subtrees", "RFC 5280, 8", authority.subtrees_are_few),
)
_CRITICAL_CONSTRAINTS = authority.basic_constraints_are_critical
_STRONG = (
    Rule("ca-key", "NIST SP 800-57-3, 2.2", authority.key_is_strong),
    Rule("ca-digest", "NIST SP 800-57-3, 2.2", authority.signature_digest_is_strong),
)
_TOLERATED = Rule(
    "constraints-not-critical", "RFC 5280, 4.2.1.9", _CRITICAL_CONSTRAINTS, Level.WARNING
)
_PROFILE = "Mesh Protocol 1.1, 5.5.1.1"
_DEVICE_LEAF = (
    Rule("profile-signature-algorithm", _PROFILE, device.is_signed_with_ecdsa_sha256),
    Rule("profile-key", _PROFILE, device.holds_a_p256_key),
    Rule("profile-basic-constraints", _PROFILE, device.is_no_authority),
    Rule("profile-key-usage", _PROFILE, device.agrees_keys_only),
    Rule("profile-common-name", _PROFILE, device.names_a_device),
    Rule("profile-organization", _PROFILE, device.names_an_organization),
    Rule("profile-policies-critical", _PROFILE, device.policies_are_critical),
    Rule("profile-forbidden-extension", _PROFILE, device.has_no_forbidden_extension),
    *_HYGIENE,
    Rule("profile-policies", _PROFILE, device.asserts_policies, Level.WARNING),
    Rule("profile-unique-id", _PROFILE, device.has_no_unique_ids, Level.WARNING),
    Rule("profile-static-oob", _PROFILE, device.has_no_static_oob, Level.WARNING),
    Rule("profile-vendor", _PROFILE, device.names_the_product, Level.INFO),
)

RFC5280 = RuleSet(
    "rfc5280",
    anchor=(*_AUTHORITY, Rule("ca-constraints", "RFC 5280, 4.2.1.9", _CRITICAL_CONSTRAINTS)),
    intermediate=_AUTHORITY,
    leaf=(*_HYGIENE, _ISSUER_KEY),
)
"""Any path, strictly: the last certificate may be anything that RFC 5280 allows."""

DEVICE = RuleSet(
    "device",
    anchor=(*_AUTHORITY, *_STRONG, _TOLERATED),
    intermediate=(*_AUTHORITY, *_STRONG, _TOLERATED),
    leaf=_DEVICE_LEAF,
)
"""A device chain: strong authorities, and a device certificate as the mesh profile describes it."""
