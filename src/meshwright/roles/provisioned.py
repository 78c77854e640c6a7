"""What a provisioner hands out and what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from meshwright.core.errors import InputError, MeshwrightError, StoreError
from meshwright.core.provisioning.authentication import Authentication
from meshwright.core.provisioning.data import UNICAST_ADDRESSES, ProvisioningData
from meshwright.core.provisioning.pdu import Capabilities
from meshwright.pki.validation import ValidatedDevice
from meshwright.radio.gatt import GattConnection
from meshwright.roles.bearers import Bearer


@dataclass(frozen=True, slots=True)
class NetworkCredentials:
    """The subnet that devices are brought into: NetKey of 16 octets, its index, IV Index.

    `flags` are those of Provisioning Data (`NetworkFlags`).
    """

    net_key: bytes = field(repr=False)
    key_index: int = 0
    flags: int = 0
    iv_index: int = 0

    def data(self, address: int, elements: int) -> ProvisioningData:
        """Return the Provisioning Data for a device; raises `InputError` (`bad-address`)."""
        data = ProvisioningData(self.net_key, self.key_index, self.flags, self.iv_index, address)
        if not data.assignable(elements):
            raise InputError(
                f"{elements} elements do not fit at address {address:#06x}; choose another.",
                code="bad-address",
            )
        return data


@dataclass(frozen=True, slots=True)
class ProvisionedNode:
    """A device that was provisioned.

    `certificate` is what its chain proved, if it showed one; `records` are those that were read, by
    their IDs. `connection` is the one over which it was provisioned, if that was to be kept.
    """

    uuid: UUID
    address: int
    elements: int
    device_key: bytes = field(repr=False)
    key_index: int
    bearer: Bearer
    capabilities: Capabilities
    authentication: Authentication
    certificate: ValidatedDevice | None = None
    records: Mapping[int, bytes] = field(default_factory=dict, repr=False)
    connection: GattConnection | None = field(default=None, repr=False, compare=False)

    @property
    def reason(self) -> str:
        """How it was authenticated and why that was allowed, in one sentence."""
        return self.authentication.reason


class ProvisioningError(MeshwrightError):
    """A device was not provisioned; `code` is stable and the message says why.

    `error` is the Error Code that the device sent, if it did. `node` is what was stored before it
    went wrong; with `may_be_node` the device may have become that node all the same, because only
    its last word is missing.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        uuid: UUID,
        error: int | None = None,
        node: ProvisionedNode | None = None,
        may_be_node: bool = False,
    ) -> None:
        super().__init__(message, code=code)
        self.uuid = uuid
        self.error = error
        self.node = node
        self.may_be_node = may_be_node


class AddressPool:
    """Hands out unicast addresses upwards from `first`, each once; `taken` belong to others."""

    def __init__(self, first: int = 0x0002, taken: Iterable[int] = ()) -> None:
        self._next = first
        self._taken = frozenset(taken)

    def __call__(self, uuid: UUID, elements: int) -> int:
        """Return the first of so many addresses in a row, for good.

        Raises `StoreError` (`addresses-exhausted`).
        """
        del uuid
        first = self._next
        while (clash := self._clash(first, elements)) is not None:
            first = clash + 1
        if first + elements - 1 not in UNICAST_ADDRESSES:
            raise StoreError("No unicast addresses are left.", code="addresses-exhausted")
        self._next = first + elements
        return first

    def _clash(self, first: int, elements: int) -> int | None:
        """Return the last taken address of the range."""
        wanted = reversed(range(first, first + elements))
        return next((address for address in wanted if address in self._taken), None)
