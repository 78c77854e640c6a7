"""Numbers that travel in provisioning PDUs (5.4.1 and Assigned Numbers)."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class PduType(IntEnum):
    """Type of a provisioning PDU, the low six bits of its first octet."""

    INVITE = 0x00
    CAPABILITIES = 0x01
    START = 0x02
    PUBLIC_KEY = 0x03
    INPUT_COMPLETE = 0x04
    CONFIRMATION = 0x05
    RANDOM = 0x06
    DATA = 0x07
    COMPLETE = 0x08
    FAILED = 0x09
    RECORD_REQUEST = 0x0A
    RECORD_RESPONSE = 0x0B
    RECORDS_GET = 0x0C
    RECORDS_LIST = 0x0D


class ErrorCode(IntEnum):
    """Why a device failed the session (Table 5.41)."""

    INVALID_PDU = 0x01
    INVALID_FORMAT = 0x02
    UNEXPECTED_PDU = 0x03
    CONFIRMATION_FAILED = 0x04
    OUT_OF_RESOURCES = 0x05
    DECRYPTION_FAILED = 0x06
    UNEXPECTED_ERROR = 0x07
    CANNOT_ASSIGN_ADDRESSES = 0x08
    INVALID_DATA = 0x09


def error_name(error: int) -> str:
    """Return an Error Code in words, whatever a device has sent."""
    return _ERROR_NAMES.get(error, f"unknown error {error}")


_ERROR_NAMES = {int(code): code.name.lower().replace("_", " ") for code in ErrorCode}


class Algorithms(IntFlag):
    """What a device offers in Capabilities; unknown bits are ignored (5.4.2.3)."""

    CMAC = 1 << 0
    HMAC = 1 << 1


class Algorithm(IntEnum):
    """What Start chooses."""

    CMAC = 0x00
    HMAC = 0x01

    @property
    def offered_as(self) -> Algorithms:
        """The bit of Capabilities that offers this algorithm."""
        return _OFFERED_AS[self]


_OFFERED_AS = {Algorithm.CMAC: Algorithms.CMAC, Algorithm.HMAC: Algorithms.HMAC}


class PublicKeyType(IntEnum):
    """Where the device's public key comes from, in Start."""

    IN_BAND = 0x00
    OOB = 0x01


class PublicKeyOffer(IntFlag):
    """Public Key Type in Capabilities."""

    OOB_AVAILABLE = 1 << 0


class OobType(IntFlag):
    """OOB Type in Capabilities."""

    STATIC_AVAILABLE = 1 << 0
    ONLY_OOB = 1 << 1


class AuthenticationMethod(IntEnum):
    """Authentication Method in Start; four and above are Prohibited."""

    NO_OOB = 0
    STATIC = 1
    OUTPUT = 2
    INPUT = 3


class OutputAction(IntEnum):
    """Output OOB Action in Start; in Capabilities the bit of the same number."""

    BLINK = 0
    BEEP = 1
    VIBRATE = 2
    NUMERIC = 3
    ALPHANUMERIC = 4


class InputAction(IntEnum):
    """Input OOB Action in Start; in Capabilities the bit of the same number."""

    PUSH = 0
    TWIST = 1
    NUMERIC = 2
    ALPHANUMERIC = 3


class RecordStatus(IntEnum):
    """Status of a Record Response (Table 5.50)."""

    SUCCESS = 0x00
    NOT_PRESENT = 0x01
    OFFSET_OUT_OF_BOUNDS = 0x02


class RecordId(IntEnum):
    """Provisioning records (Table 5.52); intermediates are 0x0002 ... 0x0010."""

    BASE_URI = 0x0000
    DEVICE_CERTIFICATE = 0x0001
    INTERMEDIATE_1 = 0x0002
    INTERMEDIATE_15 = 0x0010
    LOCAL_NAME = 0x0011
    APPEARANCE = 0x0012


INTERMEDIATES = range(RecordId.INTERMEDIATE_1, RecordId.INTERMEDIATE_15 + 1)
"""Record IDs of intermediate certificates, nearest to the device first."""
