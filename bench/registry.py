"""The store's share of one provisioning: four durable writes, beside bare sqlite3."""

from __future__ import annotations

import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

from meshwright.clock import SystemClock
from meshwright.registry.database import Database
from meshwright.registry.entities import NewAsset
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register

ROUNDS = 5
DEVICES = 60
COMMITS = 3  # begin, reserve, confirm

Times = tuple[float, float]


def rows() -> list[dict[str, object]]:
    """Measure; the floor does the same number of durable commits of one row each."""
    with tempfile.TemporaryDirectory(prefix="meshwright-bench-") as folder:
        provision = _Provisioning(Path(folder) / "register.db")
        commit = _BareCommits(Path(folder) / "bare.db")
        pairs = [(_measure(provision.run), _measure(commit.run)) for _ in range(ROUNDS)]
        provision.finish()
        commit.finish()
    ours = [min(pair[0][kind] for pair in pairs) for kind in (0, 1)]
    floors = [min(pair[1][kind] for pair in pairs) for kind in (0, 1)]
    names = ("store, one provisioning: CPU", "store, one provisioning: wall")
    return [_row(*each) for each in zip(names, ours, floors, strict=True)]


class _Provisioning:
    """What the services write for one device, over and over."""

    def __init__(self, path: Path) -> None:
        self._database = Database.open(path)
        self._register = Register(self._database, Keyring(bytes(32)), SystemClock())
        self._network = self._register.create_network(
            "bench", uuid=UUID(int=1), net_key=bytes(16), app_key=bytes(16)
        ).id
        self._uuids = [UUID(int=number) for number in range(DEVICES * ROUNDS)]
        self._register.add_many([NewAsset(uuid, "lamp", self._network) for uuid in self._uuids])
        self._waiting = iter(self._uuids)

    def run(self) -> None:
        for _ in range(DEVICES):
            attempt = self._register.begin_attempt(self._network, next(self._waiting), "bench")
            node = self._register.reserve_node(attempt.id, 1, bytes(16))
            self._register.confirm_node(node.id)

    def finish(self) -> None:
        assert len(self._register.nodes(self._network)) == DEVICES * ROUNDS
        assert self._register.unaccounted(self._network) == []
        self._register.verify_audit()
        self._database.close()


class _BareCommits:
    """The same number of durable commits, with nothing around them."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, octets BLOB)")

    def run(self) -> None:
        for _ in range(DEVICES * COMMITS):
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("INSERT INTO bare (octets) VALUES (?)", (bytes(200),))
            self._connection.execute("COMMIT")

    def finish(self) -> None:
        with closing(self._connection) as connection:
            (count,) = connection.execute("SELECT count(*) FROM bare").fetchone()
        assert count == DEVICES * COMMITS * ROUNDS


def _measure(run: Callable[[], None]) -> Times:
    cpu, wall = time.process_time(), time.perf_counter()
    run()
    return (
        (time.process_time() - cpu) / DEVICES * 1000,
        (time.perf_counter() - wall) / DEVICES * 1000,
    )


def _row(name: str, value: float, floor: float) -> dict[str, object]:
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "ms",
        "floor": round(floor, 3),
        "ratio": round(value / floor, 2),
        "bar": None,
        "ok": True,
    }


if __name__ == "__main__":
    for row in rows():
        print(row)
