"""Compact chains: the exact octets come back, or the certificate is stored as it is."""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.x509 import SubjectKeyIdentifier
from hypothesis import given
from hypothesis import strategies as st
from tests.pki.compact_by_the_page import ByThePage
from tests.pki.forging import (
    COMPANY,
    DEVICE_UUID,
    NOW,
    OTHER_UUID,
    PRODUCT,
    RANDOM,
    UNHURRIED,
    edited,
    forged_leaf,
    make_site,
    name,
)

from meshwright.core.crypto import public_octets
from meshwright.pki import der
from meshwright.pki.authority import Authority
from meshwright.pki.certificate import Certificate
from meshwright.pki.compact import (
    COPY,
    FORMAT,
    GENERALIZED_TIME,
    KEY_ID,
    LITERAL,
    PLAIN,
    RAW,
    SERIAL,
    UTC_TIME,
    DamagedCompactError,
    OwnValues,
    decode,
)
from meshwright.pki.compact_encoding import UnfitForTemplateError, encode, make_template
from meshwright.pki.csr import make_csr
from meshwright.pki.errors import MalformedCertificateError
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import DeviceProfile
from meshwright.pki.templates import assemble

ROOT = Path(__file__).parents[2]
VECTORS = ROOT / "tests" / "vectors" / "compact_chains.json"
PAGE = ROOT / "docs" / "compact-chains.md"
UPDATE = "UPDATE_VECTORS"
SITE = make_site()
OWN = OwnValues(DEVICE_UUID.bytes, public_octets(SITE.device_key.public_key()))
PROFILE = DeviceProfile("Acme", COMPANY, PRODUCT)
TEMPLATE = make_template(SITE.leaf, SITE.batch)
OWN_TEMPLATE = make_template(SITE.leaf, SITE.batch, own_values=True)
RECORD = encode(SITE.leaf, TEMPLATE, SITE.batch)
EDGES = st.sampled_from([1, 0x7F, 0x80, (1 << 247) - 1, 1 << 247, 1 << 255, (1 << 256) - 1])
SCALARS = EDGES | st.integers(1, (1 << 256) - 1)
FIRST, LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC)
TIMES = st.integers(0, int((LAST - FIRST).total_seconds())).map(
    lambda seconds: FIRST + timedelta(seconds=seconds)
)


def issue(profile: DeviceProfile, uuid: UUID = DEVICE_UUID, now: datetime = NOW) -> bytes:
    """Take one device with a key of its own through the factory."""
    authority = Authority(SITE.batch, PrivateKeySigner(SITE.batch_key), profile)
    assignment, random = profile.assign(uuid), RANDOM.stream("compact", profile, uuid, now)
    request = make_csr(generate_private_key(random), assignment)
    return authority.issue(authority.prepare(request, assignment, now=now, random=random))


def with_signature(certificate: bytes, r: int, s: int) -> bytes:
    return assemble(Certificate.parse(certificate).raw.tbs, encode_dss_signature(r, s)).der


def with_part(position: int, part: bytes) -> bytes:
    return edited(
        SITE.leaf, SITE.batch_key, lambda parts: [*parts[:position], part, *parts[position + 1 :]]
    )


def with_serial(contents: bytes) -> bytes:
    return with_part(1, der.encode(der.INTEGER, contents))


def own_of(certificate: bytes) -> OwnValues:
    parsed = Certificate.parse(certificate)
    uuid = UUID(parsed.names("2.5.4.3")[0].split()[0])
    return OwnValues(uuid.bytes, parsed.raw.spki[-64:])


# Round trips.


def returned(certificate: bytes, template: bytes) -> bytes:
    """Encode and decode; the octets come back whether they fit or not. Return the record."""
    record = encode(certificate, template, SITE.batch)
    assert decode(record, template, SITE.batch, own_of(certificate)) == certificate
    return record


@pytest.mark.parametrize("template", [TEMPLATE, OWN_TEMPLATE], ids=["whole", "own values"])
@UNHURRIED
@given(st.uuids(), TIMES.filter(lambda time: time.year < 2050))
def test_whatever_the_authority_issues_comes_back(
    template: bytes, uuid: UUID, now: datetime
) -> None:
    certificate = issue(PROFILE, uuid, now)
    assert returned(certificate, template)[0] == FORMAT


@UNHURRIED
@given(
    TIMES,
    st.timedeltas(timedelta(seconds=1), timedelta(days=50_000)).map(
        lambda lifetime: timedelta(seconds=max(1, int(lifetime.total_seconds())))
    ),
)
def test_any_validity_comes_back(now: datetime, lifetime: timedelta) -> None:
    certificate = issue(DeviceProfile("Acme", lifetime=lifetime), now=now)
    template = make_template(certificate, SITE.batch)
    assert returned(certificate, template)[0] == FORMAT
    returned(certificate, TEMPLATE)


@UNHURRIED
@given(SCALARS, SCALARS)
def test_any_signature_comes_back(r: int, s: int) -> None:
    assert len(returned(with_signature(SITE.leaf, r, s), TEMPLATE)) == len(RECORD)


@UNHURRIED
@given(st.integers(1, (1 << 159) - 1) | st.integers(1, 158).map(lambda bit: 1 << bit))
def test_any_serial_comes_back(serial: int) -> None:
    contents = serial.to_bytes(serial.bit_length() // 8 + 1, "big")
    assert returned(with_serial(contents), TEMPLATE)[0] == FORMAT


@pytest.mark.parametrize("contents", ["01", "7f", "0080", "00" + "ff" * 19, "7f" + "ff" * 19])
def test_serials_at_their_edges(contents: str) -> None:
    record = returned(with_serial(bytes.fromhex(contents)), TEMPLATE)
    assert record[1 : 2 + len(contents) // 2].hex() == f"{len(contents) // 2:02x}{contents}"


def test_a_key_identifier_of_another_kind_is_stored() -> None:
    odd = forged_leaf(SITE).put(SubjectKeyIdentifier(bytes(range(20)))).sign()
    template = make_template(odd, SITE.batch)
    assert bytes(range(20)) in returned(odd, template)
    assert returned(SITE.leaf, template)[0] == PLAIN


def test_a_certificate_without_a_key_identifier_fits() -> None:
    certificate = forged_leaf(SITE).sign()
    assert returned(certificate, make_template(certificate, SITE.batch))[0] == FORMAT


@pytest.mark.parametrize(
    ("kind", "time"),
    [
        (0x17, "500101000000Z"),  # 1950
        (0x17, "991231235959Z"),
        (0x17, "20"),
        (0x17, "2601010000Z"),
        (0x17, "260101000000+0100"),
        (0x18, "20260101000000Z"),
        (0x18, "00000101000000Z"),
        (0x18, "21140101000000Z"),
        (0x18, "20510101000000.5Z"),
        (0x18, "205101010000"),
        (0x04, "2601"),
    ],
)
def test_unusual_times(kind: int, time: str) -> None:
    end = der.encode(0x18, b"99991231235959Z")
    odd = with_part(4, der.encode(der.SEQUENCE, der.encode(kind, time.encode()), end))
    record = encode(odd, TEMPLATE, SITE.batch)
    assert record == b"\x00" + odd
    try:
        template = make_template(odd, SITE.batch)
    except MalformedCertificateError:
        return
    assert decode(encode(odd, template, SITE.batch), template, SITE.batch) == odd


# What does not fit.

LATE = datetime(2051, 2, 3, tzinfo=UTC)
STRANGERS = {
    "another organization": issue(DeviceProfile("Acmf", COMPANY, PRODUCT)),
    "another product": issue(DeviceProfile("Acme", COMPANY, PRODUCT + 1)),
    "no product": issue(DeviceProfile("Acme")),
    "an end": issue(DeviceProfile("Acme", COMPANY, PRODUCT, timedelta(days=9))),
    "GeneralizedTime": issue(PROFILE, now=LATE),
    "no policy": issue(DeviceProfile("Acme", COMPANY, PRODUCT, policies=())),
    "another batch": make_site("stranger", "Evil").leaf,
    "an intermediate": SITE.batch,
    "a long integer in the signature": assemble(
        Certificate.parse(SITE.leaf).raw.tbs, bytes.fromhex("300702020001020101")
    ).der,
    "no integers in the signature": assemble(Certificate.parse(SITE.leaf).raw.tbs).der,
    "a scalar of 33 octets": with_signature(SITE.leaf, 1 << 256, 1),
}


@pytest.mark.parametrize("certificate", STRANGERS.values(), ids=list(STRANGERS))
def test_what_does_not_fit_is_stored_as_it_is(certificate: bytes) -> None:
    record = encode(certificate, TEMPLATE, SITE.batch)
    assert record == b"\x00" + certificate
    assert decode(record, TEMPLATE, SITE.batch) == certificate


def test_even_what_is_no_certificate_is_not_lost() -> None:
    assert encode(b"\x30\x00", TEMPLATE, SITE.batch) == b"\x00\x30\x00"
    assert encode(SITE.leaf, b"", SITE.batch)[0] == PLAIN


def upper_case() -> bytes:
    leaf = forged_leaf(SITE)
    leaf.subject = name(common_name=str(DEVICE_UUID).upper())
    return leaf.sign()


def another_hash() -> bytes:
    leaf = forged_leaf(SITE)
    leaf.digest = SHA384()
    return leaf.sign()


@pytest.mark.parametrize(
    "certificate",
    [upper_case(), another_hash(), SITE.batch, STRANGERS["a long integer in the signature"]],
    ids=["upper case", "another hash", "an intermediate", "a long integer"],
)
def test_what_cannot_be_a_template(certificate: bytes) -> None:
    with pytest.raises(UnfitForTemplateError) as caught:
        make_template(certificate, SITE.batch)
    assert caught.value.code == "no-compact-template"
    assert str(caught.value).endswith("plainly.")


def test_a_template_is_made_of_a_certificate() -> None:
    with pytest.raises(MalformedCertificateError):
        make_template(b"", SITE.batch)


def test_a_large_certificate_is_stored_as_it_is() -> None:
    large = edited(
        SITE.leaf,
        SITE.batch_key,
        lambda parts: [*parts[:3], der.encode(der.SEQUENCE, *many(4096)), *parts[4:]],
    )
    with pytest.raises(UnfitForTemplateError):
        make_template(large, SITE.batch)


def many(size: int) -> list[bytes]:
    """Return parts of a name that is too large to be one."""
    part = bytes.fromhex("310d300b06035504030c0461626364")
    return [part] * (size // len(part) + 1)


# Damage.


def broken(record: bytes, template: bytes, own: OwnValues | None = None) -> None:
    with pytest.raises(DamagedCompactError) as caught:
        decode(record, template, SITE.batch, own)
    assert caught.value.code == "damaged-compact-chain"
    assert str(caught.value).startswith("The compact certificate is damaged")


@pytest.mark.parametrize("size", range(len(RECORD)))
def test_a_record_that_is_cut_short(size: int) -> None:
    broken(RECORD[:size], TEMPLATE)


def test_what_else_is_damage() -> None:
    broken(RECORD + b"\x00", TEMPLATE)
    broken(b"\x02" + RECORD[1:], TEMPLATE)
    broken(RECORD, b"")
    broken(RECORD, b"\x02" + TEMPLATE[1:])
    broken(b"\x00", TEMPLATE)
    broken(b"\x00" + SITE.leaf[:-1], TEMPLATE)
    broken(b"\x00" + der.encode(der.SEQUENCE, bytes(70_000)), TEMPLATE)
    assert decode(RECORD, TEMPLATE, SITE.batch) == SITE.leaf


def step(*octets: int) -> bytes:
    return bytes((FORMAT, 0, *octets))


@pytest.mark.parametrize(
    ("template", "stored"),
    [
        (bytes((FORMAT, 2)), ""),  # an unknown flag
        (bytes((FORMAT, 1)), ""),  # own values, and there are none
        (step(9), ""),
        (step(LITERAL, 2, 0), ""),
        (step(COPY, 0), ""),
        (step(COPY, *(len(SITE.batch) - 1).to_bytes(2, "big"), 2), ""),
        (step(SERIAL), "00"),
        (step(SERIAL), "15" + "01" * 21),
        (step(RAW, 2), "00"),
        (step(KEY_ID), ""),
        (step(*(COPY, 0, 0, 255) * 17), ""),  # more than 4,096 octets
        (step(UTC_TIME), "c8420000"),  # 2050
        (step(UTC_TIME), "68020000"),  # month 0
        (step(UTC_TIME), "6b420000"),  # month 13
        (step(UTC_TIME), "68400000"),  # day 0
        (step(UTC_TIME), "68438000"),  # hour 24
        (step(UTC_TIME), "68420f00"),  # minute 60
        (step(UTC_TIME), "6842003c"),  # second 60
    ],
)
def test_templates_and_values_that_are_out_of_their_limits(template: bytes, stored: str) -> None:
    broken(bytes((FORMAT,)) + bytes.fromhex(stored) + bytes(64), template)


def test_times_at_their_edges() -> None:
    scalars = bytes(64)
    for kind, stored, text in (
        (UTC_TIME, "00420000", b"000101000000Z"),
        (UTC_TIME, "c73f7efb", b"491231235959Z"),
        (GENERALIZED_TIME, "00420000", b"20500101000000Z"),
        (GENERALIZED_TIME, "ff3f7efb", b"21131231235959Z"),
    ):
        assert text in decode(b"\x01" + bytes.fromhex(stored) + scalars, step(kind), b"")


def test_own_values_of_the_wrong_size() -> None:
    record = encode(SITE.leaf, OWN_TEMPLATE, SITE.batch)
    broken(record, OWN_TEMPLATE)
    broken(record, OWN_TEMPLATE, OwnValues(OWN.uuid[1:], OWN.public_key))
    broken(record, OWN_TEMPLATE, OwnValues(OWN.uuid, OWN.public_key + b"\x00"))
    assert decode(record, OWN_TEMPLATE, SITE.batch, OWN) == SITE.leaf


GARBAGE = st.binary(max_size=200)
STEPS = st.lists(
    st.integers(0, 9).map(lambda number: bytes((number,))) | st.binary(max_size=3), max_size=20
)


@UNHURRIED
@given(
    GARBAGE | GARBAGE.map(lambda octets: bytes((FORMAT,)) + octets),
    GARBAGE | STEPS.map(lambda steps: bytes((FORMAT, len(steps) % 2)) + b"".join(steps)),
    GARBAGE,
    st.none() | st.builds(OwnValues, st.binary(max_size=20), st.binary(max_size=65)),
)
def test_garbage_is_a_value_or_the_error(
    record: bytes, template: bytes, batch: bytes, own: OwnValues | None
) -> None:
    try:
        found = decode(record, template, batch, own)
    except DamagedCompactError:
        return
    assert der.whole(found).end == len(found) <= 5000


@UNHURRIED
@given(st.integers(0, len(RECORD + TEMPLATE) - 1), st.integers(1, 255))
def test_a_changed_octet_is_another_certificate_or_the_error(at: int, change: int) -> None:
    octets = bytearray(RECORD + TEMPLATE)
    octets[at] ^= change
    try:
        found = decode(bytes(octets[: len(RECORD)]), bytes(octets[len(RECORD) :]), SITE.batch)
    except DamagedCompactError:
        return
    assert found != SITE.leaf or octets[len(RECORD) + 1] != TEMPLATE[1]


# The page and its golden vectors.


def vector(what: str, certificate: bytes, template: bytes) -> dict[str, str]:
    found = {
        "what": what,
        "template": template.hex(),
        "record": encode(certificate, template, SITE.batch).hex(),
        "certificate": certificate.hex(),
    }
    if template[1]:
        uuid, public_key = own_of(certificate)
        found |= {"own_uuid": uuid.hex(), "own_public_key": public_key.hex()}
    return found


def golden() -> dict[str, Any]:
    short, long = (1 << 240) - 1, (1 << 256) - 1
    ending = issue(DeviceProfile("Acme", lifetime=timedelta(days=9000)), OTHER_UUID)
    odd = forged_leaf(SITE).put(SubjectKeyIdentifier(bytes(range(20)))).sign()
    odd = edited(odd, SITE.batch_key, list)  # signed deterministically
    fits = (
        ("as the authority issues it", SITE.leaf, TEMPLATE),
        ("UUID and key from the device", SITE.leaf, OWN_TEMPLATE),
        ("another device of the batch", issue(PROFILE, OTHER_UUID), TEMPLATE),
        ("an end in GeneralizedTime", ending, make_template(ending, SITE.batch)),
        ("a key identifier of another kind", odd, make_template(odd, SITE.batch)),
        ("serial of 1 octet", with_serial(b"\x01"), TEMPLATE),
        ("serial with a zero in front", with_serial(b"\x00" + b"\xff" * 19), TEMPLATE),
        ("r and s with zeros in front", with_signature(SITE.leaf, 1, short), TEMPLATE),
        ("r and s of 33 octets", with_signature(SITE.leaf, long, 1 << 255), TEMPLATE),
        ("stored as it is", STRANGERS["no product"], TEMPLATE),
    )
    damaged = (
        ("cut short", RECORD[:-1], TEMPLATE),
        ("too long", RECORD + b"\x00", TEMPLATE),
        ("unknown format", b"\x02" + RECORD[1:], TEMPLATE),
        ("unknown step", RECORD, TEMPLATE + b"\x09"),
        ("month 13", b"\x01" + bytes.fromhex("6b420000") + bytes(64), step(UTC_TIME)),
        ("copy from beyond", b"\x01" + bytes(64), step(COPY, 255, 255, 1)),
        ("endless", b"\x01" + bytes(64), step(*(COPY, 0, 0, 255) * 17)),
    )
    return {
        "source": f"meshwright itself: tests/pki/test_compact.py with {UPDATE}=1",
        "format": "docs/compact-chains.md",
        "batch_certificate": SITE.batch.hex(),
        "vectors": [vector(*each) for each in fits],
        "damaged": [
            {"what": what, "template": template.hex(), "record": record.hex()}
            for what, record, template in damaged
        ],
    }


if os.environ.get(UPDATE):
    VECTORS.write_text(json.dumps(golden(), indent=1) + "\n", encoding="utf-8")
GOLDEN: dict[str, Any] = json.loads(VECTORS.read_text(encoding="utf-8"))
BATCH = bytes.fromhex(GOLDEN["batch_certificate"])


def named(vectors: list[dict[str, str]]) -> list[Any]:
    return [pytest.param(each, id=each["what"]) for each in vectors]


def test_the_golden_vectors_are_what_is_made() -> None:
    assert golden() == GOLDEN


@pytest.mark.parametrize("found", named(GOLDEN["vectors"]))
def test_golden_vectors_decode_by_the_page_alone(found: dict[str, str]) -> None:
    record, template = bytes.fromhex(found["record"]), bytes.fromhex(found["template"])
    own = OwnValues(
        bytes.fromhex(found.get("own_uuid", "")), bytes.fromhex(found.get("own_public_key", ""))
    )
    if record[0] == FORMAT:
        second = ByThePage(record, template, BATCH, b"".join(own).hex())
        assert second.certificate() == found["certificate"]
    assert decode(record, template, BATCH, own).hex() == found["certificate"]


@pytest.mark.parametrize("found", named(GOLDEN["damaged"]))
def test_damaged_vectors_end_in_the_error(found: dict[str, str]) -> None:
    with pytest.raises(DamagedCompactError):
        decode(bytes.fromhex(found["record"]), bytes.fromhex(found["template"]), BATCH)


def test_the_page_has_a_row_for_every_step() -> None:
    steps = PAGE.read_text(encoding="utf-8").partition("## The template")[2].partition("## ")[0]
    rows = re.findall(r"^\| `(0\d)` ", steps, flags=re.MULTILINE)
    assert [int(row) for row in rows] == list(range(RAW + 1))


# Sizes.


def test_sizes_are_those_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    plain, shared = len(SITE.leaf), len(SITE.batch)
    record, own = (
        len(encode(SITE.leaf, template, SITE.batch)) for template in (TEMPLATE, OWN_TEMPLATE)
    )
    both = f"{shared} + {len(TEMPLATE)}"
    rows = (
        f"| The device's own | {plain} | {record} | {own} |",
        f"| Shared by the batch: batch certificate, template | {shared} | {both} | {both} |",
        f"| Together | {plain + shared} | {record + shared + len(TEMPLATE)}"
        f" | {own + shared + len(OWN_TEMPLATE)} |",
    )
    with capsys.disabled():
        sys.stdout.write(f"\ncompact chains: {plain} octets a device are {record} or {own}\n")
    page = PAGE.read_text(encoding="utf-8")
    assert [row for row in rows if row not in page] == []
    assert record <= 170
    assert own <= 90
    assert len(TEMPLATE) <= 130


def test_the_worked_example_is_the_first_vector() -> None:
    example = PAGE.read_text(encoding="utf-8").partition("## A worked example")[2]
    octets = re.findall(r"^\| `([0-9a-f ]+)` \|", example, flags=re.MULTILINE)
    found = "".join(octets).replace(" ", "")
    first = GOLDEN["vectors"][0]
    assert found == first["template"] + first["record"]
