"""Roots, batches, and devices in two steps: prepare, then issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.pki.forging import (
    DEVICE_UUID,
    NOW,
    OTHER_UUID,
    RANDOM,
    Site,
    edited,
    forged_batch,
    forged_leaf,
    key,
    parsed,
    usage,
)

from meshwright.core.errors import InputError, TrustError
from meshwright.pki import der
from meshwright.pki.authority import Authority, Prepared, create_batch, create_root
from meshwright.pki.certificate import Certificate
from meshwright.pki.checks import DEVICE, run
from meshwright.pki.csr import make_csr
from meshwright.pki.errors import IssuanceRefusedError, RequestRefusedError
from meshwright.pki.keys import PrivateKeySigner
from meshwright.pki.profile import (
    NO_EXPIRY,
    UUID_ASSIGNED_AND_UNIQUE,
    BatchProfile,
    DeviceProfile,
    RootProfile,
)
from meshwright.pki.templates import draw_serial


def prepare(site: Site, uuid: UUID = DEVICE_UUID, label: str = "prepare") -> Prepared:
    assignment = site.profile.assign(uuid)
    return site.authority().prepare(
        make_csr(site.device_key, assignment),
        assignment,
        now=NOW,
        random=RANDOM.stream("test authority", label),
    )


def test_root_and_batch_keep_every_rule(site: Site) -> None:
    assert not list(run(DEVICE.anchor, Certificate.parse(site.root)))
    assert not list(run(DEVICE.intermediate, Certificate.parse(site.batch)))
    root, batch = parsed(site.root), parsed(site.batch)
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 1
    assert batch.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0
    batch.verify_directly_issued_by(root)
    assert batch.not_valid_after_utc == NO_EXPIRY


def test_device_certificate_says_what_the_profile_says(site: Site) -> None:
    certificate = Certificate.parse(site.leaf)
    assert not list(run(DEVICE.leaf, certificate))
    assert certificate.names("2.5.4.3") == [f"{DEVICE_UUID} BCID:8001 BPID:03ff"]
    assert certificate.names("2.5.4.10") == ["Acme"]
    assert certificate.policies == {UUID_ASSIGNED_AND_UNIQUE}
    assert (certificate.not_before, certificate.not_after) == (NOW, NO_EXPIRY)
    assert certificate.raw.serial.bit_length() == 127
    assert certificate.subject_key_identifier is not None
    assert (
        certificate.authority_key_identifier == Certificate.parse(site.batch).subject_key_identifier
    )
    assert b"99991231235959Z" in site.leaf


def test_lifetimes_are_kept(site: Site) -> None:
    profile = replace(site.profile, lifetime=timedelta(days=10), policies=())
    authority = Authority(site.batch, PrivateKeySigner(site.batch_key), profile)
    assignment = profile.assign(DEVICE_UUID)
    prepared = authority.prepare(
        make_csr(site.device_key, assignment), assignment, now=NOW, random=RANDOM.stream("life")
    )
    certificate = Certificate.parse(authority.issue(prepared))
    assert certificate.not_after == NOW + timedelta(days=10)
    assert not certificate.policies


def test_serials_are_random_and_never_the_uuid() -> None:
    top = 1 << 126
    uuid = UUID(int=top | 5)
    draws = iter((uuid.bytes, bytes(16), b"\xff" * 16))
    assert draw_serial(lambda _: next(draws), avoid=uuid) == top
    assert draw_serial(lambda _: next(draws)) == (1 << 127) - 1


def test_preparing_signs_nothing_with_the_real_key(site: Site) -> None:
    prepared = prepare(site)
    assert (prepared.uuid, prepared.issuer_id) == (DEVICE_UUID, site.authority().issuer_id)
    assert prepared.spki_sha256 == Certificate.parse(site.leaf).spki_sha256
    assert f"{prepared.serial:x}" in prepared.tbs.hex()
    assert prepared.tbs.hex() not in repr(prepared)


def test_issuing_signs_exactly_what_was_prepared(site: Site) -> None:
    prepared = prepare(site)
    octets = site.authority().issue(prepared)
    certificate = parsed(octets)
    assert certificate.tbs_certificate_bytes == prepared.tbs
    certificate.verify_directly_issued_by(parsed(site.batch))
    assert site.validate(octets).identity.uuid == DEVICE_UUID


def test_a_prepared_certificate_works_once(site: Site) -> None:
    authority, prepared = site.authority(), prepare(site)
    authority.issue(prepared)
    with pytest.raises(IssuanceRefusedError) as caught:
        authority.issue(prepared)
    assert caught.value.code == "already-issued"


def test_after_a_crash_the_recorded_octets_give_the_same_certificate(site: Site) -> None:
    prepared = prepare(site)
    first = site.authority().issue(prepared)
    assert site.authority().reissue(prepared.tbs) == first


def test_other_issuers_refuse(site: Site, stranger: Site) -> None:
    prepared = prepare(site)
    with pytest.raises(IssuanceRefusedError) as caught:
        stranger.authority().issue(prepared)
    assert caught.value.code == "wrong-issuer"
    with pytest.raises(IssuanceRefusedError) as caught:
        stranger.authority().reissue(prepared.tbs)
    assert caught.value.code == "wrong-issuer"


def test_a_batch_of_the_same_name_with_another_key_refuses(site: Site) -> None:
    other_key = key("other batch key")
    other = Authority(
        forged_batch(site, other_key).sign(), PrivateKeySigner(other_key), site.profile
    )
    with pytest.raises(IssuanceRefusedError) as caught:
        other.reissue(prepare(site).tbs)
    assert caught.value.code == "wrong-issuer"


def test_damaged_records_are_not_signed(site: Site) -> None:
    authority, tbs = site.authority(), prepare(site).tbs
    forbidden = forged_leaf(site).put(usage("key_cert_sign", "key_agreement")).sign()
    for octets in (b"", tbs[:-1], tbs + b"\x00", parsed(forbidden).tbs_certificate_bytes):
        with pytest.raises(TrustError) as caught:
            authority.reissue(octets)
        assert caught.value.code in {"malformed-certificate", "profile-key-usage"}


def test_requests_that_do_not_fit_are_refused(site: Site) -> None:
    assignment = site.profile.assign(DEVICE_UUID)
    request = make_csr(site.device_key, site.profile.assign(OTHER_UUID))
    random = RANDOM.stream("refused")
    with pytest.raises(RequestRefusedError):
        site.authority().prepare(request, assignment, now=NOW, random=random)
    with pytest.raises(InputError) as caught:
        site.authority().prepare(
            request, replace(assignment, organization="Evil"), now=NOW, random=random
        )
    assert caught.value.code == "bad-assignment"
    with pytest.raises(InputError) as caught:
        site.authority().prepare(
            make_csr(site.device_key, assignment),
            assignment,
            now=NOW.replace(tzinfo=None),
            random=random,
        )
    assert caught.value.code == "bad-time"


def test_a_certificate_that_breaks_the_profile_cannot_be_prepared(site: Site) -> None:
    # The rules are the second judge: even a template with a mistake in it goes no further.
    class Careless(DeviceProfile):
        __slots__ = ()

        def assign(self, uuid: UUID) -> object:  # type: ignore[override] # a mistake on purpose
            return replace(super().assign(uuid), organization="   ")

    profile = Careless("Acme")
    authority = Authority(site.batch, PrivateKeySigner(site.batch_key), profile)
    assignment = profile.assign(DEVICE_UUID)
    request = make_csr(site.device_key, assignment)  # type: ignore[arg-type] # as above
    with pytest.raises(IssuanceRefusedError) as caught:
        authority.prepare(request, assignment, now=NOW, random=RANDOM.stream("c"))  # type: ignore[arg-type] # as above
    assert caught.value.code == "profile-organization"


def test_a_key_must_belong_to_its_certificate(site: Site) -> None:
    wrong = PrivateKeySigner(key("wrong"))
    with pytest.raises(InputError) as caught:
        Authority(site.batch, wrong, site.profile)
    assert caught.value.code == "wrong-key"
    with pytest.raises(InputError):
        create_batch(
            site.root,
            wrong,
            site.batch_key.public_key(),
            BatchProfile("batch", "Acme"),
            now=NOW,
            random=RANDOM.stream("wrong key"),
        )


def test_a_batch_issues_no_batches(site: Site) -> None:
    with pytest.raises(IssuanceRefusedError) as caught:
        create_batch(
            site.batch,
            PrivateKeySigner(site.batch_key),
            site.batch_key.public_key(),
            BatchProfile("batch", "Acme"),
            now=NOW,
            random=RANDOM.stream("batch below batch"),
        )
    assert caught.value.code == "path-length"


def test_a_root_without_limit_leaves_room() -> None:
    signer = PrivateKeySigner(key("no limit"))
    random = RANDOM.stream("no limit")
    root = create_root(signer, RootProfile("r", "Acme", path_length=None), now=NOW, random=random)
    profile = BatchProfile("batch", "Acme", path_length=5)
    batch = create_batch(root, signer, key("b").public_key(), profile, now=NOW, random=random)
    constraints = Certificate.parse(batch).basic_constraints
    assert constraints is not None
    assert constraints.path_length == 5


def test_a_device_certificate_issues_nothing(site: Site) -> None:
    with pytest.raises(IssuanceRefusedError) as caught:
        Authority(site.leaf, PrivateKeySigner(site.device_key), site.profile)
    assert caught.value.code == "not-a-ca"


def test_a_signer_that_does_not_sign_is_noticed() -> None:
    class Broken:
        @property
        def public_key(self) -> ec.EllipticCurvePublicKey:
            return key("broken").public_key()

        def sign(self, tbs: bytes) -> bytes:
            return PrivateKeySigner(key("someone else")).sign(tbs)

    with pytest.raises(IssuanceRefusedError) as caught:
        create_root(Broken(), RootProfile("r", "Acme"), now=NOW, random=RANDOM.stream("broken"))
    assert caught.value.code == "issuance-refused"


def test_editing_helper_signs_anew(site: Site) -> None:
    # The helper behind the forged certificates of this folder must not break them by itself.
    same = edited(site.leaf, site.batch_key, lambda elements: elements)
    assert same == site.leaf
    assert der.whole(same).end == len(same)
