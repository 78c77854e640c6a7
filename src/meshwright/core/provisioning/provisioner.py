"""The Provisioner's side of one session (5.4.2), on any bearer.

The owner leads: it lists and reads records, invites, and hands over the Provisioning Data once the
device is authenticated. The machine checks every answer and tells what happened:

    bearer opens -> list_records -> RecordsListed -> read_record -> RecordRead -> ... -> invite
    -> CapabilitiesReceived -> (start, keys, confirmation) -> Authenticated -> send_data
    -> Provisioned

An owner that wants the last word about authentication invites with `ask`: the machine then waits
after `CapabilitiesReceived` for `start`.

Any error closes the bearer and ends in `SessionFailed`; nothing of the session can be used again.
What the owner asks for after that is ignored: it cannot know yet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, auto

from meshwright.core.crypto import KeyPair, equal
from meshwright.core.effects import CloseLink, CloseReason, Effect, SendPdu
from meshwright.core.errors import InputError, PeerError, TrustError
from meshwright.core.provisioning import oob, pdu
from meshwright.core.provisioning.challenge import (
    PERSON_TIMEOUT,
    EntryNeeded,
    ValueShown,
    ValueToShow,
)
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.fields import (
    INTERMEDIATES,
    Algorithm,
    AuthenticationMethod,
    ErrorCode,
    PduType,
    RecordId,
)
from meshwright.core.provisioning.protections import is_own_key
from meshwright.core.provisioning.records import RecordLimits, RecordReader
from meshwright.core.provisioning.suites import SUITES, Confirming, SessionKeys
from meshwright.core.provisioning.transcript import Transcript
from meshwright.core.provisioning.values import StaticOob, no_oob
from meshwright.core.timers import Timers

PROVISIONING_TIMEOUT = 60.0
"""Seconds without a PDU in either direction after which a session has failed (5.4.4)."""


class ProtocolError(PeerError):
    """The device broke the protocol; `code` says how."""


@dataclass(frozen=True, slots=True)
class RecordsListed(Effect):
    """The device has these records; unknown and repeated IDs are left out."""

    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RecordRead(Effect):
    """A record was read, or is not there (`content` is None). Nothing in it is trusted yet."""

    record_id: int
    content: bytes | None


@dataclass(frozen=True, slots=True)
class CapabilitiesReceived(Effect):
    """What the device offers and what was chosen of it."""

    capabilities: pdu.Capabilities
    choice: oob.Choice


@dataclass(frozen=True, slots=True)
class Authenticated(Effect):
    """The confirmations agree: the peer holds the key and the AuthValue. Now `send_data`.

    `device_key` and an address range for `elements` have to be durable before that.
    """

    elements: int
    device_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Provisioned(Effect):
    """The device has confirmed that it is a node."""


@dataclass(frozen=True, slots=True)
class SessionFailed(Effect):
    """The session is over. `code` is stable; `error` is the device's Error Code, if it sent one."""

    code: str
    message: str
    error: int | None = None


class _Timer(IntEnum):
    PROVISIONING = auto()
    RECORDS = auto()


class _State(IntEnum):
    CLOSED = auto()
    READY = auto()
    LISTING = auto()
    READING = auto()
    INVITED = auto()
    CHOOSING = auto()
    KEY_SENT = auto()
    ENTRY_NEEDED = auto()
    VALUE_SHOWN = auto()
    CONFIRMATION_SENT = auto()
    RANDOM_SENT = auto()
    AUTHENTICATED = auto()
    DATA_SENT = auto()
    DONE = auto()
    FAILED = auto()


_Handler = Callable[["ProvisionerMachine", bytes, float], list[Effect]]
_KNOWN_RECORDS = frozenset({*RecordId, *INTERMEDIATES})


class ProvisionerMachine:
    """One session with one device. `random` gives the key pair and the Random."""

    def __init__(
        self,
        random: Callable[[int], bytes],
        *,
        limits: RecordLimits | None = None,
        timeout: float = PROVISIONING_TIMEOUT,
    ) -> None:
        self._random = random
        self._limits = limits or RecordLimits()
        self._timeout = timeout
        self._timers: Timers[_Timer] = Timers()
        self._state = _State.CLOSED
        self._transcript = Transcript()
        self._policy = oob.ZERO_TOUCH
        self._device_public: bytes | None = None
        self._static_oob: StaticOob | None = None
        self._ask = False
        self._elements = 0

    # What the owner asks for.

    def list_records(self, now: float) -> list[Effect]:
        """Ask which records the device has; only before `invite`."""
        if not self._may(_State.READY):
            return []
        self._state = _State.LISTING
        self._limit_reading(now)
        return self._send(pdu.RecordsGet(), now)

    def read_record(self, record_id: int, now: float) -> list[Effect]:
        """Read one record whole; only before `invite`."""
        if not self._may(_State.READY):
            return []
        self._state = _State.READING
        self._limit_reading(now)
        self._reader = RecordReader(record_id, self._limits)
        return self._send(self._reader.request(), now)

    def invite(
        self,
        now: float,
        *,
        policy: oob.AuthenticationPolicy = oob.ZERO_TOUCH,
        device_public: bytes | None = None,
        static_oob: StaticOob | None = None,
        attention: int = 0,
        ask: bool = False,
    ) -> list[Effect]:
        """Start the session proper.

        `device_public` (64 octets) is the device's key from a validated certificate or another
        source, `static_oob` a value that device and owner share; `attention` is in seconds. With
        `ask` nothing goes on after `CapabilitiesReceived` until `start` is called.
        """
        if not self._may(_State.READY):
            return []
        self._state = _State.INVITED
        self._timers.stop(_Timer.RECORDS)
        self._policy, self._device_public = policy, device_public
        self._static_oob = static_oob
        self._ask = ask
        return self._send(pdu.Invite(attention), now, keep=True)

    def start(
        self, choice: oob.Choice, now: float, *, static_oob: StaticOob | None = None
    ) -> list[Effect]:
        """Authenticate as `choice` says, which may be the one of `CapabilitiesReceived`.

        `static_oob` replaces the value of `invite`. Raises `InputError` (`bad-choice`) for a choice
        without the key or the value that it needs, or that leaves a known key unused; another one
        can be made then.
        """
        if not self._may(_State.CHOOSING):
            return []
        static_oob = static_oob or self._static_oob
        _check_choice(choice, self._device_public, static_oob)
        self._static_oob = static_oob
        return self._start(choice, now)

    def send_data(self, data: ProvisioningData, now: float) -> list[Effect]:
        """Make the device a node; its address range and DevKey have to be durable."""
        if not self._may(_State.AUTHENTICATED):
            return []
        self._state = _State.DATA_SENT
        return self._send(pdu.Data(self._keys.seal(data.encode())), now)

    def enter(self, value: str, now: float) -> list[Effect]:
        """Take the value that the device shows, after `EntryNeeded`.

        Raises `InputError` (`bad-oob-value`) for what cannot be such a value; it can be entered
        again.
        """
        if not self._may(_State.ENTRY_NEEDED):
            return []
        return self._confirm(self._challenge.auth_value(value, self._suite.size), now)

    def abort(self, code: str, message: str) -> list[Effect]:
        """End the session for a reason of the owner's."""
        if self._state in _OVER:
            return []
        return self._fail(code, message, CloseReason.FAIL)

    # What the bearer and the clock tell.

    def bearer_opened(self, _now: float) -> list[Effect]:
        self._state = _State.READY
        return []

    def bearer_closed(self, _now: float) -> list[Effect]:
        if self._state in _OVER:
            return []
        code, message = (
            "link-lost",
            "The link to the device was lost before it became a node.",
        )
        return self._fail(code, message, None)

    def next_deadline(self) -> float | None:
        return self._timers.next

    def handle_deadline(self, now: float) -> list[Effect]:
        timer = self._timers.pop_due(now)
        return [] if timer is None else _TIMEOUTS[timer](self)

    def _on_silence(self) -> list[Effect]:
        """Send Failed, which a device must not do, and close (5.4.4)."""
        message = f"The device has been silent for {self._timeout:.0f} seconds."
        farewell = SendPdu(pdu.encode(pdu.Failed(ErrorCode.UNEXPECTED_ERROR)))
        return [
            farewell,
            *self._fail("provisioning-timeout", message, CloseReason.TIMEOUT),
        ]

    def _on_slow_records(self) -> list[Effect]:
        message = f"The device took more than {self._limits.seconds:.0f} seconds for its records."
        return self._fail("records-too-slow", message, CloseReason.FAIL)

    def receive(self, octets: bytes, now: float) -> list[Effect]:
        """Take one PDU of the device. Errors close the bearer, nothing is sent (5.4.4)."""
        if self._state in _OVER:
            return []
        try:
            return self._handle(octets, now)
        except (ProtocolError, TrustError) as error:
            return self._fail(error.code, str(error), CloseReason.FAIL)
        except PeerError as error:
            message = f"The device broke the protocol: {error}."
            return self._fail(error.code, message, CloseReason.FAIL)

    def _handle(self, octets: bytes, now: float) -> list[Effect]:
        pdu_type = pdu.type_of(octets)
        self._restart_timer(now)
        if pdu_type is PduType.FAILED:
            return self._on_failed(octets)
        handler = _TRANSITIONS.get((self._state, pdu_type))
        if handler is None:
            raise ProtocolError(
                f"The device sent {pdu_type.name} out of turn.", code="unexpected-pdu"
            )
        return handler(self, octets, now)

    # Records.

    def _on_list(self, octets: bytes, _now: float) -> list[Effect]:
        listed = pdu.decode_as(pdu.RecordsList, octets)
        self._state = _State.READY
        known = dict.fromkeys(i for i in listed.ids if i in _KNOWN_RECORDS)
        return [RecordsListed(tuple(known))]

    def _on_record(self, octets: bytes, now: float) -> list[Effect]:
        response = pdu.decode_as(pdu.RecordResponse, octets)
        reader = self._reader
        if not reader.accept(response):
            return self._send(reader.request(), now)
        self._state = _State.READY
        return [RecordRead(reader.record_id, reader.content)]

    # The session proper, in the order of 5.4.2.

    def _on_capabilities(self, octets: bytes, now: float) -> list[Effect]:
        capabilities = pdu.decode_as(pdu.Capabilities, octets)
        if capabilities.elements == 0:
            raise ProtocolError("The device says that it has no elements.", code="prohibited-value")
        self._transcript.keep(octets)
        self._elements = capabilities.elements
        choice = oob.choose(
            capabilities,
            self._policy,
            key_known=self._device_public is not None,
            static_known=self._static_oob is not None,
        )
        told = CapabilitiesReceived(capabilities, choice)
        if self._ask:
            self._state = _State.CHOOSING
            return [told]
        return [told, *self._start(choice, now)]

    def _start(self, choice: oob.Choice, now: float) -> list[Effect]:
        self._take(choice)
        self._pair = KeyPair.generate(self._random)
        effects = self._send(choice.start, now, keep=True)
        effects += self._send(pdu.PublicKey(self._pair.public), now)
        self._state = _State.KEY_SENT
        known = self._device_public if choice.uses_oob_key else None
        return effects if known is None else effects + self._agree(known, now)

    def _take(self, choice: oob.Choice) -> None:
        self._suite = SUITES[Algorithm(choice.start.algorithm)]
        self._method = AuthenticationMethod(choice.start.method)
        if choice.challenge is not None:
            self._challenge = choice.challenge
            self._timeout = max(self._timeout, PERSON_TIMEOUT)

    def _on_public_key(self, octets: bytes, now: float) -> list[Effect]:
        return self._agree(pdu.decode_as(pdu.PublicKey, octets).key, now)

    def _agree(self, device_public: bytes, now: float) -> list[Effect]:
        """Compute the secret and get hold of the AuthValue."""
        if is_own_key(device_public, self._pair.public):
            raise ProtocolError("The device sent our own public key back.", code="reflected-key")
        inputs = self._transcript.confirmation_inputs(self._pair.public, device_public)
        self._agreed = inputs, self._pair.shared_secret(device_public)
        del self._pair  # kept no longer than it is needed (5.4.2.3)
        return _AUTHENTICATIONS[self._method](self, now)

    def _without_person(self, now: float) -> list[Effect]:
        size = self._suite.size
        static = self._static_oob if self._method is AuthenticationMethod.STATIC else None
        return self._confirm(static.auth_value(size) if static else no_oob(size), now)

    def _ask_person(self, _now: float) -> list[Effect]:
        self._state = _State.ENTRY_NEEDED
        return [EntryNeeded(self._challenge)]

    def _show_person(self, _now: float) -> list[Effect]:
        self._shown = self._challenge.draw(self._random)
        self._state = _State.VALUE_SHOWN
        return [ValueToShow(self._challenge, self._shown)]

    def _on_input_complete(self, octets: bytes, now: float) -> list[Effect]:
        pdu.decode_as(pdu.InputComplete, octets)
        auth_value = self._challenge.auth_value(self._shown, self._suite.size)
        return [ValueShown(), *self._confirm(auth_value, now)]

    def _confirm(self, auth_value: bytes, now: float) -> list[Effect]:
        """Send our Confirmation."""
        inputs, secret = self._agreed
        del self._agreed  # the next line keeps it
        self._confirming = Confirming.begin(self._suite, inputs, secret, auth_value)
        self._own_random = self._random(self._suite.size)
        self._own_confirmation = self._confirming.confirmation(self._own_random)
        self._state = _State.CONFIRMATION_SENT
        return self._send(pdu.Confirmation(self._own_confirmation), now)

    def _on_confirmation(self, octets: bytes, now: float) -> list[Effect]:
        value = pdu.decode_as(pdu.Confirmation, octets).value
        self._check_size(value)
        if equal(value, self._own_confirmation):
            raise ProtocolError(
                "The device sent our own confirmation back.",
                code="reflected-confirmation",
            )
        self._device_confirmation = value
        self._state = _State.RANDOM_SENT
        return self._send(pdu.Random(self._own_random), now)

    def _on_random(self, octets: bytes, _now: float) -> list[Effect]:
        value = pdu.decode_as(pdu.Random, octets).value
        self._check_size(value)
        if equal(value, self._own_random):
            raise ProtocolError("The device sent our own random back.", code="reflected-random")
        if not equal(self._confirming.confirmation(value), self._device_confirmation):
            raise ProtocolError(
                "The device could not prove that it holds its key.",
                code="confirmation-failed",
            )
        self._keys: SessionKeys = self._confirming.session_keys(self._own_random, value)
        self._state = _State.AUTHENTICATED
        return [Authenticated(self._elements, self._keys.device_key)]

    def _on_complete(self, octets: bytes, _now: float) -> list[Effect]:
        pdu.decode_as(pdu.Complete, octets)
        self._end(_State.DONE)
        return [Provisioned(), CloseLink(CloseReason.SUCCESS)]

    def _on_failed(self, octets: bytes) -> list[Effect]:
        error = pdu.decode_as(pdu.Failed, octets).error
        names = {int(code): code.name.lower().replace("_", " ") for code in ErrorCode}
        message = f"The device refused: {names.get(error, f'unknown error {error}')}."
        return self._fail("refused-by-device", message, CloseReason.FAIL, error)

    # Common steps.

    def _check_size(self, value: bytes) -> None:
        if len(value) != self._suite.size:
            raise pdu.MalformedPduError(
                f"{self._suite.algorithm.name} needs {self._suite.size} octets, not {len(value)}"
            )

    def _send(self, message: pdu.Pdu, now: float, *, keep: bool = False) -> list[Effect]:
        octets = pdu.encode(message)
        if keep:
            self._transcript.keep(octets)
        self._restart_timer(now)
        return [SendPdu(octets)]

    def _restart_timer(self, now: float) -> None:
        self._timers.set(_Timer.PROVISIONING, now + self._timeout)

    def _limit_reading(self, now: float) -> None:
        if not self._timers.running(_Timer.RECORDS):
            self._timers.set(_Timer.RECORDS, now + self._limits.seconds)

    def _may(self, state: _State) -> bool:
        """Tell whether the session still lives; raises `RuntimeError` when it is not our turn."""
        if self._state not in (state, _State.FAILED):
            raise RuntimeError(f"not allowed in state {self._state.name}")
        return self._state is state

    def _fail(
        self,
        code: str,
        message: str,
        reason: CloseReason | None,
        error: int | None = None,
    ) -> list[Effect]:
        shown = [ValueShown()] if self._state is _State.VALUE_SHOWN else []
        self._end(_State.FAILED)
        closing = [] if reason is None else [CloseLink(reason)]
        return [*shown, *closing, SessionFailed(code, message, error)]

    def _end(self, state: _State) -> None:
        """Keep nothing of the session but how it ended."""
        self._state = state
        self._timers.stop_all()
        self._device_public = self._static_oob = None
        for secret in _SECRETS:
            vars(self).pop(secret, None)


def _check_choice(
    choice: oob.Choice, device_public: bytes | None, static_oob: StaticOob | None
) -> None:
    """Refuse a choice that the session could only get wrong."""
    method = choice.start.method
    challenged = method in (AuthenticationMethod.OUTPUT, AuthenticationMethod.INPUT)
    if (
        choice.uses_oob_key != (device_public is not None)
        or challenged != (choice.challenge is not None)
        or (method == AuthenticationMethod.STATIC and static_oob is None)
    ):
        raise InputError(
            "The choice does not fit what is known of the device; choose another way.",
            code="bad-choice",
        )


_SECRETS = (
    "_reader",
    "_pair",
    "_agreed",
    "_shown",
    "_confirming",
    "_own_random",
    "_own_confirmation",
    "_device_confirmation",
    "_keys",
)
_OVER = frozenset({_State.CLOSED, _State.DONE, _State.FAILED})

_AUTHENTICATIONS: dict[
    AuthenticationMethod, Callable[[ProvisionerMachine, float], list[Effect]]
] = {
    AuthenticationMethod.NO_OOB: ProvisionerMachine._without_person,
    AuthenticationMethod.STATIC: ProvisionerMachine._without_person,
    AuthenticationMethod.OUTPUT: ProvisionerMachine._ask_person,
    AuthenticationMethod.INPUT: ProvisionerMachine._show_person,
}
_TIMEOUTS: dict[_Timer, Callable[[ProvisionerMachine], list[Effect]]] = {
    _Timer.PROVISIONING: ProvisionerMachine._on_silence,
    _Timer.RECORDS: ProvisionerMachine._on_slow_records,
}
_TRANSITIONS: dict[tuple[_State, PduType], _Handler] = {
    (_State.LISTING, PduType.RECORDS_LIST): ProvisionerMachine._on_list,
    (_State.READING, PduType.RECORD_RESPONSE): ProvisionerMachine._on_record,
    (_State.INVITED, PduType.CAPABILITIES): ProvisionerMachine._on_capabilities,
    (_State.KEY_SENT, PduType.PUBLIC_KEY): ProvisionerMachine._on_public_key,
    (_State.VALUE_SHOWN, PduType.INPUT_COMPLETE): ProvisionerMachine._on_input_complete,
    (
        _State.CONFIRMATION_SENT,
        PduType.CONFIRMATION,
    ): ProvisionerMachine._on_confirmation,
    (_State.RANDOM_SENT, PduType.RANDOM): ProvisionerMachine._on_random,
    (_State.DATA_SENT, PduType.COMPLETE): ProvisionerMachine._on_complete,
}
