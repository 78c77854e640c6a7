"""Making networks, and choosing among those there are."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from meshwright.core.errors import InputError
from meshwright.randomness import Randomness
from meshwright.registry.entities import Network

_KEY_SIZE = 16


class NetworkStore(Protocol):
    """What this service needs of the registry."""

    def create_network(
        self, name: str, *, uuid: UUID, net_key: bytes, app_key: bytes
    ) -> Network: ...

    def network(self, name: str) -> Network: ...

    def networks(self) -> list[Network]: ...


def create_network(store: NetworkStore, name: str, randomness: Randomness) -> Network:
    """Make a network with new keys; raises `InputError` for a name that is taken or no name."""
    random = randomness.stream("network", name)
    uuid = UUID(bytes=random(16), version=4)
    return store.create_network(
        name, uuid=uuid, net_key=random(_KEY_SIZE), app_key=random(_KEY_SIZE)
    )


def choose_network(store: NetworkStore, name: str | None) -> Network:
    """Return the network of that name, or the only one there is."""
    if name is not None:
        return store.network(name)
    networks = store.networks()
    if len(networks) == 1:
        return networks[0]
    if networks:
        names = ", ".join(network.name for network in networks)
        raise InputError(f"Say which network with --network: {names}.", code="which-network")
    raise InputError(
        "There is no network yet; make one with `meshwright network create NAME`.",
        code="no-network",
    )
