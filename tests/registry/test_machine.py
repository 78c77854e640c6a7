"""Any order of attempts, reservations, confirmations and restarts against a simple model."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.registry.registry_world import (
    APP_KEY,
    DEVICE_KEY,
    NET_KEY,
    code_of,
    device,
    open_register,
)

from meshwright.registry.entities import Node, NodeState, Outcome
from meshwright.registry.errors import ConflictError

DEVICES = 3
NETWORKS = 2


@dataclass
class Model:
    """What the register must know, kept in dictionaries."""

    numbers: dict[int, int] = field(default_factory=dict)  # device -> last attempt number
    open: dict[int, int] = field(default_factory=dict)  # attempt id -> device
    used: set[int] = field(default_factory=set)  # attempts that took a range
    state: dict[int, tuple[int, NodeState]] = field(default_factory=dict)  # node id -> device

    def is_node(self, number: int) -> bool:
        return (number, NodeState.NODE) in self.state.values()


class RegisterMachine(RuleBasedStateMachine):
    """The register and the model take the same steps and must agree."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="meshwright-")
        self.path = Path(self.folder.name) / "register.db"
        self.register = open_register(self.path)
        self.model = Model()
        self.ranges: list[tuple[int, range]] = []
        for n in range(NETWORKS):
            self.register.create_network(
                f"network {n}", uuid=device(100 + n), net_key=NET_KEY, app_key=APP_KEY
            )
        for n in range(DEVICES):
            self.register.add_asset(device(n), f"lamp {n}", self.network_of(n))

    def teardown(self) -> None:
        self.register._desk.database.close()
        self.folder.cleanup()

    @staticmethod
    def network_of(number: int) -> int:
        return 1 + number % NETWORKS

    @rule(number=st.integers(0, DEVICES - 1))
    def begin(self, number: int) -> None:
        attempt = self.register.begin_attempt(self.network_of(number), device(number))
        self.model.numbers[number] = self.model.numbers.get(number, 0) + 1
        assert attempt.number == self.model.numbers[number]
        self.model.open[attempt.id] = number

    @precondition(lambda self: self.model.open)
    @rule(data=st.data(), elements=st.integers(1, 255))
    def reserve(self, data: st.DataObject, elements: int) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.model.open)))
        number = self.model.open[attempt]
        if self.model.is_node(number) or attempt in self.model.used:
            with pytest.raises(ConflictError) as refused:
                self.register.reserve_node(attempt, elements, DEVICE_KEY)
            assert code_of(refused) in {"already-node", "attempt-reserved"}
            return
        node = self.register.reserve_node(attempt, elements, DEVICE_KEY)
        self.take(node)
        self.model.used.add(attempt)
        self.model.state[node.id] = (number, NodeState.RESERVED)

    def take(self, node: Node) -> None:
        """No address is ever handed out twice in a network, nor the provisioner's."""
        new = range(node.address, node.address + node.elements)
        assert new.start > 1
        assert new.stop <= 0x8000
        for network, taken in self.ranges:
            assert network != node.network_id or not set(taken) & set(new)
        self.ranges.append((node.network_id, new))

    @precondition(lambda self: self.model.state)
    @rule(data=st.data())
    def confirm(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(sorted(self.model.state)))
        number, state = self.model.state[node]
        if state is NodeState.BURNT or (state is NodeState.RESERVED and self.model.is_node(number)):
            with pytest.raises(ConflictError):
                self.register.confirm_node(node)
            return
        confirmed = self.register.confirm_node(node)
        assert confirmed.device_key == DEVICE_KEY
        if state is NodeState.RESERVED:
            self.model.open.pop(confirmed.attempt_id, None)  # it has made a node
        self.model.state[node] = (number, NodeState.NODE)

    @precondition(lambda self: self.model.state)
    @rule(data=st.data())
    def burn(self, data: st.DataObject) -> None:
        node = data.draw(st.sampled_from(sorted(self.model.state)))
        number, state = self.model.state[node]
        if state is NodeState.NODE:
            with pytest.raises(ConflictError):
                self.register.burn_reservation(node, "given up")
            return
        self.register.burn_reservation(node, "given up")
        self.model.state[node] = (number, NodeState.BURNT)

    @precondition(lambda self: self.model.open)
    @rule(data=st.data(), outcome=st.sampled_from(list(Outcome)))
    def end(self, data: st.DataObject, outcome: Outcome) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.model.open)))
        self.register.end_attempt(attempt, outcome)
        del self.model.open[attempt]

    @rule()
    def restart(self) -> None:
        self.register._desk.database.close()
        self.register = open_register(self.path)
        closed = self.register.close_interrupted()
        assert [each.id for each in closed] == sorted(self.model.open)
        self.model.open.clear()

    @invariant()
    def agree(self) -> None:
        for state in NodeState:
            stored = {node.id for node in self.register.nodes(state=state)}
            assert stored == {key for key, (_, was) in self.model.state.items() if was is state}
        waiting = {each.asset.uuid for each in self.register.unaccounted()}
        assert waiting == {device(n) for n in range(DEVICES) if not self.model.is_node(n)}
        self.register.verify_audit()


TestRegisterMachine = RegisterMachine.TestCase
TestRegisterMachine.settings = settings(max_examples=10, stateful_step_count=25, deadline=None)
