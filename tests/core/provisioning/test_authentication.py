"""Every authentication method between the real machines, with both algorithms and both keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.provisioning.pair import CERTIFIED, OPTIONS, Pair, pdus

from meshwright.core.effects import CloseLink, CloseReason, Effect, SendPdu
from meshwright.core.errors import InputError
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    BecameNode,
    CapabilitiesReceived,
    EntryNeeded,
    Provisioned,
    RecordRead,
    SessionFailed,
    SessionRefused,
    ValueShown,
    ValueToShow,
)
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    InputAction,
    OutputAction,
)
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.values import OobKind, StaticOob

STATIC = StaticOob(OobKind.BINARY, bytes(range(32)))
ALGORITHMS = {
    Algorithm.CMAC: Algorithms.CMAC,
    Algorithm.HMAC: Algorithms.CMAC | Algorithms.HMAC,
}
PERSONS = [
    *((AuthenticationMethod.OUTPUT, action) for action in OutputAction),
    *((AuthenticationMethod.INPUT, action) for action in InputAction),
]
every_person = pytest.mark.parametrize(
    ("method", "action"),
    PERSONS,
    ids=[f"{method.name}-{action.name}" for method, action in PERSONS],
)


class Talk(Pair):
    """A pair with a static value on the Provisioner's side, and a person in between.

    The person enters what is shown on the other side, or `typed` instead.
    """

    def __init__(
        self,
        method: AuthenticationMethod,
        options: DeviceOptions,
        *,
        algorithm: Algorithm = Algorithm.HMAC,
        certified: bool = True,
        static: StaticOob | None = None,
        typed: str | None = None,
        **policy: object,
    ) -> None:
        wanted = AuthenticationPolicy((algorithm,), certified, (method,), **policy)  # type: ignore[arg-type]
        options = replace(options, algorithms=ALGORITHMS[algorithm])
        super().__init__(
            policy=wanted, options=options, public=CERTIFIED.public if certified else None
        )
        self.static = static
        self.typed = typed

    def _lead(self, effect: Effect) -> list[Effect]:
        if isinstance(effect, RecordRead):
            return self.provisioner.invite(
                self.now,
                policy=self._policy,
                device_public=self._public,
                static_oob=self.static,
            )
        return super()._lead(effect)

    def carry(self) -> Talk:
        """Run until both sides wait, carry the value over, and run to the end."""
        self.open().run()
        for effect in self.told_device(ValueToShow):
            value = self.typed or effect.value
            self.provisioner_does(self.provisioner.enter(value, self.now))
        for effect in self.told_provisioner(ValueToShow):
            self.device_does(self.device.enter(self.typed or effect.value, self.now))
        self.run()
        return self


def assert_joined(talk: Pair) -> None:
    assert len(talk.told_provisioner(Provisioned)) == 1
    (node,) = talk.told_device(BecameNode)
    assert len(node.device_key) == 16


def with_action(method: AuthenticationMethod, action: int, size: int = 8) -> DeviceOptions:
    if method is AuthenticationMethod.OUTPUT:
        return replace(OPTIONS, output_actions=(OutputAction(action),), output_size=size)
    return replace(OPTIONS, input_actions=(InputAction(action),), input_size=size)


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("algorithm", Algorithm)
@pytest.mark.parametrize("length", [7, 16, 32])
def test_static_oob(length: int, algorithm: Algorithm, certified: bool) -> None:
    static = StaticOob(OobKind.BINARY, bytes(range(length)))
    talk = Talk(
        AuthenticationMethod.STATIC,
        replace(OPTIONS, static_oob=static),
        algorithm=algorithm,
        certified=certified,
        static=static,
        static_with_cmac=True,
    )
    talk.open().run()
    assert_joined(talk)


def test_a_wrong_static_value_is_found_by_the_device() -> None:
    other = StaticOob(OobKind.BINARY, bytes(32))
    talk = Talk(AuthenticationMethod.STATIC, replace(OPTIONS, static_oob=STATIC), static=other)
    talk.open().run()
    assert talk.told_device(SessionRefused) == [SessionRefused(ErrorCode.CONFIRMATION_FAILED)]
    assert talk.told_provisioner(SessionFailed)[0].error == ErrorCode.CONFIRMATION_FAILED


def test_s2_static_oob_under_cmac_is_refused_unless_the_policy_says_so() -> None:
    options = replace(OPTIONS, static_oob=STATIC)
    talk = Talk(AuthenticationMethod.STATIC, options, algorithm=Algorithm.CMAC, static=STATIC)
    talk.open().run()
    assert [each.code for each in talk.told_provisioner(SessionFailed)] == ["static-with-cmac"]


@pytest.mark.parametrize("certified", [True, False])
@pytest.mark.parametrize("algorithm", Algorithm)
@every_person
def test_output_and_input_oob(
    method: AuthenticationMethod, action: int, algorithm: Algorithm, certified: bool
) -> None:
    options = with_action(method, action)
    talk = Talk(method, options, algorithm=algorithm, certified=certified).carry()
    assert_joined(talk)
    shown_by = talk.told_device if method is AuthenticationMethod.OUTPUT else talk.told_provisioner
    assert len(shown_by(ValueToShow)) == len(shown_by(ValueShown)) == 1
    asked_of = talk.told_provisioner if method is AuthenticationMethod.OUTPUT else talk.told_device
    assert len(asked_of(EntryNeeded)) == 1


@every_person
def test_counted_values_are_kept_small_and_typed_ones_large(
    method: AuthenticationMethod, action: int
) -> None:
    talk = Talk(method, with_action(method, action)).carry()
    (chosen,) = talk.told_provisioner(CapabilitiesReceived)
    challenge = chosen.choice.challenge
    assert challenge is not None
    assert challenge.size == (1 if challenge.is_counted else 8)


def test_a_wrong_entry_ends_the_session_and_the_next_one_has_another_value() -> None:
    options = with_action(AuthenticationMethod.OUTPUT, OutputAction.NUMERIC)
    talk = Talk(AuthenticationMethod.OUTPUT, options, typed="00000000").carry()
    assert talk.told_device(SessionRefused) == [SessionRefused(ErrorCode.CONFIRMATION_FAILED)]
    first = talk.told_device(ValueToShow)[0].value
    talk.device_does(talk.device.bearer_closed(talk.now))
    talk.device_does(talk.device.bearer_opened(talk.now))
    for octets in talk.sent_by_provisioner[2:]:
        talk.device_does(talk.device.receive(octets, talk.now))
        if len(talk.told_device(ValueToShow)) > 1:
            break
    assert talk.told_device(ValueToShow)[1].value != first


def test_text_that_is_no_value_can_be_entered_again() -> None:
    options = with_action(AuthenticationMethod.OUTPUT, OutputAction.NUMERIC)
    talk = Talk(AuthenticationMethod.OUTPUT, options)
    talk.open().run()
    with pytest.raises(InputError):
        talk.provisioner.enter("12", talk.now)
    value = talk.told_device(ValueToShow)[0].value
    talk.provisioner_does(talk.provisioner.enter(value, talk.now))
    talk.run()
    assert_joined(talk)


def test_a_session_with_a_person_waits_120_seconds() -> None:
    options = with_action(AuthenticationMethod.INPUT, InputAction.NUMERIC)
    talk = Talk(AuthenticationMethod.INPUT, options)
    talk.open().run()
    assert talk.device.next_deadline() == talk.provisioner.next_deadline() == 120.0
    assert talk.provisioner.handle_deadline(119.9) == []
    assert CloseLink(CloseReason.TIMEOUT) in talk.provisioner.handle_deadline(120.0)
    assert CloseLink(CloseReason.TIMEOUT) in talk.device.handle_deadline(120.0)


def test_a_device_stops_showing_when_the_session_ends() -> None:
    options = with_action(AuthenticationMethod.OUTPUT, OutputAction.BLINK)
    talk = Talk(AuthenticationMethod.OUTPUT, options)
    talk.open().run()
    talk.device_does(talk.device.bearer_closed(talk.now))
    assert len(talk.told_device(ValueShown)) == 1


def test_a_provisioner_stops_showing_when_the_session_ends() -> None:
    options = with_action(AuthenticationMethod.INPUT, InputAction.NUMERIC)
    talk = Talk(AuthenticationMethod.INPUT, options)
    talk.open().run()
    talk.provisioner_does(talk.provisioner.bearer_closed(talk.now))
    assert len(talk.told_provisioner(ValueShown)) == 1


def test_a_device_that_waits_for_its_person_expects_no_pdu() -> None:
    options = with_action(AuthenticationMethod.INPUT, InputAction.PUSH)
    talk = Talk(AuthenticationMethod.INPUT, options)
    talk.open().run()
    effects = talk.device.receive(codec.encode(pdu.Confirmation(bytes(32))), talk.now)
    assert pdus(effects) == [codec.encode(pdu.Failed(ErrorCode.UNEXPECTED_PDU))]
    assert talk.device.enter("1", talk.now) == []


def test_input_complete_follows_the_public_key_at_once() -> None:
    options = with_action(AuthenticationMethod.INPUT, InputAction.NUMERIC)
    talk = Talk(AuthenticationMethod.INPUT, options, certified=False).carry()
    types = [codec.type_of(octets).name for octets in talk.sent_by_device]
    assert types.index("INPUT_COMPLETE") == types.index("PUBLIC_KEY") + 1
    assert_joined(talk)


@pytest.mark.parametrize(
    ("method", "algorithm", "accepted"),
    [
        (AuthenticationMethod.NO_OOB, Algorithm.HMAC, False),
        (AuthenticationMethod.STATIC, Algorithm.CMAC, False),
        (AuthenticationMethod.STATIC, Algorithm.HMAC, True),
    ],
)
def test_a_device_that_accepts_only_oob(
    method: AuthenticationMethod, algorithm: Algorithm, accepted: bool
) -> None:
    options = replace(OPTIONS, static_oob=STATIC, only_oob=True)
    start = pdu.Start(algorithm, 0, method)
    assert options.accepts(start) == accepted


def test_a_device_that_accepts_only_oob_never_offers_cmac() -> None:
    """5.4.1.2 forbids it, so the options cannot say it."""
    options = replace(OPTIONS, static_oob=STATIC, only_oob=True)
    assert options.algorithms == Algorithms.CMAC | Algorithms.HMAC
    talk = Talk(AuthenticationMethod.STATIC, options, static=STATIC).carry()
    (offered,) = talk.told_provisioner(CapabilitiesReceived)
    assert offered.capabilities.algorithms == Algorithms.HMAC
    assert_joined(talk)


@pytest.mark.parametrize(
    "start",
    [
        pdu.Start(1, 0, 2, OutputAction.BEEP, 1),
        pdu.Start(1, 0, 2, OutputAction.BLINK, 0),
        pdu.Start(1, 0, 2, OutputAction.BLINK, 4),
        pdu.Start(1, 0, 3, InputAction.TWIST, 1),
        pdu.Start(1, 0, 3, 7, 1),
        pdu.Start(1, 0, 1, 1, 0),
        pdu.Start(1, 0, 1, 0, 1),
        pdu.Start(1, 0, 4, 0, 0),
    ],
)
def test_a_device_refuses_what_it_did_not_offer(start: pdu.Start) -> None:
    options = replace(
        OPTIONS,
        static_oob=STATIC,
        output_actions=(OutputAction.BLINK,),
        output_size=3,
        input_actions=(InputAction.PUSH,),
        input_size=8,
    )
    talk = Pair(options=options).device_at("CAPABILITIES_SENT")
    effects = talk.device.receive(codec.encode(start), talk.now)
    assert SendPdu(codec.encode(pdu.Failed(ErrorCode.INVALID_FORMAT))) in effects


def test_a_reserved_size_makes_a_method_unusable() -> None:
    options = replace(OPTIONS, output_actions=tuple(OutputAction), output_size=9)
    talk = Talk(AuthenticationMethod.OUTPUT, options)
    talk.open().run()
    assert [each.code for each in talk.told_provisioner(SessionFailed)] == ["no-common-method"]
