"""NIST PKITS and x509-limbo against the whole of path validation."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from meshwright.pki.certificate import Certificate
from meshwright.pki.checks import DEVICE, RFC5280, RuleSet, run
from meshwright.pki.engine import PathParameters
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.path_validation import ANY_POLICY, validate_path

VECTORS = Path(__file__).parent.parent / "vectors" / "pki"
LIMBO: dict[str, Any] = json.loads((VECTORS / "limbo_profile.json").read_text())
PKITS: dict[str, Any] = json.loads((VECTORS / "pkits.json").read_text())
SUCCESS, FAILURE = "SUCCESS", "FAILURE"

# PKITS holds valid chains whose policyConstraints are not critical; limbo wants those refused.
# Marking them is a duty of the CA (RFC 5280, 4.2.1.11), not a step of path validation.
PKITS_RULES = RFC5280.without("constraints-not-critical")

# The one case of 246 that is refused: DSA parameters inherited from the issuer, which the strict
# parser does not read.
PKITS_REFUSED = {"4.1.5"}

# Cases outside the core that end otherwise than upstream says, each with the reason.
KNOWN_DIFFERENCES = {
    # subjectAltName is forbidden in device certificates and nobody matches such names here, so
    # their syntax, and wildcards against constraints, are not looked at.
    "cve::cve-2025-61727": SUCCESS,
    "rfc5280::nc::nc-permits-invalid-dns-san": SUCCESS,
    "rfc5280::nc::nc-permits-invalid-email-san": SUCCESS,
    "rfc5280::nc::nc-forbids-dnsname-wildcard-san": SUCCESS,
    # Constraints on IP addresses and other names are not implemented by the engine: refused.
    "rfc5280::nc::permitted-ipv4-match": FAILURE,
    "rfc5280::nc::permitted-ipv6-match": FAILURE,
    "rfc5280::nc::nc-forbids-othername-noop": FAILURE,
    # A caller cannot ask for a shorter path than the fixed bound.
    "pathlen::max-chain-depth-0-exhausted": SUCCESS,
    "pathlen::max-chain-depth-1-exhausted": SUCCESS,
    # Keys are a matter of the device rule set, see below.
    "webpki::explicit-curve": SUCCESS,
    "webpki::forbidden-p192-root": SUCCESS,
    "webpki::forbidden-p192-leaf": SUCCESS,
    "webpki::forbidden-dsa-root": SUCCESS,
}


def outcome(
    leaf: bytes,
    intermediates: list[bytes],
    anchors: list[bytes],
    at: datetime,
    *,
    crls: list[bytes],
    rules: RuleSet = RFC5280,
    parameters: PathParameters = ANY_POLICY,
) -> str:
    try:
        validate_path(
            Certificate.parse(leaf),
            [Certificate.parse(item) for item in intermediates],
            [Certificate.parse(item) for item in anchors],
            rules=rules,
            at=at,
            parameters=parameters,
            crls=crls,
        )
    except (CertificateRejectedError, MalformedCertificateError):
        return FAILURE
    return SUCCESS


def from_pem(identifier: str) -> bytes:
    lines = LIMBO["pem"][identifier].split("-----")[2]
    return base64.b64decode(lines)


def limbo_outcome(case: dict[str, Any]) -> str:
    return outcome(
        from_pem(case["leaf"]),
        [from_pem(item) for item in case["intermediates"]],
        [from_pem(item) for item in case["trusted"]],
        datetime.fromisoformat(case["time"] or LIMBO["default_time"]),
        crls=[from_pem(item) for item in case["crls"]],
    )


def pkits_outcome(case: dict[str, Any]) -> str:
    wanted = case["params"]
    policies = wanted.get("user_initial_policy_set")
    parameters = PathParameters(
        frozenset(policies) if policies else None,
        explicit_policy=wanted.get("initial_explicit_policy", False),
        inhibit_mapping=wanted.get("initial_policy_mapping_inhibit", False),
        inhibit_any_policy=wanted.get("initial_any_policy_inhibit", False),
    )
    return outcome(
        base64.b64decode(PKITS["certs"][case["ee"]]),
        [base64.b64decode(PKITS["certs"][item]) for item in case["certs"]],
        [base64.b64decode(PKITS["certs"][PKITS["trust_anchor"]])],
        datetime.fromisoformat(PKITS["time"]),
        crls=[base64.b64decode(PKITS["crls"][item]) for item in case["crls"] if case["revocation"]],
        rules=PKITS_RULES,
        parameters=parameters,
    )


def test_limbo_core_in_both_directions() -> None:
    cases = [case for case in LIMBO["cases"] if case["applicability"] == "core"]
    wrong = [case["id"] for case in cases if limbo_outcome(case) != case["expected"]]
    assert (len(cases), wrong) == (93, [])


def test_limbo_beyond_the_core_differs_only_where_it_is_written_down() -> None:
    cases = [case for case in LIMBO["cases"] if case["applicability"] != "core"]
    found = {case["id"]: limbo_outcome(case) for case in cases}
    expected = {case["id"]: case["expected"] for case in cases} | KNOWN_DIFFERENCES
    assert found == expected


@pytest.mark.parametrize(
    ("identifier", "place", "code"),
    [
        ("webpki::explicit-curve", "leaf", "profile-key"),
        ("webpki::forbidden-p192-leaf", "leaf", "profile-key"),
        ("webpki::forbidden-p192-root", "trusted", "ca-key"),
        ("webpki::forbidden-dsa-root", "trusted", "ca-key"),
    ],
)
def test_device_rules_refuse_weak_and_odd_keys(identifier: str, place: str, code: str) -> None:
    case = next(item for item in LIMBO["cases"] if item["id"] == identifier)
    rules = DEVICE.leaf if place == "leaf" else DEVICE.anchor
    octets = from_pem(case["leaf"] if place == "leaf" else case["trusted"][0])
    assert code in [finding.code for finding in run(rules, Certificate.parse(octets))]


def test_pkits_in_both_directions() -> None:
    wrong = [case["id"] for case in PKITS["cases"] if pkits_outcome(case) != case["expect"]]
    assert (len(PKITS["cases"]), set(wrong)) == (246, PKITS_REFUSED)
