"""A network in one file: for whoever tries out devices without a register.

The file holds the NetKey and every DevKey in the clear; only its owner may read it. A node is in it
before it can know that it is one, so no key and no address is lost or handed out twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from meshwright.core.errors import InputError, StoreError
from meshwright.files import write_atomic
from meshwright.randomness import RandomBytes
from meshwright.roles.provisioned import AddressPool, NetworkCredentials, ProvisionedNode

_FORMAT = "meshwright-trial-network-1"
_LARGEST = 1 << 24
_KEY_SIZE = 16
_DAMAGE = (AttributeError, LookupError, RecursionError, TypeError, ValueError)


@dataclass(frozen=True, slots=True)
class TrialNode:
    """What is kept of a node; `confirmed` when it has said itself that it is one."""

    uuid: UUID
    address: int
    elements: int
    device_key: bytes = field(repr=False)
    authentication: dict[str, Any]
    confirmed: bool = False


class TrialNetwork:
    """A network whose nodes are written down with `write` before they join and when they have."""

    def __init__(
        self,
        credentials: NetworkCredentials,
        nodes: list[TrialNode],
        write: Callable[[bytes], None] = lambda _content: None,
    ) -> None:
        self.credentials = credentials
        self.nodes = nodes
        self._write = write
        taken = (range(node.address, node.address + node.elements) for node in nodes)
        self.addresses = AddressPool(taken=[each for addresses in taken for each in addresses])

    @classmethod
    def draw(cls, random: RandomBytes) -> TrialNetwork:
        """Return a new network that is kept nowhere."""
        return cls(NetworkCredentials(random(_KEY_SIZE)), [])

    @classmethod
    def open(cls, path: Path, random: RandomBytes) -> TrialNetwork:
        """Return the network in `path`; without such a file a new one is made and written.

        Raises `StoreError`: `damaged-network-file` for what is no such file.
        """

        def write(content: bytes) -> None:
            write_atomic(path, content)

        if not path.exists():
            made = cls(NetworkCredentials(random(_KEY_SIZE)), [], write)
            made._save()  # so that a place that cannot be written is known before anybody joins
            return made
        try:
            with path.open("rb") as stream:
                return cls(*_decode(stream.read(_LARGEST)), write)
        except _DAMAGE:
            raise StoreError(
                f"{path} is no network file of ours; name another or delete it.",
                code="damaged-network-file",
            ) from None

    def add(self, node: ProvisionedNode) -> None:
        """Keep a node that is about to join; durable when this returns.

        Raises `InputError` (`address-taken`) when its addresses belong to others.
        """
        wanted = range(node.address, node.address + node.elements)
        for other in self.nodes:
            taken = range(other.address, other.address + other.elements)
            if wanted.start < taken.stop and taken.start < wanted.stop:
                raise InputError(
                    f"Address {node.address:#06x} is taken in this network; choose another.",
                    code="address-taken",
                )
        authentication = node.authentication.to_json()
        self.nodes.append(
            TrialNode(node.uuid, node.address, node.elements, node.device_key, authentication)
        )
        self._save()

    def confirm(self, node: ProvisionedNode) -> None:
        """Note that the device has become the node."""
        self.nodes = [
            replace(each, confirmed=True) if each.address == node.address else each
            for each in self.nodes
        ]
        self._save()

    def _save(self) -> None:
        self._write(_encode(self.credentials, self.nodes))


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
                "authentication": node.authentication,
                "confirmed": node.confirmed,
            }
            for node in nodes
        ],
    }
    return json.dumps(content, indent=1).encode() + b"\n"


def _decode(content: bytes) -> tuple[NetworkCredentials, list[TrialNode]]:
    found = json.loads(content)
    if found["format"] != _FORMAT:
        raise ValueError(found["format"])
    credentials = NetworkCredentials(
        _key(found["net_key"]),
        int(found["key_index"]),
        int(found["flags"]),
        int(found["iv_index"]),
    )
    return credentials, [_node(each) for each in found["nodes"]]


def _node(found: dict[str, Any]) -> TrialNode:
    return TrialNode(
        UUID(found["uuid"]),
        int(found["address"]),
        int(found["elements"]),
        _key(found["device_key"]),
        dict(found["authentication"]),
        bool(found["confirmed"]),
    )


def _key(text: str) -> bytes:
    key = bytes.fromhex(text)
    if len(key) != _KEY_SIZE:
        raise ValueError(len(key))
    return key
