"""The replay protection list."""

from __future__ import annotations

import pytest

from meshwright.core.network.replay import ReplayError, ReplayList


def test_only_newer_messages_pass() -> None:
    replay = ReplayList()
    replay.admit(1, 5, 10)
    replay.admit(1, 5, 11)
    for iv_index, seq in ((5, 11), (5, 10), (4, 0xFFFFFF)):
        with pytest.raises(ReplayError) as error:
            replay.admit(1, iv_index, seq)
        assert error.value.code == "replayed"
    replay.admit(1, 6, 0)
    replay.admit(2, 5, 10)
    assert replay.marks == {1: (6, 0), 2: (5, 10)}


def test_marks_survive_a_restart() -> None:
    before = ReplayList()
    before.admit(1, 5, 10)
    after = ReplayList(before.marks)
    with pytest.raises(ReplayError):
        after.admit(1, 5, 10)


def test_a_full_list_refuses_new_sources_only() -> None:
    replay = ReplayList(capacity=1)
    replay.admit(1, 0, 0)
    with pytest.raises(ReplayError) as error:
        replay.admit(2, 0, 0)
    assert error.value.code == "replay-list-full"
    replay.admit(1, 0, 1)
    assert replay.marks == {1: (0, 1)}
