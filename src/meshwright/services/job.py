"""One attempt at one device: from Link Open to a node, or to the reason why not."""

from __future__ import annotations

from collections.abc import Callable

from meshwright.core.bearers.pb_adv import LINK_ID_SIZE, ProvisionerLink
from meshwright.core.effects import CloseReason, Effect, LinkClosed, LinkOpened
from meshwright.core.provisioning.authentication import Authentication, KeySource
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.events import (
    Authenticated,
    CapabilitiesReceived,
    Provisioned,
    RecordRead,
    RecordsListed,
    SessionFailed,
)
from meshwright.core.provisioning.fields import RecordId
from meshwright.core.provisioning.oob import Choice
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.session import Session
from meshwright.pki.errors import CertificateRejectedError
from meshwright.pki.validation import ValidatedDevice
from meshwright.radio.interests import link_pattern
from meshwright.registry.entities import Attempt, Node, Outcome
from meshwright.registry.errors import ConflictError
from meshwright.services.chain_reading import ChainReading
from meshwright.services.chains import Chain
from meshwright.services.credentials import CERTIFIED, Credentials
from meshwright.services.job_result import STOPPED, Failure, JobResult
from meshwright.services.job_tools import JobTools
from meshwright.services.wording import sentence


class DeviceJob:
    """Leads one session with a device of which `credentials` are known.

    `burn_stale` gives up what an earlier attempt had reserved for the device; it is called once the
    device has proved that it is still unprovisioned.

    With `examine_only` the device is asked for its certificate and then refused: its UUID is a
    node already, so it is either somebody else or was reset behind the owner's back.
    """

    def __init__(
        self,
        tools: JobTools,
        attempt: Attempt,
        on_finished: Callable[[DeviceJob, JobResult], None],
        *,
        credentials: Credentials = CERTIFIED,
        refused: frozenset[bytes] = frozenset(),
        burn_stale: Callable[[], None] = lambda: None,
        examine_only: bool = False,
    ) -> None:
        self.attempt = attempt
        self._tools = tools
        self._on_finished = on_finished
        self._credentials = credentials
        self._choice: Choice | None = None
        self._burn_stale = burn_stale
        self._examine_only = examine_only
        self._over = self._recorded = False
        self._reservation: Node | None = None
        self._reading = ChainReading()
        label = ("provision", tools.network.uuid, attempt.uuid, attempt.number)
        random = tools.randomness.stream(*label)
        self._link = ProvisionerLink(
            attempt.uuid.bytes,
            random(LINK_ID_SIZE),
            tools.randomness.uniform(*label),
            refused=refused,
            timing=tools.timing,
        )
        self._machine = ProvisionerMachine(random)
        self._session = Session(self._link, self._machine)

    @property
    def transaction_began(self) -> float | None:
        """When the transaction that waits for its Ack was first sent."""
        return self._link.transaction_began

    def start(self) -> None:
        """Open the link."""
        runner = self._tools.runner
        runner.add(self._session, self._on_effects, link_pattern(self._link.link_id))
        self._act(self._link.open(runner.timebase.time()), runner.timebase.time())

    def stop(self) -> None:
        """Give up because the run ends; the link is closed all the same."""
        now = self._tools.runner.timebase.time()
        self._finish(Outcome.FAILED, STOPPED, "The run ended before the device was done.", now)
        self._act(self._link.close(CloseReason.FAIL, now), now)

    def _act(self, effects: list[Effect], now: float) -> None:
        """Carry out what a call to the link or the machine has returned."""
        outward = self._session.carry_out(effects, now)
        self._tools.runner.perform(self._session, outward)

    def _on_effects(self, effects: list[Effect], now: float) -> None:
        for effect in effects:
            handler = _HANDLERS.get(type(effect))
            if handler is not None:
                handler(self, effect, now)

    # The certificate.

    def _on_opened(self, _effect: LinkOpened, now: float) -> None:
        if self._credentials.key is not KeySource.CERTIFICATE:
            self._invite(self._credentials.public_key, now)
            return
        chain = self._tools.chains.prefetched(self.attempt.uuid)
        if chain is None or not self._accept(chain, now):
            self._act(self._machine.list_records(now), now)

    def _on_listed(self, effect: RecordsListed, now: float) -> None:
        if RecordId.DEVICE_CERTIFICATE not in effect.ids:
            self._refuse("no-certificate", "The device has no certificate of its own to show.", now)
            return
        self._reading = ChainReading(effect.ids)
        self._act(self._machine.read_record(RecordId.DEVICE_CERTIFICATE, now), now)

    def _on_record(self, effect: RecordRead, now: float) -> None:
        if effect.content is None:
            self._refuse(
                "missing-record", f"The device does not hand out record {effect.record_id}.", now
            )
            return
        reading = self._reading
        reading.take(effect.content)
        certificate = reading.only_certificate
        known = None if certificate is None else self._tools.chains.intermediates_of(certificate)
        if known is not None and self._accept(reading.chain(known), now):
            return
        if reading.next_record is not None:
            self._act(self._machine.read_record(reading.next_record, now), now)
        else:
            self._finish_reading(now)

    def _finish_reading(self, now: float) -> None:
        try:
            device = self._validate(self._reading.chain())
        except CertificateRejectedError as error:
            self._refuse(error.code, str(error), now)
        else:
            self._invite(device.public_key, now)

    def _accept(self, chain: Chain, now: float) -> bool:
        """Go on with a chain that was not read here; False when the device has to show its own."""
        try:
            device = self._validate(chain)
        except CertificateRejectedError:
            return False
        self._invite(device.public_key, now)
        return True

    def _validate(self, chain: Chain) -> ValidatedDevice:
        tools = self._tools
        device = tools.validator.validate(
            chain.device_certificate,
            chain.intermediates,
            uuid=self.attempt.uuid,
            at=tools.clock.now(),
        )
        tools.chains.remember(chain.device_certificate, chain.intermediates)
        return device

    def _invite(self, device_public: bytes | None, now: float) -> None:
        if self._examine_only:
            self._refuse(
                "already-node",
                "The device is a node on record and asks to be provisioned again; "
                "remove the node first if it was reset on purpose.",
                now,
            )
            return
        effects = self._machine.invite(
            now,
            policy=self._tools.policy,
            device_public=device_public,
            static_oob=self._credentials.static_oob,
        )
        self._act(effects, now)

    def _on_capabilities(self, effect: CapabilitiesReceived, _now: float) -> None:
        self._choice = effect.choice

    @property
    def _authentication(self) -> Authentication | None:
        return None if self._choice is None else self._choice.summary(self._credentials.key)

    def _refuse(self, code: str, message: str, now: float) -> None:
        self._act(self._machine.abort(code, message), now)

    # The node.

    def _on_authenticated(self, effect: Authenticated, now: float) -> None:
        network = self._tools.network
        try:
            self._burn_stale()
            # Durable before Provisioning Data leaves: from here on the device may be a node.
            node = self._tools.store.reserve_node(
                self.attempt.id, effect.elements, effect.device_key, self._authentication
            )
            self._recorded = True
        except ConflictError as error:
            # Somebody with the same key has become a node meanwhile: one of them is a copy.
            self._refuse(error.code, str(error), now)
            return
        self._reservation = node
        data = ProvisioningData(
            network.net_key, network.net_key_index, network.flags, network.iv_index, node.address
        )
        self._act(self._machine.send_data(data, now), now)

    def _on_provisioned(self, _effect: Provisioned, now: float) -> None:
        if self._reservation is not None:
            node = self._tools.store.confirm_node(self._reservation.id)
            self._reservation = None
            self._finish(Outcome.NODE, None, None, now, node)

    def _on_closed(self, effect: LinkClosed, now: float) -> None:
        if not effect.opened:
            seconds = self._link.timing.establishment
            message = f"The device did not answer Link Open for {seconds:.0f} seconds."
            self._finish(Outcome.FAILED, "no-answer", message, now)

    def _on_failed(self, effect: SessionFailed, now: float) -> None:
        tried = self._choice is not None and self._choice.has_oob_value
        failure = Failure.of(effect, tried_value=tried)
        transient = failure.transient or self._reservation is not None
        outcome = Outcome.FAILED if transient else Outcome.REFUSED
        self._finish(outcome, failure.code, failure.reason, now, unproven=failure.unproven)

    def _finish(
        self,
        outcome: Outcome,
        code: str | None,
        reason: str | None,
        now: float,
        node: Node | None = None,
        *,
        unproven: bool = False,
    ) -> None:
        if self._over:
            return
        self._over = True
        reason = reason and sentence(reason)
        if node is None:  # a node has ended its attempt when it was confirmed
            self._tools.store.end_attempt(
                self.attempt.id,
                outcome,
                code,
                reason,
                authentication=None if self._recorded else self._authentication,
                unproven=unproven,
            )
        statistics = self._link.statistics
        result = JobResult(
            self.attempt,
            self._link.sender,
            outcome,
            code,
            reason,
            statistics.first_sent_at,
            now,
            statistics.retransmissions,
            node,
            self._reservation,
            self._authentication,
            unproven,
        )
        self._on_finished(self, result)


_HANDLERS: dict[type[Effect], Callable[..., None]] = {
    LinkOpened: DeviceJob._on_opened,
    RecordsListed: DeviceJob._on_listed,
    RecordRead: DeviceJob._on_record,
    CapabilitiesReceived: DeviceJob._on_capabilities,
    Authenticated: DeviceJob._on_authenticated,
    Provisioned: DeviceJob._on_provisioned,
    LinkClosed: DeviceJob._on_closed,
    SessionFailed: DeviceJob._on_failed,
}
