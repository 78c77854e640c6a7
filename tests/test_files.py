"""Small files: whole or not at all, private, and never over what must stay."""

from __future__ import annotations

import os
from pathlib import Path
from unittest.mock import patch

import pytest

from meshwright.files import PRIVATE, PUBLIC, write_atomic


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("replace", [True, False])
def test_a_file_is_written_and_nothing_else_is_left(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "a.json"
    write_atomic(path, b"content", replace=replace)
    assert path.read_bytes() == b"content"
    assert path.stat().st_mode & 0o777 == PRIVATE
    assert names(tmp_path) == ["a.json"]


def test_modes(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        write_atomic(tmp_path / "label.png", b"", mode=PUBLIC)
    finally:
        os.umask(previous)
    assert (tmp_path / "label.png").stat().st_mode & 0o777 == 0o644


def test_a_file_is_replaced_only_when_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"first")
    with pytest.raises(FileExistsError):
        write_atomic(path, b"second", replace=False)
    assert path.read_bytes() == b"first"
    write_atomic(path, b"third")
    assert path.read_bytes() == b"third"
    assert names(tmp_path) == ["a"]


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a"
    (tmp_path / ".a.new").write_bytes(b"half")
    (tmp_path / ".a.new").chmod(0o644)
    write_atomic(path, b"whole")
    assert path.read_bytes() == b"whole"
    assert path.stat().st_mode & 0o777 == PRIVATE
    assert names(tmp_path) == ["a"]


def test_somebody_cannot_have_us_write_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"dear")
    (tmp_path / ".a.new").symlink_to(victim)
    (tmp_path / "a").symlink_to(victim)
    write_atomic(tmp_path / "a", b"ours")
    assert victim.read_bytes() == b"dear"
    assert not (tmp_path / "a").is_symlink()


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_the_old_content_stays_when_the_disk_fails(tmp_path: Path, step: str) -> None:
    path = tmp_path / "a"
    write_atomic(path, b"old")
    with patch(step, side_effect=OSError(28, "full")), pytest.raises(OSError, match="full"):
        write_atomic(path, b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_it_is_durable_before_it_has_its_name(tmp_path: Path) -> None:
    """What is renamed has been synced, and the folder is synced after that."""
    path, order = tmp_path / "a", []
    sync, rename = os.fsync, Path.replace

    def on_sync(descriptor: int) -> None:
        sync(descriptor)
        order.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)

    def on_rename(source: Path, target: Path) -> Path:
        order.append("rename")
        return rename(source, target)

    with patch.object(os, "fsync", on_sync), patch.object(Path, "replace", on_rename):
        write_atomic(path, b"content")
    assert order == [".a.new", "rename", tmp_path.name]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "no" / "a", b"")
