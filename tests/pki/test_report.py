"""The report of a chain, over the published set and beside the validator."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chains.make import make
from tests.pki.forging import (
    COMPANY,
    DAY,
    DEVICE_UUID,
    NOW,
    OTHER_UUID,
    PRODUCT,
    UNHURRIED,
    Site,
    forged_batch,
    forged_leaf,
    issue,
    key,
    name,
    usage,
)
from tests.pki.test_revocation import make_crl

from meshwright.core.errors import InputError
from meshwright.pki.certificate_file import read_certificates, to_pem
from meshwright.pki.chain_files import read_chain, read_crls
from meshwright.pki.errors import CertificateRejectedError, MalformedCertificateError
from meshwright.pki.explain import ChainExplainer
from meshwright.pki.findings import Level
from meshwright.pki.profile import UUID_ASSIGNED_AND_UNIQUE
from meshwright.pki.report import ChainReport, Role, StatusOutcome
from meshwright.pki.validation import ChainValidator

CHAINS = Path(__file__).parent.parent / "chains"
VECTORS = CHAINS.parent / "vectors" / "pki"
INDEX: list[dict[str, Any]] = json.loads((CHAINS / "index.json").read_text())["chains"]
IDS = [each["name"] for each in INDEX]


def files(names: Sequence[str]) -> list[Path]:
    return [CHAINS / each for each in names]


def asked(case: dict[str, Any]) -> tuple[list[bytes], dict[str, Any]]:
    roots = [each for path in files(case["roots"]) for each in read_certificates(path)]
    crls = [each for path in files(case["crls"]) for each in read_crls(path)]
    return roots, {"required_policies": frozenset(case["policies"]), "crls": crls}


def report_of(case: dict[str, Any]) -> ChainReport:
    roots, options = asked(case)
    leaf, others = read_chain([CHAINS / case["chain"]])
    at = datetime.fromisoformat(case["at"])
    return ChainExplainer(roots, **options).explain(leaf, others, uuid=UUID(case["uuid"]), at=at)


@pytest.mark.parametrize("case", INDEX, ids=IDS)
def test_published_chains_come_out_as_the_index_says(case: dict[str, Any]) -> None:
    report = report_of(case)
    assert (report.accepted, report.code) == (case["accepted"], case["code"])
    assert set(case["findings"]) <= {item.code for item in report.findings}
    assert report.accepted == (report.errors == ())
    for item in report.findings:
        assert item.clause
        assert item.sentence[0].isupper()
        assert item.sentence.endswith(".")


@pytest.mark.parametrize("case", INDEX, ids=IDS)
def test_the_verdict_is_that_of_the_validator(case: dict[str, Any]) -> None:
    roots, options = asked(case)
    leaf, *others = read_certificates(CHAINS / case["chain"])
    code, sentence = None, ""
    try:
        ChainValidator(roots, **options).validate(
            leaf, others, uuid=UUID(case["uuid"]), at=datetime.fromisoformat(case["at"])
        )
    except CertificateRejectedError as error:
        code, sentence = error.code, str(error)
    report = report_of(case)
    assert report.code == code
    assert report.sentence == sentence or report.accepted


def test_the_published_set_is_what_its_script_makes(tmp_path: Path) -> None:
    assert make(tmp_path)["chains"] == INDEX
    assert {path.name for path in tmp_path.iterdir()} <= {path.name for path in CHAINS.iterdir()}
    assert len(INDEX) == len(set(IDS)) >= 20
    used = {name for case in INDEX for name in (case["chain"], *case["roots"], *case["crls"])}
    assert {path.name for path in CHAINS.glob("*.pem")} == used


# What a report holds.


def explain(site: Site, leaf: bytes, *others: bytes, **options: Any) -> ChainReport:  # noqa: ANN401 - passed on
    uuid = options.pop("uuid", None)
    return ChainExplainer([site.root], **options).explain(leaf, others, uuid=uuid, at=NOW)


def test_a_good_chain_is_told_whole(site: Site) -> None:
    report = explain(site, site.leaf, site.batch)
    assert [item.role for item in report.path] == [Role.DEVICE, Role.INTERMEDIATE, Role.ROOT]
    chain = (site.leaf, site.batch, site.root)
    assert [item.sha256 for item in report.path] == [hashlib.sha256(x).digest() for x in chain]
    assert [item.subject for item in report.path[1:]] == [
        "CN=site batch,O=Acme",
        "CN=site root,O=Acme",
    ]
    assert [item.issuer for item in report.path[:-1]] == [item.subject for item in report.path[1:]]
    assert report.path[0].policies == (UUID_ASSIGNED_AND_UNIQUE,)
    assert report.identity is not None
    assert report.identity.uuid == DEVICE_UUID
    assert (report.identity.company_id, report.identity.product_id) == (COMPANY, PRODUCT)
    assert (report.organization, report.complete, report.unused) == ("Acme", True, ())
    assert (report.findings, report.status) == ((), StatusOutcome.UNCHECKED)


def test_validity_is_that_of_the_whole_path(site: Site) -> None:
    leaf, batch = forged_leaf(site), forged_batch(site)
    leaf.not_before, batch.not_after = NOW - DAY / 2, NOW + DAY
    report = explain(site, leaf.sign(), batch.sign())
    assert (report.accepted, report.not_after) == (True, NOW + DAY)
    assert report.not_before == max(item.not_before for item in report.path)


def test_every_fault_of_every_certificate_is_told(site: Site) -> None:
    leaf = forged_leaf(site).put(usage("digital_signature"))
    leaf.subject = name(common_name=f"{DEVICE_UUID}", organization=None)
    batch = forged_batch(site).put(usage("crl_sign"), critical=True)
    batch.not_after = NOW - DAY / 2
    report = explain(site, leaf.sign(), batch.sign(), uuid=OTHER_UUID)
    told = [(item.level.value, item.code, item.subject) for item in report.findings]
    device, issuer = f"CN={DEVICE_UUID}", "CN=site batch,O=Acme"
    assert told == [
        ("error", "profile-key-usage", device),
        ("error", "profile-organization", device),
        ("info", "profile-vendor", device),
        ("error", "ca-key-usage", issuer),
        ("error", "expired", issuer),
        ("error", "uuid-mismatch", device),
    ]
    assert report.code == "profile-key-usage"
    assert report.organization is None


@pytest.mark.parametrize("position", [0, 1])
def test_the_certificate_that_is_revoked_is_named(site: Site, position: int) -> None:
    chain = (site.batch, site.leaf)
    lists = (
        make_crl(site.root, site.root_key, [site.batch] if position == 0 else []),
        make_crl(site.batch, site.batch_key, [site.leaf] if position == 1 else []),
    )
    report = explain(site, site.leaf, site.batch, crls=lists)
    (found,) = report.findings
    assert (found.code, report.status) == ("revoked", StatusOutcome.REVOKED)
    assert found.sha256 == hashlib.sha256(chain[position]).digest()


def test_a_policy_that_is_not_demanded_is_missed_with_a_warning(site: Site) -> None:
    leaf = forged_leaf(site)
    leaf.drop("2.5.29.32")
    report = explain(site, leaf.sign(), site.batch, required_policies=frozenset())
    assert report.accepted
    told = {item.code: item.level for item in report.findings}
    assert told == {"profile-policies": Level.WARNING, "policy-missing": Level.WARNING}
    assert explain(site, site.leaf, site.batch, required_policies=frozenset()).findings == ()


def test_what_is_not_on_the_path_is_named(site: Site, stranger: Site) -> None:
    report = explain(site, site.leaf, stranger.batch, site.batch)
    assert report.unused == (hashlib.sha256(stranger.batch).digest(),)


def test_names_that_steer_terminals_do_not(site: Site) -> None:
    leaf = forged_leaf(site)
    leaf.subject = name(common_name=f"{DEVICE_UUID}", organization="\x1b[2J")
    report = explain(site, leaf.sign(), site.batch)
    assert "\x1b" not in repr((report.organization, report.path, report.findings)).replace(
        "\\\\", ""
    )
    assert report.organization == "?[2J"


@UNHURRIED
@given(st.data())
def test_whatever_the_octets_are_there_is_a_report(site: Site, data: st.DataObject) -> None:
    chain = [bytearray(site.leaf), bytearray(site.batch)]
    for _ in range(data.draw(st.integers(1, 4))):
        octets = chain[data.draw(st.integers(0, 1))]
        octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    leaf, batch = map(bytes, chain)
    report = explain(site, leaf, batch, uuid=DEVICE_UUID)
    assert report.accepted == (report.errors == ())
    assert report.accepted or report.code in report.errors


def test_foreign_chains_are_refused_for_what_is_told(site: Site) -> None:
    limbo = json.loads((VECTORS / "limbo_profile.json").read_text())
    octets = {name: pem_of(text) for name, text in limbo["pem"].items()}
    explained = 0
    for case in limbo["cases"]:
        chain = [octets[each] for each in (case["leaf"], *case["intermediates"])]
        at = datetime.fromisoformat(case["time"] or limbo["default_time"])
        for roots in ([octets[each] for each in case["trusted"]], [site.root]):
            with suppress(MalformedCertificateError, InputError):
                explainer = ChainExplainer(roots, required_policies=frozenset())
                report = explainer.explain(chain[0], chain[1:], at=at)
                assert report.accepted == (report.errors == ()), case["id"]
                assert report.accepted or report.code in report.errors, case["id"]
                explained += 1
    assert explained > len(limbo["cases"])


def pem_of(text: str) -> bytes:
    return b64decode("".join(line for line in text.split("\n") if "-----" not in line))


# Files.


def written(path: Path, *certificates: bytes) -> Path:
    path.write_text("".join(map(to_pem, certificates)), encoding="ascii")
    return path


def test_any_order_any_number_of_files_and_either_form(tmp_path: Path, site: Site) -> None:
    both = written(tmp_path / "both.pem", site.batch, site.leaf)
    one, two, joined = (tmp_path / each for each in ("1.der", "2.der", "3.der"))
    one.write_bytes(site.leaf)
    two.write_bytes(site.batch)
    joined.write_bytes(site.batch + site.leaf)
    for paths in ([both], [one, two], [two, one], [joined], [both, one, joined]):
        assert read_chain(paths) == (site.leaf, [site.batch])


def test_a_chain_without_a_device_begins_at_its_end(tmp_path: Path, site: Site) -> None:
    path = written(tmp_path / "ca.pem", site.root, site.batch)
    assert read_chain([path]) == (site.batch, [site.root])


def test_a_damaged_certificate_is_kept(tmp_path: Path, site: Site) -> None:
    path = written(tmp_path / "cut.pem", site.batch, site.leaf[:-1])
    assert read_chain([path]) == (site.leaf[:-1], [site.batch])


def test_of_several_devices_one_has_to_be_chosen(tmp_path: Path, site: Site) -> None:
    other = issue(site.authority(), key("two"), site.profile.assign(OTHER_UUID), "two")
    path = written(tmp_path / "all.pem", site.leaf, other, site.batch)
    for uuid, device in ((DEVICE_UUID, site.leaf), (OTHER_UUID, other)):
        assert read_chain([path], uuid)[0] == device
    for nobody in (None, UUID(int=1)):
        with pytest.raises(InputError) as caught:
            read_chain([path], nobody)
        assert caught.value.code == "which-certificate"


def test_more_certificates_than_a_chain_has(tmp_path: Path, site: Site) -> None:
    path = written(tmp_path / "many.pem", *(site.batch + bytes([i]) for i in range(65)))
    with pytest.raises(InputError) as caught:
        read_chain([path])
    assert caught.value.code == "too-many-certificates"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no list",
        b"\x30\x00",
        b"-----BEGIN X509 CRL-----\n####\n-----END X509 CRL-----",
        b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----",
    ],
)
def test_no_revocation_list(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "list"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_crls(path)
    assert caught.value.code == "no-crl"


def test_a_revocation_list_in_der(tmp_path: Path, site: Site) -> None:
    octets = make_crl(site.root, site.root_key)
    (tmp_path / "list").write_bytes(octets)
    assert read_crls(tmp_path / "list") == [octets]
