"""S3: guesses at an OOB value are counted, and whoever guesses has to wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.provisioning.pair import CERTIFIED, DATA, OPTIONS, closes, pdus

from meshwright.core.crypto import KeyPair
from meshwright.core.effects import CloseReason, Effect, SendPdu
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.attempts import Attempts, BackOff
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import AttemptsChanged, Authenticated, SessionRefused
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    PduType,
)
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.values import OobKind, StaticOob
from meshwright.randomness import SeededRandomness

HOUR = 3600.0
PEER = KeyPair(77)
SECRET = StaticOob(OobKind.NUMERIC, 0xBEEF5)
WRONG = StaticOob(OobKind.NUMERIC, 1)
RULES = st.builds(BackOff, st.integers(0, 5), st.floats(0.1, 100.0), st.floats(100.0, 10_000.0))
CMAC = AuthenticationPolicy((Algorithm.CMAC,), require_oob_public_key=False, static_with_cmac=True)


# The rule.


@given(RULES, st.integers(0, 1_000_000))
def test_waits_grow_up_to_their_bound(rule: BackOff, failures: int) -> None:
    wait, longer = rule.wait(failures), rule.wait(failures + 1)
    assert 0.0 <= wait <= longer <= rule.longest
    assert (wait == 0.0) == (failures <= rule.free)
    if 0.0 < wait < longer < rule.longest:
        assert longer == pytest.approx(2 * wait)


@given(RULES, st.lists(st.tuples(st.floats(0.0, 5000.0), st.booleans()), max_size=40))
def test_nobody_fails_again_before_the_wait_is_over(
    rule: BackOff, visits: list[tuple[float, bool]]
) -> None:
    attempts, now, failures, last = Attempts(rule), 0.0, 0, 0.0
    for pause, good in visits:
        now += pause
        if attempts.waiting(now):
            assert now < last + rule.wait(failures)
            continue
        assert now >= last + rule.wait(failures) - 1e-6
        failures = 0 if good else failures + 1
        last = now
        if good:
            attempts.succeed()
        else:
            attempts.fail(now)
        assert attempts.failures == failures


@given(RULES, st.integers(0, 50), st.floats(0.0, 1e6))
def test_a_stored_count_waits_from_the_first_question(
    rule: BackOff, failures: int, now: float
) -> None:
    attempts = Attempts(rule, failures)
    wait = rule.wait(failures)
    assert attempts.waiting(now) == pytest.approx(wait, abs=1e-6)
    assert attempts.waiting(now + wait + 1e-3) == 0.0


def test_a_stored_time_counts() -> None:
    rule = BackOff(0, 10.0, 100.0)
    assert Attempts(rule, 2, since=-5.0).waiting(0.0) == 15.0
    assert Attempts(rule, 2, since=-20.0).waiting(0.0) == 0.0


# The device.


class Guesser:
    """Somebody who opens sessions with one device as often as it lets them."""

    def __init__(self, options: DeviceOptions, attempts: Attempts | None = None) -> None:
        self._random = SeededRandomness(3).stream("guesser")
        self.device = DeviceMachine(options, self._random, attempts=attempts)
        self.now = 0.0
        self.heard: list[Effect] = []

    def open(self) -> bool:
        """Open a link; False when the device closes it at once."""
        effects = self.device.bearer_opened(self.now)
        self.heard += effects
        return not closes(effects)

    def guess(
        self,
        value: StaticOob | None,
        policy: AuthenticationPolicy = CMAC,
        data: ProvisioningData | None = None,
    ) -> bool:
        """Try one value in one session; True when the device accepts it, and goes on with data."""
        provisioner = ProvisionerMachine(self._random)
        provisioner.bearer_opened(self.now)
        public = CERTIFIED.public if policy.require_oob_public_key else None
        waiting = provisioner.invite(
            self.now, policy=policy, device_public=public, static_oob=value
        )
        joined = False
        while waiting:
            effect = waiting.pop(0)
            if isinstance(effect, Authenticated):
                joined = True
                waiting += [] if data is None else provisioner.send_data(data, self.now)
            if isinstance(effect, SendPdu):
                answers = self.device.receive(effect.pdu, self.now)
                self.heard += answers
                for octets in pdus(answers):
                    waiting += provisioner.receive(octets, self.now)
        self.device.bearer_closed(self.now)
        return joined

    def told(self) -> list[int]:
        return [each.failures for each in self.heard if isinstance(each, AttemptsChanged)]


LEGACY = DeviceOptions(algorithms=Algorithms.CMAC, static_oob=SECRET)
BOTH = replace(OPTIONS, static_oob=SECRET)
ZERO_TOUCH = AuthenticationPolicy()


def tries(guesser: Guesser, seconds: float) -> Iterator[float]:
    """Guess without a pause, looking every second; tell when each guess was taken."""
    value = 0
    while guesser.now < seconds:
        if guesser.open():
            assert not guesser.guess(StaticOob(OobKind.NUMERIC, value))
            yield guesser.now
            value += 1
        guesser.now += 1.0


def test_s3_a_20_bit_value_under_cmac_takes_years() -> None:
    times = list(tries(Guesser(LEGACY), 24 * HOUR))
    in_the_first_hour = sum(time < HOUR for time in times)
    in_the_last_hour = sum(time >= 23 * HOUR for time in times)
    assert in_the_first_hour <= 15
    assert in_the_last_hour <= 6
    years_for_half_of_all_values = (1 << 19) / in_the_last_hour / 24 / 365
    assert years_for_half_of_all_values > 9


def test_a_locked_device_takes_no_session_and_then_the_right_value() -> None:
    guesser = Guesser(LEGACY)
    for _ in range(4):
        assert guesser.open()
        assert not guesser.guess(WRONG)
    assert not guesser.open()
    assert closes(guesser.heard[-1:]) == [CloseReason.FAIL]
    assert guesser.device.receive(codec.encode(pdu.Invite(0)), guesser.now) == []
    guesser.device.bearer_closed(guesser.now)
    guesser.now += BackOff().first
    assert guesser.open()
    assert guesser.guess(SECRET)
    assert guesser.told() == [1, 2, 3, 4], "a recorded session gets as far as that"
    assert guesser.open()
    assert guesser.guess(SECRET, data=DATA)
    assert guesser.told() == [1, 2, 3, 4, 0]


def test_the_count_is_told_before_failed_can_leave() -> None:
    guesser = Guesser(BOTH)
    guesser.open()
    guesser.guess(WRONG, ZERO_TOUCH)
    counted = guesser.heard.index(AttemptsChanged(1))
    assert codec.type_of(pdus(guesser.heard[counted:])[0]) is PduType.FAILED
    assert guesser.heard[-1] == SessionRefused(ErrorCode.CONFIRMATION_FAILED)


def test_switching_off_and_on_does_not_make_it_faster() -> None:
    for _ in range(3):
        guesser = Guesser(BOTH, Attempts(failures=6))
        assert not guesser.open()
        guesser.now += BackOff().wait(6)
        assert guesser.open()


def test_a_session_without_a_value_counts_for_nothing() -> None:
    guesser = Guesser(BOTH)
    guesser.open()
    guesser.guess(WRONG, ZERO_TOUCH)
    for _ in range(6):
        assert guesser.open()
        assert guesser.guess(None, ZERO_TOUCH)  # accepted, and no proof of the value
    assert guesser.told() == [1]


@pytest.mark.parametrize("method", [AuthenticationMethod.NO_OOB, AuthenticationMethod.STATIC])
def test_only_a_wrong_confirmation_of_a_value_counts(method: AuthenticationMethod) -> None:
    guesser = Guesser(replace(OPTIONS, static_oob=SECRET))
    device = guesser.device
    start = pdu.Start(Algorithm.HMAC, 1, method)
    wrong: list[pdu.Pdu] = [
        pdu.Invite(0),
        start,
        pdu.PublicKey(PEER.public),
        pdu.Confirmation(bytes(32)),
        pdu.Random(bytes(32)),
    ]
    for message in wrong[:1]:
        device.bearer_opened(0.0)
        device.receive(codec.encode(message), 0.0)
        device.bearer_closed(0.0)
    device.bearer_opened(0.0)
    for message in wrong[:4]:
        guesser.heard += device.receive(codec.encode(message), 0.0)
    device.handle_deadline(device.next_deadline() or 0.0)  # silence is no guess
    device.bearer_closed(60.0)
    device.bearer_opened(60.0)
    for message in wrong:
        guesser.heard += device.receive(codec.encode(message), 60.0)
    assert guesser.heard[-1] == SessionRefused(ErrorCode.CONFIRMATION_FAILED)
    assert guesser.told() == ([1] if method is AuthenticationMethod.STATIC else [])
