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
from enum import IntEnum, auto

from meshwright.core.effects import CloseLink, CloseReason, Effect, SendPdu
from meshwright.core.errors import PeerError, TrustError
from meshwright.core.provisioning import pdu
from meshwright.core.provisioning.codec import decode_as, encode, type_of
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.events import (
    Authenticated,
    CapabilitiesReceived,
    Provisioned,
    SessionFailed,
)
from meshwright.core.provisioning.fields import ErrorCode, PduType, error_name
from meshwright.core.provisioning.invitation import Invitation
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.policy import ZERO_TOUCH, AuthenticationPolicy
from meshwright.core.provisioning.protections import UnexpectedPduError
from meshwright.core.provisioning.provisioner_authentication import ProvisionerAuthentication, Step
from meshwright.core.provisioning.record_phase import RecordPhase
from meshwright.core.provisioning.records import RecordLimits
from meshwright.core.provisioning.timeouts import PERSON_TIMEOUT, PROVISIONING_TIMEOUT
from meshwright.core.provisioning.transcript import Transcript
from meshwright.core.provisioning.values import StaticOob


class _State(IntEnum):
    CLOSED = auto()
    RECORDS = auto()
    INVITED = auto()
    CHOOSING = auto()
    AUTHENTICATING = auto()
    AUTHENTICATED = auto()
    DATA_SENT = auto()
    DONE = auto()
    FAILED = auto()


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
        self._timeout = timeout
        self._deadline: float | None = None
        self._state = _State.CLOSED
        self._records = RecordPhase(limits or RecordLimits())
        self._invitation = Invitation()
        self._transcript = Transcript()
        self._authentication: ProvisionerAuthentication | None = None

    @property
    def state(self) -> str:
        """What the session waits for, in one word."""
        if self._state is _State.RECORDS:
            return self._records.step.name
        if self._state is _State.AUTHENTICATING:
            return self._proof.step.name
        return self._state.name

    # What the owner asks for.

    def list_records(self, now: float) -> list[Effect]:
        """Ask which records the device has; only before `invite`."""
        allowed = self._may(_State.RECORDS)
        return self._sent(self._records.get_list(now), now) if allowed else []

    def read_record(self, record_id: int, now: float) -> list[Effect]:
        """Read one record whole; only before `invite`."""
        allowed = self._may(_State.RECORDS)
        return self._sent(self._records.read(record_id, now), now) if allowed else []

    def invite(
        self,
        now: float,
        *,
        policy: AuthenticationPolicy = ZERO_TOUCH,
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
        if not self._may(_State.RECORDS):
            return []
        self._records.check_ready()
        self._state = _State.INVITED
        self._records = RecordPhase(self._records.limits)
        self._invitation = Invitation(policy, device_public, static_oob)
        self._ask = ask
        invite = encode(pdu.Invite(attention))
        self._transcript.keep(invite)
        return self._sent([SendPdu(invite)], now)

    def start(
        self, choice: Choice, now: float, *, static_oob: StaticOob | None = None
    ) -> list[Effect]:
        """Authenticate as `choice` says, which may be the one of `CapabilitiesReceived`.

        `static_oob` replaces the value of `invite`. Raises `InputError` (`bad-choice`) for a choice
        without the key or the value that it needs, that leaves a known key unused, or whose
        algorithm is not the strongest offered; another one can be made then.
        """
        if not self._may(_State.CHOOSING):
            return []
        self._invitation = self._invitation.settle(choice, self._capabilities, static_oob)
        return self._attempt(lambda: self._start(choice), now)

    def enter(self, value: str, now: float) -> list[Effect]:
        """Take the value that the device shows, after `EntryNeeded`.

        Raises `InputError` (`bad-oob-value`) for what cannot be such a value; it can be entered
        again.
        """
        allowed = self._may(_State.AUTHENTICATING)
        return self._sent(self._proof.enter(value), now) if allowed else []

    def send_data(self, data: ProvisioningData, now: float) -> list[Effect]:
        """Make the device a node; its address range and DevKey have to be durable."""
        if not self._may(_State.AUTHENTICATED):
            return []
        self._state = _State.DATA_SENT
        sealed = self._proof.session_keys.seal(data.encode())
        return self._sent([SendPdu(encode(pdu.Data(sealed)))], now)

    def abort(self, code: str, message: str) -> list[Effect]:
        """End the session for a reason of the owner's."""
        return self._fail(code, message, CloseReason.FAIL)

    # What the bearer and the clock tell.

    def bearer_opened(self, _now: float) -> list[Effect]:
        self._state = _State.RECORDS
        return []

    def bearer_closed(self, _now: float) -> list[Effect]:
        lost = "The link to the device was lost before it became a node."
        return self._fail("link-lost", lost, None)

    def next_deadline(self) -> float | None:
        own, records = self._deadline, self._records.deadline
        return own if own is None or records is None else min(own, records)

    def handle_deadline(self, now: float) -> list[Effect]:
        late = self._records.late(now)
        if late is not None:
            return self._fail("records-too-slow", late, CloseReason.FAIL)
        silent = self._deadline is not None and self._deadline <= now
        return self._on_silence() if silent else []

    def _on_silence(self) -> list[Effect]:
        """Send Failed, which a device must not do, and close (5.4.4)."""
        farewell = SendPdu(encode(pdu.Failed(ErrorCode.UNEXPECTED_ERROR)))
        message = f"Nothing was sent or received for {self._timeout:.0f} seconds."
        return [farewell, *self._fail("provisioning-timeout", message, CloseReason.TIMEOUT)]

    def receive(self, octets: bytes, now: float) -> list[Effect]:
        """Take one PDU of the device. Errors close the bearer, nothing is sent (5.4.4)."""
        if self._state in _OVER:
            return []
        return self._attempt(lambda: self._handle(octets), now)

    def _attempt(self, step: Callable[[], list[Effect]], now: float) -> list[Effect]:
        """Take a step in which the device's mistakes may show, and which they end."""
        try:
            effects = step()
        except TrustError as error:
            return self._fail(error.code, str(error), CloseReason.FAIL)
        except PeerError as error:
            message = f"The device broke the protocol: {error}."
            return self._fail(error.code, message, CloseReason.FAIL)
        return effects if self._state in _OVER else self._sent(effects, now)

    def _handle(self, octets: bytes) -> list[Effect]:
        pdu_type = type_of(octets)
        if pdu_type is PduType.FAILED:
            return self._on_failed(octets)
        if self._state is _State.RECORDS:
            return self._records.receive(pdu_type, octets)
        if self._state is _State.AUTHENTICATING:
            return self._authenticate(pdu_type, octets)
        handler = _TRANSITIONS.get((self._state, pdu_type))
        if handler is None:
            raise UnexpectedPduError(pdu_type)
        return handler(self, octets)

    # The device's PDUs, in the order of 5.4.2.

    def _on_capabilities(self, octets: bytes) -> list[Effect]:
        capabilities = decode_as(pdu.Capabilities, octets)
        if capabilities.elements == 0:
            raise PeerError("it says that it has no elements", code="prohibited-value")
        self._transcript.keep(octets)
        self._capabilities = capabilities
        choice = self._invitation.choose(capabilities)
        told = CapabilitiesReceived(capabilities, choice)
        if self._ask:
            self._state = _State.CHOOSING
            return [told]
        return [told, *self._start(choice)]

    def _start(self, choice: Choice) -> list[Effect]:
        self._state = _State.AUTHENTICATING
        if choice.challenge is not None:
            self._timeout = max(self._timeout, PERSON_TIMEOUT)
        self._authentication = ProvisionerAuthentication(
            choice, self._invitation, self._transcript, self._random
        )
        return self._authentication.begin()

    def _authenticate(self, pdu_type: PduType, octets: bytes) -> list[Effect]:
        proof = self._proof
        effects = proof.receive(pdu_type, octets)
        if proof.step is not Step.PROVEN:
            return effects
        self._state = _State.AUTHENTICATED
        return [*effects, Authenticated(self._capabilities.elements, proof.session_keys.device_key)]

    def _on_complete(self, octets: bytes) -> list[Effect]:
        decode_as(pdu.Complete, octets)
        self._end(_State.DONE)
        return [Provisioned(), CloseLink(CloseReason.SUCCESS)]

    def _on_failed(self, octets: bytes) -> list[Effect]:
        error = decode_as(pdu.Failed, octets).error
        refused = f"The device refused: {error_name(error)}."
        return self._fail("refused-by-device", refused, CloseReason.FAIL, error)

    # Common steps.

    @property
    def _proof(self) -> ProvisionerAuthentication:
        assert self._authentication is not None  # noqa: S101 - the state says so
        return self._authentication

    def _may(self, state: _State) -> bool:
        """Tell whether the session still lives; raises `RuntimeError` when it is not our turn."""
        if self._state not in (state, _State.FAILED):
            raise RuntimeError(f"not allowed in state {self.state}")
        return self._state is state

    def _sent(self, effects: list[Effect], now: float) -> list[Effect]:
        """Start the wait for the next PDU anew, as each one does in either direction."""
        self._deadline = now + self._timeout
        return effects

    def _fail(
        self, code: str, message: str, reason: CloseReason | None, error: int | None = None
    ) -> list[Effect]:
        if self._state in _OVER:
            return []
        shown = [] if self._authentication is None else self._authentication.stop_showing()
        self._end(_State.FAILED)
        closing = [] if reason is None else [CloseLink(reason)]
        return [*shown, *closing, SessionFailed(code, message, error)]

    def _end(self, state: _State) -> None:
        """Keep nothing of the session but how it ended."""
        self._state = state
        self._deadline = self._authentication = None
        self._records = RecordPhase(self._records.limits)
        self._invitation = Invitation()


_OVER = frozenset({_State.CLOSED, _State.DONE, _State.FAILED})
_TRANSITIONS: dict[tuple[_State, PduType], Callable[[ProvisionerMachine, bytes], list[Effect]]] = {
    (_State.INVITED, PduType.CAPABILITIES): ProvisionerMachine._on_capabilities,
    (_State.DATA_SENT, PduType.COMPLETE): ProvisionerMachine._on_complete,
}
