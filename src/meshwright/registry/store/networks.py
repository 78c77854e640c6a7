"""Networks, their keys and their sequence numbers."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from meshwright.core.errors import InputError
from meshwright.registry.entities import Network
from meshwright.registry.errors import AlreadyExistsError, ExhaustedError, NotFoundError
from meshwright.registry.keyring import Keyring
from meshwright.registry.store.desk import Store, checked_name
from meshwright.registry.tables import networks

KEY_SIZE = 16
PROVISIONER_ADDRESS = 0x0001
_SEQUENCE_END = 1 << 24

_ALL = select(networks).order_by(networks.c.id)
_SEQUENCE = select(networks.c.name, networks.c.next_sequence).where(
    networks.c.id == bindparam("network")
)
_ADVANCE = (
    update(networks)
    .where(networks.c.id == bindparam("network"))
    .values(next_sequence=bindparam("next"))
)


class NetworkStore(Store):
    """The owner's networks."""

    def create_network(self, name: str, *, uuid: UUID, net_key: bytes, app_key: bytes) -> Network:
        """Create a network with NetKey 0, AppKey 0 and IV Index 0 (3.11.1).

        A name or UUID that is in use raises `AlreadyExistsError` (`network-exists`).
        """
        _check_keys(net_key, app_key)
        checked_name(name, "a network")
        with self._desk.write("create network") as work:
            values = {
                "uuid": uuid,
                "name": name,
                "net_key_index": 0,
                "net_key": self._desk.keyring.seal(net_key, "net-key", uuid, 0),
                "app_key_index": 0,
                "app_key": self._desk.keyring.seal(app_key, "app-key", uuid, 0),
                "iv_index": 0,
                "flags": 0,
                "provisioner_address": PROVISIONER_ADDRESS,
                "next_address": PROVISIONER_ADDRESS + 1,
                "next_sequence": 0,
                "created": work.now,
            }
            query = insert(networks).values(values).returning(*networks.c)
            try:
                row = work.connection.execute(query).one()
            except IntegrityError:
                raise _taken(name) from None
            work.note("network-created", name, uuid=str(uuid))
            return _network(row, self._desk.keyring)

    def network(self, name: str) -> Network:
        """Find a network by name; raises `NotFoundError` (`unknown-network`)."""
        return self._network_where(_ALL.where(networks.c.name == name), repr(name))

    def network_by_id(self, network_id: int) -> Network:
        """Find a network by its number here; raises `NotFoundError` (`unknown-network`)."""
        return self._network_where(_ALL.where(networks.c.id == network_id), f"number {network_id}")

    def networks(self) -> list[Network]:
        """List the networks, oldest first."""
        with self._desk.database.reading() as connection:
            return [_network(row, self._desk.keyring) for row in connection.execute(_ALL)]

    def reserve_sequence(self, network_id: int, count: int) -> int:
        """Return the first of `count` sequence numbers that nobody had before.

        They are durably taken before this returns; whoever is killed before using them leaves
        a gap, which is harmless.
        """
        if count < 1:
            raise InputError("At least one sequence number must be asked for.")
        with self._desk.write("reserve sequence") as work:
            row = work.connection.execute(_SEQUENCE, {"network": network_id}).one_or_none()
            if row is None:
                raise unknown_network(f"number {network_id}")
            first = row.next_sequence
            if first + count > _SEQUENCE_END:
                raise ExhaustedError(
                    f"The network {row.name!r} has no sequence numbers left at this IV Index; "
                    "update the IV Index.",
                    code="sequence-exhausted",
                )
            work.connection.execute(_ADVANCE, {"network": network_id, "next": first + count})
            work.note("sequence-reserved", row.name, first=first, count=count)
            return int(first)

    def _network_where(self, query: Select[*tuple[Any, ...]], what: str) -> Network:
        with self._desk.database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise unknown_network(what)
        return _network(row, self._desk.keyring)


def unknown_network(what: str) -> NotFoundError:
    """Say that there is no such network."""
    return NotFoundError(
        f"There is no network {what}; create it or name another.", code="unknown-network"
    )


def _taken(name: str) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"There is a network {name!r} already, or one with this UUID; choose another.",
        code="network-exists",
    )


def _check_keys(*keys: bytes) -> None:
    if any(len(key) != KEY_SIZE for key in keys):
        raise InputError("A mesh key has 16 octets.")


def _network(row: Row[*tuple[Any, ...]], keyring: Keyring) -> Network:
    fields = row._asdict()
    fields["net_key"] = keyring.unseal(row.net_key, "net-key", row.uuid, row.net_key_index)
    fields["app_key"] = keyring.unseal(row.app_key, "app-key", row.uuid, row.app_key_index)
    return Network(**fields)
