"""Chains made to measure: good ones from the real authority, bad ones broken in one place."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import settings

from meshwright.pki import der
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.certificate import ECDSA_WITH_SHA256
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import (
    KEY_AGREEMENT,
    UUID_ASSIGNED_AND_UNIQUE,
    Assignment,
    BatchProfile,
    DeviceProfile,
    RootProfile,
)
from meshwright.pki.validation import ChainValidator, ValidatedDevice
from meshwright.randomness import SeededRandomness

UNHURRIED = settings(deadline=None, max_examples=60)
"""A busy machine is no reason to fail."""

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
DAY = timedelta(days=1)
DEVICE_UUID = UUID("2f1e3d70-e5ec-11f1-804d-010203040506")
OTHER_UUID = UUID("2f1e3d70-e5ec-11f1-804d-010203040507")
COMPANY, PRODUCT = 0x8001, 0x03FF
POLICY = x509.CertificatePolicies(
    [x509.PolicyInformation(x509.ObjectIdentifier(UUID_ASSIGNED_AND_UNIQUE), None)]
)
NO_CA = x509.BasicConstraints(ca=False, path_length=None)
RANDOM = SeededRandomness(7)

SigningKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def key(label: str) -> ec.EllipticCurvePrivateKey:
    """Return the same key for the same label."""
    return generate_private_key(RANDOM.stream("key", label))


def usage(*names: str) -> x509.KeyUsage:
    """Make a keyUsage with the named bits."""
    bits = inspect.signature(x509.KeyUsage).parameters
    return x509.KeyUsage(**{bit: bit in names for bit in bits})


def policies(*oids: str) -> x509.CertificatePolicies:
    """Make certificatePolicies with these identifiers."""
    return x509.CertificatePolicies(
        [x509.PolicyInformation(x509.ObjectIdentifier(oid), None) for oid in oids]
    )


def name(*, common_name: str | None = None, organization: str | None = "Acme") -> x509.Name:
    """Make a subject."""
    attributes = []
    if organization is not None:
        attributes.append(x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization))
    if common_name is not None:
        attributes.append(x509.NameAttribute(x509.NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def parsed(octets: bytes) -> x509.Certificate:
    """Parse with the library alone."""
    return x509.load_der_x509_certificate(octets)


@dataclass(frozen=True)
class Site:
    """A root, a batch below it, and one device."""

    root_key: ec.EllipticCurvePrivateKey
    batch_key: ec.EllipticCurvePrivateKey
    device_key: ec.EllipticCurvePrivateKey
    root: bytes
    batch: bytes
    profile: DeviceProfile
    leaf: bytes

    def authority(self) -> Authority:
        """Return a fresh authority of the batch."""
        return Authority(self.batch, PrivateKeySigner(self.batch_key), self.profile)

    def validate(
        self,
        leaf: bytes | None = None,
        intermediates: Sequence[bytes] | None = None,
        *,
        uuid: UUID = DEVICE_UUID,
        at: datetime = NOW,
    ) -> ValidatedDevice:
        """Validate with a fresh validator."""
        return ChainValidator([self.root]).validate(
            self.leaf if leaf is None else leaf,
            [self.batch] if intermediates is None else intermediates,
            uuid=uuid,
            at=at,
        )


def make_site(label: str = "site", organization: str = "Acme") -> Site:
    """Make everything with the real authority."""
    root_key, batch_key, device_key = (key(f"{label} {part}") for part in ("root", "batch", "dev"))
    random = RANDOM.stream("serials", label)
    root = create_root(
        PrivateKeySigner(root_key),
        RootProfile(f"{label} root", organization),
        now=NOW,
        random=random,
    )
    batch = create_batch(
        root,
        PrivateKeySigner(root_key),
        batch_key.public_key(),
        BatchProfile(f"{label} batch", organization),
        now=NOW,
        random=random,
    )
    profile = DeviceProfile(organization, COMPANY, PRODUCT)
    authority = Authority(batch, PrivateKeySigner(batch_key), profile)
    leaf = issue(authority, device_key, profile.assign(DEVICE_UUID), label)
    return Site(root_key, batch_key, device_key, root, batch, profile, leaf)


def issue(
    authority: Authority, device_key: ec.EllipticCurvePrivateKey, assignment: Assignment, label: str
) -> bytes:
    """Take one device through the factory."""
    random = RANDOM.stream("device", label, assignment.uuid)
    request = make_csr(device_key, assignment)
    return authority.issue(authority.prepare(request, assignment, now=NOW, random=random))


@dataclass
class Forgery:
    """A certificate to be signed by anybody, with anything in it."""

    subject: x509.Name
    issuer: bytes | x509.Name
    public_key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey
    signing_key: SigningKey
    extensions: dict[str, tuple[x509.ExtensionType, bool]] = field(default_factory=dict)
    not_before: datetime = NOW - DAY
    not_after: datetime = NOW + 365 * DAY
    serial: int = 4711
    digest: SHA256 | SHA384 | SHA512 = field(default_factory=SHA256)

    def put(self, extension: x509.ExtensionType, *, critical: bool = False) -> Forgery:
        """Add or replace an extension."""
        self.extensions[extension.oid.dotted_string] = (extension, critical)
        return self

    def drop(self, oid: str) -> Forgery:
        """Leave an extension out."""
        del self.extensions[oid]
        return self

    def sign(self) -> bytes:
        """Sign it."""
        issuer = self.issuer if isinstance(self.issuer, x509.Name) else parsed(self.issuer).subject
        builder = x509.CertificateBuilder(
            issuer, self.subject, self.public_key, self.serial, self.not_before, self.not_after
        )
        for extension, critical in self.extensions.values():
            builder = builder.add_extension(extension, critical)
        return builder.sign(self.signing_key, self.digest).public_bytes(Encoding.DER)


def forged_leaf(site: Site) -> Forgery:
    """Start from a good device certificate, signed with the stolen batch key."""
    forgery = Forgery(
        name(common_name=f"{DEVICE_UUID} BCID:8001 BPID:03ff"),
        site.batch,
        site.device_key.public_key(),
        site.batch_key,
    )
    forgery.put(NO_CA).put(KEY_AGREEMENT).put(POLICY, critical=True)
    return forgery.put(key_identifier(site.batch))


def forged_batch(site: Site, batch_key: SigningKey | None = None) -> Forgery:
    """Start from a good batch certificate, signed with the stolen root key."""
    public_key = (batch_key or site.batch_key).public_key()
    forgery = Forgery(parsed(site.batch).subject, site.root, public_key, site.root_key)
    forgery.put(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    forgery.put(usage("key_cert_sign", "crl_sign"), critical=True).put(POLICY)
    forgery.put(x509.SubjectKeyIdentifier.from_public_key(public_key))
    return forgery.put(key_identifier(site.root))


def forged_root(site: Site) -> Forgery:
    """Start from a good root certificate."""
    forgery = forged_batch(site)
    forgery.subject = forgery.issuer = parsed(site.root).subject
    forgery.public_key = site.root_key.public_key()
    forgery.put(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    forgery.put(key_identifier(site.root))
    return forgery.put(x509.SubjectKeyIdentifier.from_public_key(forgery.public_key))


def key_identifier(issuer: bytes) -> x509.AuthorityKeyIdentifier:
    """Make the authorityKeyIdentifier that points to `issuer`."""
    found = parsed(issuer).extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)


def edited(
    certificate: bytes,
    signing_key: ec.EllipticCurvePrivateKey,
    edit: Callable[[list[bytes]], Iterable[bytes]],
) -> bytes:
    """Edit the elements of the signed part and sign again."""
    outer = der.whole(certificate)
    tbs = der.children(certificate, outer, 1)[0]
    elements, at = [], tbs.start
    while at < tbs.end:
        item = der.element(certificate, at, tbs.end)
        elements.append(certificate[item.header : item.end])
        at = item.end
    return signed(der.encode(der.SEQUENCE, *edit(elements)), signing_key)


def signed(tbs: bytes, signing_key: ec.EllipticCurvePrivateKey, unused_bits: int = 0) -> bytes:
    """Sign octets as they are."""
    signature = PrivateKeySigner(signing_key).sign(tbs)
    bits = der.encode(der.BIT_STRING, bytes((unused_bits,)), signature)
    return der.encode(der.SEQUENCE, tbs, ECDSA_WITH_SHA256, bits)
