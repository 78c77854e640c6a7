"""S20: a demo that dies at any durable step is finished by the same command.

Nothing is lost, nothing is handed out twice, and the audit log has no gap.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.wiring import durable_steps
from tests.wiring.durable_steps import demo, watched

from meshwright.sim.flash import FlashFile
from meshwright.wiring.home import SecretSource, opened

DEVICES, SEED = 1, 4
PARTS = 3
Data = tuple[int, bytes]


@dataclass
class Corpse:
    """What a process leaves that dies at one step; `sent` is the Data it had handed over."""

    step: str
    home: Path
    sent: list[Data]


@dataclass
class Life:
    """One life of a demo and the corpses it would have left."""

    folder: Path
    sent: list[Data] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)
    corpses: list[Corpse] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def run(self) -> None:
        with watched(self.home, self._on_step, lambda *data: self.sent.append(data)):
            assert demo(self.home, DEVICES, SEED).complete

    def _on_step(self, step: str) -> None:
        self.seen[step] += 1
        if self._counts(step):
            copy = self.folder / f"corpse-{len(self.corpses)}"
            shutil.copytree(self.home, copy)
            self.corpses.append(Corpse(step, copy, list(self.sent)))

    def _counts(self, step: str) -> bool:
        """Tell whether a death here differs from all others before; later ones do in names only.

        After a file has its name is before the next step, too.
        """
        _, kind, what = step.split(" ", 2)
        changes = kind == "commit" or step.startswith(("before replace", "before hardlink_to"))
        return changes and self.seen[step] == 1 and not what.startswith(".stranger")


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """Return a life that was watched from its beginning to its end."""
    folder = tmp_path_factory.mktemp("life")
    made = Life(folder)
    made.run()
    yield made
    shutil.rmtree(folder, ignore_errors=True)


TRANSACTIONS = (
    "add authority",
    "lease ticks",
    "record prepared",
    "record issued",
    "create network",
    "add assets",
    "close interrupted",
    "begin attempt",
    "reserve node",
    "confirm node",
    "end attempt",
)


def test_the_life_has_every_kind_of_step(life: Life) -> None:
    for name in TRANSACTIONS:
        assert life.seen[f"before commit {name}"] == life.seen[f"after commit {name}"] > 0
    for kind in ("device-.json", "device-.png", "home.toml", "stranger.json", "rogue.json"):
        assert life.seen[f"after replace .{kind}.new"] > 0
    for kind in ("master.key", "keyring.json", "root.key", "batch-.key"):
        assert life.seen[f"after hardlink_to {kind}"] > 0
    assert len(life.corpses) >= 2 * len(TRANSACTIONS) + 8


@pytest.mark.parametrize("part", range(PARTS))
def test_every_corpse_is_brought_back_to_life(life: Life, part: int) -> None:
    for corpse in life.corpses[part::PARTS]:
        revive(corpse)


def revive(corpse: Corpse) -> None:
    """Run the demo that died to its end, and check everything that was ever handed over."""
    sent = list(corpse.sent)
    with watched(corpse.home, lambda _step: None, lambda *data: sent.append(data)):
        result = demo(corpse.home, DEVICES, SEED)
    assert result.complete, corpse.step
    check(corpse.home, sent)


def check(home: Path, sent: list[Data]) -> None:
    """Check what must be true of a finished demo, and of all Data that was ever handed over."""
    assert_given_once(sent)
    with opened(home, SecretSource()) as found:
        register = found.register
        register.verify_audit()
        assert register.reserved() == []
        nodes = {node.uuid: node for node in register.nodes()}
        owned = {asset.uuid for asset in register.assets()}
    assert set(nodes) == owned
    for path in home.glob("flash/*.json"):
        content = FlashFile.open(path).content
        if path.stem in ("stranger", "rogue"):
            assert content.membership is None
            continue
        assert content.uuid is not None
        assert content.membership is not None
        node = nodes[content.uuid]
        member = (content.membership.data.address, content.membership.device_key)
        assert (node.address, node.device_key) == member
        assert member in sent
    assert [path.name for path in home.glob("**/.*") if path.parent.name != "ca"] == []


def assert_given_once(sent: list[Data]) -> None:
    assert len({address for address, _ in sent}) == len(sent)
    assert len({device_key for _, device_key in sent}) == len(sent)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_demo_that_is_killed_again_and_again_is_finished(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test that repeats itself
    home, log = tmp_path / "home", tmp_path / "log"
    lives = [str(chance.randint(1, 130)) for _ in range(4)]
    arguments = [str(home), "2", str(seed), str(log), *lives]
    command = [sys.executable, durable_steps.__file__, *arguments]
    done = subprocess.run(command, check=False, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    sent = [line.split() for line in log.read_text().splitlines()]
    check(home, [(int(address), bytes.fromhex(key)) for address, key in sent])
