"""The published chains: what is in each, what is asked of it, and what has to come out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from tests.pki.forging import (
    DAY,
    DEVICE_UUID,
    NOW,
    OTHER_UUID,
    Forgery,
    Site,
    edited,
    forged_batch,
    forged_leaf,
    forged_root,
    key,
    key_identifier,
    name,
    policies,
    usage,
)
from tests.pki.test_revocation import make_crl

from meshwright.pki import oids
from meshwright.pki.profile import UUID_ASSIGNED_AND_UNIQUE

UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
OLD_OOB = x509.UnrecognizedExtension(
    x509.ObjectIdentifier(oids.DRAFT_STATIC_OOB), b"\x04\x10" + bytes(range(16))
)
OURS = (UUID_ASSIGNED_AND_UNIQUE,)


@dataclass(frozen=True)
class Chain:
    """One chain; `code` None is accepted, `findings` are the codes that must be among them."""

    name: str
    about: str
    code: str | None
    leaf: bytes
    intermediates: tuple[bytes, ...]
    roots: tuple[bytes, ...]
    findings: tuple[str, ...] = ()
    crls: tuple[bytes, ...] = ()
    uuid: UUID = DEVICE_UUID
    at: datetime = NOW
    policies: tuple[str, ...] = OURS


class Maker:
    """Makes the chains of one site; what is not said is good."""

    def __init__(self, site: Site, stranger: Site) -> None:
        self.site, self.stranger = site, stranger

    def chain(
        self,
        title: str,
        about: str,
        code: str | None,
        leaf: Forgery | bytes | None = None,
        batches: tuple[bytes, ...] | None = None,
        roots: tuple[bytes, ...] | None = None,
        findings: tuple[str, ...] = (),
        **asked: object,
    ) -> Chain:
        octets = leaf.sign() if isinstance(leaf, Forgery) else leaf
        return Chain(
            title,
            about,
            code,
            octets or self.site.leaf,
            (self.site.batch,) if batches is None else batches,
            roots or (self.site.root,),
            findings,
            **asked,  # type: ignore[arg-type] # what remains of the fields of a chain
        )

    def all(self) -> Iterator[Chain]:
        """Yield every chain."""
        yield from self.good()
        yield from self.profile()
        yield from self.keys()
        yield from self.authorities()
        yield from self.trust()
        yield from self.times()
        yield from self.status()

    def good(self) -> Iterator[Chain]:
        site, chain = self.site, self.chain
        yield chain("good", "A chain without a fault.", None)
        yield chain("good-anchor-batch", "The batch is the anchor.", None, None, (), (site.batch,))
        unrelated = (self.stranger.batch, site.batch)
        yield chain("good-extra", "A certificate that is not needed.", None, None, unrelated)
        vendor = forged_leaf(site)
        vendor.subject = name(common_name=str(DEVICE_UUID))
        text = "No company and product ID."
        yield chain("good-no-vendor", text, None, vendor, findings=("profile-vendor",))
        anonymous = forged_leaf(site).drop(oids.AUTHORITY_KEY_IDENTIFIER)
        yield chain("good-no-key-id", "The device's issuer is found by name.", None, anonymous)
        text = "The static OOB extension of a draft is ignored."
        old = forged_leaf(site).put(OLD_OOB)
        yield chain("good-static-oob", text, None, old, findings=("profile-static-oob",))
        without = forged_leaf(site).drop(oids.CERTIFICATE_POLICIES)
        missed = ("profile-policies", "policy-missing")
        text = "No policies, and none demanded."
        yield chain("good-no-policy", text, None, without, findings=missed, policies=())
        root = forged_root(site)
        root.put(root.extensions[oids.BASIC_CONSTRAINTS][0], critical=False)
        text = "basicConstraints of the root is not critical, which is tolerated."
        told = ("constraints-not-critical",)
        yield chain("good-lax-root", text, None, None, None, (root.sign(),), told)

    def profile(self) -> Iterator[Chain]:
        """Yield device certificates that break the mesh profile."""
        for title, about, code, leaf in self.bad_leaves():
            yield self.chain(title, about, code, leaf)
        leaf = forged_leaf(self.site).put(usage("digital_signature"))
        leaf.subject = name(common_name="lamp", organization=None)
        leaf.not_after = NOW - DAY
        told = ("profile-key-usage", "profile-common-name", "profile-organization", "expired")
        text = "Four faults at once; all are told."
        yield self.chain("many-faults", text, "profile-key-usage", leaf, findings=told)

    def bad_leaves(self) -> Iterator[tuple[str, str, str, Forgery]]:
        site = self.site
        ca = x509.BasicConstraints(ca=True, path_length=0)
        yield (
            "leaf-is-ca",
            "A CA certificate as device certificate.",
            "profile-basic-constraints",
            forged_leaf(site).put(ca, critical=True),
        )
        yield (
            "leaf-key-usage",
            "keyUsage is not keyAgreement alone.",
            "profile-key-usage",
            forged_leaf(site).put(usage("key_agreement", "digital_signature")),
        )
        leaf = forged_leaf(site)
        leaf.subject = name(common_name="lamp 7")
        yield "leaf-common-name", "No UUID in the name.", "profile-common-name", leaf
        leaf = forged_leaf(site)
        leaf.subject = name(common_name=f"{DEVICE_UUID} BCID:8001")
        yield "leaf-half-vendor", "BCID without BPID.", "profile-common-name", leaf
        leaf = forged_leaf(site)
        leaf.subject = name(common_name=str(DEVICE_UUID), organization=None)
        yield "leaf-organization", "No organization.", "profile-organization", leaf
        yield (
            "leaf-policies-not-critical",
            "certificatePolicies is not critical.",
            "profile-policies-critical",
            forged_leaf(site).put(policies(*OURS)),
        )
        alternative = x509.SubjectAlternativeName([x509.DNSName("lamp.example")])
        yield (
            "leaf-alternative-name",
            "subjectAltName is forbidden.",
            "profile-forbidden-extension",
            forged_leaf(site).put(alternative),
        )
        yield (
            "leaf-unknown-critical",
            "A critical extension that nobody knows.",
            "unknown-critical-extension",
            forged_leaf(site).put(UNKNOWN, critical=True),
        )

    def keys(self) -> Iterator[Chain]:
        leaf = forged_leaf(self.site)
        leaf.public_key = ec.derive_private_key(5, ec.SECP384R1()).public_key()
        yield self.chain("leaf-p384", "A key of P-384.", "profile-key", leaf)
        off = edited(self.site.leaf, self.site.batch_key, _off_the_curve)
        yield self.chain("leaf-off-curve", "A key that is no point of P-256.", "profile-key", off)
        text = "Octets that are no certificate."
        yield self.chain("leaf-cut", text, "malformed-certificate", self.site.leaf[:-1])
        long = self.site.batch + b"\x00"
        text = "An octet after the end of the batch certificate."
        yield self.chain("batch-long", text, "malformed-certificate", None, (long,))

    def authorities(self) -> Iterator[Chain]:
        site, chain = self.site, self.chain
        second = forged_leaf(site)
        second.issuer, second.signing_key = site.leaf, site.device_key
        second.put(key_identifier(site.leaf))
        text = "A device signed for another one."
        yield chain("device-as-ca", text, "not-a-ca", second, (site.batch, site.leaf))
        batch = forged_batch(site).put(usage("crl_sign"), critical=True).sign()
        text = "The batch may not sign certificates."
        yield chain("batch-key-usage", text, "ca-key-usage", None, (batch,))
        batch = forged_batch(site).put(UNKNOWN, critical=True).sign()
        text = "An unknown critical extension in the batch."
        yield chain("batch-unknown-critical", text, "unknown-critical-extension", None, (batch,))
        yield self.too_long()
        only = x509.NameConstraints([x509.DirectoryName(name(organization="Evil"))], None)
        batch = forged_batch(site).put(only, critical=True).sign()
        text = "The batch may speak for another organization only."
        yield chain("name-constraints", text, "path-invalid", None, (batch,))
        text = "The batch asserts another policy."
        batch = forged_batch(site).put(policies("1.2.3.4")).sign()
        yield chain("batch-policy", text, "policy-missing", None, (batch,))
        leaf = forged_leaf(site).put(policies("1.2.3.4"), critical=True)
        yield chain("leaf-policy", "The device asserts another policy.", "policy-missing", leaf)

    def too_long(self) -> Chain:
        second = forged_batch(self.site, key("second batch"))
        second.subject = name(common_name="second batch")
        second.issuer, second.signing_key = self.site.batch, self.site.batch_key
        second.put(key_identifier(self.site.batch))
        leaf = forged_leaf(self.site)
        leaf.issuer, leaf.signing_key = second.subject, key("second batch")
        leaf.put(key_identifier(second.sign()))
        chain = (self.site.batch, second.sign())
        text = "A batch below a batch that allows none."
        return self.chain("path-length", text, "path-length", leaf, chain)

    def trust(self) -> Iterator[Chain]:
        site, stranger, chain = self.site, self.stranger, self.chain
        untrusted = "path-untrusted"
        told = ("issuer-missing",)
        text = "A chain of another manufacturer."
        yield chain("other-root", text, untrusted, stranger.leaf, (stranger.batch,), findings=told)
        yield chain("no-batch", "The batch is missing.", untrusted, None, (), findings=told)
        leaf = forged_leaf(site)
        leaf.signing_key = key("rogue")
        told = ("issuer-signature",)
        yield chain("forged-leaf", "Signed by a stranger.", untrusted, leaf, findings=told)
        rogue = forged_batch(site, key("rogue"))
        rogue.signing_key = key("rogue")
        leaf.put(key_identifier(rogue.sign()))
        text = "A batch made by a stranger, with the name of the real one."
        yield chain("forged-batch", text, untrusted, leaf, (rogue.sign(),), findings=told)
        told = ("issuer-key",)
        text = "The key identifier is not that of the batch."
        yield chain("other-key-id", text, untrusted, leaf, findings=told)
        leaf = forged_leaf(site).drop(oids.AUTHORITY_KEY_IDENTIFIER)
        leaf.issuer, leaf.signing_key = leaf.subject, site.device_key
        yield chain("self-signed", "It vouches for itself.", untrusted, leaf, ())
        sent = (site.batch, site.root)
        yield chain("root-sent", "The chain holds the root.", "root-on-device", None, sent)
        text = "It names another device."
        yield chain("other-uuid", text, "uuid-mismatch", None, uuid=OTHER_UUID)
        many = tuple(self.numbered_batches(16))
        yield chain("too-many", "16 intermediates.", "too-many-certificates", None, many)

    def numbered_batches(self, count: int) -> Iterator[bytes]:
        for serial in range(1, count + 1):
            batch = forged_batch(self.site)
            batch.serial = serial
            yield batch.sign()

    def times(self) -> Iterator[Chain]:
        site, chain, second = self.site, self.chain, timedelta(seconds=1)
        leaf = forged_leaf(site)
        leaf.not_before, leaf.not_after = NOW, NOW + DAY
        batch = (forged_batch(site).sign(),)
        root = (forged_root(site).sign(),)
        one = leaf.sign()
        for title, at, code in (
            ("too-early", NOW - second, "not-yet-valid"),
            ("first-second", NOW, None),
            ("last-second", NOW + DAY, None),
            ("too-late", NOW + DAY + second, "expired"),
        ):
            yield chain(title, "The validity of the device.", code, one, batch, root, at=at)
        old = forged_batch(site)
        old.not_after = NOW - second
        text = "The batch has ended."
        yield chain("batch-expired", text, "expired", None, (old.sign(),))
        text = "One of two batches has ended; the other counts."
        yield chain("one-batch-expired", text, None, None, (old.sign(), site.batch))
        ended = forged_root(site)
        ended.not_after = NOW - second
        yield chain("root-expired", "The root has ended.", "expired", roots=(ended.sign(),))

    def status(self) -> Iterator[Chain]:
        site, chain = self.site, self.chain
        clean_root = make_crl(site.root, site.root_key)
        clean = make_crl(site.batch, site.batch_key)
        text = "Lists answer for all, and name none."
        yield chain("not-revoked", text, None, crls=(clean_root, clean))
        lists = (clean_root, make_crl(site.batch, site.batch_key, [site.leaf]))
        yield chain("device-revoked", "The device is revoked.", "revoked", crls=lists)
        lists = (make_crl(site.root, site.root_key, [site.batch]), clean)
        yield chain("batch-revoked", "The batch is revoked.", "revoked", crls=lists)
        text = "No list of the batch."
        yield chain("no-list", text, "status-unknown", crls=(clean_root,))
        stale = make_crl(site.batch, site.batch_key, at=NOW - 8 * DAY)
        text = "The list of the batch is too old."
        yield chain("stale-list", text, "status-unknown", crls=(clean_root, stale))
        forged = make_crl(site.batch, key("forger"))
        text = "A stranger signed the list of the batch."
        yield chain("forged-list", text, "status-unknown", crls=(clean_root, forged))


def _off_the_curve(parts: list[bytes]) -> list[bytes]:
    spki = parts[6]
    return [*parts[:6], spki[:-1] + bytes((spki[-1] ^ 1,)), *parts[7:]]
