"""The sample certificate of the specification (8.11.2) and the test certificates of the PTS."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_private_key

from meshwright.core.crypto import in_private_range, public_octets
from meshwright.pki.certificate import Certificate, verify_signature
from meshwright.pki.checks import DEVICE, run
from meshwright.pki.errors import CertificateRejectedError
from meshwright.pki.findings import Level
from meshwright.pki.rules_device import device_identity
from meshwright.pki.validation import ChainValidator

VECTORS = Path(__file__).parent.parent / "vectors" / "pki"
CBP: dict[str, dict[str, Any]] = {
    item["kind"]: item
    for item in json.loads((VECTORS / "cbp_certificates.json").read_text())["vectors"]
}
PTS: dict[str, dict[str, Any]] = {
    item["name"]: item
    for item in json.loads((VECTORS / "pts_test_certificates.json").read_text())["vectors"]
}
SAMPLE = CBP["device_certificate"]
PTS_TIME = datetime(2026, 11, 21, tzinfo=UTC)


def pts(name: str) -> bytes:
    return bytes.fromhex(PTS[name]["der"])


def test_the_sample_certificate_reads_as_printed() -> None:
    octets = base64.b64decode(SAMPLE["der_base64"])
    certificate = Certificate.parse(octets)
    assert len(octets) == SAMPLE["der_length"]
    assert certificate.raw.serial == SAMPLE["serial"]
    assert certificate.names("2.5.4.3") == [SAMPLE["subject_cn"]]
    assert certificate.names("2.5.4.10") == [SAMPLE["subject_o"]]
    assert certificate.not_before == datetime.fromisoformat(SAMPLE["not_before"])
    assert certificate.not_after == datetime.fromisoformat(SAMPLE["not_after"])
    assert certificate.policies == {SAMPLE["policy_oid"]}
    assert certificate.subject_key_identifier == bytes.fromhex(SAMPLE["ski"])
    assert certificate.authority_key_identifier == bytes.fromhex(SAMPLE["aki"])


def test_the_sample_certificate_names_its_device() -> None:
    certificate = Certificate.parse(base64.b64decode(SAMPLE["der_base64"]))
    identity = device_identity(certificate)
    assert identity.uuid == UUID(SAMPLE["uuid"])
    assert (identity.company_id, identity.product_id) == (0x8001, 0x03FF)
    assert identity.common_name == SAMPLE["subject_cn"]


def test_the_sample_certificate_keeps_the_profile() -> None:
    certificate = Certificate.parse(base64.b64decode(SAMPLE["der_base64"]))
    assert list(run(DEVICE.leaf, certificate)) == []
    point = bytes.fromhex(SAMPLE["issuer_public_key_recovered"])
    issuer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    assert verify_signature(certificate, issuer)


def test_the_sample_key_belongs_to_it_and_is_out_of_range() -> None:
    key = load_der_private_key(base64.b64decode(CBP["device_private_key"]["pem_body"]), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = Certificate.parse(base64.b64decode(SAMPLE["der_base64"]))
    assert certificate.raw.spki[-64:] == public_octets(key.public_key())
    assert not in_private_range(key.private_numbers().private_value)


@pytest.mark.parametrize(
    ("name", "remarks"),
    [
        ("device_no_oob", ["profile-policies", "profile-vendor"]),
        ("device_static_oob", ["profile-policies", "profile-static-oob", "profile-vendor"]),
    ],
)
def test_pts_devices_are_accepted_where_no_policy_is_required(
    name: str, remarks: list[str]
) -> None:
    validator = ChainValidator([pts("root")], required_policies=frozenset())
    uuid = UUID(PTS[name]["uuid"])
    device = validator.validate(pts(name), [pts("intermediate")], uuid=uuid, at=PTS_TIME)
    assert device.identity.uuid == uuid
    # The authorities mark basicConstraints non-critical, which is tolerated and told.
    assert [item.code for item in device.findings] == [*remarks, *["constraints-not-critical"] * 2]
    assert not [item for item in device.findings if item.level is Level.ERROR]


def test_pts_devices_are_refused_where_our_policy_is_required() -> None:
    name = "device_no_oob"
    with pytest.raises(CertificateRejectedError) as caught:
        ChainValidator([pts("root")]).validate(
            pts(name), [pts("intermediate")], uuid=UUID(PTS[name]["uuid"]), at=PTS_TIME
        )
    assert caught.value.code == "policy-missing"
