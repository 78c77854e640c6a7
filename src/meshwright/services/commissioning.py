"""Bringing every asset of a network in, by itself, and nobody else.

The commissioner listens for beacons, opens a link to each device that is on the list, and leads
one job a device. It is driven by the timebase of its runner alone, so that it runs the same on a
real radio and on the simulated air. Everything that must not be lost is in the store before it is
acted upon: a killed run is simply started again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from meshwright.clock import Clock
from meshwright.core.discovery.ad import AdType
from meshwright.core.discovery.beacon import UnprovisionedBeacon, decode_beacon
from meshwright.core.errors import PeerError
from meshwright.radio.port import Report
from meshwright.radio.runner import Runner
from meshwright.randomness import Randomness
from meshwright.registry.entities import Network, Node, Outcome
from meshwright.services.admission import Admission
from meshwright.services.chains import ChainBook
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.credentials import Credentials
from meshwright.services.job import DeviceJob
from meshwright.services.job_result import JobResult
from meshwright.services.job_tools import JobTools
from meshwright.services.ports import CommissioningStore, Validator
from meshwright.services.recovery import OTHER_KEY, Recovery
from meshwright.services.report import CommissioningReport, Progress
from meshwright.services.sightings import Refusal, Sightings
from meshwright.services.target import Target
from meshwright.services.telling import Telling
from meshwright.services.tries import LOCKED, Hold, Tries

_REVIEW = 0.25


class Commissioner:
    """One run over one network. Call `start`, drive the timebase until `finished`, `report`."""

    def __init__(
        self,
        network: Network,
        store: CommissioningStore,
        validator: Validator,
        runner: Runner,
        *,
        clock: Clock,
        randomness: Randomness,
        chains: ChainBook | None = None,
        options: CommissioningOptions | None = None,
        on_progress: Callable[[Progress], None] = lambda _progress: None,
    ) -> None:
        self.options = options or CommissioningOptions()
        self.sightings = Sightings()
        self._network = network
        self._store = store
        self._runner = runner
        self._telling = Telling(on_progress)
        self._tools = JobTools(
            network,
            store,
            validator,
            chains or ChainBook(),
            runner,
            clock,
            randomness,
            self.options.policy,
            self.options.link_timing(runner.radio.pacing),
        )
        self._tries = Tries(self.options.back_off, self.options.most_failures)
        self._admission = Admission(self._tools, self._tries, self.sightings)
        self._recovery = Recovery(network, store, runner, self._on_found)
        self._targets: dict[bytes, Target] = {}
        self._jobs: dict[bytes, DeviceJob] = {}
        self._moved = self._news = self._began = 0.0
        self._ended = False

    # The run.

    def start(self) -> None:
        """Listen, ask for the nodes of an interrupted run, and go on from there."""
        now = self._runner.timebase.time()
        self._began = self._moved = self._news = now
        self._concurrency = self.options.concurrency(self._runner)
        network_id = self._network.id
        self._note_policy()
        self._store.close_interrupted(network_id)
        self._tries.load(self._store.failed_tries(network_id), self._tools.clock.now(), now)
        self._targets = {a.uuid.bytes: Target(a) for a in self._store.assets(network_id)}
        for node in self._store.nodes(network_id):
            self._targets[node.uuid.bytes].node = node
        self._unsubscribe = self._runner.subscribe(AdType.MESH_BEACON, self._on_beacon)
        for node in self._store.reserved(network_id):
            self._take_up(node)
        self._review()

    def _note_policy(self) -> None:
        """Write down what is allowed beyond zero-touch, whether it will be made use of or not."""
        allowed = self.options.policy.weakenings
        if allowed:
            names = ", ".join(allowed)
            self._store.record_event("policy-weakened", self._network.name, allowed=names)

    def _take_up(self, reserved: Node) -> None:
        """Ask for a node that was lost before; burn what is left of one that was found since."""
        if self._targets[reserved.uuid.bytes].node is None:
            self._recovery.ask(reserved)
        else:
            self._store.burn_reservation(reserved.id, OTHER_KEY)

    @property
    def finished(self) -> bool:
        """Tell whether the run is over and the last Link Close has left."""
        return self._ended and not self._runner.machines

    @property
    def open_jobs(self) -> int:
        """How many links are in use."""
        return len(self._jobs)

    def stop(self) -> None:
        """End the run now; what is half done is found again by the next."""
        for job in list(self._jobs.values()):
            job.stop()
        self._ended = True
        self._unsubscribe()
        self._recovery.stop()

    def report(self) -> CommissioningReport:
        """Tell what has become of every asset, and who else was heard."""
        sightings, now = self.sightings, self._runner.timebase.time()
        results = [
            target.result(
                sightings.refusals_of(target.asset.uuid),
                self._tries.hold(target.asset.uuid, None, now),
            )
            for target in self._targets.values()
        ]
        return CommissioningReport(
            results,
            sightings.refusals,
            sightings.strangers,
            now - self._began,
            sightings.overflowed,
            self.options.policy.weakenings,
        )

    def _review(self) -> None:
        if self._ended:
            return
        timebase = self._runner.timebase
        now = timebase.time()
        if self._settled(now) or now - self._moved > self.options.patience:
            self.stop()
        else:
            timebase.call_at(now + _REVIEW, self._review)

    def _settled(self, now: float) -> bool:
        waiting = any(target.node is None for target in self._targets.values())
        busy = self._jobs or self._recovery.pending
        return not waiting and not busy and now - self._news >= self.options.settle

    # Beacons.

    def _on_beacon(self, data: bytes, report: Report, now: float) -> None:
        # This runs for every beacon in range: nothing is decoded before the UUID is known.
        if data[:1] != b"\0":
            return
        uuid = data[1:17]
        target = self._targets.get(uuid)
        if target is None:
            self._on_stranger(uuid, report.address, now)
        elif not self.sightings.avoided(target.asset.uuid, report.address, now):
            self._consider(target, data, report.address, now)

    def _on_stranger(self, uuid: bytes, sender: bytes | None, now: float) -> None:
        if len(uuid) == 16 and self.sightings.stranger(uuid, sender, now):
            self._news = now
            self._telling.stranger(len(self.sightings.strangers))

    def _consider(self, target: Target, data: bytes, sender: bytes | None, now: float) -> None:
        uuid = target.asset.uuid
        busy = uuid.bytes in self._jobs or now < target.not_before
        if busy or len(self._jobs) >= self._concurrency.limit(now, self._oldest(now)):
            return
        try:
            beacon = decode_beacon(data)
        except PeerError:
            return
        if isinstance(beacon, UnprovisionedBeacon):
            self._admit(target, beacon, sender, now)

    def _oldest(self, now: float) -> float:
        """Return how long the slowest transaction has been waiting for its Ack."""
        began = (job.transaction_began for job in self._jobs.values())
        return max((now - each for each in began if each is not None), default=0.0)

    def _admit(
        self, target: Target, beacon: UnprovisionedBeacon, sender: bytes | None, now: float
    ) -> None:
        found = self._admission.ask(target.asset, beacon, sender, now)
        if isinstance(found, Refusal):
            self._refuse(target, found)
        else:
            self._begin(target, found, sender, now)

    # Jobs.

    def _begin(
        self, target: Target, credentials: Credentials, sender: bytes | None, now: float
    ) -> None:
        uuid = target.asset.uuid
        attempt = self._store.begin_attempt(self._network.id, uuid, sender.hex() if sender else "")
        job = DeviceJob(
            self._tools,
            attempt,
            self._on_job_over,
            credentials=credentials,
            refused=self.sightings.avoided_senders(uuid, now),
            burn_stale=partial(self._recovery.burn, uuid, "The device was still unprovisioned."),
            examine_only=target.node is not None,
        )
        self._jobs[uuid.bytes] = job
        self._news = now
        self._telling.working(target.asset, "link opened")
        job.start()

    def _on_job_over(self, _job: DeviceJob, result: JobResult) -> None:
        uuid = result.attempt.uuid
        del self._jobs[uuid.bytes]
        self._news = result.ended
        target = self._targets[uuid.bytes]
        _ENDINGS[result.outcome](self, target, result)

    def _on_node(self, target: Target, result: JobResult) -> None:
        target.count(result)
        if result.node is not None:
            self._joined(target, result.node, result.ended)

    def _on_refused(self, target: Target, result: JobResult) -> None:
        code, reason = result.code or "refused", result.reason or ""
        until = result.ended + self.options.skip
        hold = self._count_try(target, result)
        if hold is not None:
            until = max(until, hold.until)
            if hold.code == LOCKED:
                code, reason = hold.code, f"{reason} {hold.reason}"
        self.sightings.avoid(target.asset.uuid, result.sender, until)
        self._refuse(target, result.refusal(code, reason))

    def _count_try(self, target: Target, result: JobResult) -> Hold | None:
        """Count an OOB value that did not fit; it is stored with the attempt already."""
        chosen, uuid = result.authentication, target.asset.uuid
        if chosen is None or not result.unproven:
            return None
        self._tries.fail(uuid, result.sender, chosen.key, result.ended)
        return self._tries.hold(uuid, result.sender, result.ended)

    def _on_lost(self, target: Target, result: JobResult) -> None:
        options = self.options
        wait = min(options.retry * target.lost(result), options.longest_retry)
        if target.node is not None:
            wait = options.skip  # only somebody else, who is not worth waiting for
        again = result.ended + wait
        if result.sender is None:
            target.not_before = again
        else:
            self.sightings.avoid(target.asset.uuid, result.sender, again)
        if result.reservation is not None:
            self._recovery.ask(result.reservation)
        self._telling.working(target.asset, result.reason or "")

    def _refuse(self, target: Target, refusal: Refusal) -> None:
        if self.sightings.refuse(refusal):
            self._news = refusal.at
            so_many = len(self.sightings.refusals_of(refusal.uuid))
            self._telling.refused(target.asset, refusal.reason, so_many)

    def _on_found(self, node: Node, now: float) -> None:
        target = self._targets.get(node.uuid.bytes)
        if target is not None:
            self._joined(target, node, now)

    def _joined(self, target: Target, node: Node, now: float) -> None:
        target.joined(node, now)
        self._moved = self._news = now
        self._telling.joined(target.asset, node)


_ENDINGS: dict[Outcome, Callable[[Commissioner, Target, JobResult], None]] = {
    Outcome.NODE: Commissioner._on_node,
    Outcome.REFUSED: Commissioner._on_refused,
    Outcome.FAILED: Commissioner._on_lost,
}
