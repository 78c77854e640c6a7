"""The device's side of the provisioning protocol (5.4.2), one session after the other.

A device answers an error with Failed and waits for the link to be closed; every later PDU of that
session is unexpected (5.4.4). After that it has forgotten everything and can be tried again. Once
it is a node it takes no session any more (3.11.7), and none while it waits because too many
authentications with an OOB value have failed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum, auto

from meshwright.core.crypto import (
    AuthenticationFailedError,
    InvalidKeyError,
    KeyPair,
    equal,
)
from meshwright.core.effects import CloseLink, CloseReason, Effect, SendPdu
from meshwright.core.errors import MalformedError, PeerError
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.attempts import Attempts, AttemptsChanged
from meshwright.core.provisioning.challenge import (
    PERSON_TIMEOUT,
    Challenge,
    EntryNeeded,
    ValueShown,
    ValueToShow,
)
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.fields import (
    Algorithm,
    Algorithms,
    AuthenticationMethod,
    ErrorCode,
    InputAction,
    OobType,
    OutputAction,
    PduType,
    PublicKeyOffer,
    PublicKeyType,
)
from meshwright.core.provisioning.protections import is_own_key
from meshwright.core.provisioning.records import SMALL_FRAGMENT, RecordServer
from meshwright.core.provisioning.suites import SUITES, Confirming
from meshwright.core.provisioning.transcript import Transcript
from meshwright.core.provisioning.values import StaticOob, no_oob
from meshwright.core.timers import Timers

PROVISIONING_TIMEOUT = 60.0
"""Seconds without a PDU in either direction after which a session has failed (5.4.4)."""


@dataclass(frozen=True, slots=True)
class AttentionChanged(Effect):
    """Draw attention for so many seconds; 0 switches it off."""

    seconds: int


@dataclass(frozen=True, slots=True)
class BecameNode(Effect):
    """Provisioning Data was accepted. Store it before carrying out what follows."""

    data: ProvisioningData
    device_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SessionRefused(Effect):
    """The device has sent Failed with this error: its session is over."""

    error: ErrorCode


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """What a device is able to do.

    `key_pair` is the one its certificate names; it is offered as OOB public key. `records` by
    Record ID; with none of them the device does not know record PDUs. Output and Input OOB are
    offered with their actions and the largest size; `only_oob` accepts no session without OOB.
    """

    elements: int = 1
    algorithms: Algorithms = Algorithms.CMAC | Algorithms.HMAC
    key_pair: KeyPair | None = None
    records: Mapping[int, bytes] = field(default_factory=dict)
    fragment_limit: int = SMALL_FRAGMENT
    static_oob: StaticOob | None = None
    output_actions: tuple[OutputAction, ...] = ()
    output_size: int = 0
    input_actions: tuple[InputAction, ...] = ()
    input_size: int = 0
    only_oob: bool = False

    def capabilities(self) -> pdu.Capabilities:
        """Return the Capabilities PDU that says so."""
        offer = PublicKeyOffer.OOB_AVAILABLE if self.key_pair else PublicKeyOffer(0)
        static = OobType.STATIC_AVAILABLE if self.static_oob else OobType(0)
        only = OobType.ONLY_OOB if self.only_oob else OobType(0)
        return pdu.Capabilities(
            self.elements,
            self.algorithms,
            offer,
            static | only,
            self.output_size,
            _bits(self.output_actions),
            self.input_size,
            _bits(self.input_actions),
        )

    def accepts(self, start: pdu.Start) -> bool:
        """Tell whether Start asks only for what is offered (5.4.2.3)."""
        algorithms = {a for a in Algorithm if self.algorithms & a.offered_as}
        keys = {PublicKeyType.IN_BAND} | ({PublicKeyType.OOB} if self.key_pair else set())
        # Only OOB rules out No OOB, and the CMAC algorithm with any method.
        legacy = start.method == AuthenticationMethod.NO_OOB or start.algorithm == Algorithm.CMAC
        return (
            start.algorithm in algorithms
            and start.public_key in keys
            and not (self.only_oob and legacy)
            and self._offers_method(start)
        )

    def _offers_method(self, start: pdu.Start) -> bool:
        plain = start.action == start.size == 0
        if start.method == AuthenticationMethod.OUTPUT:
            return start.action in self.output_actions and 0 < start.size <= self.output_size
        if start.method == AuthenticationMethod.INPUT:
            return start.action in self.input_actions and 0 < start.size <= self.input_size
        static = start.method == AuthenticationMethod.STATIC and self.static_oob is not None
        return plain and (static or start.method == AuthenticationMethod.NO_OOB)


class _RefusedError(PeerError):
    def __init__(self, error: ErrorCode) -> None:
        super().__init__(error.name)
        self.error = error


class _Timer(IntEnum):
    PROVISIONING = auto()


class _State(IntEnum):
    CLOSED = auto()
    READY = auto()
    CAPABILITIES_SENT = auto()
    STARTED = auto()
    WAITING_FOR_PERSON = auto()
    KEYS_DONE = auto()
    CONFIRMATION_SENT = auto()
    RANDOM_SENT = auto()
    COMPLETE = auto()
    FAILED = auto()


_Handler = Callable[["DeviceMachine", bytes], list[Effect]]


class DeviceMachine:
    """Serves every session of one device. `random` gives key pairs and Randoms.

    `attempts` counts failed authentications; a new one starts at zero with the usual rule.
    """

    def __init__(
        self,
        options: DeviceOptions,
        random: Callable[[int], bytes],
        *,
        timeout: float = PROVISIONING_TIMEOUT,
        attempts: Attempts | None = None,
    ) -> None:
        self._options = options
        self._attempts = attempts or Attempts()
        self._random = random
        self._timeout = timeout
        self._capabilities = options.capabilities()
        self._records = RecordServer(options.records, options.fragment_limit)
        self._known = frozenset(PduType) - (frozenset() if options.records else _RECORD_PDUS)
        self._timers: Timers[_Timer] = Timers()
        self._state = _State.CLOSED
        self._transcript = Transcript()
        self._patience = timeout
        self._showing = False

    def bearer_opened(self, now: float) -> list[Effect]:
        if self._state is _State.COMPLETE or self._attempts.waiting(now):
            return [CloseLink(CloseReason.FAIL)]
        self._state = _State.READY
        self._transcript = Transcript()
        self._patience = self._timeout
        return []

    def bearer_closed(self, _now: float) -> list[Effect]:
        attention = self._attention_off()
        self._end(_State.COMPLETE if self._state is _State.COMPLETE else _State.CLOSED)
        return attention

    def next_deadline(self) -> float | None:
        return self._timers.next

    def handle_deadline(self, now: float) -> list[Effect]:
        if self._timers.pop_due(now) is None:
            return []
        if self._state is _State.COMPLETE:
            return [CloseLink(CloseReason.SUCCESS)]  # the Provisioner's own got lost
        attention = self._attention_off()
        self._end(_State.FAILED)
        return [*attention, CloseLink(CloseReason.TIMEOUT)]

    def receive(self, octets: bytes, now: float) -> list[Effect]:
        """Take one PDU of the Provisioner; every error is answered with Failed (5.4.4)."""
        if self._state is _State.CLOSED:
            return []
        # Once it has ended, a session waits so long for the Link Close and no longer.
        ended = self._state in _ENDED
        effects = self._answer(octets, now)
        if not ended:
            self._timers.set(_Timer.PROVISIONING, now + self._patience)
        return effects

    def _answer(self, octets: bytes, now: float) -> list[Effect]:
        try:
            return self._handle(octets)
        except _RefusedError as refused:
            return [*self._count(refused.error, now), *self._fail(refused.error)]
        except PeerError as error:
            return self._fail(_error_code(error))

    def _handle(self, octets: bytes) -> list[Effect]:
        pdu_type = pdu.type_of(octets)
        if pdu_type not in self._known:
            raise _RefusedError(ErrorCode.INVALID_PDU)
        handler = _TRANSITIONS.get((self._state, pdu_type))
        if handler is None:
            raise _RefusedError(ErrorCode.UNEXPECTED_PDU)
        return handler(self, octets)

    # Records, before Invite only.

    def _on_records_get(self, octets: bytes) -> list[Effect]:
        pdu.decode_as(pdu.RecordsGet, octets)
        return [_send(self._records.list())]

    def _on_record_request(self, octets: bytes) -> list[Effect]:
        return [_send(self._records.respond(pdu.decode_as(pdu.RecordRequest, octets)))]

    # The session proper.

    def _on_invite(self, octets: bytes) -> list[Effect]:
        invite = pdu.decode_as(pdu.Invite, octets)
        self._transcript.keep(octets)
        answer = _send(self._capabilities)
        self._transcript.keep(answer.pdu)
        self._state = _State.CAPABILITIES_SENT
        return [AttentionChanged(invite.attention_duration), answer]

    def _on_start(self, octets: bytes) -> list[Effect]:
        start = pdu.decode_as(pdu.Start, octets)
        if not self._options.accepts(start):
            raise _RefusedError(ErrorCode.INVALID_FORMAT)
        self._transcript.keep(octets)
        self._suite = SUITES[Algorithm(start.algorithm)]
        self._in_band = start.public_key == PublicKeyType.IN_BAND
        self._method = AuthenticationMethod(start.method)
        challenge = _challenge_of(start)
        if challenge is not None:
            self._challenge = challenge
            self._patience = max(self._timeout, PERSON_TIMEOUT)
        self._state = _State.STARTED
        return [AttentionChanged(0)]

    def _on_public_key(self, octets: bytes) -> list[Effect]:
        peer = pdu.decode_as(pdu.PublicKey, octets).key
        pair = self._own_pair()
        # A certificate makes our own key public, so somebody may send it back (CVE-2023-4258).
        if any(is_own_key(peer, own.public) for own in (pair, self._options.key_pair) if own):
            raise _RefusedError(ErrorCode.INVALID_FORMAT)
        secret = pair.shared_secret(peer)
        self._agreed = self._transcript.confirmation_inputs(peer, pair.public), secret
        answer: list[Effect] = [_send(pdu.PublicKey(pair.public))] if self._in_band else []
        return answer + _AUTHENTICATIONS[self._method](self)

    def _without_person(self) -> list[Effect]:
        size = self._suite.size
        static = self._options.static_oob
        is_static = static is not None and self._method is AuthenticationMethod.STATIC
        return self._know(static.auth_value(size) if static and is_static else no_oob(size))

    def _show_person(self) -> list[Effect]:
        value = self._challenge.draw(self._random)
        self._showing = True
        shown = ValueToShow(self._challenge, value)
        return [shown, *self._know(self._challenge.auth_value(value, self._suite.size))]

    def _ask_person(self) -> list[Effect]:
        self._state = _State.WAITING_FOR_PERSON
        return [EntryNeeded(self._challenge)]

    def enter(self, value: str, now: float) -> list[Effect]:
        """Take the value that the Provisioner shows, after `EntryNeeded`.

        Raises `InputError` (`bad-oob-value`) for what cannot be such a value. After the session
        has ended it does nothing.
        """
        if self._state is not _State.WAITING_FOR_PERSON:
            return []
        effects = self._know(self._challenge.auth_value(value, self._suite.size))
        self._timers.set(_Timer.PROVISIONING, now + self._patience)
        return [*effects, _send(pdu.InputComplete())]

    def _know(self, auth_value: bytes) -> list[Effect]:
        """Go on with the AuthValue."""
        inputs, secret = self._agreed
        del self._agreed  # the next line keeps it
        self._confirming = Confirming.begin(self._suite, inputs, secret, auth_value)
        self._state = _State.KEYS_DONE
        return []

    def _own_pair(self) -> KeyPair:
        certified = self._options.key_pair
        if self._in_band or certified is None:
            return KeyPair.generate(self._random)
        return certified

    def _on_confirmation(self, octets: bytes) -> list[Effect]:
        value = pdu.decode_as(pdu.Confirmation, octets).value
        self._check_size(value)
        self._own_random = self._random(self._suite.size)
        confirmation = self._confirming.confirmation(self._own_random)
        if equal(value, confirmation):
            raise _RefusedError(ErrorCode.INVALID_FORMAT)
        self._peer_confirmation = value
        self._state = _State.CONFIRMATION_SENT
        return [*self._stop_showing(), _send(pdu.Confirmation(confirmation))]

    def _on_random(self, octets: bytes) -> list[Effect]:
        value = pdu.decode_as(pdu.Random, octets).value
        self._check_size(value)
        proven = equal(self._confirming.confirmation(value), self._peer_confirmation)
        if not proven or equal(value, self._own_random):
            raise _RefusedError(ErrorCode.CONFIRMATION_FAILED)
        self._keys = self._confirming.session_keys(value, self._own_random)
        self._state = _State.RANDOM_SENT
        return [_send(pdu.Random(self._own_random))]

    def _on_data(self, octets: bytes) -> list[Effect]:
        sealed = pdu.decode_as(pdu.Data, octets).sealed
        data = ProvisioningData.decode(self._keys.unseal(sealed))
        if not data.well_formed:
            raise _RefusedError(ErrorCode.INVALID_DATA)
        if not data.assignable(self._options.elements):
            raise _RefusedError(ErrorCode.CANNOT_ASSIGN_ADDRESSES)
        device_key = self._keys.device_key
        self._state = _State.COMPLETE
        self._forget()
        # Not sooner: with a certified key a recorded session gets as far as our Random.
        return [*self._clear_count(), BecameNode(data, device_key), _send(pdu.Complete())]

    # Failed authentications.

    def _count(self, error: ErrorCode, now: float) -> list[Effect]:
        """Count what may have been a guess at the OOB value."""
        if error is not ErrorCode.CONFIRMATION_FAILED or not self._has_oob_value:
            return []
        self._attempts.fail(now)
        return [AttemptsChanged(self._attempts.failures)]

    def _clear_count(self) -> list[Effect]:
        if not self._attempts.failures or not self._has_oob_value:
            return []  # a session without a value proves nothing about it
        self._attempts.succeed()
        return [AttemptsChanged(0)]

    @property
    def _has_oob_value(self) -> bool:
        return self._method is not AuthenticationMethod.NO_OOB

    # Common steps.

    def _check_size(self, value: bytes) -> None:
        if len(value) != self._suite.size:
            raise _RefusedError(ErrorCode.INVALID_FORMAT)

    def _fail(self, error: ErrorCode) -> list[Effect]:
        answer = _send(pdu.Failed(error))
        if self._state is _State.COMPLETE:
            return [answer]  # a stray PDU does not undo what has succeeded
        attention = self._attention_off()
        self._state = _State.FAILED
        self._forget()
        return [*attention, answer, SessionRefused(error)]

    def _attention_off(self) -> list[Effect]:
        attention = self._state is _State.CAPABILITIES_SENT
        return [*([AttentionChanged(0)] if attention else []), *self._stop_showing()]

    def _stop_showing(self) -> list[Effect]:
        showing, self._showing = self._showing, False
        return [ValueShown()] if showing else []

    def _end(self, state: _State) -> None:
        self._state = state
        self._timers.stop_all()
        self._forget()

    def _forget(self) -> None:
        """Keep nothing of the session (5.4.4)."""
        for secret in _SECRETS:
            vars(self).pop(secret, None)


_SECRETS = ("_agreed", "_confirming", "_own_random", "_peer_confirmation", "_keys")
_ENDED = frozenset({_State.COMPLETE, _State.FAILED})


def _bits(actions: tuple[OutputAction | InputAction, ...]) -> int:
    return sum(1 << action for action in set(actions))


def _challenge_of(start: pdu.Start) -> Challenge | None:
    if start.method == AuthenticationMethod.OUTPUT:
        return Challenge(OutputAction(start.action), start.size)
    if start.method == AuthenticationMethod.INPUT:
        return Challenge(InputAction(start.action), start.size)
    return None


def _send(message: pdu.Pdu) -> SendPdu:
    return SendPdu(pdu.encode(message))


_ERROR_CODES: dict[type[PeerError], ErrorCode] = {
    pdu.UnknownPduError: ErrorCode.INVALID_PDU,
    MalformedError: ErrorCode.INVALID_FORMAT,
    InvalidKeyError: ErrorCode.INVALID_FORMAT,
    AuthenticationFailedError: ErrorCode.DECRYPTION_FAILED,
}


def _error_code(error: PeerError) -> ErrorCode:
    """Find the Error Code of Table 5.41 for the nearest class of `error`."""
    codes = (_ERROR_CODES.get(kind) for kind in type(error).__mro__)
    return next((code for code in codes if code is not None), ErrorCode.UNEXPECTED_ERROR)


_RECORD_PDUS = frozenset(
    {
        PduType.RECORD_REQUEST,
        PduType.RECORD_RESPONSE,
        PduType.RECORDS_GET,
        PduType.RECORDS_LIST,
    }
)

_AUTHENTICATIONS: dict[AuthenticationMethod, Callable[[DeviceMachine], list[Effect]]] = {
    AuthenticationMethod.NO_OOB: DeviceMachine._without_person,
    AuthenticationMethod.STATIC: DeviceMachine._without_person,
    AuthenticationMethod.OUTPUT: DeviceMachine._show_person,
    AuthenticationMethod.INPUT: DeviceMachine._ask_person,
}
_TRANSITIONS: dict[tuple[_State, PduType], _Handler] = {
    (_State.READY, PduType.RECORDS_GET): DeviceMachine._on_records_get,
    (_State.READY, PduType.RECORD_REQUEST): DeviceMachine._on_record_request,
    (_State.READY, PduType.INVITE): DeviceMachine._on_invite,
    (_State.CAPABILITIES_SENT, PduType.START): DeviceMachine._on_start,
    (_State.STARTED, PduType.PUBLIC_KEY): DeviceMachine._on_public_key,
    (_State.KEYS_DONE, PduType.CONFIRMATION): DeviceMachine._on_confirmation,
    (_State.CONFIRMATION_SENT, PduType.RANDOM): DeviceMachine._on_random,
    (_State.RANDOM_SENT, PduType.DATA): DeviceMachine._on_data,
}
