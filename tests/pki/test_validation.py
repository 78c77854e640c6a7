"""Device chains: what is accepted, and rows S6 and S13 of the attacks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import permutations
from pathlib import Path
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.forging import (
    COMPANY,
    DAY,
    DEVICE_UUID,
    NOW,
    OTHER_UUID,
    UNHURRIED,
    Forgery,
    Site,
    edited,
    forged_batch,
    forged_leaf,
    forged_root,
    issue,
    key,
    key_identifier,
    make_site,
    name,
    parsed,
    policies,
    usage,
)

from meshwright.core.crypto import public_octets
from meshwright.core.errors import InputError, TrustError
from meshwright.pki import oids
from meshwright.pki.certificate import Certificate
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.profile import NO_EXPIRY, UUID_ASSIGNED_AND_UNIQUE
from meshwright.pki.validation import ChainValidator, ValidatedDevice

VECTORS = Path(__file__).parent.parent / "vectors" / "pki"
ANY = oids.ANY_POLICY
OURS = UUID_ASSIGNED_AND_UNIQUE


def code_of(
    site: Site,
    leaf: bytes | None = None,
    intermediates: Sequence[bytes] | None = None,
    **options: object,
) -> str:
    with pytest.raises(CertificateRejectedError) as caught:
        site.validate(leaf, intermediates, **options)  # type: ignore[arg-type] # uuid and at only
    sentence = str(caught.value)
    assert 10 < len(sentence) < 1000
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    return caught.value.code


def test_a_good_chain_gives_the_key_of_the_device(site: Site) -> None:
    device = site.validate()
    assert device.public_key == public_octets(site.device_key.public_key())
    assert (device.identity.uuid, device.identity.company_id) == (DEVICE_UUID, COMPANY)
    assert device.spki_sha256 == Certificate.parse(site.leaf).spki_sha256
    assert device.root_subject == "CN=site root,O=Acme"
    assert (device.findings, device.status_checked) == ((), False)


def test_remarks_come_with_the_result(site: Site) -> None:
    leaf = forged_leaf(site)
    leaf.subject = name(common_name=str(DEVICE_UUID))
    root = forged_root(site)
    root.put(root.extensions[oids.BASIC_CONSTRAINTS][0], critical=False)
    validator = ChainValidator([root.sign()])
    for _ in range(2):
        device = validator.validate(leaf.sign(), [site.batch], uuid=DEVICE_UUID, at=NOW)
        codes = [item.code for item in device.findings]
        assert codes == ["profile-vendor", "constraints-not-critical"]


# --- S13: certificate substitution ---------------------------------------------------------


def test_s13_chain_of_another_device(site: Site) -> None:
    assert code_of(site, uuid=OTHER_UUID) == "uuid-mismatch"


def test_s13_root_of_another_vendor(site: Site, stranger: Site) -> None:
    assert code_of(site, stranger.leaf, [stranger.batch]) == "path-untrusted"
    assert code_of(site, stranger.leaf, [stranger.batch, site.batch]) == "path-untrusted"


def test_s13_self_made_certificate_with_our_names(site: Site) -> None:
    rogue = key("rogue")
    leaf = forged_leaf(site)
    leaf.signing_key, leaf.public_key = rogue, rogue.public_key()
    assert code_of(site, leaf.sign()) == "path-untrusted"
    leaf.issuer = leaf.subject
    leaf.drop(oids.AUTHORITY_KEY_IDENTIFIER)
    with pytest.raises(CertificateRejectedError, match="vouches for itself"):
        site.validate(leaf.sign(), [])


def test_s13_self_made_batch_with_our_names(site: Site) -> None:
    rogue = key("rogue")
    batch = forged_batch(site, rogue)
    batch.signing_key = rogue
    leaf = forged_leaf(site)
    leaf.signing_key = rogue
    leaf.put(key_identifier(batch.sign()))
    assert code_of(site, leaf.sign(), [batch.sign()]) == "path-untrusted"


def test_s13_missing_batch(site: Site) -> None:
    assert code_of(site, intermediates=[]) == "path-untrusted"


def test_s13_authority_as_device(site: Site) -> None:
    leaf = forged_leaf(site).put(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    assert code_of(site, leaf.sign()) == "profile-basic-constraints"
    assert code_of(site, site.batch, []) == "profile-basic-constraints"


def test_s13_device_as_authority(site: Site) -> None:
    second = forged_leaf(site)
    second.issuer, second.signing_key = site.leaf, site.device_key
    second.put(key_identifier(site.leaf))
    assert code_of(site, second.sign(), [site.batch, site.leaf]) == "not-a-ca"


def test_s13_missing_key_agreement(site: Site) -> None:
    leaf = forged_leaf(site).put(usage("digital_signature")).sign()
    assert code_of(site, leaf) == "profile-key-usage"


@pytest.mark.parametrize("wrong", [policies("1.2.3.4"), policies("1.2.3.4", "1.2.3.5")])
def test_s13_wrong_policy(site: Site, wrong: x509.CertificatePolicies) -> None:
    leaf = forged_leaf(site).put(wrong, critical=True).sign()
    assert code_of(site, leaf) == "policy-missing"


def test_s13_missing_policy(site: Site) -> None:
    leaf = forged_leaf(site).drop(oids.CERTIFICATE_POLICIES).sign()
    assert code_of(site, leaf) == "policy-missing"
    validator = ChainValidator([site.root], required_policies=frozenset())
    device = validator.validate(leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    assert [item.code for item in device.findings] == ["profile-policies"]


def test_s13_a_batch_that_may_not_assert_the_policy(site: Site) -> None:
    for batch in (
        forged_batch(site).drop(oids.CERTIFICATE_POLICIES),
        forged_batch(site).put(policies("1.2.3.4")),
    ):
        assert code_of(site, intermediates=[batch.sign()]) == "policy-missing"


def test_s13_expired_and_not_yet_valid(site: Site) -> None:
    leaf, batch, root = forged_leaf(site), forged_batch(site), forged_root(site)
    leaf.not_before, leaf.not_after = NOW, NOW + DAY
    validator, chain = ChainValidator([root.sign()]), [batch.sign()]
    second = timedelta(seconds=1)
    fraction = timedelta(microseconds=999_999)
    for at, code in (
        (NOW - second, "not-yet-valid"),
        (NOW - second + fraction, "not-yet-valid"),
        (NOW, ""),
        (NOW + DAY, ""),
        (NOW + DAY + fraction, ""),
        (NOW + DAY + second, "expired"),
    ):
        assert verdict(validator, leaf.sign(), chain, at) == code


def test_s13_expired_batch_and_root(site: Site) -> None:
    batch = forged_batch(site)
    batch.not_after = NOW - timedelta(seconds=1)
    assert code_of(site, intermediates=[batch.sign()]) == "expired"
    root = forged_root(site)
    root.not_after = NOW - timedelta(seconds=1)
    with pytest.raises(CertificateRejectedError) as caught:
        ChainValidator([root.sign()]).validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    assert caught.value.code == "expired"


def test_s13_unknown_critical_extension(site: Site) -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    leaf = forged_leaf(site).put(unknown, critical=True).sign()
    assert code_of(site, leaf) == "unknown-critical-extension"
    batch = forged_batch(site).put(unknown, critical=True).sign()
    assert code_of(site, intermediates=[batch]) == "unknown-critical-extension"


def test_s13_path_length(site: Site) -> None:
    second_key = key("second batch")
    second = forged_batch(site, second_key)
    second.issuer, second.signing_key = site.batch, site.batch_key
    second.subject = name(common_name="second batch")
    second.put(key_identifier(site.batch))
    leaf = forged_leaf(site)
    leaf.issuer, leaf.signing_key = second.subject, second_key
    leaf.put(key_identifier(second.sign()))
    chain = [site.batch, second.sign()]
    assert code_of(site, leaf.sign(), chain) == "path-length"
    longer = forged_batch(site).put(x509.BasicConstraints(ca=True, path_length=1), critical=True)
    assert code_of(site, leaf.sign(), [longer.sign(), second.sign()]) == "path-length"
    no_limit = forged_root(site).sign()
    validator = ChainValidator([no_limit])
    validator.validate(leaf.sign(), [longer.sign(), second.sign()], uuid=DEVICE_UUID, at=NOW)


def test_s13_loops_end(site: Site) -> None:
    chain = [vouching(site, *pair) for pair in permutations("abcd", 2)]
    assert code_of(site, leaf_of(site, "a"), chain) == "path-untrusted"


def test_s13_mazes_end(site: Site) -> None:
    # Five floors of three doors each: 3 + 9 + 27 + 81 ... ways up, and no anchor on top.
    chain = [
        vouching(site, issuer, subject, serial)
        for issuer, subject in ("ba", "cb", "dc", "ed", "fe")
        for serial in range(1, 4)
    ]
    assert code_of(site, leaf_of(site, "a"), chain) == "path-too-complex"


def vouching(site: Site, issuer: str, subject: str, serial: int = 1) -> bytes:
    """Let one authority vouch for another one."""
    batch = forged_batch(site, key(subject))
    batch.subject, batch.issuer = name(common_name=subject), name(common_name=issuer)
    batch.signing_key, batch.serial = key(issuer), serial
    return batch.drop(oids.AUTHORITY_KEY_IDENTIFIER).sign()


def leaf_of(site: Site, issuer: str) -> bytes:
    """Make a device certificate below such an authority."""
    leaf = forged_leaf(site)
    leaf.issuer, leaf.signing_key = name(common_name=issuer), key(issuer)
    return leaf.drop(oids.AUTHORITY_KEY_IDENTIFIER).sign()


def test_s13_root_on_the_device(site: Site, stranger: Site) -> None:
    assert code_of(site, intermediates=[site.batch, site.root]) == "root-on-device"
    assert code_of(site, intermediates=[site.batch, stranger.root]) == "root-on-device"
    assert code_of(site, site.root, []) == "root-on-device"
    assert code_of(site, stranger.root, []) == "root-on-device"


def test_s13_root_with_another_signature_is_still_a_root(site: Site) -> None:
    unsigned = forged_root(site)
    unsigned.signing_key = key("somebody")
    assert code_of(site, intermediates=[site.batch, unsigned.sign()]) == "root-on-device"


# --- S6: keys of other kinds ---------------------------------------------------------------


@pytest.mark.parametrize(
    "public_key",
    [
        ec.derive_private_key(5, ec.SECP384R1()).public_key(),
        ec.derive_private_key(5, ec.SECP256K1()).public_key(),
        rsa.RSAPublicNumbers(65537, (1 << 2047) + 1155).public_key(),
    ],
    ids=["p384", "secp256k1", "rsa"],
)
def test_s6_other_curves(
    site: Site, public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
) -> None:
    leaf = forged_leaf(site)
    leaf.public_key = public_key
    assert code_of(site, leaf.sign()) == "profile-key"


def test_s6_compressed_and_invalid_points(site: Site) -> None:
    spki = Certificate.parse(site.leaf).raw.spki
    compressed = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d03010703220002")
    for wrong in (
        compressed + spki[27:59],
        spki[:27] + bytes(64),
        spki[:27] + b"\xff" * 64,
        spki[:-1] + bytes((spki[-1] ^ 1,)),
    ):
        leaf = edited(site.leaf, site.batch_key, partial(with_key, wrong))
        assert code_of(site, leaf) == "profile-key"


def test_s6_explicit_parameters(site: Site) -> None:
    # The key of limbo's webpki::explicit-curve: P-256 spelled out, which the parser does load.
    limbo = json.loads((VECTORS / "limbo_profile.json").read_text())
    case = next(item for item in limbo["cases"] if item["id"] == "webpki::explicit-curve")
    explicit = x509.load_pem_x509_certificate(limbo["pem"][case["leaf"]].encode())
    spki = Certificate.parse(explicit.public_bytes(Encoding.DER)).raw.spki
    leaf = edited(site.leaf, site.batch_key, partial(with_key, spki))
    assert code_of(site, leaf) == "profile-key"
    batch = edited(site.batch, site.root_key, partial(with_key, spki))
    assert code_of(site, intermediates=[batch]) == "path-untrusted"


def with_key(spki: bytes, parts: list[bytes]) -> list[bytes]:
    return [*parts[:6], spki, *parts[7:]]


# --- Configuration -------------------------------------------------------------------------


def test_other_companies_are_refused_when_one_is_expected(site: Site) -> None:
    validator = ChainValidator([site.root], company_id=COMPANY)
    validator.validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    other = ChainValidator([site.root], company_id=0x0001)
    with pytest.raises(CertificateRejectedError) as caught:
        other.validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    assert caught.value.code == "company-mismatch"


def test_a_validator_needs_good_roots_and_a_zoned_time(site: Site) -> None:
    with pytest.raises(InputError) as missing:
        ChainValidator([])
    assert missing.value.code == "missing-root"
    with pytest.raises(MalformedCertificateError):
        ChainValidator([b"no root"])
    with pytest.raises(InputError):
        site.validate(at=NOW.replace(tzinfo=None))


def test_one_of_several_roots_is_enough(site: Site, stranger: Site) -> None:
    validator = ChainValidator([stranger.root, site.root])
    for chain in (site, stranger):
        device = validator.validate(chain.leaf, [chain.batch], uuid=DEVICE_UUID, at=NOW)
        assert device.root_subject == parsed(chain.root).subject.rfc4514_string()


def test_order_of_intermediates_does_not_matter(site: Site, stranger: Site) -> None:
    for chain in permutations((site.batch, stranger.batch)):
        site.validate(intermediates=chain)


def test_a_batch_may_be_configured_as_the_anchor(site: Site) -> None:
    device = ChainValidator([site.batch]).validate(site.leaf, [], uuid=DEVICE_UUID, at=NOW)
    assert device.root_subject == "CN=site batch,O=Acme"


def test_the_second_of_two_ways_counts_when_the_first_is_closed(site: Site) -> None:
    expired = forged_batch(site)
    expired.not_after = NOW - timedelta(seconds=1)
    site.validate(intermediates=[expired.sign(), site.batch])


def test_names_match_without_regard_to_case_and_spacing(site: Site) -> None:
    batch = forged_batch(site)
    batch.subject = name(common_name="SITE  Batch")
    site.validate(intermediates=[batch.sign()])


def test_rsa_roots_are_accepted(site: Site) -> None:
    root_key = rsa.generate_private_key(65537, 2048)
    root = forged_root(site)
    root.signing_key, root.public_key = root_key, root_key.public_key()
    root.put(x509.SubjectKeyIdentifier.from_public_key(root.public_key))
    root.drop(oids.AUTHORITY_KEY_IDENTIFIER)
    batch = forged_batch(site)
    batch.issuer, batch.signing_key = root.sign(), root_key
    batch.put(key_identifier(root.sign()))
    validator = ChainValidator([root.sign()])
    validator.validate(site.leaf, [batch.sign()], uuid=DEVICE_UUID, at=NOW)


def test_name_constraints_of_root_and_batch_hold(site: Site) -> None:
    acme = x509.DirectoryName(name())
    evil = x509.DirectoryName(name(organization="Evil"))
    for allowed, expected in ((acme, ""), (evil, "path-invalid")):
        constraints = x509.NameConstraints([allowed], None)
        root = forged_root(site).put(constraints, critical=True).sign()
        batch = forged_batch(site).put(constraints, critical=True).sign()
        leaf = forged_leaf(site)
        # A permitted directory name is a prefix of the whole subject (RFC 5280, 4.2.1.10).
        for roots, chain in (([root], [site.batch]), ([site.root], [batch])):
            validator = ChainValidator(roots)
            for _ in range(2):
                assert verdict(validator, leaf.sign(), chain) == expected


def verdict(
    validator: ChainValidator, leaf: bytes, chain: Sequence[bytes], at: datetime = NOW
) -> str:
    try:
        validator.validate(leaf, chain, uuid=DEVICE_UUID, at=at)
    except CertificateRejectedError as error:
        return error.code
    return ""


# --- The cache says yes only where the whole validation would --------------------------------


def test_another_device_of_a_known_batch(site: Site) -> None:
    validator = ChainValidator([site.root])
    validator.validate(site.leaf, [site.batch], uuid=DEVICE_UUID, at=NOW)
    other = issue(site.authority(), key("two"), site.profile.assign(OTHER_UUID), "two")
    device = validator.validate(other, [site.batch], uuid=OTHER_UUID, at=NOW)
    assert device.public_key == public_octets(key("two").public_key())
    for uuid, leaf, code in (
        (DEVICE_UUID, other, "uuid-mismatch"),
        (OTHER_UUID, other[:-1] + bytes((other[-1] ^ 1,)), "path-untrusted"),
    ):
        with pytest.raises(CertificateRejectedError) as caught:
            validator.validate(leaf, [site.batch], uuid=uuid, at=NOW)
        assert caught.value.code == code


def test_a_known_batch_expires_all_the_same(site: Site) -> None:
    batch = forged_batch(site)
    validator = ChainValidator([site.root])
    leaf = forged_leaf(site)
    leaf.not_after = NO_EXPIRY
    octets, chain = leaf.sign(), [batch.sign()]
    validator.validate(octets, chain, uuid=DEVICE_UUID, at=NOW)
    late = batch.not_after + timedelta(seconds=1)
    with pytest.raises(CertificateRejectedError) as caught:
        validator.validate(octets, chain, uuid=DEVICE_UUID, at=late)
    assert caught.value.code == "expired"


POLICY_SETS = st.frozensets(st.sampled_from([OURS, "1.2.3", "1.2.4", ANY]), max_size=3)


@UNHURRIED
@given(POLICY_SETS, POLICY_SETS, POLICY_SETS, st.booleans())
def test_known_batches_and_policies(
    batch_policies: frozenset[str],
    leaf_policies: frozenset[str],
    required: frozenset[str],
    inhibit: bool,
) -> None:
    required -= {ANY}
    batch = with_policies(forged_batch(SITE), batch_policies)
    if inhibit:
        batch.put(x509.InhibitAnyPolicy(0), critical=True)
    chain = [batch.sign()]
    leaf = with_policies(forged_leaf(SITE), leaf_policies).sign()
    warm = ChainValidator([SITE.root], required_policies=required)
    # A leaf with every policy opens the cache whenever anything can.
    verdict(
        warm, with_policies(forged_leaf(SITE), frozenset((OURS, "1.2.3", "1.2.4"))).sign(), chain
    )
    cold = ChainValidator([SITE.root], required_policies=required)
    assert verdict(warm, leaf, chain) == verdict(cold, leaf, chain)


def with_policies(forgery: Forgery, wanted: frozenset[str]) -> Forgery:
    if wanted:
        return forgery.put(policies(*sorted(wanted)), critical=True)
    return forgery.drop(oids.CERTIFICATE_POLICIES)


def test_the_cache_is_bounded(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshwright.pki.issuer_cache._MAX_ISSUERS", 2)
    validator = ChainValidator([site.root])
    chains = []
    for serial in range(1, 5):
        batch = forged_batch(site)
        batch.serial = serial
        chains.append([batch.sign()])
    for chain in chains:
        validator.validate(site.leaf, chain, uuid=DEVICE_UUID, at=NOW)
    assert len(validator._cache._issuers) == 2


# --- Hostile octets --------------------------------------------------------------------------

SITE = make_site("hostile")
CHAIN = [SITE.leaf, SITE.batch]
GOOD = SITE.validate()
WARM = ChainValidator([SITE.root])
WARM.validate(SITE.leaf, [SITE.batch], uuid=DEVICE_UUID, at=NOW)


def outcome(
    validator: ChainValidator, leaf: bytes, chain: Sequence[bytes]
) -> ValidatedDevice | str:
    try:
        return validator.validate(leaf, chain, uuid=DEVICE_UUID, at=NOW)
    except TrustError as error:
        assert isinstance(error, CertificateRejectedError)  # noqa: PT017 - which error it is
        return error.code


@UNHURRIED
@given(st.integers(0, 1), st.data())
def test_a_mutated_chain_is_refused_or_the_same(which: int, data: st.DataObject) -> None:
    octets = bytearray(CHAIN[which])
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(octets) - 1))
        kind = data.draw(st.sampled_from(["change", "insert", "delete"]))
        if kind == "delete":
            del octets[at]
        elif kind == "insert":
            octets.insert(at, data.draw(st.integers(0, 255)))
        else:
            octets[at] = data.draw(st.integers(0, 255))
    leaf, batch = [bytes(octets) if place == which else CHAIN[place] for place in (0, 1)]
    cold = outcome(ChainValidator([SITE.root]), leaf, [batch])
    assert isinstance(cold, str) or (leaf, batch) == (SITE.leaf, SITE.batch)
    assert outcome(WARM, leaf, [batch]) == cold


@UNHURRIED
@given(st.binary(max_size=600), st.lists(st.binary(max_size=600), max_size=20))
def test_any_octets_are_refused(leaf: bytes, chain: list[bytes]) -> None:
    assert isinstance(outcome(WARM, leaf, chain), str)


@UNHURRIED
@given(st.data())
def test_a_chain_signed_again_after_a_change_is_still_judged(data: st.DataObject) -> None:
    """Change the signed part and sign it: only rules can refuse it, and none may crash."""
    at = data.draw(st.integers(4, len(parsed(SITE.leaf).tbs_certificate_bytes) - 1))
    value = data.draw(st.integers(0, 255))

    def edit(parts: list[bytes]) -> list[bytes]:
        whole = b"".join(parts)
        index = at % len(whole)
        return [whole[:index] + bytes((value,)) + whole[index + 1 :]]

    leaf = edited(SITE.leaf, SITE.batch_key, edit)
    cold = outcome(ChainValidator([SITE.root]), leaf, [SITE.batch])
    assert outcome(WARM, leaf, [SITE.batch]) == cold
    if isinstance(cold, ValidatedDevice):
        assert cold.identity.uuid == DEVICE_UUID


def test_too_much_is_refused_before_it_is_read(site: Site) -> None:
    assert code_of(site, intermediates=[site.batch] * 16) == "too-many-certificates"
    assert code_of(site, intermediates=[bytes(65_536)]) == "malformed-certificate"
    assert code_of(site, bytes(65_536)) == "malformed-certificate"
    site.validate(intermediates=[site.batch] * 15)


def test_a_negative_serial_is_refused(site: Site) -> None:
    leaf = edited(site.leaf, site.batch_key, lambda parts: [parts[0], b"\x02\x01\xff", *parts[2:]])
    assert code_of(site, leaf) == "serial-range"


def test_uuid_of_the_result_is_the_one_asked_for(site: Site) -> None:
    device = site.validate(uuid=UUID(str(DEVICE_UUID).upper()))
    assert device.identity.uuid == DEVICE_UUID
