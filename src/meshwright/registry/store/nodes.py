"""Addresses and DevKeys: durable before they are sent, never handed out twice."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, TextClause, bindparam, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from meshwright.core.errors import InputError
from meshwright.core.provisioning.authentication import Authentication
from meshwright.registry.entities import Node, NodeState
from meshwright.registry.errors import ConflictError, ExhaustedError, NotFoundError
from meshwright.registry.keyring import Keyring
from meshwright.registry.store.attempts import note_authentication, succeed, unknown_attempt
from meshwright.registry.store.desk import Store, Work, inserted_id
from meshwright.registry.store.networks import KEY_SIZE
from meshwright.registry.tables import attempts, authentications, is_node, networks, nodes

LAST_ADDRESS = 0x7FFF
_MOST_ELEMENTS = 255

_NETWORK_UUID = networks.c.uuid.label("network_uuid")
_IS_NODE = exists().where(
    nodes.c.uuid == attempts.c.uuid,
    nodes.c.network_id == attempts.c.network_id,
    is_node,
)
_PLACE = (
    select(
        attempts.c.network_id,
        attempts.c.uuid,
        attempts.c.ended,
        _NETWORK_UUID,
        networks.c.provisioner_address,
        networks.c.next_address,
        _IS_NODE.label("is_node"),
    )
    .join_from(attempts, networks)
    .where(attempts.c.id == bindparam("of_attempt"))
)
_ADVANCE = (
    update(networks)
    .where(networks.c.id == bindparam("network"))
    .values(next_address=bindparam("next"))
)
_RESERVE = insert(nodes)
_SETTLE = (
    update(nodes)
    .where(nodes.c.id == bindparam("of_node"), nodes.c.state == NodeState.RESERVED)
    .values(state=bindparam("to"), settled=bindparam("time"), reason=bindparam("why"))
)
_ALL = (
    select(nodes, _NETWORK_UUID, authentications.c.chosen.label("authentication"))
    .join_from(nodes, networks)
    .join(authentications, authentications.c.attempt_id == nodes.c.attempt_id, isouter=True)
)
_ONE = _ALL.where(nodes.c.id == bindparam("of_node"))


class NodeStore(Store):
    """Address ranges, from reservation to node or to burnt."""

    def reserve_node(
        self,
        attempt_id: int,
        elements: int,
        device_key: bytes,
        authentication: Authentication | None = None,
    ) -> Node:
        """Take the next free unicast range and keep the DevKey, durably, for an open attempt.

        `authentication` is kept with it: how the device has proved who it is. Call it before
        Provisioning Data leaves (5.4.2.5). Raises `ExhaustedError` (`addresses-exhausted`) and
        `ConflictError` (`attempt-ended`, `attempt-reserved`, `already-node`).
        """
        _check(elements, device_key)
        with self._desk.write("reserve node") as work:
            place = _place(work, attempt_id)
            address = _allocate(work, place, elements)
            identity = (place.network_uuid, place.uuid, address)
            values: dict[str, Any] = {
                "network_id": place.network_id,
                "uuid": place.uuid,
                "attempt_id": attempt_id,
                "address": address,
                "elements": elements,
                "device_key": self._desk.keyring.seal(device_key, "device-key", *identity),
                "state": NodeState.RESERVED,
                "reserved": work.now,
            }
            key = _insert(work, values)
            told: dict[str, str] = {}
            if authentication is not None:
                note_authentication(work, attempt_id, authentication)
                told = {"authentication": authentication.reason}
            work.note("address-reserved", place.uuid, address=address, elements=elements, **told)
            kept = values | {"device_key": device_key, "authentication": authentication}
            return Node(id=key, **kept, settled=None, reason=None)

    def confirm_node(self, node_id: int) -> Node:
        """Turn a reservation into a node and end its attempt; again changes nothing.

        Raises `ConflictError`: `reservation-burnt`, or `already-node` if the device has become
        a node of the network through another reservation.
        """
        return self._settle(node_id, NodeState.NODE, None)

    def burn_reservation(self, node_id: int, reason: str) -> Node:
        """Give up a reservation; its range is never used again. Again changes nothing.

        Raises `ConflictError` (`already-node`) for a confirmed node.
        """
        return self._settle(node_id, NodeState.BURNT, reason)

    def nodes(self, network_id: int | None = None, state: NodeState = NodeState.NODE) -> list[Node]:
        """List the nodes of a network, or of all, by address."""
        conditions = [nodes.c.state == state]
        if network_id is not None:
            conditions.append(nodes.c.network_id == network_id)
        return self._nodes_where(*conditions)

    def reserved(self, network_id: int | None = None) -> list[Node]:
        """List the reservations that are open: each device must be asked, or burnt."""
        return self.nodes(network_id, NodeState.RESERVED)

    def node_of(self, network_id: int, uuid: UUID) -> Node | None:
        """Return the node that a device is in a network; None if it is none."""
        found = self._nodes_where(
            nodes.c.network_id == network_id,
            nodes.c.uuid == uuid,
            is_node,
        )
        return found[0] if found else None

    def _nodes_where(self, *conditions: ColumnElement[bool] | TextClause) -> list[Node]:
        query = _ALL.where(*conditions).order_by(nodes.c.network_id, nodes.c.address)
        with self._desk.database.reading() as connection:
            return [_node(row, self._desk.keyring) for row in connection.execute(query)]

    def _settle(self, node_id: int, state: NodeState, reason: str | None) -> Node:
        with self._desk.write(_SETTLING[state]) as work:
            keys = {"of_node": node_id, "to": state, "time": work.now, "why": reason}
            try:
                changed = work.connection.execute(_SETTLE, keys).rowcount
            except IntegrityError:
                raise _already_node() from None
            row = work.connection.execute(_ONE, {"of_node": node_id}).one_or_none()
            if row is None:
                raise NotFoundError(f"There is no reservation {node_id}.", code="unknown-node")
            if row.state != state:
                raise _SETTLED[row.state]()
            if changed:
                work.note(_ACTIONS[state], row.uuid, address=row.address, reason=reason)
                if state is NodeState.NODE:
                    succeed(work, row.attempt_id)
            return _node(row, self._desk.keyring)


def _check(elements: int, device_key: bytes) -> None:
    if not 0 < elements <= _MOST_ELEMENTS:
        raise InputError("A node has 1 to 255 elements.")
    if len(device_key) != KEY_SIZE:
        raise InputError("A DevKey has 16 octets.")


def _place(work: Work, attempt_id: int) -> Row[*tuple[Any, ...]]:
    place = work.connection.execute(_PLACE, {"of_attempt": attempt_id}).one_or_none()
    if place is None:
        raise unknown_attempt(attempt_id)
    if place.is_node:
        raise _already_node()
    if place.ended is not None:
        raise ConflictError(
            "The attempt has ended; begin another before taking an address.", code="attempt-ended"
        )
    return place


def _allocate(work: Work, place: Row[*tuple[Any, ...]], elements: int) -> int:
    """Move the network's counter on; it never goes back, so no range is used twice."""
    first = int(place.next_address)
    if first <= place.provisioner_address < first + elements:
        first = place.provisioner_address + 1
    if first + elements - 1 > LAST_ADDRESS:
        raise ExhaustedError(
            f"The network has no room for {elements} more elements; use another network.",
            code="addresses-exhausted",
        )
    work.connection.execute(_ADVANCE, {"network": place.network_id, "next": first + elements})
    return first


def _insert(work: Work, values: dict[str, Any]) -> int:
    try:
        return inserted_id(work.connection, _RESERVE, values)
    except IntegrityError:
        raise ConflictError(
            "The attempt has taken an address already; begin another.", code="attempt-reserved"
        ) from None


def _already_node() -> ConflictError:
    return ConflictError(
        "The device is a node of this network already; remove it first.", code="already-node"
    )


def _burnt() -> ConflictError:
    return ConflictError(
        "The reservation was given up and its addresses are burnt; provision the device again.",
        code="reservation-burnt",
    )


_SETTLING = {NodeState.NODE: "confirm node", NodeState.BURNT: "burn reservation"}
_ACTIONS = {NodeState.NODE: "node-confirmed", NodeState.BURNT: "address-burnt"}
_SETTLED = {NodeState.NODE: _already_node, NodeState.BURNT: _burnt}


def _node(row: Row[*tuple[Any, ...]], keyring: Keyring) -> Node:
    fields = row._asdict()
    identity = (fields.pop("network_uuid"), row.uuid, row.address)
    fields["device_key"] = keyring.unseal(row.device_key, "device-key", *identity)
    return Node(**fields)
