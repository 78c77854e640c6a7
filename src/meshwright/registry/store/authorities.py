"""CA certificates. Private keys never come here."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from meshwright.registry.entities import Authority, Role
from meshwright.registry.errors import AlreadyExistsError
from meshwright.registry.store.desk import Store, checked_name, inserted_id
from meshwright.registry.tables import authorities

_ALL = select(authorities).order_by(authorities.c.id)
_INSERT = insert(authorities)


class AuthorityStore(Store):
    """The root and batch certificates of the manufacturer."""

    def add_authority(
        self, role: Role, name: str, certificate: bytes, key_reference: str
    ) -> Authority:
        """Record a CA certificate; a name or certificate on record raises `authority-exists`."""
        values = {
            "role": role,
            "name": checked_name(name, "an authority"),
            "certificate": certificate,
            "key_reference": key_reference,
        }
        with self._desk.write("add authority") as work:
            try:
                key = inserted_id(work.connection, _INSERT, values | {"created": work.now})
            except IntegrityError:
                raise AlreadyExistsError(
                    f"The authority {name!r} or its certificate is on record already.",
                    code="authority-exists",
                ) from None
            digest = sha256(certificate).hexdigest()
            work.note("authority-added", name, role=role, certificate_sha256=digest)
            return Authority(key, role, name, certificate, key_reference, work.now)

    def authorities(self, role: Role | None = None) -> list[Authority]:
        """List the CA certificates in the order in which they were recorded."""
        query = _ALL if role is None else _ALL.where(authorities.c.role == role)
        with self._desk.database.reading() as connection:
            rows = connection.execute(query).all()
        return [Authority(*row) for row in rows]
