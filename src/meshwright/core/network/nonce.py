"""Nonces of AES-CCM, 13 octets each (Mesh Protocol 1.1, 3.9.5)."""

from __future__ import annotations

_APPLICATION = 0x01
_DEVICE = 0x02


def network_nonce(header: bytes, iv_index: int) -> bytes:
    """`header` is CTL and TTL, SEQ and SRC: 6 octets as they are before obfuscation."""
    return b"\x00" + header + bytes(2) + iv_index.to_bytes(4, "big")


def application_nonce(seq: int, src: int, dst: int, iv_index: int, *, long_mic: bool) -> bytes:
    """For a message under an AppKey; `seq` is that of its first segment."""
    return _upper_nonce(_APPLICATION, seq, src, dst, iv_index, long_mic)


def device_nonce(seq: int, src: int, dst: int, iv_index: int, *, long_mic: bool) -> bytes:
    """For a message under a device key; `seq` is that of its first segment."""
    return _upper_nonce(_DEVICE, seq, src, dst, iv_index, long_mic)


def _upper_nonce(kind: int, seq: int, src: int, dst: int, iv_index: int, long_mic: bool) -> bytes:
    return (
        bytes((kind, long_mic << 7))
        + seq.to_bytes(3, "big")
        + src.to_bytes(2, "big")
        + dst.to_bytes(2, "big")
        + iv_index.to_bytes(4, "big")
    )
