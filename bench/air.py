"""Devices per simulated hour: the commissioner and the virtual devices of the product on the air.

Devices come on a conveyor: a new one is switched on when one has joined, and a few always wait and
beacon. Everything is real but the air and the disk: chains are validated, every write goes to a
register, flash is a file. The chain is prefetched, or the device certificate is read in one
fragment, its batch being known after the first device. The `floor` of a row is the figure of
another simulation of the same model of the air, of which the scheduling here was learned: a peer
to compare with, not a limit of nature.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

from meshwright.clock import ManualClock
from meshwright.pki.authority import Authority, create_batch, create_root
from meshwright.pki.csr import make_csr
from meshwright.pki.keys import PrivateKeySigner, generate_private_key
from meshwright.pki.profile import BatchProfile, DeviceProfile, RootProfile
from meshwright.pki.validation import ChainValidator
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.radio.simulated.propagation import Faults
from meshwright.randomness import RandomBytes, SeededRandomness
from meshwright.registry.database import Database
from meshwright.registry.entities import NewAsset, Outcome
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register
from meshwright.services.chains import Chain, ChainBook
from meshwright.services.commissioning import Commissioner
from meshwright.services.commissioning_options import CommissioningOptions
from meshwright.services.report import Progress, ResultKind
from meshwright.sim.device import VirtualDevice
from meshwright.sim.flash import Flash, FlashFile
from meshwright.sim.line_device import records_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POOL = 1200
WAITING = 4
MAKER = "Example Lighting Inc."
BASE_URI = "https://example.com"
SEED = 1
WARM_UP, WINDOW, ONE_LINK_WINDOW = 20.0, 100.0, 400.0
NODE_STAYS = 3.0
"""How long a node is left on the air; its own Link Closes need a part of this."""

Cell = tuple[int, bool, float]  # links, certificate read over the air, loss

REFERENCE: dict[Cell, int] = {
    (1, False, 0.0): 3_700,
    (1, False, 0.1): 2_200,
    (1, True, 0.0): 1_600,
    (1, True, 0.1): 770,
    (8, False, 0.0): 15_300,
    (8, False, 0.1): 11_500,
    (8, True, 0.0): 5_900,
    (8, True, 0.1): 4_500,
    (32, False, 0.0): 28_600,
    (32, False, 0.1): 24_000,
    (32, True, 0.0): 10_800,
    (32, True, 0.1): 9_200,
}
BARS: dict[Cell, int] = {
    (8, False, 0.1): 10_000,
    (8, True, 0.1): 4_000,
    (32, False, 0.1): 20_000,
    (32, True, 0.1): 8_000,
}

Row = dict[str, str | float | bool | None]


@dataclass(frozen=True, slots=True)
class Lot:
    """Devices as they leave the factory, and the root that the owner trusts."""

    root: bytes
    images: tuple[Flash, ...]
    chains: dict[UUID, Chain]


@cache
def lot() -> Lot:
    """Make the devices once: every cell powers the same ones on."""
    random = SeededRandomness(SEED).stream("factory")
    profile = DeviceProfile(MAKER, 0xFFFF, 1)
    root, batch, signer = _authorities(random)
    authority = Authority(batch, signer, profile)
    images, chains = [], {}
    for number in range(1, POOL + 1):
        uuid = UUID(int=number, version=4)
        key, assignment = generate_private_key(random), profile.assign(uuid)
        request = make_csr(key, assignment)
        prepared = authority.prepare(request, assignment, now=NOW, random=random)
        chains[uuid] = Chain(authority.issue(prepared), (batch,))
        scalar = key.private_numbers().private_value
        records = records_of(chains[uuid].device_certificate, (batch,), BASE_URI)
        address = number.to_bytes(6, "big")
        images.append(Flash(address, uuid=uuid, private_key=scalar, records=records))
    return Lot(root, tuple(images), chains)


def _authorities(random: RandomBytes) -> tuple[bytes, bytes, PrivateKeySigner]:
    root_signer, signer = (PrivateKeySigner(generate_private_key(random)) for _ in range(2))
    profile = RootProfile(f"{MAKER} Root", MAKER)
    root = create_root(root_signer, profile, now=NOW, random=random)
    batch = create_batch(
        root,
        root_signer,
        signer.public_key,
        BatchProfile(f"{MAKER} Batch 1", MAKER),
        now=NOW,
        random=random,
    )
    return root, batch, signer


class Site:
    """A conveyor: whenever a device has joined, the next one is switched on."""

    def __init__(self, folder: Path, links: int, loss: float, *, read: bool) -> None:
        self.randomness = SeededRandomness(SEED)
        self.air = Air(self.randomness.uniform("air"), faults=Faults(loss=loss))
        self.joined = 0
        self._folder = folder
        self._database = Database.open(folder / "register.db")
        clock = ManualClock(NOW)
        register = self._register = Register(self._database, Keyring(bytes(32)), clock)
        network = register.create_network(
            "bench", uuid=UUID(int=1), net_key=bytes(16), app_key=bytes(16)
        )
        made = lot()
        register.add_many([NewAsset(uuid, str(uuid), network.id) for uuid in made.chains])
        self._devices: dict[str, VirtualDevice] = {}
        self._waiting = iter(made.images)
        for _ in range(links + max(WAITING, links // 4)):
            self._switch_on()
        radio = self.air.radio(b"\xc0" + bytes(5), OWN_TIMING, hop=PROVISIONER_HOP)
        self.commissioner = Commissioner(
            network,
            register,
            ChainValidator([made.root]),
            Runner(radio, self.air),
            clock=clock,
            randomness=self.randomness,
            chains=ChainBook(None if read else made.chains),
            options=CommissioningOptions(links=links),
            on_progress=self._on_progress,
        )
        self.commissioner.start()

    def _switch_on(self) -> None:
        image = next(self._waiting)
        flash = FlashFile(self._folder / f"{image.uuid}.json", image)
        self._devices[str(image.uuid)] = VirtualDevice(flash, self.air, self.randomness)

    def _on_progress(self, progress: Progress) -> None:
        assert progress.kind is not ResultKind.REFUSED, f"{progress.name}: {progress.text}"
        if progress.kind is ResultKind.NODE:
            self.joined += 1
            device = self._devices.pop(progress.name)
            assert device.is_node, "the register has a node that the device is not"
            self.air.call_at(self.air.time() + NODE_STAYS, device.power_off)
            self._switch_on()

    def close(self) -> None:
        """Let go of everything; every device that was tried has joined or is being tried."""
        ends = Counter(attempt.outcome for attempt in self._register.attempts())
        assert ends.keys() <= {None, Outcome.NODE}, f"attempts failed: {ends}"
        self._database.close()


def devices_per_hour(links: int, loss: float, *, read: bool) -> float:
    """Return how many devices join in a simulated hour."""
    window = ONE_LINK_WINDOW if links == 1 else WINDOW
    with _folder() as folder:
        site = Site(folder, links, loss, read=read)
        site.air.run_until(WARM_UP)
        before = site.joined
        site.air.run_until(WARM_UP + window)
        site.close()
    return (site.joined - before) * 3600 / window


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder in memory where there is one: this is about the air, not about a disk."""
    memory = Path("/dev/shm")  # noqa: S108 - its own folder is made inside
    place = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="meshwright-bench-", dir=place) as name:
        yield Path(name)


def rows() -> list[Row]:
    """Return one row a cell; `floor` is a peer: the reference simulation's figure."""
    return [_row(*cell, peer) for cell, peer in REFERENCE.items()]


def _row(links: int, read: bool, loss: float, peer: int) -> Row:
    value = devices_per_hour(links, loss, read=read)
    bar = BARS.get((links, read, loss))
    way = "read in one fragment" if read else "prefetched"
    return {
        "name": f"joining: {links} link{'s'[: links > 1]}, {loss:.0%} loss, {way} (floor: a peer)",
        "value": round(value),
        "unit": "1/simulated h",
        "floor": peer,
        "ratio": round(peer / value, 2),
        "bar": bar,
        "ok": bar is None or value >= bar,
    }


if __name__ == "__main__":
    for row in rows():
        print(row)
