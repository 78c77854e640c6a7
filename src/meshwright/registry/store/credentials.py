"""What is known of an asset beforehand: its static OOB value, its public key, its failed tries."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from meshwright.core.crypto import InvalidKeyError, equal, load_public_key
from meshwright.core.errors import InputError
from meshwright.core.provisioning.static_text import parse_static_text, static_text
from meshwright.core.provisioning.values import StaticOob
from meshwright.registry.entities import FailedTry, NewAsset
from meshwright.registry.errors import AlreadyExistsError, DamagedDatabaseError, NotFoundError
from meshwright.registry.keyring import Keyring
from meshwright.registry.store.desk import Store, Work
from meshwright.registry.tables import assets, attempts, authentications, credentials

_PURPOSE = "static-oob"
_ONE = select(credentials).where(credentials.c.uuid == bindparam("of_uuid"))
_KNOWN = select(assets.c.uuid).where(assets.c.uuid == bindparam("of_uuid"))
_LAST_ATTEMPT = select(func.max(attempts.c.id)).where(attempts.c.uuid == bindparam("of_uuid"))
_FAILED = (
    select(attempts.c.uuid, attempts.c.sender, authentications.c.chosen, attempts.c.ended)
    .join_from(authentications, attempts)
    .join(credentials, credentials.c.uuid == attempts.c.uuid, isouter=True)
    .where(
        authentications.c.unproven == 1,
        attempts.c.ended.is_not(None),
        attempts.c.id > func.coalesce(credentials.c.forgiven, 0),
    )
    .order_by(attempts.c.id)
)
_BLANK: dict[str, Any] = {"static_oob": None, "public_key": None, "forgiven": 0}


class CredentialStore(Store):
    """Static OOB values are sealed and never handed out but to whoever provisions."""

    def static_oob(self, uuid: UUID) -> StaticOob | None:
        """Return the static OOB value of an asset; None if none is known."""
        with self._desk.database.reading() as connection:
            row = connection.execute(_ONE, {"of_uuid": uuid}).one_or_none()
        sealed = None if row is None else row.static_oob
        return None if sealed is None else _unsealed(self._desk.keyring, uuid, sealed)

    def set_static_oob(self, uuid: UUID, static_oob: StaticOob | None) -> None:
        """Keep another value, or none; failed tries with the old one no longer count.

        Raises `NotFoundError` (`unknown-asset`).
        """
        with self._desk.write("set static OOB") as work:
            _require(work, uuid)
            _put_static(work, self._desk.keyring, uuid, static_oob)
            _forgive(work, uuid)

    def set_public_key(self, uuid: UUID, public_key: bytes | None) -> None:
        """Keep the device's public key (X || Y, 64 octets) as the operator gives it, or none.

        Raises `NotFoundError` (`unknown-asset`) and `InputError` (`bad-public-key`).
        """
        with self._desk.write("set public key") as work:
            _require(work, uuid)
            _put_key(work, uuid, public_key)
            _forgive(work, uuid)

    def forgive(self, uuid: UUID) -> None:
        """Let a device be tried again, however often it has failed.

        Raises `NotFoundError` (`unknown-asset`).
        """
        with self._desk.write("forgive") as work:
            _require(work, uuid)
            _forgive(work, uuid)
            work.note("retry-allowed", uuid)

    def failed_tries(self, network_id: int | None = None) -> list[FailedTry]:
        """List the failed authentications that still count, oldest first."""
        query = _FAILED
        if network_id is not None:
            query = query.where(attempts.c.network_id == network_id)
        with self._desk.database.reading() as connection:
            return [
                FailedTry(uuid, sender, chosen.key, ended)
                for uuid, sender, chosen, ended in connection.execute(query)
            ]


def keep_given(work: Work, keyring: Keyring, items: Iterable[NewAsset]) -> None:
    """Keep what is known of assets that are entered; refuse what contradicts the list.

    Raises `AlreadyExistsError` (`static-oob-exists`, `public-key-exists`).
    """
    for item in items:
        if item.static_oob is not None:
            _keep_static(work, keyring, item.uuid, item.static_oob)
        if item.public_key is not None:
            _keep_key(work, item.uuid, item.public_key)


def _keep_static(work: Work, keyring: Keyring, uuid: UUID, static_oob: StaticOob) -> None:
    row = work.connection.execute(_ONE, {"of_uuid": uuid}).one_or_none()
    if row is None or row.static_oob is None:
        _put_static(work, keyring, uuid, static_oob)
        return
    known = static_text(_unsealed(keyring, uuid, row.static_oob))
    if not equal(known.encode(), static_text(static_oob).encode()):
        raise AlreadyExistsError(
            f"{uuid} is on the list with another static OOB value; replace it with "
            "`meshwright assets oob`.",
            code="static-oob-exists",
        )


def _keep_key(work: Work, uuid: UUID, public_key: bytes) -> None:
    row = work.connection.execute(_ONE, {"of_uuid": uuid}).one_or_none()
    if row is None or row.public_key is None:
        _put_key(work, uuid, public_key)
    elif not equal(row.public_key, public_key):
        raise AlreadyExistsError(
            f"{uuid} is on the list with another public key; replace it with "
            "`meshwright assets oob`.",
            code="public-key-exists",
        )


def _put_static(work: Work, keyring: Keyring, uuid: UUID, static_oob: StaticOob | None) -> None:
    if static_oob is None:
        _put(work, uuid, static_oob=None)
        work.note("static-oob-removed", uuid)
        return
    sealed = keyring.seal(static_text(static_oob).encode(), _PURPOSE, uuid)
    _put(work, uuid, static_oob=sealed)
    work.note("static-oob-set", uuid, kind=static_oob.kind.name.lower())


def _put_key(work: Work, uuid: UUID, public_key: bytes | None) -> None:
    if public_key is None:
        _put(work, uuid, public_key=None)
        work.note("public-key-removed", uuid)
        return
    try:
        load_public_key(public_key)
    except InvalidKeyError as error:
        message = f"This is no public key of a device: {error}."
        raise InputError(message, code="bad-public-key") from None
    _put(work, uuid, public_key=public_key)
    work.note("public-key-set", uuid, sha256=hashlib.sha256(public_key).hexdigest())


def _forgive(work: Work, uuid: UUID) -> None:
    last = work.connection.execute(_LAST_ATTEMPT, {"of_uuid": uuid}).scalar()
    _put(work, uuid, forgiven=last or 0)


def _put(work: Work, uuid: UUID, **values: bytes | int | None) -> None:
    row = work.connection.execute(_ONE, {"of_uuid": uuid}).one_or_none()
    if row is None:
        work.connection.execute(insert(credentials), {"uuid": uuid} | _BLANK | values)
    else:
        change = update(credentials).where(credentials.c.uuid == uuid).values(values)
        work.connection.execute(change)


def _unsealed(keyring: Keyring, uuid: UUID, sealed: bytes) -> StaticOob:
    try:
        return parse_static_text(keyring.unseal(sealed, _PURPOSE, uuid).decode("ascii"))
    except (InputError, UnicodeDecodeError):
        raise DamagedDatabaseError(
            "The database holds a static OOB value that cannot be read; restore it from a backup."
        ) from None


def _require(work: Work, uuid: UUID) -> None:
    if work.connection.execute(_KNOWN, {"of_uuid": uuid}).one_or_none() is None:
        raise unknown_asset(uuid)


def unknown_asset(uuid: UUID) -> NotFoundError:
    """Say that a device is not on the list."""
    return NotFoundError(f"{uuid} is not on the list; add it first.", code="unknown-asset")
