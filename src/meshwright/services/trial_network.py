"""A network in one file: for whoever tries out devices without a register.

The file holds the NetKey and every DevKey in the clear; only its owner may read it. A node is in it
before it can know that it is one, so no key and no address is lost or handed out twice, also when
several processes provision into one file.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from meshwright.core.errors import InputError, StoreError
from meshwright.core.provisioning.authentication import Authentication
from meshwright.files import write_atomic
from meshwright.randomness import RandomBytes
from meshwright.roles.provisioned import AddressPool, NetworkCredentials, ProvisionedNode

_FORMAT = "meshwright-trial-network-1"
_LARGEST = 1 << 24
_KEY_SIZE = 16
_ELEMENTS = range(1, 256)
_IV_INDEXES = range(1 << 32)
_DAMAGE = (
    ArithmeticError,
    AttributeError,
    InputError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class TrialNode:
    """What is kept of a node; `confirmed` when it has said itself that it is one."""

    uuid: UUID
    address: int
    elements: int
    device_key: bytes = field(repr=False)
    authentication: Authentication
    confirmed: bool = False

    @property
    def addresses(self) -> range:
        """The unicast addresses of its elements."""
        return range(self.address, self.address + self.elements)


class TrialNetwork:
    """A network whose nodes are written down before they join, and again when they have.

    `path` may be None: then nothing is kept. `pending` is the node that was added last, until it is
    confirmed.
    """

    def __init__(
        self, credentials: NetworkCredentials, nodes: list[TrialNode], path: Path | None = None
    ) -> None:
        self.credentials = credentials
        self.nodes = nodes
        self.pending: TrialNode | None = None
        self._path = path

    @classmethod
    def draw(cls, random: RandomBytes) -> TrialNetwork:
        """Return a new network that is kept nowhere."""
        return cls(NetworkCredentials(random(_KEY_SIZE)), [])

    @classmethod
    def open(cls, path: Path, random: RandomBytes) -> TrialNetwork:
        """Return the network in `path`; without such a file a new one is made and written.

        Raises `StoreError`: `damaged-network-file` for what is no such file, and `OSError`.
        """
        with _held(path):
            if path.exists():
                return cls(*_read(path), path)
            made = cls(NetworkCredentials(random(_KEY_SIZE)), [], path)
            made._write()  # so that a place that cannot be written is known before anybody joins
        return made

    def addresses(self, uuid: UUID, elements: int) -> int:
        """Return the first of so many addresses in a row that nobody has.

        Raises `StoreError` (`addresses-exhausted`).
        """
        self._refresh()
        return AddressPool(taken=self._taken())(uuid, elements)

    def check(self, address: int, elements: int = 1) -> None:
        """Raise `InputError` (`address-taken`) when one of these addresses belongs to a node."""
        wanted = range(address, address + elements)
        if any(taken in wanted for taken in self._taken()):
            raise InputError(
                f"Address {address:#06x} is taken in this network; choose another.",
                code="address-taken",
            )

    def add(self, node: ProvisionedNode) -> None:
        """Keep a node that is about to join; durable when this returns.

        Raises `InputError` (`address-taken`) when its addresses belong to others.
        """
        kept = TrialNode(
            node.uuid, node.address, node.elements, node.device_key, node.authentication
        )

        def change() -> None:
            self.check(node.address, node.elements)
            self.nodes.append(kept)

        self._change(change)
        self.pending = kept

    def confirm(self, node: ProvisionedNode) -> None:
        """Note that the device has become the node."""

        def change() -> None:
            self.nodes = [
                replace(each, confirmed=True) if each.address == node.address else each
                for each in self.nodes
            ]

        self._change(change)
        self.pending = None

    def _taken(self) -> Iterator[int]:
        return (address for node in self.nodes for address in node.addresses)

    def _change(self, change: Callable[[], None]) -> None:
        """Change what is in the file now: another process may have written it."""
        if self._path is None:
            change()
            return
        with _held(self._path):
            self._refresh()
            change()
            self._write()

    def _refresh(self) -> None:
        if self._path is None:
            return
        credentials, self.nodes = _read(self._path)
        if credentials != self.credentials:
            raise StoreError(
                f"{self._path} holds another network than before; start again.",
                code="network-file-replaced",
            )

    def _write(self) -> None:
        if self._path is not None:
            write_atomic(self._path, _encode(self.credentials, self.nodes))


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Let no other process change the files beside `path` in this way; it takes no time."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


# The file.


def _read(path: Path) -> tuple[NetworkCredentials, list[TrialNode]]:
    try:
        with path.open("rb") as stream:
            return _decode(stream.read(_LARGEST))
    except _DAMAGE:
        raise StoreError(
            f"{path} is no network file of ours; name another or delete it.",
            code="damaged-network-file",
        ) from None


def _encode(credentials: NetworkCredentials, nodes: list[TrialNode]) -> bytes:
    content = {
        "format": _FORMAT,
        "net_key": credentials.net_key.hex(),
        "key_index": credentials.key_index,
        "flags": credentials.flags,
        "iv_index": credentials.iv_index,
        "nodes": [
            {
                "uuid": str(node.uuid),
                "address": node.address,
                "elements": node.elements,
                "device_key": node.device_key.hex(),
                "authentication": node.authentication.to_json(),
                "confirmed": node.confirmed,
            }
            for node in nodes
        ],
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def _decode(content: bytes) -> tuple[NetworkCredentials, list[TrialNode]]:
    """Read a file; whatever cannot be one raises something of `_DAMAGE`."""
    found = json.loads(content)
    if found["format"] != _FORMAT:
        raise ValueError(found["format"])
    credentials = NetworkCredentials(
        _key(found["net_key"]),
        _number(found["key_index"]),
        _number(found["flags"]),
        _number(found["iv_index"]),
    )
    if credentials.iv_index not in _IV_INDEXES or not credentials.data(1, 1).well_formed:
        raise ValueError("no network has such values")
    return credentials, [_node(each, credentials) for each in found["nodes"]]


def _node(found: dict[str, Any], credentials: NetworkCredentials) -> TrialNode:
    node = TrialNode(
        UUID(found["uuid"]),
        _number(found["address"]),
        _number(found["elements"]),
        _key(found["device_key"]),
        Authentication.from_json(found["authentication"]),
        found["confirmed"] is True,
    )
    if node.elements not in _ELEMENTS:
        raise ValueError(node.elements)
    credentials.data(node.address, node.elements)  # which refuses what no node can have
    return node


def _number(found: object) -> int:
    if type(found) is not int:
        raise TypeError(type(found))
    return found


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != _KEY_SIZE:
        raise ValueError(len(key))
    return key
