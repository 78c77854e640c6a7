"""Small private files of the register, and what their errors are called here."""

from __future__ import annotations

from pathlib import Path

from meshwright import files
from meshwright.registry.errors import AlreadyExistsError, translated


def write_atomic(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a private file whole or not at all.

    Without `replace` an existing file raises `AlreadyExistsError` and stays as it is.
    """
    with translated(path):
        try:
            files.write_atomic(path, data, replace=replace)
        except FileExistsError:
            raise AlreadyExistsError(
                f"{path} exists already and is never overwritten; choose another place.",
                code="file-exists",
            ) from None
