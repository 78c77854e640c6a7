"""Finding again the devices that took their Provisioning Data just before we lost them.

Such a device no longer beacons. It is asked for its Default TTL under the reserved DevKey; only
the node that holds that key can answer. An old answer played back proves as much: no node ever had
the key before the Data was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from meshwright.core.discovery.ad import AdType
from meshwright.core.effects import Priority
from meshwright.core.models.device_access import DeviceChannel, Inquiry
from meshwright.core.network.iv_index import IvIndex
from meshwright.core.network.keys import NetworkKeys
from meshwright.core.network.replay import ReplayList
from meshwright.radio.port import Report, Timer
from meshwright.radio.runner import Runner
from meshwright.registry.entities import Network, Node
from meshwright.services.ports import CommissioningStore

ASK_AGAIN = 1.0
"""Seconds between two questions to the same node."""

OTHER_KEY = "The device answered under another key."
"""Why the other reservations of a node that was found are burnt."""

_SEQUENCES_AHEAD = 64


@dataclass(frozen=True, slots=True)
class _Pending:
    node: Node
    inquiry: Inquiry


class Recovery:
    """Asks every reserved node until it answers or its reservation is burnt."""

    def __init__(
        self,
        network: Network,
        store: CommissioningStore,
        runner: Runner,
        on_found: Callable[[Node, float], None],
    ) -> None:
        self._network = network
        self._store = store
        self._runner = runner
        self._on_found = on_found
        self._keys = NetworkKeys.derive(network.net_key)
        self._iv = IvIndex.told(network.iv_index, network.flags)
        self._replay = ReplayList()
        self._pending: dict[int, _Pending] = {}
        self._sequence = self._leased = 0
        self._timer: Timer | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    @property
    def pending(self) -> int:
        """How many nodes have not answered yet."""
        return len(self._pending)

    def ask(self, node: Node) -> None:
        """Ask `node` from now on."""
        inquiry = Inquiry(
            DeviceChannel(self._keys, self._iv, node.device_key),
            own_address=self._network.provisioner_address,
            node_address=node.address,
            next_sequence=self._next_sequence,
            replay=self._replay,
        )
        self._pending[node.id] = _Pending(node, inquiry)
        if self._timer is None:
            self._unsubscribe = self._runner.subscribe(AdType.MESH_MESSAGE, self._on_message)
            self._question()

    def burn(self, uuid: UUID, reason: str) -> None:
        """Give up what is reserved for a device, for good."""
        for stale in [each.node for each in self._pending.values() if each.node.uuid == uuid]:
            self._forget(stale)
            self._store.burn_reservation(stale.id, reason)

    def _forget(self, node: Node) -> None:
        """Stop asking."""
        self._pending.pop(node.id, None)

    def stop(self) -> None:
        """Ask nobody any more."""
        self._pending.clear()
        self._unsubscribe()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _question(self) -> None:
        if not self._pending:
            self.stop()
            return
        for pending in self._pending.values():
            question = pending.inquiry.question()
            key = ("inquiry", pending.node.id)
            self._runner.send(AdType.MESH_MESSAGE, question, Priority.SEGMENT, key=key)
        timebase = self._runner.timebase
        self._timer = timebase.call_at(timebase.time() + ASK_AGAIN, self._question)

    def _on_message(self, network_pdu: bytes, _report: Report, now: float) -> None:
        for pending in list(self._pending.values()):
            if pending.inquiry.receive(network_pdu, now) is not None:
                self._found(pending.node, now)

    def _found(self, node: Node, now: float) -> None:
        self._forget(node)
        confirmed = self._store.confirm_node(node.id)
        self.burn(node.uuid, OTHER_KEY)
        self._on_found(confirmed, now)

    def _next_sequence(self) -> int:
        if self._sequence == self._leased:
            self._sequence = self._store.reserve_sequence(self._network.id, _SEQUENCES_AHEAD)
            self._leased = self._sequence + _SEQUENCES_AHEAD
        self._sequence += 1
        return self._sequence - 1
