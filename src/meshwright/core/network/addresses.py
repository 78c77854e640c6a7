"""Addresses (Mesh Protocol 1.1, 3.4.2): 16 bits whose top bits tell the kind."""

from __future__ import annotations

from meshwright.core.crypto import aes_cmac, s1

UNASSIGNED = 0x0000
_VIRTUAL_SALT = s1(b"vtad")


def is_unicast(address: int) -> bool:
    """Tell whether this is the address of one element: 0x0001 to 0x7FFF."""
    return 0 < address < 0x8000


def is_virtual(address: int) -> bool:
    """Tell whether this is the hash of a Label UUID: 0x8000 to 0xBFFF."""
    return 0x8000 <= address < 0xC000


def virtual_address(label: bytes) -> int:
    """Return the virtual address of a Label UUID (3.4.2.3)."""
    return 0x8000 | int.from_bytes(aes_cmac(_VIRTUAL_SALT, label)[14:], "big") & 0x3FFF
