"""Every try at provisioning a device, numbered for ever."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlalchemy import bindparam, func, insert, select, update

from meshwright.core.provisioning.authentication import Authentication
from meshwright.registry.entities import Attempt, Outcome
from meshwright.registry.errors import ConflictError, NotFoundError
from meshwright.registry.store.desk import Store, Work, inserted_id
from meshwright.registry.tables import assets, attempts, authentications, is_open

_ALL = (
    select(attempts, authentications.c.chosen)
    .join_from(attempts, authentications, isouter=True)
    .order_by(attempts.c.id)
)
_LAST_NUMBER = (
    select(func.max(attempts.c.number))
    .where(
        attempts.c.network_id == bindparam("of_network"), attempts.c.uuid == bindparam("of_uuid")
    )
    .scalar_subquery()
)
_AUTHORIZED = select(_LAST_NUMBER).where(
    assets.c.uuid == bindparam("of_uuid"), assets.c.network_id == bindparam("of_network")
)
_BEGIN = insert(attempts)
_END = (
    update(attempts)
    .where(is_open)
    .values(
        ended=bindparam("time"),
        outcome=bindparam("how"),
        code=bindparam("short"),
        reason=bindparam("long"),
    )
    .returning(*attempts.c)
)
_AUTHENTICATED = insert(authentications)
_END_ONE = _END.where(attempts.c.id == bindparam("of_attempt"))


class AttemptStore(Store):
    """What was tried, and how it ended."""

    def begin_attempt(self, network_id: int, uuid: UUID, sender: str = "") -> Attempt:
        """Start an attempt at an asset of the network; `sender` is the address that is heard.

        Its number is durable and new for this network and UUID: randomness may be derived from
        it. Raises `NotFoundError` (`unknown-asset`) for a device that is not on the list.
        """
        with self._desk.write("begin attempt") as work:
            keys = {"of_network": network_id, "of_uuid": uuid}
            row = work.connection.execute(_AUTHORIZED, keys).one_or_none()
            if row is None:
                raise NotFoundError(
                    f"{uuid} is not on the list of this network; add it first.",
                    code="unknown-asset",
                )
            number = (row[0] or 0) + 1
            values = {
                "network_id": network_id,
                "uuid": uuid,
                "number": number,
                "sender": sender,
                "started": work.now,
            }
            key = inserted_id(work.connection, _BEGIN, values)
            work.note("attempt-begun", uuid, number=number, sender=sender)
            return Attempt(key, network_id, uuid, number, sender, work.now, None, None, None, None)

    def end_attempt(
        self,
        attempt_id: int,
        outcome: Outcome,
        code: str | None = None,
        reason: str | None = None,
        *,
        authentication: Authentication | None = None,
        unproven: bool = False,
    ) -> Attempt:
        """End an attempt; the same end again changes nothing.

        `authentication` is what had been chosen, unless it was told to `reserve_node` already;
        `unproven` says that the OOB value did not fit, which counts as a failed try. Raises
        `ConflictError` (`attempt-ended`) if it ended differently.
        """
        end = _end_values(outcome, code, reason)
        with self._desk.write("end attempt") as work:
            keys = {"of_attempt": attempt_id, "time": work.now, **end}
            row = work.connection.execute(_END_ONE, keys).one_or_none()
            if row is None:
                return _ended(work, attempt_id, end)
            attempt = replace(Attempt(*row), authentication=authentication)
            if authentication is not None:
                note_authentication(work, attempt_id, authentication, unproven=unproven)
            _note_end(work, attempt)
            return attempt

    def close_interrupted(self, network_id: int | None = None) -> list[Attempt]:
        """End what a killed process left open; call it before the first attempt of a run."""
        query = _END if network_id is None else _END.where(attempts.c.network_id == network_id)
        end = _end_values(
            Outcome.INTERRUPTED, "interrupted", "The provisioner stopped before the end."
        )
        with self._desk.write("close interrupted") as work:
            rows = work.connection.execute(query, {"time": work.now, **end}).all()
            closed = sorted((Attempt(*row) for row in rows), key=lambda each: each.id)
            for attempt in closed:
                _note_end(work, attempt)
            return closed

    def attempts(self, network_id: int | None = None, uuid: UUID | None = None) -> list[Attempt]:
        """List attempts, oldest first; of one network or one device if asked."""
        query = _ALL
        if network_id is not None:
            query = query.where(attempts.c.network_id == network_id)
        if uuid is not None:
            query = query.where(attempts.c.uuid == uuid)
        with self._desk.database.reading() as connection:
            return [Attempt(*row) for row in connection.execute(query)]


def succeed(work: Work, attempt_id: int) -> None:
    """End the attempt that made a node, unless it was ended before."""
    keys = {"of_attempt": attempt_id, "time": work.now, **_end_values(Outcome.NODE, None, None)}
    row = work.connection.execute(_END_ONE, keys).one_or_none()
    if row is not None:
        _note_end(work, Attempt(*row))


def note_authentication(
    work: Work, attempt_id: int, chosen: Authentication, *, unproven: bool = False
) -> None:
    """Keep how an attempt was authenticated; once."""
    values = {"attempt_id": attempt_id, "chosen": chosen, "unproven": int(unproven)}
    work.connection.execute(_AUTHENTICATED, values)


def unknown_attempt(attempt_id: int) -> NotFoundError:
    """Say that there is no such attempt."""
    return NotFoundError(f"There is no attempt number {attempt_id}.", code="unknown-attempt")


def _end_values(outcome: Outcome, code: str | None, reason: str | None) -> dict[str, str | None]:
    return {"how": outcome, "short": code, "long": reason}


def _ended(work: Work, attempt_id: int, end: dict[str, str | None]) -> Attempt:
    """Answer for an attempt that is not open."""
    row = work.connection.execute(_ALL.where(attempts.c.id == attempt_id)).one_or_none()
    if row is None:
        raise unknown_attempt(attempt_id)
    attempt = Attempt(*row)
    if [attempt.outcome, attempt.code, attempt.reason] != list(end.values()):
        raise ConflictError(
            f"The attempt number {attempt_id} ended before as {attempt.outcome!s}.",
            code="attempt-ended",
        )
    return attempt


def _note_end(work: Work, attempt: Attempt) -> None:
    chosen = attempt.authentication
    told = {} if chosen is None else {"authentication": chosen.reason}
    work.note(
        "attempt-ended",
        attempt.uuid,
        number=attempt.number,
        outcome=attempt.outcome,
        code=attempt.code,
        reason=attempt.reason,
        **told,
    )
