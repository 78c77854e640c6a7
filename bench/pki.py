"""PKI: how much more than the raw signatures a validation and an issued certificate cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from statistics import median
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.pki.validation import ChainValidator
from meshwright.randomness import SeededRandomness

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DEVICE = UUID("2f1e3d70-e5ec-11f1-804d-010203040506")
ROUNDS = 9
Row = dict[str, object]


class Factory:
    """A root, a batch and a device, made once."""

    def __init__(self) -> None:
        randomness = SeededRandomness(1)
        self.random = randomness.stream("bench", "serials")
        root_key, batch_key, self.device_key = (
            generate_private_key(randomness.stream("bench", label))
            for label in ("root", "batch", "device")
        )
        self.signer = PrivateKeySigner(batch_key)
        root_signer = PrivateKeySigner(root_key)
        profile = DeviceProfile("Acme", 0x8001, 0x03FF)
        names = (RootProfile("root", "Acme"), BatchProfile("batch", "Acme"))
        self.root = create_root(root_signer, names[0], now=NOW, random=self.random)
        self.batch = create_batch(
            self.root, root_signer, batch_key.public_key(), names[1], now=NOW, random=self.random
        )
        self.authority = Authority(self.batch, self.signer, profile)
        self.assignment = profile.assign(DEVICE)
        self.request = make_csr(self.device_key, self.assignment)
        self.leaf = self.issue()

    def issue(self) -> bytes:
        """Check the request, lint, sign: all but the store."""
        prepared = self.authority.prepare(
            self.request, self.assignment, now=NOW, random=self.random
        )
        return self.authority.issue(prepared)

    def validate(self, validator: ChainValidator) -> None:
        """Validate the device's chain."""
        validator.validate(self.leaf, [self.batch], uuid=DEVICE, at=NOW)


def rows() -> list[Row]:
    """Measure everything, each beside its floor of the same run."""
    factory = Factory()
    warm = ChainValidator([factory.root])
    factory.validate(warm)
    leaf = x509.load_der_x509_certificate(factory.leaf)
    signature, tbs = leaf.signature, leaf.tbs_certificate_bytes
    public_key, algorithm = factory.signer.public_key, ec.ECDSA(SHA256())
    cold, cached, issued, verify, sign = _interleaved(
        (lambda: factory.validate(ChainValidator([factory.root])), 20),
        (lambda: factory.validate(warm), 200),
        (factory.issue, 50),
        (lambda: public_key.verify(signature, tbs, algorithm), 300),
        (lambda: factory.signer.sign(tbs), 300),
    )
    return [
        # The root's own signature proves nothing and is not looked at: two verifies are the floor.
        _time("cold chain validation: root, batch and leaf, nothing cached", cold, 2 * verify),
        _time("leaf on a cached CA path", cached, verify),
        _rate("certificates issued: checked, linted, signed; no store", issued, sign + verify),
    ]


def _interleaved(*jobs: tuple[Callable[[], object], int]) -> list[float]:
    """Return the median seconds of every job; they take turns, so that noise hits all alike."""
    samples: list[list[float]] = [[] for _ in jobs]
    for _ in range(ROUNDS):
        for (job, count), times in zip(jobs, samples, strict=True):
            start = time.process_time()
            for _ in range(count):
                job()
            times.append((time.process_time() - start) / count)
    return [median(times) for times in samples]


def _time(name: str, seconds: float, floor: float) -> Row:
    return _row(name, seconds * 1000, "ms CPU", floor * 1000, seconds / floor)


def _rate(name: str, seconds: float, floor: float) -> Row:
    return _row(name, 1 / seconds, "per s CPU", 1 / floor, seconds / floor)


def _row(name: str, value: float, unit: str, floor: float, ratio: float) -> Row:
    row: Row = {"name": name, "value": round(value, 3), "unit": unit, "floor": round(floor, 3)}
    return row | {"ratio": round(ratio, 2), "bar": None, "ok": True}


if __name__ == "__main__":
    for row in rows():
        print(row)
