"""S20: a process that dies at any durable step loses nothing and repeats nothing.

The process kills itself at the exact moment, through the hook around every commit.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.registry.registry_world import DEVICE_KEY, begun, device, open_register, run_killed

from meshwright.registry.entities import Network, Outcome
from meshwright.registry.register import Register

PROVISION = """
import os, signal, sys
from pathlib import Path
from tests.registry.registry_world import DEVICE_KEY, device, open_register

path, name, moment, turn = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
left = turn

def stop(transaction, when):
    global left
    if (transaction, when) == (name, moment):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

register = open_register(path, stop)
network = register.network("home")
for number in range(1, 10):
    register.add_asset(device(number), f"lamp {number}", network.id)
    attempt = register.begin_attempt(network.id, device(number))
    node = register.reserve_node(attempt.id, number, DEVICE_KEY)
    print(node.address, flush=True)
    register.confirm_node(node.id)
"""

LEASE = """
import os, signal, sys
from pathlib import Path
from tests.registry.registry_world import open_register

def stop(transaction, when):
    if (transaction, when) == (sys.argv[2], sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

register = open_register(Path(sys.argv[1]), stop)
register.lease_ticks(bytes(6), 100, 7)
register.reserve_sequence(1, 50)
"""

STEPS = ["add assets", "begin attempt", "reserve node", "confirm node"]


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("name", STEPS)
def test_a_kill_at_every_step_of_a_provisioning(
    register: Register, network: Network, path: Path, name: str, moment: str
) -> None:
    turn = 3
    register._desk.database.close()
    run_killed(PROVISION, path, name, moment, turn)
    after = open_register(path)
    after.verify_audit()

    # What happened is exactly what had been committed: two devices whole, the third so far.
    done = STEPS.index(name) + (moment == "after")
    assert len(after.assets()) == 2 + (done > 0)
    assert len(after.attempts()) == 2 + (done > 1)
    ranges = sorted([*after.nodes(), *after.reserved()], key=lambda node: node.address)
    assert [node.address for node in ranges] == [2, 3, 5][: 2 + (done > 2)]
    assert {node.device_key for node in ranges} == {DEVICE_KEY}
    assert len(after.nodes()) == 2 + (done > 3)
    assert len(after.close_interrupted()) == (1 < done < 4)

    # Nothing is handed out again: attempt numbers and addresses go on behind what was used.
    attempt = begun(after, network, 3)
    assert attempt.number == 1 + (done > 1)
    if done > 3:
        return
    node = after.reserve_node(attempt.id, 1, DEVICE_KEY)
    assert node.address == (8 if done > 2 else 5)
    after.confirm_node(node.id)
    assert after.attempts()[-1].outcome is Outcome.NODE
    assert [each.asset.uuid for each in after.unaccounted()] == []
    assert after.node_of(network.id, device(3)) is not None


@pytest.mark.parametrize(
    ("name", "moment", "tick", "sequence"),
    [
        ("lease ticks", "before", 0, 0),
        ("lease ticks", "after", 107, 0),
        ("reserve sequence", "before", 107, 0),
        ("reserve sequence", "after", 107, 50),
    ],
)
@pytest.mark.usefixtures("network")
def test_numbers_are_taken_durably(
    path: Path, name: str, moment: str, tick: int, sequence: int
) -> None:
    run_killed(LEASE, path, name, moment)
    after = open_register(path)
    assert after.lease_ticks(bytes(6), 0, 1) == tick
    assert after.reserve_sequence(1, 1) == sequence
