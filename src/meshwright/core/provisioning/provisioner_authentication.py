"""The Provisioner's part from Start to the proof of the device (5.4.2.3, 5.4.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto

from meshwright.core.crypto import KeyPair
from meshwright.core.effects import Effect, SendPdu
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.challenge import Challenge
from meshwright.core.provisioning.codec import decode_as, encode
from meshwright.core.provisioning.events import EntryNeeded, ValueShown, ValueToShow
from meshwright.core.provisioning.exchange import Exchange
from meshwright.core.provisioning.fields import Algorithm, AuthenticationMethod, PduType
from meshwright.core.provisioning.invitation import Invitation
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.protections import UnexpectedPduError, check_key
from meshwright.core.provisioning.suites import SUITES, SessionKeys
from meshwright.core.provisioning.transcript import Transcript
from meshwright.core.provisioning.values import no_oob


class Step(IntEnum):
    """What was done last."""

    KEY_SENT = auto()
    ENTRY_NEEDED = auto()
    VALUE_SHOWN = auto()
    CONFIRMATION_SENT = auto()
    RANDOM_SENT = auto()
    PROVEN = auto()


class ProvisionerAuthentication:
    """Authenticates one device as `choice` says; the session's secrets live and end with it.

    When `step` is `PROVEN`, `session_keys` are there.
    """

    def __init__(
        self,
        choice: Choice,
        known: Invitation,
        transcript: Transcript,
        random: Callable[[int], bytes],
    ) -> None:
        self.step = Step.KEY_SENT
        self._choice, self._known = choice, known
        self._transcript = transcript
        self._random = random
        self._suite = SUITES[Algorithm(choice.start.algorithm)]
        self._pair = KeyPair.generate(random)

    def begin(self) -> list[Effect]:
        """Send Start and our public key, and go on if the device's need not come."""
        start = encode(self._choice.start)
        self._transcript.keep(start)
        effects: list[Effect] = [SendPdu(start), _send(pdu.PublicKey(self._pair.public))]
        known = self._known.device_public if self._choice.uses_oob_key else None
        return effects if known is None else effects + self._agree(known)

    def receive(self, pdu_type: PduType, octets: bytes) -> list[Effect]:
        """Take a PDU of the device; raises `PeerError`."""
        handler = _TRANSITIONS.get((self.step, pdu_type))
        if handler is None:
            raise UnexpectedPduError(pdu_type)
        return handler(self, octets)

    def enter(self, value: str) -> list[Effect]:
        """Take the value that the device shows; raises `InputError` (`bad-oob-value`)."""
        if self.step is not Step.ENTRY_NEEDED:
            raise RuntimeError(f"not allowed in step {self.step.name}")
        return self._confirm(self._challenge.auth_value(value, self._suite.size))

    def stop_showing(self) -> list[Effect]:
        """Have a value that is shown to the person disappear."""
        return [ValueShown()] if self.step is Step.VALUE_SHOWN else []

    @property
    def _challenge(self) -> Challenge:
        assert self._choice.challenge is not None  # noqa: S101 - `Invitation` has seen to it
        return self._choice.challenge

    def _on_public_key(self, octets: bytes) -> list[Effect]:
        return self._agree(decode_as(pdu.PublicKey, octets).key)

    def _agree(self, device_public: bytes) -> list[Effect]:
        """Compute the secret and get hold of the AuthValue."""
        check_key(device_public, self._pair.public)
        inputs = self._transcript.confirmation_inputs(self._pair.public, device_public)
        self._agreed = inputs, self._pair.shared_secret(device_public)
        del self._pair  # kept no longer than it is needed (5.4.2.3)
        return _METHODS[AuthenticationMethod(self._choice.start.method)](self)

    def _without_value(self) -> list[Effect]:
        return self._confirm(no_oob(self._suite.size))

    def _with_static(self) -> list[Effect]:
        static = self._known.static_oob
        assert static is not None  # noqa: S101 - `Invitation` has seen to it
        return self._confirm(static.auth_value(self._suite.size))

    def _ask_person(self) -> list[Effect]:
        self.step = Step.ENTRY_NEEDED
        return [EntryNeeded(self._challenge)]

    def _show_person(self) -> list[Effect]:
        self._shown = self._challenge.draw(self._random)
        self.step = Step.VALUE_SHOWN
        return [ValueToShow(self._challenge, self._shown)]

    def _on_input_complete(self, octets: bytes) -> list[Effect]:
        decode_as(pdu.InputComplete, octets)
        auth_value = self._challenge.auth_value(self._shown, self._suite.size)
        return [*self.stop_showing(), *self._confirm(auth_value)]

    def _confirm(self, auth_value: bytes) -> list[Effect]:
        inputs, secret = self._agreed
        del self._agreed  # the exchange keeps it
        self._exchange = Exchange(self._suite, inputs, secret, auth_value, self._random)
        self.step = Step.CONFIRMATION_SENT
        return [_send(pdu.Confirmation(self._exchange.confirmation))]

    def _on_confirmation(self, octets: bytes) -> list[Effect]:
        self._exchange.commit(decode_as(pdu.Confirmation, octets).value)
        self.step = Step.RANDOM_SENT
        return [_send(pdu.Random(self._exchange.random))]

    def _on_random(self, octets: bytes) -> list[Effect]:
        self._exchange.prove(decode_as(pdu.Random, octets).value)
        self.session_keys: SessionKeys = self._exchange.keys_as_provisioner()
        self.step = Step.PROVEN
        return []


def _send(message: pdu.Pdu) -> SendPdu:
    return SendPdu(encode(message))


_METHODS: dict[AuthenticationMethod, Callable[[ProvisionerAuthentication], list[Effect]]] = {
    AuthenticationMethod.NO_OOB: ProvisionerAuthentication._without_value,
    AuthenticationMethod.STATIC: ProvisionerAuthentication._with_static,
    AuthenticationMethod.OUTPUT: ProvisionerAuthentication._ask_person,
    AuthenticationMethod.INPUT: ProvisionerAuthentication._show_person,
}
_Handler = Callable[[ProvisionerAuthentication, bytes], list[Effect]]
_TRANSITIONS: dict[tuple[Step, PduType], _Handler] = {
    (Step.KEY_SENT, PduType.PUBLIC_KEY): ProvisionerAuthentication._on_public_key,
    (Step.VALUE_SHOWN, PduType.INPUT_COMPLETE): ProvisionerAuthentication._on_input_complete,
    (Step.CONFIRMATION_SENT, PduType.CONFIRMATION): ProvisionerAuthentication._on_confirmation,
    (Step.RANDOM_SENT, PduType.RANDOM): ProvisionerAuthentication._on_random,
}
