"""First inputs for what comes as a record, a label or a file."""

from __future__ import annotations

import base64
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from tests.pki.forging import DEVICE_UUID

from fuzz.artefacts import PASSPHRASE, scratch, site
from fuzz.octets import long, sized
from fuzz.seeds import loaded, values_of, vectors
from meshwright import settings
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.factory.label_text import label_text
from meshwright.pki import der
from meshwright.pki.compact_encoding import encode, make_template
from meshwright.pki.csr import make_csr
from meshwright.pki.key_file import create_key_file
from meshwright.randomness import SeededRandomness
from meshwright.sim.flash import Flash, Membership

_DER = frozenset({"der"})


def certificates() -> list[bytes]:
    """Return published certificates and our own."""
    pem = [text for _, text in values_of(loaded("pki/limbo_profile")["pem"]) if "CERTIF" in text]
    bodies = ["".join(text.splitlines()[1:-1]) for text in pem[:24]]
    pkits = list(loaded("pki/pkits")["certs"].values())[:24]
    ours = [site().leaf, site().batch, site().root]
    return [
        *ours,
        *vectors("pki/pts_test_certificates", fields=_DER)(),
        *map(_decoded, [*bodies, *pkits]),
    ]


def _decoded(text: str) -> bytes:
    return base64.b64decode(text)


def crls() -> list[bytes]:
    """Return published revocation lists."""
    return [_decoded(text) for text in list(loaded("pki/pkits")["crls"].values())[:24]]


def signed_parts() -> list[bytes]:
    """Return what is signed in certificates of devices."""
    found = []
    for certificate in certificates()[:12]:
        tbs = der.children(certificate, der.whole(certificate), 1)[0]
        found.append(certificate[tbs.header : tbs.end])
    return found


def chains() -> list[bytes]:
    """Return what devices show."""
    good = site()
    ways = ([good.leaf, good.batch], [good.leaf, b""], [good.leaf, good.batch, good.root])
    return [b"".join(long(each) for each in way) for way in ways]


def compact_chains() -> list[bytes]:
    """Return what devices with little flash keep."""
    good = site()
    template = make_template(good.leaf, good.batch)
    return [sized(encode(good.leaf, template, good.batch)) + template]


def requests() -> list[bytes]:
    """Return certificate signing requests."""
    good = site()
    uuid = DEVICE_UUID
    return [make_csr(good.device_key, good.profile.assign(uuid))]


def common_names() -> list[bytes]:
    """Return common names of devices."""
    uuid = "2f1e3d70-e5ec-11f1-804d-010203040506"
    return [uuid.encode(), f"{uuid} BCID:8001 BPID:03ff".encode()]


def labels() -> list[bytes]:
    """Return the texts of labels."""
    uuid = UUID(int=5)
    return [label_text(base, uuid).encode() for base in ("https://a.b/d", "https://a.b:1/x~y")]


def flash_files() -> list[bytes]:
    """Return flash images."""
    member = Membership(ProvisioningData(bytes(16), 1, 0, 5, 2), bytes(16), 7)
    records = {1: bytes(40)}
    full = Flash(bytes(6), 3, UUID(int=1), "Acme", 1, 2, 5, records, member)
    return [Flash(bytes(6)).encode(), full.encode()]


def key_files() -> list[bytes]:
    """Return a key file without the line of its digest, and one with it."""
    path = scratch() / "seed.pem"
    path.unlink(missing_ok=True)
    key = ec.derive_private_key(5, ec.SECP256R1())
    create_key_file(path, key, PASSPHRASE, SeededRandomness(1).stream("key file"))
    whole = path.read_bytes()
    return [whole.partition(b"\n")[2], whole]


def home_settings() -> list[bytes]:
    """Return settings of homes."""
    settings.save(scratch(), settings.Settings("passphrase", "0102030405ff", seed=7))
    return [(scratch() / settings.FILE_NAME).read_bytes()]
