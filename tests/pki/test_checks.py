"""Every rule, shown by a certificate that breaks exactly this one."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import (
    DEVICE_UUID,
    NOW,
    UNHURRIED,
    Forgery,
    Site,
    edited,
    forged_batch,
    forged_leaf,
    forged_root,
    key,
    name,
    parsed,
    policies,
    signed,
    usage,
)

from meshwright.core.crypto import P256_ORDER, InvalidKeyError, load_public_key
from meshwright.pki import der, oids
from meshwright.pki.certificate import P256_SPKI_PREFIX, Certificate
from meshwright.pki.checks import DEVICE, RFC5280, Rule, run
from meshwright.pki.findings import Level

PRIME = 2**256 - 2**224 + 2**192 + 2**96 - 1
Y_OF_5 = 0x459243B9AA581806FE913BCE99817ADE11CA503C64D9A3C533415C083248FBCC
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
DNS = x509.DNSName("acme.example")
VENDOR_NAME = f"{DEVICE_UUID} BCID:8001 BPID:03ff"
DER_SKI = x509.ObjectIdentifier(oids.SUBJECT_KEY_IDENTIFIER)
Change = Callable[[Forgery], object]


def found(rules: tuple[Rule, ...], octets: bytes, level: Level = Level.ERROR) -> list[str]:
    return [item.code for item in run(rules, Certificate.parse(octets)) if item.level is level]


def test_the_untouched_forgeries_break_nothing(site: Site) -> None:
    assert found(DEVICE.leaf, forged_leaf(site).sign()) == []
    assert found(DEVICE.intermediate, forged_batch(site).sign()) == []
    assert found(DEVICE.anchor, forged_root(site).sign()) == []
    assert found(RFC5280.leaf, forged_leaf(site).sign()) == []
    assert found(RFC5280.anchor, forged_root(site).sign()) == []


def extension(oid: str, value: bytes) -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


def subject(common_name: str | None, organization: str | None = "Acme") -> Change:
    def change(forgery: Forgery) -> None:
        forgery.subject = name(common_name=common_name, organization=organization)

    return change


def numbered(cases: Sequence[tuple[object, ...]]) -> list[str]:
    return [f"{number}-{case[0]}" for number, case in enumerate(cases)]


def attributes(**changes: object) -> Change:
    def change(forgery: Forgery) -> None:
        for field, value in changes.items():
            setattr(forgery, field, value)

    return change


LEAF_ERRORS: list[tuple[str, Change]] = [
    ("profile-signature-algorithm", attributes(digest=SHA384())),
    ("profile-key", attributes(public_key=ec.derive_private_key(5, ec.SECP384R1()).public_key())),
    ("profile-basic-constraints", lambda leaf: leaf.drop(oids.BASIC_CONSTRAINTS)),
    (
        "profile-basic-constraints",
        lambda leaf: leaf.put(x509.BasicConstraints(ca=True, path_length=None)),
    ),
    ("profile-key-usage", lambda leaf: leaf.drop(oids.KEY_USAGE)),
    ("profile-key-usage", lambda leaf: leaf.put(usage("digital_signature"))),
    ("profile-key-usage", lambda leaf: leaf.put(usage("key_agreement", "decipher_only"))),
    ("profile-common-name", subject(None)),
    ("profile-common-name", subject("lamp")),
    ("profile-common-name", subject(f"{DEVICE_UUID} BCID:8001")),
    ("profile-organization", subject(VENDOR_NAME, None)),
    ("profile-organization", subject(VENDOR_NAME, "  ")),
    (
        "profile-organization",
        attributes(subject=x509.Name([*name(), *name(common_name=VENDOR_NAME)])),
    ),
    ("profile-policies-critical", lambda leaf: leaf.put(policies("1.2.3"), critical=False)),
    ("profile-forbidden-extension", lambda leaf: leaf.put(x509.SubjectAlternativeName([DNS]))),
    (
        "profile-forbidden-extension",
        lambda leaf: leaf.put(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])),
    ),
    ("profile-forbidden-extension", lambda leaf: leaf.put(x509.InhibitAnyPolicy(1))),
    ("profile-forbidden-extension", lambda leaf: leaf.put(x509.PolicyConstraints(1, None))),
    (
        "profile-forbidden-extension",
        lambda leaf: leaf.put(
            extension(oids.POLICY_MAPPINGS, bytes.fromhex("300a300806022a0306022a04"))
        ),
    ),
    ("validity-order", attributes(not_before=NOW, not_after=NOW)),
    ("unknown-critical-extension", lambda leaf: leaf.put(UNKNOWN, critical=True)),
    (
        "wrongly-critical",
        lambda leaf: leaf.put(x509.SubjectKeyIdentifier(b"key id"), critical=True),
    ),
    (
        "wrongly-critical",
        lambda leaf: leaf.put(leaf.extensions[oids.AUTHORITY_KEY_IDENTIFIER][0], critical=True),
    ),
]


@pytest.mark.parametrize(("code", "change"), LEAF_ERRORS, ids=numbered(LEAF_ERRORS))
def test_a_device_certificate_breaks_one_rule(site: Site, code: str, change: Change) -> None:
    leaf = forged_leaf(site)
    change(leaf)
    octets = leaf.sign()
    if code == "validity-order":
        octets = edited(octets, site.batch_key, swap_validity)
    assert found(DEVICE.leaf, octets) == [code]


def swap_validity(elements: list[bytes]) -> list[bytes]:
    """Let the validity end in 2025 and begin in 2026."""
    elements[4] = elements[4][:17] + b"\x17\x0d251121120000Z"
    return elements


def test_name_constraints_are_for_authorities(site: Site) -> None:
    constraints = x509.NameConstraints(permitted_subtrees=[DNS], excluded_subtrees=None)
    octets = forged_leaf(site).put(constraints, critical=True).sign()
    assert found(DEVICE.leaf, octets) == ["profile-forbidden-extension", "name-constraints"]
    assert found(RFC5280.leaf, octets) == ["name-constraints"]


def test_signing_certificates_is_for_authorities(site: Site) -> None:
    octets = forged_leaf(site).put(usage("key_agreement", "key_cert_sign")).sign()
    assert found(DEVICE.leaf, octets) == ["profile-key-usage", "cert-sign-without-ca"]


def test_strict_paths_want_an_authority_key_identifier(site: Site) -> None:
    octets = forged_leaf(site).drop(oids.AUTHORITY_KEY_IDENTIFIER).sign()
    assert found(DEVICE.leaf, octets) == []
    assert found(RFC5280.leaf, octets) == ["authority-key-id"]


def test_signature_is_whole_octets(site: Site) -> None:
    # A last octet of zero bits only lets the parser accept unused bits in the signature.
    for serial in range(1, 200):
        leaf = forged_leaf(site)
        leaf.serial = serial
        tbs = parsed(leaf.sign()).tbs_certificate_bytes
        octets = signed(tbs, site.batch_key, unused_bits=1)
        try:
            codes = found(DEVICE.leaf, octets)
        except Exception:  # noqa: BLE001, S112 - the parser refuses set bits by itself
            continue
        assert codes == ["signature-bits"]
        break
    else:
        pytest.fail("no signature ended in a zero bit")


def test_version_must_be_3(site: Site) -> None:
    octets = edited(site.leaf, site.batch_key, lambda elements: elements[1:-1])
    assert "version" in found(DEVICE.leaf, octets)


def test_inner_and_outer_algorithm_must_agree(site: Site) -> None:
    sha384 = bytes.fromhex("300a06082a8648ce3d040303")
    octets = edited(
        site.leaf, site.batch_key, lambda elements: [*elements[:2], sha384, *elements[3:]]
    )
    assert found(DEVICE.leaf, octets) == ["algorithm-mismatch"]


def test_issuer_needs_a_name(site: Site) -> None:
    leaf = forged_leaf(site)
    leaf.issuer = x509.Name([])
    assert found(DEVICE.leaf, leaf.sign()) == ["issuer-name"]


def test_an_empty_subject_needs_an_alternative(site: Site) -> None:
    leaf = forged_leaf(site)
    leaf.subject = x509.Name([])
    assert found(RFC5280.leaf, leaf.sign()) == ["subject-name"]
    leaf.put(x509.SubjectAlternativeName([DNS]), critical=True)
    assert found(RFC5280.leaf, leaf.sign()) == []


def test_compressed_points_are_refused(site: Site) -> None:
    point = site.device_key.public_key().public_numbers()
    spki = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    spki += bytes((2 + point.y % 2,)) + point.x.to_bytes(32, "big")
    octets = edited(
        site.leaf, site.batch_key, lambda elements: [*elements[:6], spki, *elements[7:]]
    )
    assert found(DEVICE.leaf, octets) == ["profile-key"]


@pytest.mark.parametrize("point", [bytes(64), b"\xff" * 64, (5).to_bytes(32, "big") * 2])
def test_points_off_the_curve_are_refused(site: Site, point: bytes) -> None:
    octets = edited(
        site.leaf,
        site.batch_key,
        lambda elements: [*elements[:6], elements[6][:27] + point, *elements[7:]],
    )
    assert found(DEVICE.leaf, octets) == ["profile-key"]


def test_criticality_of_usage_and_constraints_is_free(site: Site) -> None:
    leaf = forged_leaf(site)
    for oid in (oids.KEY_USAGE, oids.BASIC_CONSTRAINTS):
        leaf.put(leaf.extensions[oid][0], critical=True)
    assert found(DEVICE.leaf, leaf.sign()) == []
    assert found(DEVICE.leaf, forged_leaf(site).put(UNKNOWN).sign()) == []


LEAF_REMARKS: list[tuple[str, Level, Change]] = [
    ("profile-policies", Level.WARNING, lambda leaf: leaf.drop(oids.CERTIFICATE_POLICIES)),
    (
        "profile-static-oob",
        Level.WARNING,
        lambda leaf: leaf.put(extension(oids.DRAFT_STATIC_OOB, b"\x04\x10" + bytes(16))),
    ),
    ("profile-vendor", Level.INFO, subject(str(DEVICE_UUID))),
]


@pytest.mark.parametrize(("code", "level", "change"), LEAF_REMARKS, ids=numbered(LEAF_REMARKS))
def test_remarks_refuse_nothing(site: Site, code: str, level: Level, change: Change) -> None:
    leaf = forged_leaf(site)
    change(leaf)
    octets = leaf.sign()
    assert found(DEVICE.leaf, octets) == []
    assert found(DEVICE.leaf, octets, level) == [code]


def test_unique_identifiers_are_remarked(site: Site) -> None:
    unique = bytes.fromhex("82020055")
    octets = edited(
        site.leaf, site.batch_key, lambda elements: [*elements[:7], unique, *elements[7:]]
    )
    assert found(DEVICE.leaf, octets, Level.WARNING) == ["profile-unique-id"]


def test_findings_name_their_clause(site: Site) -> None:
    certificate = Certificate.parse(forged_leaf(site).drop(oids.KEY_USAGE).sign())
    (finding,) = run(DEVICE.leaf, certificate)
    assert finding.clause == "Mesh Protocol 1.1, 5.5.1.1"
    assert finding.fault == "keyUsage is missing"


RSA_1024 = rsa.RSAPublicNumbers(65537, (1 << 1023) + 1155).public_key()
RSA_2048 = rsa.RSAPublicNumbers(65537, (1 << 2047) + 1155).public_key()
P384 = ec.derive_private_key(5, ec.SECP384R1()).public_key()
P521 = ec.derive_private_key(5, ec.SECP521R1()).public_key()
NETWORKS = [x509.IPAddress(ipaddress.ip_network(f"10.0.{number}.0/24")) for number in range(65)]
BATCH_ERRORS: list[tuple[str, Change]] = [
    ("authority-key-id", lambda batch: batch.drop(oids.AUTHORITY_KEY_IDENTIFIER)),
    ("ca-key-id", lambda batch: batch.drop(oids.SUBJECT_KEY_IDENTIFIER)),
    ("ca-key-usage", lambda batch: batch.put(usage("crl_sign"))),
    (
        "constraints-not-critical",
        lambda batch: batch.put(x509.NameConstraints([DNS], None), critical=False),
    ),
    ("constraints-not-critical", lambda batch: batch.put(x509.InhibitAnyPolicy(1))),
    ("constraints-not-critical", lambda batch: batch.put(x509.PolicyConstraints(1, None))),
    (
        "too-many-subtrees",
        lambda batch: batch.put(x509.NameConstraints(NETWORKS[:40], NETWORKS[40:]), critical=True),
    ),
    ("ca-key", attributes(public_key=RSA_1024)),
    ("ca-key", attributes(public_key=P521)),
]


@pytest.mark.parametrize(("code", "change"), BATCH_ERRORS, ids=numbered(BATCH_ERRORS))
def test_an_intermediate_breaks_one_rule(site: Site, code: str, change: Change) -> None:
    batch = forged_batch(site)
    change(batch)
    assert found(DEVICE.intermediate, batch.sign()) == [code]


def test_without_constraints_it_is_no_authority(site: Site) -> None:
    octets = forged_batch(site).drop(oids.BASIC_CONSTRAINTS).sign()
    assert found(RFC5280.intermediate, octets) == ["cert-sign-without-ca", "not-a-ca"]
    octets = forged_batch(site).drop(oids.BASIC_CONSTRAINTS).drop(oids.KEY_USAGE).sign()
    assert found(RFC5280.intermediate, octets) == ["not-a-ca"]


def test_authorities_need_a_subject(site: Site) -> None:
    batch = forged_batch(site).put(x509.SubjectAlternativeName([DNS]), critical=True)
    batch.subject = x509.Name([])
    assert found(DEVICE.intermediate, batch.sign()) == ["ca-subject"]


def test_sixty_four_subtrees_are_allowed(site: Site) -> None:
    constraints = x509.NameConstraints(NETWORKS[:64], None)
    assert (
        found(DEVICE.intermediate, forged_batch(site).put(constraints, critical=True).sign()) == []
    )


@pytest.mark.parametrize("public_key", [RSA_2048, P384])
def test_strong_authority_keys_of_other_kinds(
    site: Site, public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey
) -> None:
    batch = forged_batch(site)
    batch.public_key = public_key
    assert found(DEVICE.intermediate, batch.sign()) == []


def test_authority_keys_are_named_and_uncompressed(site: Site) -> None:
    point = site.batch_key.public_key().public_numbers()
    spki = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    spki += bytes((2 + point.y % 2,)) + point.x.to_bytes(32, "big")
    octets = edited(
        site.batch, site.root_key, lambda elements: [*elements[:6], spki, *elements[7:]]
    )
    assert found(DEVICE.intermediate, octets) == ["ca-key"]


@pytest.mark.parametrize(
    "algorithm",
    ["300906072a8648ce3d0401", "300a06082a8648ce3d04037f"],
    ids=["SHA-1", "unknown"],
)
def test_authorities_are_signed_over_sha_2(site: Site, algorithm: str) -> None:
    other = bytes.fromhex(algorithm)
    outer = der.whole(site.batch)
    tbs, _, bits = der.children(site.batch, outer, 3)
    elements = site.batch[tbs.start : tbs.end].replace(
        bytes.fromhex("300a06082a8648ce3d040302"), other
    )
    octets = der.encode(0x30, der.encode(0x30, elements), other, site.batch[bits.header : bits.end])
    assert found(DEVICE.intermediate, octets) == ["ca-digest"]


def test_criticality_of_authority_constraints(site: Site) -> None:
    root = forged_root(site)
    root.put(root.extensions[oids.BASIC_CONSTRAINTS][0], critical=False)
    assert found(RFC5280.anchor, root.sign()) == ["ca-constraints"]
    assert found(DEVICE.anchor, root.sign()) == []
    assert found(DEVICE.anchor, root.sign(), Level.WARNING) == ["constraints-not-critical"]


def test_a_self_signed_root_needs_no_authority_key_identifier(site: Site) -> None:
    root = forged_root(site).drop(oids.AUTHORITY_KEY_IDENTIFIER)
    assert found(DEVICE.anchor, root.sign()) == []
    root.signing_key = key("another")
    assert found(DEVICE.anchor, root.sign()) == ["authority-key-id"]


def test_rules_can_be_left_out_by_code(site: Site) -> None:
    leaf = forged_leaf(site).drop(oids.KEY_USAGE)
    rules = DEVICE.without("profile-key-usage")
    assert found(rules.leaf, leaf.sign()) == []
    assert len(rules.leaf) == len(DEVICE.leaf) - 1
    assert rules.anchor == DEVICE.anchor


def test_every_rule_has_a_code_and_a_clause() -> None:
    for rules in (RFC5280, DEVICE):
        for rule in (*rules.anchor, *rules.intermediate, *rules.leaf):
            assert rule.code == rule.code.lower().replace("_", "-").replace(" ", "-")
            assert rule.clause
            assert rule.check.__doc__


def on_curve(octets: bytes) -> bool:
    """Ask the library."""
    try:
        load_public_key(octets)
    except InvalidKeyError:
        return False
    return True


@UNHURRIED
@given(st.integers(1, P256_ORDER - 1), st.integers(-1, 1), st.integers(-1, 1))
def test_a_key_is_a_point_when_the_library_says_so(
    site: Site, scalar: int, right: int, up: int
) -> None:
    numbers = ec.derive_private_key(scalar, ec.SECP256R1()).public_key().public_numbers()
    octets = (numbers.x + right).to_bytes(32, "big") + (numbers.y + up).to_bytes(32, "big")
    wrong = "profile-key" in found(DEVICE.leaf, with_point(site, octets))
    assert wrong is not on_curve(octets)


@pytest.mark.parametrize(
    ("x", "y", "good"),
    [
        (5, Y_OF_5, True),
        (5, PRIME - Y_OF_5, True),
        (5 + PRIME, Y_OF_5, False),  # the same point to careless arithmetic
        (5, 2**256 - 1, False),
        (0, 0, False),
    ],
)
def test_a_point_has_one_encoding(site: Site, x: int, y: int, good: bool) -> None:
    octets = x.to_bytes(32, "big") + y.to_bytes(32, "big")
    assert on_curve(octets) is good
    assert ("profile-key" not in found(DEVICE.leaf, with_point(site, octets))) is good


def with_point(site: Site, octets: bytes) -> bytes:
    """Put another point into the leaf; its signature is not looked at here."""
    leaf = forged_leaf(site).sign()
    start = leaf.index(P256_SPKI_PREFIX) + len(P256_SPKI_PREFIX)
    return leaf[:start] + octets + leaf[start + 64 :]
