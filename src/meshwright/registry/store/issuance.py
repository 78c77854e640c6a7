"""What was issued to which device: recorded before the signature, completed after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from meshwright.core.errors import InputError
from meshwright.registry.entities import Issuance, Issued, Prepared
from meshwright.registry.errors import AlreadyExistsError, ConflictError, NotFoundError
from meshwright.registry.store.desk import Store, Work, chunks
from meshwright.registry.tables import certificates, devices

_ALL = (
    select(
        certificates.c.issuer_id,
        certificates.c.serial,
        certificates.c.uuid,
        devices.c.spki_sha256,
        certificates.c.tbs,
        certificates.c.certificate,
        certificates.c.prepared,
        certificates.c.issued,
    )
    .join_from(certificates, devices)
    .order_by(certificates.c.id)
)
_COMPLETE = (
    update(certificates)
    .where(
        certificates.c.issuer_id == bindparam("of_issuer"),
        certificates.c.serial == bindparam("of_serial"),
    )
    .values(certificate=bindparam("octets"), issued=bindparam("time"))
)
_LONGEST_SERIAL = 159  # bits (RFC 5280, 4.1.2.2)


class IssuanceStore(Store):
    """Device certificates on record."""

    def record_prepared_many(self, items: Sequence[Prepared]) -> None:
        """Record certificates that are about to be signed: all of them or none.

        A UUID and a public key belong to one device for ever: raises `AlreadyExistsError` with
        `uuid-taken`, `key-taken` or `serial-taken`.
        """
        for item in items:
            _check(item)
        with self._desk.write("record prepared") as work:
            _add_devices(work, items)
            _add_certificates(work, items)
            for item in items:
                work.note("certificate-prepared", item.uuid, **_named(item))

    def record_issued_many(self, items: Sequence[Issued]) -> None:
        """Record signed certificates: all of them or none; the same one again changes nothing.

        Raises `NotFoundError` (`unknown-certificate`) for one that was never prepared and
        `ConflictError` (`already-issued`) when another was issued under that number.
        """
        with self._desk.write("record issued") as work:
            stored = _stored(work.connection, items)
            new = [item for item in items if _is_new(item, stored)]
            if not new:
                return
            work.connection.execute(
                _COMPLETE,
                [
                    {
                        "of_issuer": item.issuer_id,
                        "of_serial": item.serial,
                        "octets": item.certificate,
                        "time": work.now,
                    }
                    for item in new
                ],
            )
            for item in new:
                uuid = stored[item.issuer_id, item.serial].uuid
                work.note("certificate-issued", uuid, **_named(item))

    def issuance(self, uuid: UUID) -> Issuance | None:
        """Return the latest certificate of a device, signed or not; None if it has none."""
        found = self._certificates(_ALL.where(certificates.c.uuid == uuid))
        return found[-1] if found else None

    def issuances(self) -> list[Issuance]:
        """List all certificates, oldest first."""
        return self._certificates(_ALL)

    def prepared_unissued(self) -> list[Issuance]:
        """List what was prepared and never signed, such as when the factory was killed."""
        return self._certificates(_ALL.where(certificates.c.certificate.is_(None)))

    def _certificates(self, query: Select[*tuple[Any, ...]]) -> list[Issuance]:
        with self._desk.database.reading() as connection:
            return [Issuance(*row) for row in connection.execute(query)]


def _check(item: Prepared) -> None:
    if not 0 < item.serial.bit_length() <= _LONGEST_SERIAL or item.serial < 0:
        raise InputError("A serial number must be positive and have at most 159 bits.")
    if len(item.spki_sha256) != 32:
        raise InputError("A public key is named by a SHA-256 of 32 octets.")


def _add_devices(work: Work, items: Sequence[Prepared]) -> None:
    keys, owners = _known_devices(work.connection, items)
    new = []
    for item in items:
        _check_device(item, keys.get(item.uuid), owners.get(item.spki_sha256))
        if item.uuid not in keys:
            new.append({"uuid": item.uuid, "spki_sha256": item.spki_sha256, "created": work.now})
            keys[item.uuid], owners[item.spki_sha256] = item.spki_sha256, item.uuid
    if new:
        work.connection.execute(insert(devices), new)


def _known_devices(
    connection: Connection, items: Iterable[Prepared]
) -> tuple[dict[UUID, bytes], dict[bytes, UUID]]:
    rows: list[Row[UUID, bytes]] = []
    for piece in chunks(items):
        named = devices.c.uuid.in_([item.uuid for item in piece])
        keyed = devices.c.spki_sha256.in_([item.spki_sha256 for item in piece])
        query = select(devices.c.uuid, devices.c.spki_sha256).where(or_(named, keyed))
        rows.extend(connection.execute(query))
    return {row[0]: row[1] for row in rows}, {row[1]: row[0] for row in rows}


def _check_device(item: Prepared, key: bytes | None, owner: UUID | None) -> None:
    if key not in (None, item.spki_sha256):
        raise AlreadyExistsError(
            f"The UUID {item.uuid} belongs to a device with another key; assign a new one.",
            code="uuid-taken",
        )
    if owner not in (None, item.uuid):
        raise AlreadyExistsError(
            f"The key of {item.uuid} belongs to the device {owner}; make a new key.",
            code="key-taken",
        )


def _add_certificates(work: Work, items: Sequence[Prepared]) -> None:
    rows = [
        {
            "issuer_id": item.issuer_id,
            "serial": item.serial,
            "uuid": item.uuid,
            "tbs": item.tbs,
            "prepared": work.now,
        }
        for item in items
    ]
    if not rows:
        return
    try:
        work.connection.execute(insert(certificates), rows)
    except IntegrityError:
        raise AlreadyExistsError(
            "The issuer has used one of these serial numbers before; draw new ones.",
            code="serial-taken",
        ) from None


_StoredRows = dict[tuple[bytes, int], Row[bytes, int, UUID, bytes | None]]


def _stored(connection: Connection, items: Iterable[Issued]) -> _StoredRows:
    columns = certificates.c
    rows: _StoredRows = {}
    for piece in chunks(items):
        names = [(item.issuer_id, item.serial) for item in piece]
        query = select(columns.issuer_id, columns.serial, columns.uuid, columns.certificate)
        found = connection.execute(
            query.where(tuple_(columns.issuer_id, columns.serial).in_(names))
        )
        rows.update({(row[0], row[1]): row for row in found})
    return rows


def _is_new(item: Issued, stored: _StoredRows) -> bool:
    row = stored.get((item.issuer_id, item.serial))
    if row is None:
        raise NotFoundError(
            f"No certificate {item.serial:x} of this issuer was prepared; prepare it first.",
            code="unknown-certificate",
        )
    if row.certificate not in (None, item.certificate):
        raise ConflictError(
            f"Another certificate was issued under the serial number {item.serial:x}.",
            code="already-issued",
        )
    return row.certificate is None


def _named(item: Prepared | Issued) -> dict[str, str]:
    return {"issuer": item.issuer_id.hex(), "serial": f"{item.serial:x}"}
