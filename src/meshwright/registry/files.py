"""Small files that are there whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from meshwright.registry.errors import AlreadyExistsError, translated


def write_atomic(path: Path, data: bytes, *, replace: bool = True) -> None:
    """Write a private file (mode 0600) that survives a power cut once this returns.

    Without `replace` an existing file raises `AlreadyExistsError` and stays as it is.
    """
    with translated(path):
        temporary = _write_temporary(path, data)
        try:
            if replace:
                temporary.replace(path)
            else:
                _link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)


def _write_temporary(path: Path, data: bytes) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
    return Path(name)


def _link(temporary: Path, path: Path) -> None:
    # A link, unlike a rename, never takes the place of a file that is there.
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise AlreadyExistsError(
            f"{path} exists already and is never overwritten; choose another place.",
            code="file-exists",
        ) from None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
