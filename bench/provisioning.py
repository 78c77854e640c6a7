"""CPU time of one provisioning, in every way: both roles, every packet, the leaf checked.

A device's certificate is read over the air in one fragment and its batch is cached, as for every
device of a batch but the first. The floor is the cryptography alone, counted in one session and
timed in the same run: whatever is above it is ours.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from bench._session import DEVICE, Sessions, Way
from meshwright.core import crypto
from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.fields import Algorithm, AuthenticationMethod
from meshwright.pki import certificate as pki_certificate
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.pki.validation import ChainValidator
from meshwright.randomness import RandomBytes, SeededRandomness

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAIRS = 300
BAR_MILLISECONDS, BAR_RATIO = 4.0, 6.0

Row = dict[str, Any]


class Bench:
    """One device with a real chain, and a provisioner that knows its batch."""

    def __init__(self) -> None:
        random = SeededRandomness(1).stream("pki")
        key = generate_private_key(random)
        self._batch, self.certificate, root = _chain(key, random)
        self._validator = ChainValidator([root])
        self.validate(self.certificate)
        pair = KeyPair(key.private_numbers().private_value)
        self.sessions = Sessions(pair, self.validate)

    def validate(self, certificate: bytes) -> bytes:
        """Return the certified key, from the cached path of the batch."""
        checked = self._validator.validate(certificate, [self._batch], uuid=DEVICE, at=NOW)
        return checked.public_key

    def ways(self) -> Iterator[Way]:
        """Every algorithm with every method and source of the key."""
        for algorithm in reversed(Algorithm):
            yield Way(algorithm, oob_key=True, certificate=self.certificate)
            for method in AuthenticationMethod:
                yield Way(algorithm, method)
                yield Way(algorithm, method, oob_key=True)


def _chain(key: ec.EllipticCurvePrivateKey, random: RandomBytes) -> tuple[bytes, bytes, bytes]:
    root_signer = PrivateKeySigner(generate_private_key(random))
    root = create_root(root_signer, RootProfile("Root", "Bench"), now=NOW, random=random)
    signer = PrivateKeySigner(generate_private_key(random))
    profile = BatchProfile("Batch", "Bench")
    batch = create_batch(root, root_signer, signer.public_key, profile, now=NOW, random=random)
    authority = Authority(batch, signer, DeviceProfile("Bench", 0xFFFF, 1))
    assignment = DeviceProfile("Bench", 0xFFFF, 1).assign(DEVICE)
    request = make_csr(key, assignment)
    prepared = authority.prepare(request, assignment, now=NOW, random=random)
    return batch, authority.issue(prepared), root


_OPERATIONS = {
    crypto.KeyPair.__init__.__code__: "key generation",
    crypto.KeyPair.shared_secret.__code__: "ECDH",
    pki_certificate.verify_signature.__code__: "verify",
    crypto.aes_cmac.__code__: "CMAC",
    crypto.hmac_sha256.__code__: "HMAC",
    crypto.ccm_encrypt.__code__: "CCM",
    crypto.ccm_decrypt.__code__: "CCM",
}


def count_operations(session: Callable[[], None]) -> Counter[str]:
    """Count the cryptographic operations of one session by watching the calls."""
    counted: Counter[str] = Counter()

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        name = _OPERATIONS.get(frame.f_code) if event == "call" else None
        if name is not None:
            counted[name] += 1

    sys.setprofile(watch)
    try:
        session()
    finally:
        sys.setprofile(None)
    return counted


def _primitives() -> dict[str, Callable[[], object]]:
    """Return each operation as the library alone does it."""
    curve, ecdsa = ec.SECP256R1(), ec.ECDSA(SHA256())
    key = ec.derive_private_key(0x1234567890ABCDEF1234567890ABCDEF, curve)
    point = key.public_key()
    signature = key.sign(b"message", ecdsa)
    encoded = b"\x04" + crypto.public_octets(point)
    load = ec.EllipticCurvePublicKey.from_encoded_point
    return {
        "key generation": lambda: ec.derive_private_key(0x1234567890ABCDEF1234567890, curve),
        "ECDH": lambda: key.exchange(ec.ECDH(), load(curve, encoded)),
        "verify": lambda: point.verify(signature, b"message", ecdsa),
        "CMAC": lambda: crypto.aes_cmac(bytes(16), bytes(48)),
        "HMAC": lambda: crypto.hmac_sha256(bytes(32), bytes(64)),
        "CCM": lambda: crypto.ccm_encrypt(bytes(16), bytes(13), bytes(25), 8),
    }


def _floor(counted: Counter[str]) -> Callable[[], None]:
    primitives = _primitives()
    calls = [primitives[name] for name in counted.elements()]

    def run() -> None:
        for call in calls:
            call()

    return run


def _milliseconds(work: Callable[[], None]) -> float:
    begin = time.process_time_ns()
    work()
    return (time.process_time_ns() - begin) / 1e6


def rows() -> list[Row]:
    """Measure session and floor in turns, so that both meet the same noise and caches; medians."""
    bench = Bench()
    return [row for way in bench.ways() for row in _rows_of(bench.sessions, way)]


def _rows_of(sessions: Sessions, way: Way) -> list[Row]:
    def session() -> None:
        sessions.run(way)

    counted = count_operations(session)
    floor = _floor(counted)
    pairs = [(_milliseconds(session), _milliseconds(floor)) for _ in range(_pairs(way))]
    value = statistics.median(each for each, _ in pairs)
    below = statistics.median(each for _, each in pairs)
    ratio = statistics.median(each / base for each, base in pairs)
    base = {"value": round(value, 3), "unit": "ms CPU", "floor": round(below, 3)}
    operations = ", ".join(f"{count} {name}" for name, count in counted.items())
    name = f"{way.name}, both roles ({operations})"
    bars = [(f"<= {BAR_RATIO:g} x floor", ratio <= BAR_RATIO)]
    if way.certificate is not None:
        bars.append((f"<= {BAR_MILLISECONDS:g} ms", value <= BAR_MILLISECONDS))
    return [
        {"name": name, **base, "ratio": round(ratio, 2), "bar": bar, "ok": ok} for bar, ok in bars
    ]


def _pairs(way: Way) -> int:
    return PAIRS if way.certificate is not None else PAIRS // 3


if __name__ == "__main__":
    for row in rows():
        print(row)
