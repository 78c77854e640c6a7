"""The flash of a virtual device: a file that is always whole, as the flash of a real one should be.

Like real flash it holds the device's own secrets in the clear; only its owner may read the file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from meshwright.core.crypto import in_private_range
from meshwright.core.errors import InputError, StoreError
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.static_text import parse_static_text, static_text
from meshwright.core.provisioning.values import StaticOob
from meshwright.files import write_atomic
from meshwright.sim import flash_records

_FORMAT = "meshwright-flash-1"
_LARGEST = 1 << 20
_ADDRESS_SIZE, _KEY_SIZE = 6, 16
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


class DamagedFlashError(StoreError):
    """A flash file that cannot be read."""

    code = "damaged-flash"


@dataclass(frozen=True, slots=True)
class Membership:
    """What makes a device a node; `next_sequence` is ahead of every number that was used."""

    data: ProvisioningData
    device_key: bytes = field(repr=False)
    next_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Flash:
    """Everything a device remembers without power.

    `address` is the one it advertises with, `boots` counts how often it was powered on, `failures`
    how many authentications have failed in a row.
    """

    address: bytes
    boots: int = 0
    uuid: UUID | None = None
    organization: str = ""
    company_id: int | None = None
    product_id: int | None = None
    private_key: int | None = field(default=None, repr=False)
    records: dict[int, bytes] = field(default_factory=dict, repr=False)
    membership: Membership | None = None
    static_oob: StaticOob | None = None
    failures: int = 0

    def encode(self) -> bytes:
        return json.dumps(_to_json(self), indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def decode(cls, octets: bytes) -> Flash:
        """Read an image; whatever cannot be one raises some exception of the standard library."""
        flash = _from_json(json.loads(octets))
        if not all(_plausible(flash)):
            raise ValueError("values that no device writes")
        return flash


class FlashFile:
    """A flash image in a file; `store` is durable when it returns."""

    def __init__(self, path: Path, flash: Flash) -> None:
        self.path = path
        self.content = flash

    @classmethod
    def create(cls, path: Path, address: bytes) -> FlashFile:
        """Make the flash of a new device."""
        made = cls(path, Flash(address))
        made.store(made.content)
        return made

    @classmethod
    def open(cls, path: Path) -> FlashFile:
        """Read a flash file; raises `DamagedFlashError`."""
        try:
            with path.open("rb") as stream:
                return cls(path, Flash.decode(stream.read(_LARGEST)))
        except _DAMAGE:
            raise DamagedFlashError(
                f"The flash image {path} is damaged; restore it or delete it."
            ) from None

    def store(self, content: Flash) -> None:
        """Replace the content and write it."""
        write_atomic(self.path, content.encode())
        self.content = content


class VolatileFlash(FlashFile):
    """Flash that forgets everything with the process: for a device that is tried out once."""

    def __init__(self, flash: Flash) -> None:
        super().__init__(Path(), flash)

    def store(self, content: Flash) -> None:
        self.content = content


def _static_oob(text: str) -> StaticOob:
    try:
        return parse_static_text(text)
    except InputError as error:
        raise ValueError(error.code) from None


_Codec = tuple[Callable[[Any], Any], Callable[[Any], Any]]
_CODECS: dict[str, _Codec] = {
    "address": (bytes.hex, bytes.fromhex),
    "boots": (int, int),
    "uuid": (str, UUID),
    "organization": (str, lambda found: "".join([found])),  # text and nothing else
    "company_id": (int, int),
    "product_id": (int, int),
    "private_key": (lambda scalar: scalar.to_bytes(32, "big").hex(), lambda text: int(text, 16)),
    "records": (flash_records.to_json, flash_records.from_json),
    "membership": (
        lambda member: {
            "data": member.data.encode().hex(),
            "device_key": member.device_key.hex(),
            "next_sequence": member.next_sequence,
        },
        lambda found: Membership(
            ProvisioningData.decode(bytes.fromhex(found["data"])),
            bytes.fromhex(found["device_key"]),
            int(found["next_sequence"]),
        ),
    ),
    "static_oob": (static_text, _static_oob),
    "failures": (int, int),
}


_OPTIONAL = {"uuid", "company_id", "product_id", "private_key", "membership", "static_oob"}
_LATER: dict[str, object] = {"static_oob": None, "failures": 0}
"""What images of earlier releases do not have."""


def _to_json(flash: Flash) -> dict[str, object]:
    values = ((name, encode, getattr(flash, name)) for name, (encode, _) in _CODECS.items())
    encoded = {name: None if value is None else encode(value) for name, encode, value in values}
    return {"format": _FORMAT, **encoded}


def _plausible(flash: Flash) -> Iterator[bool]:
    """Tell of each value whether a device can have written it."""
    yield len(flash.address) == _ADDRESS_SIZE and flash.boots >= 0 <= flash.failures
    yield all(0 <= i <= 0xFFFF for i in (flash.company_id or 0, flash.product_id or 0))
    yield flash.private_key is None or in_private_range(flash.private_key)
    yield all(0 <= record_id <= 0xFFFF for record_id in flash.records)
    member = flash.membership
    if member is not None:
        yield flash.uuid is not None and len(member.device_key) == _KEY_SIZE
        yield member.data.well_formed and member.data.assignable(1)
        yield 0 <= member.next_sequence <= 1 << 24


def _from_json(found: dict[str, Any]) -> Flash:
    if found["format"] != _FORMAT:
        raise ValueError(found["format"])
    found = _LATER | found
    values: dict[str, Any] = {
        name: None if found[name] is None and name in _OPTIONAL else decode(found[name])
        for name, (_, decode) in _CODECS.items()
    }
    return Flash(**values)
