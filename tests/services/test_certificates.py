"""S12 and S13 over the air: whatever a device shows, a bad certificate is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.pki.forging import DAY, NOW, Forgery, Site, forged_leaf, name, usage
from tests.services.conftest import Worlds
from tests.services.site_world import Actor, World, options_of

from meshwright.core.provisioning.codec import decode, encode
from meshwright.core.provisioning.fields import INTERMEDIATES, PduType, RecordId
from meshwright.core.provisioning.pdu import RecordResponse, RecordsList
from meshwright.registry.entities import Outcome
from meshwright.services.report import ResultKind

Records = dict[int, bytes]
CERTIFICATE, BATCH = RecordId.DEVICE_CERTIFICATE, INTERMEDIATES[0]


def leaf(world: World, scalar: int) -> Forgery:
    """Start from a good certificate for the first device of a world."""
    forgery = forged_leaf(world.site)
    forgery.public_key = ec.derive_private_key(scalar, ec.SECP256R1()).public_key()
    forgery.subject = name(common_name=f"{world.uuid(1)} BCID:8001 BPID:03ff")
    return forgery


def expired(world: World, scalar: int) -> bytes:
    forgery = leaf(world, scalar)
    forgery.not_before, forgery.not_after = NOW - 2 * DAY, NOW - timedelta(seconds=1)
    return forgery.sign()


def not_yet_valid(world: World, scalar: int) -> bytes:
    forgery = leaf(world, scalar)
    forgery.not_before = NOW + DAY
    return forgery.sign()


def of_another_uuid(world: World, scalar: int) -> bytes:
    return world.certificate(world.uuid(2), scalar)


def without_policy(world: World, scalar: int) -> bytes:
    return leaf(world, scalar).drop(x509.CertificatePolicies.oid.dotted_string).sign()


def that_may_sign(world: World, scalar: int) -> bytes:
    forgery = leaf(world, scalar)
    forgery.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return forgery.sign()


def without_key_agreement(world: World, scalar: int) -> bytes:
    return leaf(world, scalar).put(usage("digital_signature"), critical=True).sign()


def with_an_unknown_critical_extension(world: World, scalar: int) -> bytes:
    oid = x509.ObjectIdentifier("1.3.6.1.4.1.32473.1")
    return leaf(world, scalar).put(x509.UnrecognizedExtension(oid, b"\5\0"), critical=True).sign()


def that_is_no_certificate(world: World, scalar: int) -> bytes:
    del world, scalar
    return bytes(range(256)) * 2


def cut_short(world: World, scalar: int) -> bytes:
    return world.certificate(world.uuid(1), scalar)[:-7]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (expired, "expired"),
        (not_yet_valid, "not-yet-valid"),
        (of_another_uuid, "uuid-mismatch"),
        (without_policy, "policy-missing"),
        (that_may_sign, "profile-basic-constraints"),
        (without_key_agreement, "profile-key-usage"),
        (with_an_unknown_critical_extension, "unknown-critical-extension"),
        (that_is_no_certificate, "malformed-certificate"),
        (cut_short, "malformed-certificate"),
    ],
)
def test_a_bad_certificate_is_refused_by_name(
    world: World, make: Callable[[World, int], bytes], code: str
) -> None:
    records = world.records(make(world, world.key("lamp 1")))
    flash = world.flash(1, records=records)
    world.power(flash)
    refused(world, code)
    assert flash.content.membership is None


def refused(world: World, code: str, *, patience: float = 20.0) -> str:
    """Run, and check that the only device was refused with `code`; return the reason."""
    report = world.run(patience=patience)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.REFUSED, code)
    assert not world.register.nodes()
    assert not world.register.reserved()
    attempts = world.register.attempts()
    assert {attempt.outcome for attempt in attempts} == {Outcome.REFUSED}
    assert {attempt.code for attempt in attempts} == {code}
    reason = result.reason or ""
    assert reason.isprintable()
    assert reason[0].isupper()
    assert reason.endswith(".")
    return reason


def test_a_chain_of_another_manufacturer_is_refused(world: World, other_site: Site) -> None:
    world.power(world.flash(1, site=other_site))
    refused(world, "path-untrusted")


def test_a_leaf_of_the_wrong_root_under_the_right_batch_is_refused(
    world: World, other_site: Site
) -> None:
    certificate = world.certificate(world.uuid(1), world.key("lamp 1"), other_site)
    world.power(world.flash(1, records=world.records(certificate)))
    refused(world, "path-untrusted")


def test_a_root_on_the_device_is_refused(world: World) -> None:
    good = world.records(world.certificate(world.uuid(1), world.key("lamp 1")))
    world.power(world.flash(1, records=good | {INTERMEDIATES[1]: world.site.root}))
    refused(world, "root-on-device")


def test_a_missing_batch_certificate_is_refused(world: World) -> None:
    certificate = world.certificate(world.uuid(1), world.key("lamp 1"))
    world.power(world.flash(1, records={CERTIFICATE: certificate}))
    refused(world, "path-untrusted")


def test_a_device_without_a_certificate_record_is_refused(world: World) -> None:
    world.power(world.flash(1, records={RecordId.BASE_URI: b"\x17//mesh.example"}))
    refused(world, "no-certificate")


def test_the_batch_certificate_of_the_first_device_serves_the_second(worlds: Worlds) -> None:
    world = worlds()
    first = world.flash(1)
    world.power(first)
    certificate = world.certificate(world.uuid(2), world.key("lamp 2"))
    second = world.flash(2, records={CERTIFICATE: certificate})
    commissioner = world.commissioner()
    commissioner.start()
    world.air.run_until(lambda: bool(world.register.nodes()))
    world.power(second)
    assert world.air.run_until(lambda: commissioner.finished, limit=60)
    assert len(world.register.nodes()) == 2


def test_a_certificate_cannot_draw_on_the_screen(world: World) -> None:
    forgery = leaf(world, world.key("lamp 1"))
    lie = "\x1b[2J\rAll devices joined\n\N{RIGHT-TO-LEFT OVERRIDE}" + "x" * 3000
    forgery.subject = x509.Name([x509.NameAttribute(x509.NameOID.GIVEN_NAME, lie)])
    forgery.issuer = name(common_name="nobody")
    world.power(world.flash(1, records=world.records(forgery.sign())))
    report = world.run(patience=20)
    [result] = report.assets
    assert result.kind is ResultKind.REFUSED
    assert result.reason is not None
    assert result.reason.isprintable()
    assert len(result.reason) < 500


# Hostile records.

Answer = Callable[[RecordResponse], list[RecordResponse]]


def records_answered(world: World, answer: Answer) -> None:
    """Power a device on that answers for its records in its own way."""

    def edit(octets: bytes) -> list[bytes]:
        pdu = decode(octets)
        answers = answer(pdu) if isinstance(pdu, RecordResponse) else [pdu]
        return [encode(each) for each in answers]

    Actor(world, world.uuid(1), options_of(world.flash(1)), edit=edit)


def response(pdu: RecordResponse, **changes: int | bytes) -> list[RecordResponse]:
    values = {
        "status": pdu.status,
        "record_id": pdu.record_id,
        "offset": pdu.offset,
        "total_length": pdu.total_length,
        "data": pdu.data,
    }
    return [RecordResponse(**(values | changes))]  # type: ignore[arg-type] # names match types


LIES: dict[str, tuple[Answer, str]] = {
    "enormous": (lambda pdu: response(pdu, total_length=65_535), "bad-record"),
    "growing": (
        lambda pdu: response(pdu, total_length=pdu.total_length + pdu.offset),
        "bad-record",
    ),
    "without data": (lambda pdu: response(pdu, data=b""), "bad-record"),
    "empty": (lambda pdu: response(pdu, data=b"", total_length=0), "bad-record"),
    "from the start again": (lambda pdu: response(pdu, offset=0), "bad-record"),
    "another": (lambda pdu: response(pdu, record_id=pdu.record_id + 1), "bad-record"),
    "with a status of the future": (lambda pdu: response(pdu, status=0x7F), "missing-record"),
    "listed and absent": (lambda pdu: response(pdu, status=1), "missing-record"),
    "answered twice": (lambda pdu: response(pdu) * 2, "bad-record"),
}


@pytest.mark.parametrize(("answer", "code"), LIES.values(), ids=LIES)
def test_records_that_cannot_be_are_refused(world: World, answer: Answer, code: str) -> None:
    records_answered(world, answer)
    refused(world, code)


def test_endless_fragments_come_to_an_end(world: World) -> None:
    records_answered(world, lambda pdu: response(pdu, data=pdu.data[:1], total_length=8000))
    report = world.run(patience=400.0)
    [result] = report.assets
    assert result.code in ("bad-record", "records-too-slow")
    assert result.seconds_on_air is not None
    assert result.seconds_on_air < 250


def test_a_list_of_every_record_there_could_be_is_harmless(world: World) -> None:
    def edit(octets: bytes) -> list[bytes]:
        if octets[0] == PduType.RECORDS_LIST:
            return [encode(RecordsList(0, tuple(range(300)) * 2))]
        return [octets]

    flash = world.flash(1)
    # The intermediates that are listed and not there cost it the session, not us the run.
    Actor(world, world.uuid(1), options_of(flash), edit=edit)
    refused(world, "missing-record")


def test_a_device_that_knows_no_records_is_never_a_node(world: World) -> None:
    flash = world.flash(1, records={})
    Actor(world, world.uuid(1), options_of(flash))
    report = world.run(patience=30.0)
    [result] = report.assets
    assert (result.kind, result.code) == (ResultKind.UNACCOUNTED, "refused-by-device")
    assert not world.register.reserved()
