"""Network PDUs: encryption, NetMIC and obfuscation (Mesh Protocol 1.1, 3.4.4, 3.9.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from meshwright.core.crypto import (
    AuthenticationFailedError,
    NetworkCredentials,
    aes_ecb,
    ccm_decrypt,
    ccm_encrypt,
)
from meshwright.core.errors import InputError, MalformedError
from meshwright.core.network.addresses import UNASSIGNED, is_unicast, is_virtual
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.nonce import network_nonce

SIZES = range(14, 30)
_HEADER = slice(1, 7)  # CTL and TTL, SEQ, SRC: obfuscated
_MIC_SIZE = {False: 4, True: 8}
_LONGEST_TRANSPORT = {False: 16, True: 12}


@dataclass(frozen=True, slots=True)
class NetworkPdu:
    """One message of the network layer; `transport` is a lower transport PDU."""

    control: bool
    ttl: int
    seq: int
    src: int
    dst: int
    iv_index: int
    transport: bytes

    def seal(self, credentials: NetworkCredentials) -> bytes:
        """Return the octets for the air; raises `InputError` for values that cannot be sent."""
        if (problem := self._problem()) is not None:
            raise InputError(problem, code="bad-network-pdu")
        header = self._header()
        body = ccm_encrypt(
            credentials.encryption_key,
            network_nonce(header, self.iv_index),
            self.dst.to_bytes(2, "big") + self.transport,
            _MIC_SIZE[self.control],
        )
        first = (self.iv_index & 1) << 7 | credentials.nid
        return bytes([first]) + _obfuscate(header, body, credentials, self.iv_index) + body

    @classmethod
    def open(cls, octets: bytes, credentials: NetworkCredentials, iv: IvIndex) -> Self:
        """Return the message in `octets`.

        Raises `MalformedError` for what no network PDU can be, `AuthenticationFailedError` for
        one that these credentials did not secure.
        """
        if len(octets) not in SIZES:
            raise MalformedError(f"a network PDU has 14 to 29 octets, not {len(octets)}")
        iv_index = iv.received(octets[0] >> 7)
        if octets[0] & 0x7F != credentials.nid or iv_index is None:
            raise AuthenticationFailedError("the network PDU belongs to another network")
        header = _obfuscate(octets[_HEADER], octets[7:], credentials, iv_index)
        return cls._decrypted(header, octets[7:], credentials, iv_index)

    @classmethod
    def _decrypted(
        cls, header: bytes, body: bytes, credentials: NetworkCredentials, iv_index: int
    ) -> Self:
        control = bool(header[0] & 0x80)
        mic_size = _MIC_SIZE[control]
        if len(body) < 2 + 1 + mic_size:
            raise MalformedError("the network PDU has no room for a message")
        nonce = network_nonce(header, iv_index)
        plain = ccm_decrypt(credentials.encryption_key, nonce, body, mic_size)
        src, dst = int.from_bytes(header[4:], "big"), int.from_bytes(plain[:2], "big")
        seq = int.from_bytes(header[1:4], "big")
        pdu = cls(control, header[0] & 0x7F, seq, src, dst, iv_index, plain[2:])
        if (problem := pdu._problem()) is not None:
            raise MalformedError(problem)
        return pdu

    def _header(self) -> bytes:
        first = self.control << 7 | self.ttl
        return bytes([first]) + self.seq.to_bytes(3, "big") + self.src.to_bytes(2, "big")

    def _problem(self) -> str | None:
        longest = _LONGEST_TRANSPORT[self.control]
        checks = (
            (0 <= self.ttl <= 0x7F, "the TTL does not fit 7 bits"),
            (0 <= self.seq <= 0xFFFFFF, "the sequence number does not fit 24 bits"),
            (0 <= self.iv_index <= 0xFFFFFFFF, "the IV Index does not fit 32 bits"),
            (is_unicast(self.src), "the source is not a unicast address"),
            (UNASSIGNED < self.dst <= 0xFFFF, "the destination is not an address"),
            (not (self.control and is_virtual(self.dst)), "no control message goes to a label"),
            (1 <= len(self.transport) <= longest, f"a transport PDU has 1 to {longest} octets"),
        )
        return next((problem for good, problem in checks if not good), None)


def _obfuscate(header: bytes, body: bytes, keys: NetworkCredentials, iv_index: int) -> bytes:
    """Apply or undo the obfuscation (3.9.7.3): one operation for both."""
    privacy_random = body[:7]
    block = aes_ecb(keys.privacy_key, bytes(5) + iv_index.to_bytes(4, "big") + privacy_random)
    return bytes(left ^ right for left, right in zip(header, block, strict=False))
