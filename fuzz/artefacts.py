"""What comes as a record, a label or a file: certificates, requests, flash images, settings."""

from __future__ import annotations

import atexit
import shutil
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from tests.pki.forging import DEVICE_UUID, NOW, Site, make_site, signed

from fuzz.invariant import must, same, value_or_error
from fuzz.octets import Decisions
from meshwright import settings
from meshwright.core.errors import MalformedError
from meshwright.factory.label_text import label_text, parse_label
from meshwright.pki import compact, compact_encoding, der
from meshwright.pki.certificate import Certificate, verify_signature
from meshwright.pki.checks import DEVICE, run
from meshwright.pki.csr import check_csr
from meshwright.pki.errors import CertificateRejectedError
from meshwright.pki.identity import parse_common_name
from meshwright.pki.key_file import _digest_line, open_private_key
from meshwright.pki.revocation import usable_crls
from meshwright.pki.validation import ChainValidator
from meshwright.sim.flash import Flash, FlashFile

PASSPHRASE = "correct horse"  # noqa: S105 - of a key that opens nothing


@cache
def site() -> Site:
    """Return the manufacturer whose chains are mutated."""
    return make_site("fuzz")


@cache
def _validator() -> ChainValidator:
    return ChainValidator([site().root])


@cache
def scratch() -> Path:
    """Return a folder of this process."""
    folder = Path(mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _file(name: str, octets: bytes) -> Path:
    path = scratch() / name
    path.write_bytes(octets)
    return path


def der_elements(data: bytes) -> None:
    """Read DER, walked down as far as it goes."""
    outer = value_or_error(der.whole, data)
    waiting = [] if outer is None else [outer]
    for _ in range(200):
        if not waiting:
            return
        parent = waiting.pop()
        must(0 <= parent.start <= parent.end <= len(data), "an element beyond the octets")
        with suppress(MalformedError):
            for child in der.children(data, parent, 4):
                must(parent.start <= child.header < child.end <= parent.end, "a child outside")
                waiting.append(child)


def certificates(data: bytes) -> None:
    """Read one certificate, all that is read from it, and the rules for devices."""
    certificate = value_or_error(Certificate.parse, data)
    if certificate is None:
        return
    must(certificate.describe().isprintable(), "a name steers a terminal")
    key = value_or_error(lambda: certificate.public_key)
    if key is not None:
        verify_signature(certificate, key)
    value_or_error(certificate.names, "2.5.4.3")
    for rules in (DEVICE.leaf, DEVICE.intermediate, DEVICE.anchor):
        for finding in value_or_error(lambda rules=rules: list(run(rules, certificate))) or ():
            must(finding.fault.isprintable(), f"{finding.code} steers a terminal")
    _ = certificate.policies, certificate.path_length, certificate.key_usage
    _ = certificate.subject_key_identifier, certificate.authority_key_identifier


def chains(data: bytes) -> None:
    """Validate what a device shows: up to four certificates, each behind two octets of length."""
    decisions = Decisions(data)
    leaf = decisions.long()
    others: list[bytes] = []
    while decisions.left and len(others) < 3:
        others.append(decisions.long() or site().batch)
    _refused(leaf, others)


def resigned(data: bytes) -> None:
    """Validate any octets as the signed part of a certificate, under a stolen batch key."""
    _refused(signed(data, site().batch_key), [site().batch])


def _refused(leaf: bytes, others: list[bytes]) -> None:
    try:
        found = _validator().validate(leaf, others, uuid=DEVICE_UUID, at=NOW)
    except CertificateRejectedError as error:
        must(str(error).isprintable(), f"the message of {error.code} steers a terminal")
        must(len(str(error)) < 2_000, f"the message of {error.code} is endless")
        return
    must(found.identity.uuid == DEVICE_UUID, "another device was accepted")
    must(Certificate.parse(leaf).raw.spki[-64:] == found.public_key, "another key was accepted")


def requests(data: bytes) -> None:
    """Check certificate signing requests."""
    assignment = site().profile.assign(DEVICE_UUID)
    checked = value_or_error(check_csr, data, assignment)
    must(checked is None or len(checked.spki_sha256) == 32, "a request without its key")


def common_names(data: bytes) -> None:
    """Read common names of devices."""
    text = data.decode("utf-8", "replace")
    identity = value_or_error(parse_common_name, text)
    if identity is not None:
        same(parse_common_name(identity.common_name), identity, "a common name")


def crls(data: bytes) -> None:
    """Read revocation lists: fit to be asked or left out."""
    must(len(usable_crls([data])) <= 1, "more lists than there were")


def labels(data: bytes) -> None:
    """Read the text of a label."""
    found = value_or_error(parse_label, data.decode("utf-8", "replace"))
    if found is not None:
        again = parse_label(label_text(found.base, found.uuid))
        same(again.uuid, found.uuid, "the UUID of a label")
        same(again.base.lower(), found.base.lower(), "the base of a label")


def compact_chains(data: bytes) -> None:
    """Expand a compact certificate: the record behind its size, then the template."""
    decisions = Decisions(data)
    record, template = decisions.sized(), decisions.rest()
    found = value_or_error(compact.decode, record, template, site().batch)
    if found is not None:
        must(len(found) <= compact.LARGEST_COMPACT + 100, "more than a certificate may have")
        same(der.whole(found).end, len(found), "the end of a certificate")
        again = compact_encoding.encode(found, template, site().batch)
        same(compact.decode(again, template, site().batch), found, "a certificate")


def flash_files(data: bytes) -> None:
    """Open the flash image of a virtual device."""
    opened = value_or_error(FlashFile.open, _file("flash.json", data))
    if opened is not None:
        same(Flash.decode(opened.content.encode()), opened.content, "a flash image")


def key_files(data: bytes) -> None:
    """Open a key file with its digest as it came, and one with a digest that is right."""
    whole = _digest_line(data) + b"\n" + data
    for octets in (data, whole):
        value_or_error(open_private_key, _file("key.pem", octets), PASSPHRASE)


def home_settings(data: bytes) -> None:
    """Load the settings of a home."""
    _file(settings.FILE_NAME, data)
    found = value_or_error(settings.load, scratch())
    if found is not None and value_or_error(_saved, found):
        same(settings.load(scratch()), found, "settings")


def _saved(found: settings.Settings) -> bool:
    settings.save(scratch(), found)
    return True
