"""CPU time of one certificate provisioning: both roles, every packet, the leaf checked.

The device's certificate is read over the air in one fragment and its batch is cached, as for every
device of a batch but the first. The floor is the cryptography alone, counted in one session and
timed in the same run: whatever is above it is ours.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from meshwright.core import crypto
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.crypto import KeyPair
from meshwright.core.effects import Effect, LinkOpened, Transmit
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import BecameNode, DeviceMachine, DeviceOptions
from meshwright.core.provisioning.fields import RecordId
from meshwright.core.provisioning.provisioner import (
    Authenticated,
    ProvisionerMachine,
    RecordRead,
    RecordsListed,
)
from meshwright.core.provisioning.session import Session
from meshwright.pki import certificate as pki_certificate
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.pki.validation import ChainValidator
from meshwright.randomness import RandomBytes, SeededRandomness

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DEVICE = UUID("1b9d6bcd-bbfd-11f0-8000-ab8dfbbd4bed")
PAIRS = 300
BAR_MILLISECONDS, BAR_RATIO = 4.0, 6.0

Row = dict[str, Any]


class Bench:
    """One device with a real chain, and a provisioner that knows its batch."""

    def __init__(self) -> None:
        randomness = SeededRandomness(1)
        self._random, self._uniform = randomness.stream("sessions"), randomness.uniform("sessions")
        random = randomness.stream("pki")
        key = generate_private_key(random)
        self._batch, self._certificate, root = _chain(key, random)
        self._pair = KeyPair(key.private_numbers().private_value)
        self._validator = ChainValidator([root])
        self.validate(self._certificate)

    def validate(self, certificate: bytes) -> bytes:
        """Return the certified key, from the cached path of the batch."""
        checked = self._validator.validate(certificate, [self._batch], uuid=DEVICE, at=NOW)
        return checked.public_key

    def session(self) -> None:
        """Provision the device once, from Link Open to the last Link Close."""
        random, uniform = self._random, self._uniform
        options = DeviceOptions(
            key_pair=self._pair,
            records={RecordId.DEVICE_CERTIFICATE: self._certificate},
            fragment_limit=1461,
        )
        device = Session(DeviceLink(DEVICE.bytes, uniform), DeviceMachine(options, random))
        link = ProvisionerLink(DEVICE.bytes, random(4), uniform)
        machine = ProvisionerMachine(random)
        session = Session(link, machine)
        steps: dict[type[Effect], Callable[[Any, float], list[Effect]]] = {
            LinkOpened: lambda _effect, now: machine.list_records(now),
            RecordsListed: lambda _effect, now: machine.read_record(1, now),
            RecordRead: lambda effect, now: machine.invite(
                now, device_public=self.validate(effect.content)
            ),
            Authenticated: lambda _effect, now: machine.send_data(
                ProvisioningData(bytes(16), 0, 0, 0, 2), now
            ),
        }

        def lead(effect: Effect, now: float) -> list[Effect]:
            step = steps.get(type(effect))
            return [] if step is None else session.carry_out(step(effect, now), now)

        wire = Wire(session, device, lead)
        wire.act(session, link.open(0.0))
        wire.run()
        assert wire.nodes == 1, "the device did not become a node"


class Wire:
    """Carries every packet at once to the other end; the clock jumps from deadline to deadline."""

    def __init__(
        self,
        provisioner: Session,
        device: Session,
        lead: Callable[[Effect, float], list[Effect]],
    ) -> None:
        self.nodes = 0
        self._now = 0.0
        self._provisioner = provisioner
        self._other = {provisioner: device, device: provisioner}
        self._lead = lead

    def act(self, session: Session, effects: list[Effect]) -> None:
        """Carry out what a session asks for."""
        for effect in effects:
            if type(effect) is Transmit:
                other = self._other[session]
                heard = other.receive(effect.payload, self._now, None)
                if heard:
                    self.act(other, heard)
                session.transmitted(effect.lane, self._now)
            elif session is self._provisioner:
                self.act(session, self._lead(effect, self._now))
            else:
                self.nodes += isinstance(effect, BecameNode)

    def run(self) -> None:
        """Run until neither end waits for anything."""
        first, second = self._other
        while True:
            mine, other = first.next_deadline(), second.next_deadline()
            if other is None or (mine is not None and mine <= other):
                session, due = first, mine
            else:
                session, due = second, other
            if due is None:
                return
            self._now = due
            effects = session.handle_deadline(due)
            if effects:
                self.act(session, effects)


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
    counted = count_operations(bench.session)
    floor = _floor(counted)
    pairs = [(_milliseconds(bench.session), _milliseconds(floor)) for _ in range(PAIRS)]
    value = statistics.median(each for each, _ in pairs)
    below = statistics.median(each for _, each in pairs)
    ratio = statistics.median(each / base for each, base in pairs)
    operations = ", ".join(f"{count} {name}" for name, count in counted.items())
    base = {"value": round(value, 3), "unit": "ms CPU", "floor": round(below, 3)}
    name = f"certificate provisioning, both roles ({operations})"
    return [
        {"name": name, **base, "ratio": round(ratio, 2), "bar": bar, "ok": ok}
        for bar, ok in (
            (f"<= {BAR_MILLISECONDS:g} ms", value <= BAR_MILLISECONDS),
            (f"<= {BAR_RATIO:g} x floor", ratio <= BAR_RATIO),
        )
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
