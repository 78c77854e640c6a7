"""Provisioning Data (5.4.2.5): what makes a device a node of a subnet."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from meshwright.core.network.iv_index import NetworkFlags

_LAYOUT = struct.Struct(">16sHBIH")
UNICAST_ADDRESSES = range(0x0001, 0x8000)
KEY_INDEXES = range(0x1000)
# A plain number: the complement of a flag leaves out the reserved bits, which it is for.
_KNOWN_FLAGS = int(NetworkFlags.KEY_REFRESH | NetworkFlags.IV_UPDATE)


@dataclass(frozen=True, slots=True)
class ProvisioningData:
    """NetKey (16 octets), its index, flags, IV index and the address of the primary element."""

    net_key: bytes = field(repr=False)
    key_index: int
    flags: int
    iv_index: int
    address: int

    def encode(self) -> bytes:
        """Return the plaintext, 25 octets; Key Index is big-endian here."""
        return _LAYOUT.pack(self.net_key, self.key_index, self.flags, self.iv_index, self.address)

    @classmethod
    def decode(cls, octets: bytes) -> ProvisioningData:
        """Decode 25 octets whose MIC was verified."""
        return cls(*_LAYOUT.unpack(octets))

    @property
    def well_formed(self) -> bool:
        """Tell whether no reserved bit is set and the index is one of a key."""
        return self.key_index in KEY_INDEXES and not self.flags & ~_KNOWN_FLAGS

    def assignable(self, elements: int) -> bool:
        """Tell whether so many elements get unicast addresses from here."""
        return self.address in UNICAST_ADDRESSES and (
            self.address + elements - 1 in UNICAST_ADDRESSES
        )
