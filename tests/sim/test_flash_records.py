"""A virtual device keeps its certificate compactly and hands out exactly the same octets."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest
from tests.pki.forging import make_site

from meshwright.core.provisioning.fields import INTERMEDIATES, RecordId
from meshwright.core.provisioning.records import RecordLimits, RecordReader, RecordServer
from meshwright.randomness import SeededRandomness
from meshwright.sim.flash import DamagedFlashError, Flash, FlashFile
from meshwright.sim.line_device import VirtualLineDevice, device_options

SITE = make_site()
BATCH = f"{INTERMEDIATES[0]:04x}"
CERTIFICATE = f"{RecordId.DEVICE_CERTIFICATE:04x}"


def enrolled(path: Path, certificate: bytes = SITE.leaf, *intermediates: bytes) -> dict[str, Any]:
    """Store a chain as the factory does, and return what is in the file."""
    device = VirtualLineDevice(FlashFile.create(path, bytes(6)), SeededRandomness(1).stream("x"))
    device.store_chain(certificate, intermediates, "https://acme.example/c/")
    image: dict[str, Any] = json.loads(path.read_bytes())
    return image


def read_record(path: Path, record_id: int) -> bytes:
    """Read a record of the device in `path`, as a Provisioner does over the air."""
    options = device_options(FlashFile.open(path))
    server = RecordServer(options.records, options.fragment_limit)
    reader = RecordReader(record_id, RecordLimits())
    while not reader.accept(server.respond(reader.request())):
        pass
    assert reader.content is not None
    return reader.content


def test_the_device_hands_out_the_same_octets(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    records = enrolled(path, SITE.leaf, SITE.batch)["records"]
    assert CERTIFICATE not in records
    template, record = map(b64decode, records["compact"])
    assert len(record) < 170
    assert len(template) < 130
    assert read_record(path, RecordId.DEVICE_CERTIFICATE) == SITE.leaf
    assert read_record(path, INTERMEDIATES[0]) == SITE.batch


@pytest.mark.parametrize(
    ("certificate", "intermediates"),
    [(SITE.leaf, ()), (SITE.batch, (SITE.root,)), (b"no certificate", (SITE.batch,))],
    ids=["no batch certificate", "no template", "no certificate"],
)
def test_what_does_not_fit_is_kept_as_it_is(
    tmp_path: Path, certificate: bytes, intermediates: tuple[bytes, ...]
) -> None:
    path = tmp_path / "device.json"
    records = enrolled(path, certificate, *intermediates)["records"]
    assert b64decode(records[CERTIFICATE]) == certificate
    assert "compact" not in records
    assert read_record(path, RecordId.DEVICE_CERTIFICATE) == certificate


def test_images_of_earlier_releases_are_read(tmp_path: Path) -> None:
    image = enrolled(tmp_path / "device.json", SITE.leaf, SITE.batch)
    del image["records"]["compact"]
    image["records"][CERTIFICATE] = b64encode(SITE.leaf).decode()
    assert Flash.decode(json.dumps(image).encode()).records[1] == SITE.leaf


@pytest.mark.parametrize("compact", [None, [], ["AQA="], ["AQA=", "AQ=="], ["AQA=", 5], "AQ", {}])
def test_a_damaged_compact_record(tmp_path: Path, compact: object) -> None:
    path = tmp_path / "device.json"
    image = enrolled(path, SITE.leaf, SITE.batch)
    image["records"]["compact"] = compact
    path.write_text(json.dumps(image))
    with pytest.raises(DamagedFlashError):
        FlashFile.open(path)


def test_a_compact_record_without_its_batch_certificate(tmp_path: Path) -> None:
    path = tmp_path / "device.json"
    image = enrolled(path, SITE.leaf, SITE.batch)
    del image["records"][BATCH]
    path.write_text(json.dumps(image))
    with pytest.raises(DamagedFlashError):
        FlashFile.open(path)
