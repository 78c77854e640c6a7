"""What is owned or expected, and where each device belongs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, and_, exists, func, insert, select

from meshwright.registry.entities import Asset, Attempt, NewAsset, Unaccounted
from meshwright.registry.errors import AlreadyExistsError
from meshwright.registry.store.credentials import keep_given, unknown_asset
from meshwright.registry.store.desk import Store, Work, checked_name, chunks
from meshwright.registry.store.networks import unknown_network
from meshwright.registry.tables import (
    assets,
    attempts,
    authentications,
    credentials,
    is_node,
    networks,
    nodes,
)

_COLUMNS = (
    *assets.c,
    credentials.c.static_oob.is_not(None).label("has_static_oob"),
    credentials.c.public_key,
)
_FROM = assets.outerjoin(credentials, credentials.c.uuid == assets.c.uuid)
_ALL = select(*_COLUMNS).select_from(_FROM).order_by(assets.c.id)
_LATEST = (
    select(func.max(attempts.c.id))
    .where(attempts.c.uuid == assets.c.uuid, attempts.c.network_id == assets.c.network_id)
    .correlate(assets)
    .scalar_subquery()
)
_IS_NODE = exists().where(
    nodes.c.uuid == assets.c.uuid,
    nodes.c.network_id == assets.c.network_id,
    is_node,
)
_UNACCOUNTED = (
    select(*_COLUMNS, attempts, authentications.c.chosen)
    .select_from(
        _FROM.outerjoin(attempts, and_(attempts.c.id == _LATEST)).outerjoin(
            authentications, authentications.c.attempt_id == attempts.c.id
        )
    )
    .where(~_IS_NODE)
    .order_by(assets.c.id)
)
_ASSET_COLUMNS = len(_COLUMNS)


class AssetStore(Store):
    """The list that decides who may join; a device that is not on it never does."""

    def add_asset(
        self, uuid: UUID, name: str, network_id: int | None = None, source: str = ""
    ) -> Asset:
        """Enter one asset; see `add_many`."""
        return self.add_many([NewAsset(uuid, name, network_id, source)])[0]

    def add_many(self, items: Sequence[NewAsset]) -> list[Asset]:
        """Enter assets, all of them or none, and return them in the same order.

        An asset on the list with the same name and network stays as it is, and gets what was not
        known of it. Another network raises `AlreadyExistsError` (`asset-elsewhere`), another name
        `asset-exists`, another value or key `static-oob-exists` or `public-key-exists`.
        """
        for item in items:
            checked_name(item.name, "an asset")
        with self._desk.write("add assets") as work:
            names = _network_names(work.connection, items)
            known = _find(work.connection, [item.uuid for item in items])
            new = _unknown(items, known)
            if new:
                _insert(work, new, names)
            given = [item for item in items if item.static_oob or item.public_key]
            keep_given(work, self._desk.keyring, given)
            if new or given:
                known |= _find(work.connection, [item.uuid for item in [*new, *given]])
            return [known[item.uuid] for item in items]

    def asset(self, uuid: UUID) -> Asset:
        """Find an asset; raises `NotFoundError` (`unknown-asset`)."""
        with self._desk.database.reading() as connection:
            found = _find(connection, [uuid])
        if uuid not in found:
            raise unknown_asset(uuid)
        return found[uuid]

    def assets(self, network_id: int | None = None) -> list[Asset]:
        """List the assets of a network, or all of them, in the order of entry."""
        query = _ALL if network_id is None else _ALL.where(assets.c.network_id == network_id)
        with self._desk.database.reading() as connection:
            return [Asset(*row) for row in connection.execute(query)]

    def unaccounted(self, network_id: int | None = None) -> list[Unaccounted]:
        """List the assets that are no nodes, each with the last attempt at it."""
        query = _UNACCOUNTED
        if network_id is not None:
            query = query.where(assets.c.network_id == network_id)
        with self._desk.database.reading() as connection:
            return [_unaccounted(row) for row in connection.execute(query)]


def _unaccounted(row: Row[*tuple[Any, ...]]) -> Unaccounted:
    asset, attempt = tuple(row[:_ASSET_COLUMNS]), tuple(row[_ASSET_COLUMNS:])
    return Unaccounted(Asset(*asset), None if attempt[0] is None else Attempt(*attempt))


def _find(connection: Connection, uuids: Iterable[UUID]) -> dict[UUID, Asset]:
    found = {}
    for piece in chunks(uuids):
        rows = connection.execute(_ALL.where(assets.c.uuid.in_(piece)))
        found.update({row.uuid: Asset(*row) for row in rows})
    return found


def _network_names(connection: Connection, items: Iterable[NewAsset]) -> dict[int | None, str]:
    names: dict[int | None, str] = {None: ""}
    for network_id in {item.network_id for item in items} - {None}:
        query = select(networks.c.name).where(networks.c.id == network_id)
        name = connection.execute(query).scalar()
        if name is None:
            raise unknown_network(f"number {network_id}")
        names[network_id] = name
    return names


def _unknown(items: Iterable[NewAsset], known: dict[UUID, Asset]) -> list[NewAsset]:
    """Return the items to insert; refuse those that contradict the list or each other."""
    seen: dict[UUID, Asset | NewAsset] = dict(known)
    new = []
    for item in items:
        if item.uuid not in seen:
            seen[item.uuid] = item
            new.append(item)
        _check_same(item, seen[item.uuid])
    return new


def _check_same(item: NewAsset, listed: Asset | NewAsset) -> None:
    if item.network_id != listed.network_id:
        raise AlreadyExistsError(
            f"{item.uuid} is on the list for another network; remove it there first.",
            code="asset-elsewhere",
        )
    if item.name != listed.name:
        raise AlreadyExistsError(
            f"{item.uuid} is on the list as {listed.name!r}; use that name.", code="asset-exists"
        )


def _insert(work: Work, new: Sequence[NewAsset], names: dict[int | None, str]) -> None:
    rows = [
        {
            "uuid": item.uuid,
            "name": item.name,
            "network_id": item.network_id,
            "source": item.source,
            "added": work.now,
        }
        for item in new
    ]
    work.connection.execute(insert(assets), rows)
    for item in new:
        work.note(
            "asset-added",
            item.uuid,
            name=item.name,
            network=names[item.network_id],
            source=item.source,
        )
