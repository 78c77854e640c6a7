"""The device's side of the provisioning protocol (5.4.2), one session after the other.

A device answers an error with Failed and waits for the link to be closed; every later PDU of that
session is unexpected (5.4.4). After that it has forgotten everything and can be tried again. Once
it is a node it takes no session any more (3.11.7), and none while it waits because too many
authentications with an OOB value have failed.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, auto

from meshwright.core.crypto import AuthenticationFailedError, InvalidKeyError
from meshwright.core.effects import CloseLink, CloseReason, Effect, SendPdu
from meshwright.core.errors import MalformedError, PeerError
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.attempts import Attempts
from meshwright.core.provisioning.codec import UnknownPduError, decode_as, encode, type_of
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device_authentication import DeviceAuthentication, Step
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    AttemptsChanged,
    AttentionChanged,
    BecameNode,
    SessionRefused,
)
from meshwright.core.provisioning.fields import ErrorCode, PduType
from meshwright.core.provisioning.protections import (
    NotProvenError,
    ReflectedConfirmationError,
    ReflectedKeyError,
    ReflectedRandomError,
    UnexpectedPduError,
)
from meshwright.core.provisioning.records import RecordServer
from meshwright.core.provisioning.timeouts import PERSON_TIMEOUT, PROVISIONING_TIMEOUT
from meshwright.core.provisioning.transcript import Transcript


class _RefusedError(PeerError):
    """Well formed, and still not acceptable; `error` is what the device answers."""

    def __init__(self, error: ErrorCode) -> None:
        super().__init__(error.name)
        self.error = error


class _State(IntEnum):
    CLOSED = auto()
    READY = auto()
    CAPABILITIES_SENT = auto()
    AUTHENTICATING = auto()
    COMPLETE = auto()
    FAILED = auto()


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
        self._records = RecordServer(options.records, options.fragment_limit)
        self._unknown = frozenset() if options.records else _RECORD_PDUS
        self._state = _State.CLOSED
        self._deadline: float | None = None
        self._forget()

    def _forget(self) -> None:
        """Know nothing of any session (5.4.4)."""
        self._patience = self._timeout
        self._transcript = Transcript()
        self._authentication: DeviceAuthentication | None = None

    @property
    def state(self) -> str:
        """How far the session is, in one word."""
        if self._state is _State.AUTHENTICATING:
            return self._proof.step.name
        return self._state.name

    def bearer_opened(self, now: float) -> list[Effect]:
        if self._state is _State.COMPLETE or self._attempts.waiting(now):
            return [CloseLink(CloseReason.FAIL)]
        self._state = _State.READY
        return []

    def bearer_closed(self, _now: float) -> list[Effect]:
        effects = self._calm()
        self._end(_State.COMPLETE if self._state is _State.COMPLETE else _State.CLOSED)
        self._deadline = None
        return effects

    def next_deadline(self) -> float | None:
        return self._deadline

    def handle_deadline(self, now: float) -> list[Effect]:
        if self._deadline is None or now < self._deadline:
            return []
        self._deadline = None
        if self._state is _State.COMPLETE:
            return [CloseLink(CloseReason.SUCCESS)]  # the Provisioner's own got lost
        effects = self._calm()
        self._end(_State.FAILED)
        return [*effects, CloseLink(CloseReason.TIMEOUT)]

    def receive(self, octets: bytes, now: float) -> list[Effect]:
        """Take one PDU of the Provisioner; every error is answered with Failed (5.4.4)."""
        if self._state is _State.CLOSED:
            return []
        # Once it has ended, a session waits so long for the Link Close and no longer.
        ended = self._state in _ENDED
        try:
            effects = self._handle(octets)
        except PeerError as error:
            effects = self._refuse(_error_code(error), now)
        if not ended:
            self._deadline = now + self._patience
        return effects

    def enter(self, value: str, now: float) -> list[Effect]:
        """Take the value that the Provisioner shows, after `EntryNeeded`.

        Raises `InputError` (`bad-oob-value`) for what cannot be such a value. After the session
        has ended it does nothing.
        """
        proof = self._authentication
        if proof is None or proof.step is not Step.WAITING_FOR_PERSON:
            return []
        effects = proof.enter(value)
        self._deadline = now + self._patience
        return effects

    def _handle(self, octets: bytes) -> list[Effect]:
        pdu_type = type_of(octets)
        if pdu_type in self._unknown:
            raise _RefusedError(ErrorCode.INVALID_PDU)
        handler = _TRANSITIONS.get((self._state, pdu_type))
        if handler is not None:
            return handler(self, octets)
        if self._state is not _State.AUTHENTICATING:
            raise UnexpectedPduError(pdu_type)
        if pdu_type is PduType.DATA and self._proof.step is Step.RANDOM_SENT:
            return self._on_data(octets)
        return self._proof.receive(pdu_type, octets)

    # Records, before Invite only.

    def _on_records_get(self, octets: bytes) -> list[Effect]:
        decode_as(pdu.RecordsGet, octets)
        return [SendPdu(encode(self._records.list()))]

    def _on_record_request(self, octets: bytes) -> list[Effect]:
        request = decode_as(pdu.RecordRequest, octets)
        return [SendPdu(encode(self._records.respond(request)))]

    # The session proper.

    def _on_invite(self, octets: bytes) -> list[Effect]:
        invite = decode_as(pdu.Invite, octets)
        capabilities = encode(self._options.capabilities())
        self._transcript.keep(octets)
        self._transcript.keep(capabilities)
        self._state = _State.CAPABILITIES_SENT
        return [AttentionChanged(invite.attention_duration), SendPdu(capabilities)]

    def _on_start(self, octets: bytes) -> list[Effect]:
        start = decode_as(pdu.Start, octets)
        if not self._options.accepts(start):
            raise _RefusedError(ErrorCode.INVALID_FORMAT)
        self._transcript.keep(octets)
        self._authentication = DeviceAuthentication(
            start, self._options, self._transcript, self._random
        )
        if self._authentication.challenge is not None:
            self._patience = max(self._timeout, PERSON_TIMEOUT)
        self._state = _State.AUTHENTICATING
        return [AttentionChanged(0)]

    def _on_data(self, octets: bytes) -> list[Effect]:
        keys = self._proof.session_keys
        data = ProvisioningData.decode(keys.unseal(decode_as(pdu.Data, octets).sealed))
        if not data.well_formed:
            raise _RefusedError(ErrorCode.INVALID_DATA)
        if not data.assignable(self._options.elements):
            raise _RefusedError(ErrorCode.CANNOT_ASSIGN_ADDRESSES)
        # Not sooner: with a certified key a recorded session gets as far as our Random.
        cleared = self._clear_count()
        self._end(_State.COMPLETE)
        return [*cleared, BecameNode(data, keys.device_key), SendPdu(encode(pdu.Complete()))]

    @property
    def _proof(self) -> DeviceAuthentication:
        assert self._authentication is not None  # noqa: S101 - the state says so
        return self._authentication

    # Failed authentications.

    def _count(self, error: ErrorCode, now: float) -> list[Effect]:
        """Count what may have been a guess at the OOB value."""
        if error is not ErrorCode.CONFIRMATION_FAILED or not self._proof.has_oob_value:
            return []
        self._attempts.fail(now)
        return [AttemptsChanged(self._attempts.failures)]

    def _clear_count(self) -> list[Effect]:
        if not self._attempts.failures or not self._proof.has_oob_value:
            return []  # a session without a value proves nothing about it
        self._attempts.succeed()
        return [AttemptsChanged(0)]

    # Common steps.

    def _refuse(self, error: ErrorCode, now: float) -> list[Effect]:
        answer = SendPdu(encode(pdu.Failed(error)))
        if self._state is _State.COMPLETE:
            return [answer]  # a stray PDU does not undo what has succeeded
        effects = [*self._count(error, now), *self._calm()]
        self._end(_State.FAILED)
        return [*effects, answer, SessionRefused(error)]

    def _calm(self) -> list[Effect]:
        """Have neither attention nor a value shown any more."""
        attention = self._state is _State.CAPABILITIES_SENT
        shown = [] if self._authentication is None else self._authentication.stop_showing()
        return [*([AttentionChanged(0)] if attention else []), *shown]

    def _end(self, state: _State) -> None:
        """Keep nothing of the session but how it ended."""
        self._state = state
        self._forget()


_ENDED = frozenset({_State.COMPLETE, _State.FAILED})
_RECORD_PDUS = frozenset(
    {
        PduType.RECORD_REQUEST,
        PduType.RECORD_RESPONSE,
        PduType.RECORDS_GET,
        PduType.RECORDS_LIST,
    }
)
_ERROR_CODES: dict[type[PeerError], ErrorCode] = {
    UnknownPduError: ErrorCode.INVALID_PDU,
    UnexpectedPduError: ErrorCode.UNEXPECTED_PDU,
    MalformedError: ErrorCode.INVALID_FORMAT,
    InvalidKeyError: ErrorCode.INVALID_FORMAT,
    ReflectedKeyError: ErrorCode.INVALID_FORMAT,
    ReflectedConfirmationError: ErrorCode.INVALID_FORMAT,
    ReflectedRandomError: ErrorCode.CONFIRMATION_FAILED,
    NotProvenError: ErrorCode.CONFIRMATION_FAILED,
    AuthenticationFailedError: ErrorCode.DECRYPTION_FAILED,
}


def _error_code(error: PeerError) -> ErrorCode:
    """Find the Error Code of Table 5.41 for the nearest class of `error`."""
    if isinstance(error, _RefusedError):
        return error.error
    codes = (_ERROR_CODES.get(kind) for kind in type(error).__mro__)
    return next((code for code in codes if code is not None), ErrorCode.UNEXPECTED_ERROR)


_TRANSITIONS: dict[tuple[_State, PduType], Callable[[DeviceMachine, bytes], list[Effect]]] = {
    (_State.READY, PduType.RECORDS_GET): DeviceMachine._on_records_get,
    (_State.READY, PduType.RECORD_REQUEST): DeviceMachine._on_record_request,
    (_State.READY, PduType.INVITE): DeviceMachine._on_invite,
    (_State.CAPABILITIES_SENT, PduType.START): DeviceMachine._on_start,
}
