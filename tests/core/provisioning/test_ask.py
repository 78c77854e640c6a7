"""A provisioner's owner that has the last word about authentication."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.provisioning.pair import CERTIFIED, IN_BAND, OPTIONS, Pair, closes, pdus

from meshwright.core.effects import CloseReason, Effect, LinkOpened
from meshwright.core.errors import InputError
from meshwright.core.provisioning.events import (
    Authenticated,
    CapabilitiesReceived,
    Provisioned,
    SessionFailed,
)
from meshwright.core.provisioning.fields import (
    Algorithm,
    AuthenticationMethod,
    OutputAction,
    PduType,
    PublicKeyType,
)
from meshwright.core.provisioning.oob import Choice, choose
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.values import OobKind, StaticOob

VALUE = StaticOob(OobKind.BINARY, b"shared")


class Asking(Pair):
    """A pair whose provisioner waits after Capabilities until the test goes on."""

    def __init__(self, policy: AuthenticationPolicy, public: bytes | None) -> None:
        super().__init__(options=replace(OPTIONS, static_oob=VALUE), silent_at=LinkOpened)
        self.open()
        self.provisioner_does(
            self.provisioner.invite(self.now, policy=policy, device_public=public, ask=True)
        )
        self.run()

    @property
    def told(self) -> CapabilitiesReceived:
        (told,) = self.told_provisioner(CapabilitiesReceived)
        return told

    def start(self, choice: Choice, static_oob: StaticOob | None = None) -> Asking:
        effects: list[Effect] = self.provisioner.start(choice, self.now, static_oob=static_oob)
        self.provisioner_does(effects)
        self.run()
        return self


def test_nothing_goes_on_without_the_owner() -> None:
    pair = Asking(ZERO_TOUCH, CERTIFIED.public)
    assert [pdu[0] for pdu in pair.sent_by_provisioner] == [PduType.INVITE]
    assert pair.provisioner.next_deadline() == 60.0


def test_the_usual_choice_goes_on_as_without_asking() -> None:
    pair = Asking(ZERO_TOUCH, CERTIFIED.public)
    pair.start(pair.told.choice)
    assert pair.told_provisioner(Authenticated)
    assert pair.told_provisioner(Provisioned)


def test_another_choice_may_bring_its_own_value() -> None:
    pair = Asking(ZERO_TOUCH, CERTIFIED.public)
    choice = choose(pair.told.capabilities, ZERO_TOUCH, key_known=True, static_known=True)
    assert choice.start.method == AuthenticationMethod.STATIC
    pair.start(choice, VALUE)
    assert pair.told_provisioner(Provisioned)


@pytest.mark.parametrize("known", [True, False])
def test_a_choice_that_does_not_fit_the_known_key_is_refused_and_another_may_follow(
    known: bool,
) -> None:
    pair = Asking(IN_BAND, CERTIFIED.public if known else None)
    usual = pair.told.choice
    other = PublicKeyType.IN_BAND if known else PublicKeyType.OOB
    before = len(pair.sent_by_provisioner)
    with pytest.raises(InputError) as caught:
        pair.start(replace(usual, start=replace(usual.start, public_key=other)))
    assert caught.value.code == "bad-choice"
    assert len(pair.sent_by_provisioner) == before
    pair.start(usual)
    assert pair.told_provisioner(Provisioned)


@pytest.mark.parametrize(
    "change",
    [
        {"method": AuthenticationMethod.STATIC},
        {"method": AuthenticationMethod.OUTPUT, "action": OutputAction.BLINK, "size": 1},
        {"algorithm": Algorithm.CMAC},
    ],
)
def test_a_choice_without_what_it_needs_or_of_the_weaker_algorithm_is_refused(
    change: dict[str, int],
) -> None:
    pair = Asking(IN_BAND, None)
    usual = pair.told.choice
    with pytest.raises(InputError) as caught:
        pair.start(replace(usual, start=replace(usual.start, **change)))
    assert caught.value.code == "bad-choice"


def test_a_known_key_that_is_none_ends_the_session_when_it_is_used() -> None:
    pair = Asking(ZERO_TOUCH, bytes(64))
    pair.start(pair.told.choice)
    assert [each.code for each in pair.told_provisioner(SessionFailed)] == ["invalid-public-key"]


def test_an_impatient_device_breaks_the_protocol() -> None:
    pair = Asking(IN_BAND, None)
    effects = pair.provisioner.receive(pair.sent_by_device[-1], pair.now)
    assert [each.code for each in effects if isinstance(each, SessionFailed)] == ["unexpected-pdu"]
    assert pair.provisioner.start(pair.told.choice, pair.now) == []


def test_an_owner_that_never_chooses_times_out() -> None:
    pair = Asking(IN_BAND, None)
    effects = pair.provisioner.handle_deadline(60.0)
    assert closes(effects) == [CloseReason.TIMEOUT]
    assert [pdu[0] for pdu in pdus(effects)] == [PduType.FAILED]


def test_starting_when_nobody_asks_is_a_mistake_of_the_owner() -> None:
    pair = Asking(IN_BAND, None)
    pair.start(pair.told.choice)
    with pytest.raises(RuntimeError):
        pair.provisioner.start(pair.told.choice, pair.now)
