"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.registry.registry_world import code_of, run_killed

from meshwright.core.errors import StoreError
from meshwright.registry.errors import AlreadyExistsError, translated
from meshwright.registry.files import write_atomic


def test_a_file_is_replaced_whole_and_private(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    write_atomic(path, b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_without_replace_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old", replace=False)
    with pytest.raises(AlreadyExistsError):
        write_atomic(path, b"new", replace=False)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(StoreError) as refused:
        write_atomic(tmp_path / "missing" / "file", b"new")
    assert code_of(refused) == "store-unavailable"


@contextmanager
def largest_file(octets: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_a_write_that_fails_halfway_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    with largest_file(1000), pytest.raises(StoreError):
        write_atomic(path, bytes(5000))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("ENOSPC", "store-full"),
        ("EDQUOT", "store-full"),
        ("EROFS", "store-read-only"),
        ("EACCES", "store-read-only"),
        ("EIO", "store-unavailable"),
    ],
)
def test_what_the_system_refuses_has_a_name(tmp_path: Path, number: str, code: str) -> None:
    with pytest.raises(StoreError) as refused, translated(tmp_path / "file"):
        raise OSError(getattr(errno, number), os.strerror(getattr(errno, number)))
    assert code_of(refused) == code


KILLED_BEFORE_THE_RENAME = """
import os, signal, sys
from pathlib import Path
from meshwright import files
files.os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)
files.write_atomic(Path(sys.argv[1]), b"new")
"""


def test_a_kill_before_the_rename_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomic(path, b"old")
    run_killed(KILLED_BEFORE_THE_RENAME, path)
    assert path.read_bytes() == b"old"
