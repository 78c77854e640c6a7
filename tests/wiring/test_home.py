"""Homes: made once, whoever else tries at the same moment, and opened by one at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from meshwright.core.errors import InputError, MeshwrightError, StoreError
from meshwright.wiring.home import SecretSource, create, opened

SECRETS = SecretSource()


def test_of_all_who_make_a_home_at_once_one_succeeds(tmp_path: Path) -> None:
    home, everybody = tmp_path / "home", Barrier(8)

    def attempt(number: int) -> str:
        everybody.wait()
        try:
            create(home, SECRETS, seed=number)
        except MeshwrightError as error:
            return error.code
        return "made"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(attempt, range(8)))
    assert outcomes.count("made") == 1
    assert set(outcomes) <= {"made", "home-busy", "home-exists"}
    with opened(home, SECRETS) as found:
        assert found.register.verify_audit() >= 0


def test_a_home_that_was_made_while_one_waited_is_not_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshwright.wiring import home as module

    home, locked = tmp_path / "home", module.locked

    def overtaken(path: Path) -> object:
        monkeypatch.setattr(module, "locked", locked)
        create(home, SECRETS, seed=1)
        return locked(path)

    monkeypatch.setattr(module, "locked", overtaken)
    with pytest.raises(InputError) as refused:
        create(home, SECRETS, seed=2)
    assert refused.value.code == "home-exists"
    with opened(home, SECRETS) as found:
        assert found.settings.seed == 1


def test_a_home_is_opened_by_one_at_a_time(tmp_path: Path) -> None:
    create(tmp_path / "home", SECRETS)
    with opened(tmp_path / "home", SECRETS):
        with (
            pytest.raises(StoreError) as refused,
            opened(tmp_path / "home", SECRETS),
        ):
            pass
        assert refused.value.code == "home-busy"
    with opened(tmp_path / "home", SECRETS):
        pass


def test_seeded_homes_live_in_a_time_of_their_own(tmp_path: Path) -> None:
    times = []
    for name in ("one", "two"):
        create(tmp_path / name, SECRETS, seed=1)
        with opened(tmp_path / name, SECRETS) as found:
            times.append(found.clock.now())
            assert found.randomness.predictable
    assert times[0] == times[1]
    create(tmp_path / "real", SECRETS)
    with opened(tmp_path / "real", SECRETS) as found:
        assert not found.randomness.predictable
        assert found.clock.now() != times[0]


def test_a_reader_that_left_is_not_taken_for_a_broken_disk(tmp_path: Path) -> None:
    create(tmp_path / "home", SECRETS)
    with pytest.raises(BrokenPipeError), opened(tmp_path / "home", SECRETS):
        raise BrokenPipeError
    with pytest.raises(StoreError) as refused, opened(tmp_path / "home", SECRETS):
        raise OSError(28, "No space left on device", "file")
    assert refused.value.code == "store-full"


def test_secrets_of_a_home_have_no_repr(tmp_path: Path) -> None:
    source = SecretSource(None, "open sesame", {"MESHWRIGHT_KEY": "ab" * 32})
    assert "sesame" not in repr(source)
    assert "abab" not in repr(source)
    create(tmp_path / "home", source)
