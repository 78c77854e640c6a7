"""What the exit status says: one table from kinds of errors to numbers."""

from __future__ import annotations

from enum import IntEnum

from meshwright.core.errors import (
    InputError,
    MachineError,
    MeshwrightError,
    PeerError,
    StoreError,
    TrustError,
)


class ExitStatus(IntEnum):
    """Exit statuses of every command."""

    DONE = 0
    INCOMPLETE = 1
    USAGE = 2
    TRUST = 3
    STORE = 4
    ENVIRONMENT = 5
    INTERRUPTED = 130


_STATUSES: dict[type[BaseException], ExitStatus] = {
    InputError: ExitStatus.USAGE,
    TrustError: ExitStatus.TRUST,
    StoreError: ExitStatus.STORE,
    OSError: ExitStatus.STORE,
    MachineError: ExitStatus.ENVIRONMENT,
    PeerError: ExitStatus.INCOMPLETE,
    MeshwrightError: ExitStatus.INCOMPLETE,
}


def status_of(error: BaseException) -> ExitStatus:
    """Return the exit status for the nearest kind of `error`."""
    kinds = (_STATUSES.get(kind) for kind in type(error).__mro__)
    return next((status for status in kinds if status is not None), ExitStatus.ENVIRONMENT)
