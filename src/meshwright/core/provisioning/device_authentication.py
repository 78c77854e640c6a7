"""The device's part from Start to the proof of the Provisioner (5.4.2.3, 5.4.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto

from meshwright.core.crypto import KeyPair
from meshwright.core.effects import Effect, SendPdu
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.codec import decode_as, encode
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import EntryNeeded, ValueShown, ValueToShow
from meshwright.core.provisioning.exchange import Exchange
from meshwright.core.provisioning.fields import (
    Algorithm,
    AuthenticationMethod,
    InputAction,
    OutputAction,
    PduType,
    PublicKeyType,
)
from meshwright.core.provisioning.protections import UnexpectedPduError, check_key
from meshwright.core.provisioning.suites import SUITES, SessionKeys
from meshwright.core.provisioning.transcript import Transcript
from meshwright.core.provisioning.values import no_oob


class Step(IntEnum):
    """How far it has come."""

    STARTED = auto()
    WAITING_FOR_PERSON = auto()
    KEYS_DONE = auto()
    CONFIRMATION_SENT = auto()
    RANDOM_SENT = auto()


class DeviceAuthentication:
    """Authenticates one Provisioner as `start` asks; the session's secrets live and end with it.

    `start` is one that `options` accept. When `step` is `RANDOM_SENT`, `session_keys` are there.
    """

    def __init__(
        self,
        start: pdu.Start,
        options: DeviceOptions,
        transcript: Transcript,
        random: Callable[[int], bytes],
    ) -> None:
        self.step = Step.STARTED
        self.challenge = _challenge_of(start)
        self._showing = False
        self._options = options
        self._transcript = transcript
        self._random = random
        self._suite = SUITES[Algorithm(start.algorithm)]
        self._method = AuthenticationMethod(start.method)
        self._in_band = start.public_key == PublicKeyType.IN_BAND

    @property
    def has_oob_value(self) -> bool:
        """Tell whether the Provisioner has to prove a value, so that a failure may be a guess."""
        return self._method is not AuthenticationMethod.NO_OOB

    def receive(self, pdu_type: PduType, octets: bytes) -> list[Effect]:
        """Take a PDU of the Provisioner; raises `PeerError`."""
        handler = _TRANSITIONS.get((self.step, pdu_type))
        if handler is None:
            raise UnexpectedPduError(pdu_type)
        return handler(self, octets)

    def enter(self, value: str) -> list[Effect]:
        """Take the value that the Provisioner shows; raises `InputError` (`bad-oob-value`)."""
        self._know(self._asked.auth_value(value, self._suite.size))
        return [_send(pdu.InputComplete())]

    def stop_showing(self) -> list[Effect]:
        """Have a value that is shown to the person disappear."""
        showing, self._showing = self._showing, False
        return [ValueShown()] if showing else []

    @property
    def _asked(self) -> Challenge:
        assert self.challenge is not None  # noqa: S101 - the method says so
        return self.challenge

    def _on_public_key(self, octets: bytes) -> list[Effect]:
        peer = decode_as(pdu.PublicKey, octets).key
        certified = self._options.key_pair
        own = None if self._in_band else certified
        pair = own or KeyPair.generate(self._random)
        # A certificate makes our own key public, so somebody may send it back (CVE-2023-4258).
        check_key(peer, *(each.public for each in (pair, certified) if each))
        inputs = self._transcript.confirmation_inputs(peer, pair.public)
        self._agreed = inputs, pair.shared_secret(peer)
        answer: list[Effect] = [_send(pdu.PublicKey(pair.public))] if self._in_band else []
        return answer + _METHODS[self._method](self)

    def _without_value(self) -> list[Effect]:
        return self._know(no_oob(self._suite.size))

    def _with_static(self) -> list[Effect]:
        static = self._options.static_oob
        assert static is not None  # noqa: S101 - else the options do not accept Start
        return self._know(static.auth_value(self._suite.size))

    def _show_person(self) -> list[Effect]:
        value = self._asked.draw(self._random)
        self._showing = True
        self._know(self._asked.auth_value(value, self._suite.size))
        return [ValueToShow(self._asked, value)]

    def _ask_person(self) -> list[Effect]:
        self.step = Step.WAITING_FOR_PERSON
        return [EntryNeeded(self._asked)]

    def _know(self, auth_value: bytes) -> list[Effect]:
        """Go on with the AuthValue: the Provisioner's Confirmation is next."""
        inputs, secret = self._agreed
        del self._agreed  # the exchange keeps it
        self._exchange = Exchange(self._suite, inputs, secret, auth_value, self._random)
        self.step = Step.KEYS_DONE
        return []

    def _on_confirmation(self, octets: bytes) -> list[Effect]:
        self._exchange.commit(decode_as(pdu.Confirmation, octets).value)
        self.step = Step.CONFIRMATION_SENT
        return [*self.stop_showing(), _send(pdu.Confirmation(self._exchange.confirmation))]

    def _on_random(self, octets: bytes) -> list[Effect]:
        self._exchange.prove(decode_as(pdu.Random, octets).value)
        self.session_keys: SessionKeys = self._exchange.keys_as_device()
        self.step = Step.RANDOM_SENT
        return [_send(pdu.Random(self._exchange.random))]


def _send(message: pdu.Pdu) -> SendPdu:
    return SendPdu(encode(message))


def _challenge_of(start: pdu.Start) -> Challenge | None:
    if start.method == AuthenticationMethod.OUTPUT:
        return Challenge(OutputAction(start.action), start.size)
    if start.method == AuthenticationMethod.INPUT:
        return Challenge(InputAction(start.action), start.size)
    return None


_METHODS: dict[AuthenticationMethod, Callable[[DeviceAuthentication], list[Effect]]] = {
    AuthenticationMethod.NO_OOB: DeviceAuthentication._without_value,
    AuthenticationMethod.STATIC: DeviceAuthentication._with_static,
    AuthenticationMethod.OUTPUT: DeviceAuthentication._show_person,
    AuthenticationMethod.INPUT: DeviceAuthentication._ask_person,
}
_Handler = Callable[[DeviceAuthentication, bytes], list[Effect]]
_TRANSITIONS: dict[tuple[Step, PduType], _Handler] = {
    (Step.STARTED, PduType.PUBLIC_KEY): DeviceAuthentication._on_public_key,
    (Step.KEYS_DONE, PduType.CONFIRMATION): DeviceAuthentication._on_confirmation,
    (Step.CONFIRMATION_SENT, PduType.RANDOM): DeviceAuthentication._on_random,
}
