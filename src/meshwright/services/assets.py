"""The owner's list: entering devices from labels or by UUID, and telling what each is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

from meshwright.core.errors import InputError
from meshwright.core.provisioning.values import StaticOob
from meshwright.factory.labels import read_labels
from meshwright.registry.entities import (
    Asset,
    Attempt,
    FailedTry,
    Network,
    NewAsset,
    Node,
    Unaccounted,
)
from meshwright.registry.errors import NotFoundError
from meshwright.services.tries import Tries


class AssetStore(Protocol):
    """What this service needs of the registry."""

    def add_many(self, items: Sequence[NewAsset]) -> list[Asset]: ...

    def assets(self, network_id: int | None = None) -> list[Asset]: ...

    def unaccounted(self, network_id: int | None = None) -> list[Unaccounted]: ...

    def nodes(self, network_id: int | None = None) -> list[Node]: ...

    def failed_tries(self, network_id: int | None = None) -> list[FailedTry]: ...

    def networks(self) -> list[Network]: ...

    def network(self, name: str) -> Network: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that may be entered; `source` says how we know of it.

    What is known of it beforehand comes with it: its static OOB value, its public key.
    """

    uuid: UUID
    name: str
    source: str
    static_oob: StaticOob | None = field(default=None, repr=False)
    public_key: bytes | None = None


def scan_labels(images: Sequence[Path]) -> list[Candidate]:
    """Read every label on every image, in the order of the images, and name devices after them."""
    return [
        Candidate(label.uuid, image.stem, f"label {image.name}")
        for image in images
        for label in read_labels(image)
    ]


def typed(texts: Iterable[str]) -> list[Candidate]:
    """Take UUIDs that somebody has typed; raises `InputError` (`bad-uuid`)."""
    return [Candidate(uuid, str(uuid), "typed") for uuid in map(_uuid, texts)]


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InputError(
            f"{text!r} is not a UUID; it has 32 hex digits.", code="bad-uuid"
        ) from None


def named(candidates: Iterable[Candidate], name: str | None = None) -> list[Candidate]:
    """Keep each device once; give all of them `name` if there is one, and number namesakes."""
    first: dict[UUID, Candidate] = {}
    for each in candidates:
        first.setdefault(each.uuid, replace(each, name=name) if name else each)
    total, numbered = Counter(each.name for each in first.values()), Counter[str]()
    return [_numbered(each, total, numbered) for each in first.values()]


def _numbered(each: Candidate, total: Counter[str], numbered: Counter[str]) -> Candidate:
    if total[each.name] == 1:
        return each
    numbered[each.name] += 1
    return replace(each, name=f"{each.name} {numbered[each.name]}")


def enter_assets(
    store: AssetStore, candidates: Iterable[Candidate], network: Network
) -> list[Asset]:
    """Authorize devices to join `network`: all of them or none."""
    items = [
        NewAsset(each.uuid, each.name, network.id, each.source, each.static_oob, each.public_key)
        for each in candidates
    ]
    return store.add_many(items)


def find_asset(store: AssetStore, text: str) -> Asset:
    """Find an asset by its name or UUID.

    Raises `NotFoundError` (`unknown-asset`), and `InputError` (`which-asset`) for a name that
    several have.
    """
    found = [each for each in store.assets() if text == each.name or _is_uuid(text, each.uuid)]
    if not found:
        raise NotFoundError(
            f"There is no asset {text!r}; `meshwright assets list` shows all.", code="unknown-asset"
        )
    if len(found) > 1:
        raise InputError(
            f"{len(found)} assets are called {text!r}; give the UUID of one.", code="which-asset"
        )
    return found[0]


def _is_uuid(text: str, uuid: UUID) -> bool:
    try:
        return UUID(text) == uuid
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Standing:
    """What an asset is now: a node, or unaccounted since its `last` attempt, if there was any.

    When it is `locked`, nobody tries it until a person says so.
    """

    asset: Asset
    network: Network | None
    node: Node | None
    last: Attempt | None
    locked: bool = False


def standings(store: AssetStore, network: str | None = None) -> list[Standing]:
    """Tell of every asset, or of those of the network with this name, what it is now."""
    network_id = None if network is None else store.network(network).id
    networks = {each.id: each for each in store.networks()}
    nodes = {(node.network_id, node.uuid): node for node in store.nodes(network_id)}
    last = {each.asset.id: each.last for each in store.unaccounted(network_id)}
    tries = Tries()
    tries.count(store.failed_tries(network_id))
    locked = tries.locked_out()
    return [
        Standing(
            asset,
            None if asset.network_id is None else networks[asset.network_id],
            None if asset.network_id is None else nodes.get((asset.network_id, asset.uuid)),
            last.get(asset.id),
            asset.uuid in locked,
        )
        for asset in store.assets(network_id)
    ]
