"""Access messages under a device key or an AppKey (Mesh Protocol 1.1, 3.6.2, 3.9.7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from meshwright.core.crypto import ccm_decrypt, ccm_encrypt
from meshwright.core.errors import InputError, MalformedError
from meshwright.core.network.nonce import application_nonce, device_nonce

_LARGEST = 384  # 32 segments of 12 octets


@dataclass(frozen=True, slots=True)
class Route:
    """From whom to whom; `seq` is the sequence number of the first segment."""

    src: int
    dst: int
    seq: int
    iv_index: int
    long_mic: bool = False

    @property
    def mic_size(self) -> int:
        """Octets of the TransMIC; the long one is for segmented messages only."""
        return 8 if self.long_mic else 4

    def device_nonce(self) -> bytes:
        return device_nonce(self.seq, self.src, self.dst, self.iv_index, long_mic=self.long_mic)

    def application_nonce(self) -> bytes:
        return application_nonce(
            self.seq, self.src, self.dst, self.iv_index, long_mic=self.long_mic
        )


def seal_device(device_key: bytes, route: Route, access: bytes) -> bytes:
    """Encrypt an access message under a device key."""
    _check_access(access, route)
    return ccm_encrypt(device_key, route.device_nonce(), access, route.mic_size)


def open_device(device_key: bytes, route: Route, upper: bytes) -> bytes:
    """Undo `seal_device`; raises `AuthenticationFailedError` under another key."""
    _check_upper(upper, route)
    return ccm_decrypt(device_key, route.device_nonce(), upper, route.mic_size)


def seal_application(app_key: bytes, route: Route, access: bytes, label: bytes = b"") -> bytes:
    """Encrypt an access message under an AppKey; `label` is the UUID of a virtual destination."""
    _check_access(access, route)
    return ccm_encrypt(app_key, route.application_nonce(), access, route.mic_size, label)


def open_application(app_key: bytes, route: Route, upper: bytes, label: bytes = b"") -> bytes:
    """Undo `seal_application`; raises `AuthenticationFailedError` under another key or label."""
    _check_upper(upper, route)
    return ccm_decrypt(app_key, route.application_nonce(), upper, route.mic_size, label)


def _check_access(access: bytes, route: Route) -> None:
    longest = _LARGEST - route.mic_size
    if not 1 <= len(access) <= longest:
        raise InputError(
            f"an access message has 1 to {longest} octets, not {len(access)}",
            code="bad-access-message",
        )


def _check_upper(upper: bytes, route: Route) -> None:
    if not route.mic_size < len(upper) <= _LARGEST:
        raise MalformedError(f"an upper transport PDU cannot have {len(upper)} octets")
