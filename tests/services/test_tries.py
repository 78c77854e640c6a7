"""S3 on the provisioner's side: failed tries count across runs, and end with a person."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.services.site_world import Actor, World, options_of, result_of

from meshwright.core.crypto import KeyPair
from meshwright.core.provisioning.attempts import BackOff
from meshwright.core.provisioning.authentication import KeySource, Weakening
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.registry.entities import FailedTry
from meshwright.services.report import ResultKind
from meshwright.services.tries import LOCKED, MOST_FAILURES, WAITING, Tries

ONE, TWO = UUID(int=1), UUID(int=2)
SENDER, OTHER = b"\xc0aaaaa", b"\xc0bbbbb"
WALL = datetime(2026, 3, 1, tzinfo=UTC)
KNOWN = [KeySource.CERTIFICATE, KeySource.OPERATOR]
STATIC = StaticOob(OobKind.NUMERIC, 19655)
WRONG = StaticOob(OobKind.NUMERIC, 19656)


def failed_tries(count: int, key: KeySource, ago: float = 0.0) -> list[FailedTry]:
    return [FailedTry(ONE, SENDER.hex(), key, WALL - timedelta(seconds=ago))] * count


# The book.


@pytest.mark.parametrize("key", KNOWN)
def test_with_a_known_key_only_the_sender_waits(key: KeySource) -> None:
    tries = Tries(BackOff(free=0))
    tries.fail(ONE, SENDER, key, 5.0)
    hold = tries.hold(ONE, SENDER, 6.0)
    assert hold is not None
    assert (hold.until, hold.code) == (15.0, WAITING)
    assert "9 seconds" in hold.reason
    assert tries.hold(ONE, OTHER, 6.0) is tries.hold(ONE, None, 6.0) is None
    assert tries.hold(TWO, SENDER, 6.0) is None
    assert tries.hold(ONE, SENDER, 15.0) is None


def test_with_a_key_in_band_everybody_waits() -> None:
    tries = Tries(BackOff(free=0))
    tries.fail(ONE, SENDER, KeySource.IN_BAND, 5.0)
    assert tries.hold(ONE, OTHER, 6.0) == tries.hold(ONE, None, 6.0)
    assert tries.hold(ONE, SENDER, 6.0) is not None


def test_senders_that_are_not_known_are_one() -> None:
    tries = Tries(BackOff(free=0))
    tries.fail(ONE, None, KeySource.CERTIFICATE, 5.0)
    assert tries.hold(ONE, None, 6.0) == tries.hold(ONE, SENDER, 6.0) is not None


def test_at_the_limit_nobody_is_tried_and_a_person_is_told_what_to_do() -> None:
    tries = Tries(BackOff())
    tries.load(failed_tries(MOST_FAILURES - 1, KeySource.CERTIFICATE, ago=1e6), WALL, 0.0)
    assert tries.hold(ONE, SENDER, 0.0) is None
    assert tries.locked_out() == frozenset()
    tries.fail(ONE, SENDER, KeySource.CERTIFICATE, 0.0)
    hold = tries.hold(ONE, SENDER, 1e9)
    assert hold is not None
    assert (hold.until, hold.code) == (math.inf, LOCKED)
    assert f"assets retry {ONE}" in hold.reason
    assert tries.locked_out() == {ONE}


@given(st.integers(0, 9), st.floats(0.0, 1e4), st.floats(-1e4, 1e4))
def test_time_passes_between_runs_and_never_makes_a_wait_longer(
    count: int, ago: float, now: float
) -> None:
    rule, tries = BackOff(), Tries(BackOff())
    tries.load(failed_tries(count, KeySource.CERTIFICATE, ago), WALL, now)
    hold = tries.hold(ONE, SENDER, now)
    left = rule.wait(count) - ago
    assert (hold is None) == (left <= 0.0) or abs(left) < 1e-3
    if hold is not None:
        assert hold.until - now == pytest.approx(left, abs=1e-3)


def test_a_clock_that_was_set_back_costs_one_wait_at_most() -> None:
    tries = Tries(BackOff())
    tries.load(failed_tries(4, KeySource.CERTIFICATE, ago=-1e6), WALL, 0.0)
    hold = tries.hold(ONE, SENDER, 0.0)
    assert hold is not None
    assert hold.until == BackOff().first


def test_a_stored_sender_may_be_any_text() -> None:
    tries = Tries(BackOff(free=0))
    odd = replace(failed_tries(1, KeySource.CERTIFICATE)[0], sender="c0:ff:zz")
    tries.load([odd], WALL, 0.0)
    assert tries.hold(ONE, SENDER, 0.0) is None


# The provisioner.

QUICK: dict[str, Any] = {
    "skip": 1.0,
    "back_off": BackOff(free=2, first=20.0, longest=40.0),
    "most_failures": 4,
}


def test_a_wrong_value_is_tried_less_and_less_and_then_not_at_all(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), WRONG)
    options = options_of(flash, static_oob=STATIC)
    actor = Actor(world, world.uuid(1), options)

    first = world.run(patience=10.0, **QUICK)
    assert result_of(first, flash).code == "oob-value-refused"
    assert len(world.register.attempts()) == 3

    second = world.run(patience=5.0, **QUICK)  # at once: it has to wait
    assert result_of(second, flash).code == "backing-off"
    assert "3 times in a row" in (result_of(second, flash).reason or "")
    assert len(world.register.attempts()) == 3

    world.clock.advance(25)
    third = world.run(patience=10.0, **QUICK)
    assert result_of(third, flash).code == "locked-out"
    assert len(world.register.attempts()) == 4

    world.clock.advance(1_000_000)
    fourth = world.run(patience=10.0, **QUICK)
    result = result_of(fourth, flash)
    assert (result.kind, result.code) == (ResultKind.REFUSED, "locked-out")
    assert f"meshwright assets retry {world.uuid(1)}" in (result.reason or "")
    assert len(world.register.attempts()) == 4
    assert not actor.became

    world.register.set_static_oob(world.uuid(1), STATIC)  # which lets it be tried again
    actor.power_off()
    Actor(world, world.uuid(1), options, radio=actor.radio)
    assert world.run(patience=10.0, **QUICK).unaccounted == 0


def test_a_person_may_let_it_be_tried_again(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), WRONG)
    Actor(world, world.uuid(1), options_of(flash, static_oob=STATIC))
    for _ in range(4):
        world.run(patience=10.0, **QUICK)
        world.clock.advance(50)
    assert len(world.register.attempts()) == 4
    world.register.forgive(world.uuid(1))
    world.run(patience=10.0, **QUICK)
    assert len(world.register.attempts()) > 4


def test_with_a_key_in_band_the_asset_itself_is_locked(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), WRONG)
    policy = AuthenticationPolicy.allowing([Weakening.IN_BAND_KEY])
    options = DeviceOptions(static_oob=STATIC)
    actors = [Actor(world, world.uuid(1), options, oob=0) for _ in range(2)]
    quick = QUICK | {"back_off": BackOff(free=9)}
    world.run(patience=15.0, policy=policy, **quick)
    assert len(world.register.attempts()) == 4  # of both senders together
    for actor in actors:
        actor.power_off()
    report = world.run(patience=5.0, policy=policy, **quick)
    result = result_of(report, flash)
    assert (result.kind, result.code) == (ResultKind.UNACCOUNTED, "locked-out")


def test_who_copies_a_certificate_does_not_keep_the_device_out(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)
    good = options_of(flash, static_oob=STATIC)
    copier = Actor(world, world.uuid(1), replace(good, key_pair=KeyPair(99)))
    for _ in range(5):
        world.run(patience=10.0, **QUICK)
        world.clock.advance(50)
    assert len(world.register.failed_tries()) == 4
    genuine = Actor(world, world.uuid(1), good)
    assert world.run(patience=30.0, **QUICK).unaccounted == 0
    assert len(genuine.became) == 1
    assert not copier.became


def test_trouble_on_the_link_is_no_guess(world: World) -> None:
    flash = world.flash(1)
    world.register.set_static_oob(world.uuid(1), STATIC)

    def edit(octets: bytes) -> list[bytes]:
        return [] if octets[0] == 5 else [octets]  # no Confirmation

    Actor(world, world.uuid(1), options_of(flash, static_oob=STATIC), edit=edit)
    report = world.run(patience=80.0)
    assert result_of(report, flash).code == "provisioning-timeout"
    assert not world.register.failed_tries()
