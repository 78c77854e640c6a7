"""What a session puts on the air, how long it takes there, and what an open link keeps in memory.

Nothing is timed here: packets, octets, requests and simulated seconds are the same in every run.
"""

from __future__ import annotations

import gc
import statistics
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import Any

from bench._session import DEVICE, End, Sessions, Way, Wire
from meshwright.core.bearers import generic
from meshwright.core.bearers.pb_adv import ProvisionerLink
from meshwright.core.crypto import KeyPair
from meshwright.core.effects import Effect, LinkOpened, SendPdu, Transmit
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import Provisioned, RecordRead
from meshwright.core.provisioning.fields import Algorithm, AuthenticationMethod, RecordId
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.records import SMALL_FRAGMENT, RecordLimits
from meshwright.core.provisioning.session import Session
from meshwright.radio.port import DEVICE as DEVICE_PACING
from meshwright.radio.port import OWN_TIMING
from meshwright.radio.runner import Runner
from meshwright.radio.simulated.air import PROVISIONER_HOP, Air
from meshwright.randomness import SeededRandomness

Row = dict[str, Any]

_AD_HEADER = 2
CERTIFICATE_SIZE = 600
SEEDS = 20
MOST_REQUESTS = {1461: 1, SMALL_FRAGMENT: 12}
LONGEST_LOSS = 1.5
LINKS, MOST_MEMORY = 50, 64 * 1024
RECORD = RecordLimits().record_octets


def _row(name: str, value: float, unit: str, **more: Any) -> Row:  # noqa: ANN401 - columns
    columns: Row = {"floor": None, "ratio": None, "bar": None, "ok": True}
    return {"name": name, "value": value, "unit": unit, **columns, **more}


def rows() -> list[Row]:
    """Return the rows of each subject."""
    return [*_sizes(), *_times(), *_requests(), _lost_open(), _memory()]


# What is sent.


def _sessions(seed: int = 1) -> Sessions:
    return Sessions(KeyPair.generate(SeededRandomness(seed).stream("device")), lambda _c: b"", seed)


def _sizes() -> list[Row]:
    """Count what is sent; Static and Output OOB send as much as No OOB."""
    methods = AuthenticationMethod.NO_OOB, AuthenticationMethod.INPUT
    ways = [Way(algorithm, method) for algorithm in Algorithm for method in methods]
    ways += [Way(algorithm, oob_key=True) for algorithm in Algorithm]
    found: list[Row] = []
    for way in ways:
        sizes: list[int] = []
        _sessions().run(way, partial(_note, sizes))
        name = f"packets of a session, both sides, no loss, {sum(sizes)} octets: {way.name}"
        found.append(_row(name, len(sizes), "packets"))
    return found


def _note(sizes: list[int], packet: Transmit) -> bool:
    sizes.append(len(packet.payload) + _AD_HEADER)
    return True


# How long it takes.


def _times() -> list[Row]:
    """Compare the simulated air with the mandatory delays alone, which the wire adds up."""
    found: list[Row] = []
    for way in (Way(algorithm) for algorithm in Algorithm):
        floor = statistics.median(_sessions(seed).run(way).provisioned_at for seed in range(SEEDS))
        value = statistics.median(_on_air(way, seed) for seed in range(SEEDS))
        found.append(
            _row(
                f"one session on the simulated air, floor: its mandatory delays, {way.name}",
                round(value, 3),
                "s simulated",
                floor=round(floor, 3),
                ratio=round(value / floor, 2),
            )
        )
    return found


def _on_air(way: Way, seed: int) -> float:
    """Return when the device has become a node, counted from the first Link Open."""
    randomness = SeededRandomness(seed)
    air = Air(randomness.uniform("air"))
    ends = _sessions(seed).ends(way)
    radios = (
        air.radio(bytes(6), OWN_TIMING, hop=PROVISIONER_HOP),
        air.radio(bytes(5) + b"\1", DEVICE_PACING),
    )
    done: list[float] = []
    runners = [Runner(radio, air) for radio in radios]
    for end, runner in zip(ends, runners, strict=True):
        runner.add(end.session, _owner(end, runner, done))
    link = ends[0].session.bearer
    assert isinstance(link, ProvisionerLink)
    runners[0].perform(ends[0].session, link.open(air.time()))
    assert air.run_until(lambda: bool(done), limit=60.0), "the device did not become a node"
    return done[0]


def _owner(end: End, runner: Runner, done: list[float]) -> Callable[[list[Effect], float], None]:
    def on_effects(effects: list[Effect], now: float) -> None:
        for effect in effects:
            if isinstance(effect, Provisioned):
                done.append(now)
            answers = end.lead(effect, now)
            runner.perform(end.session, end.session.carry_out(answers, now))

    return on_effects


# Requests for a certificate.


def _requests() -> list[Row]:
    return [_request_row(limit, most) for limit, most in MOST_REQUESTS.items()]


def _request_row(limit: int, most: int) -> Row:
    count = _count_requests(limit)
    name = f"requests for a certificate of {CERTIFICATE_SIZE} octets, {limit} of them in a response"
    return _row(name, count, "requests", bar=f"<= {most}", ok=count <= most)


def _count_requests(limit: int) -> int:
    random = SeededRandomness(1).stream("requests")
    records: dict[int, bytes] = {RecordId.DEVICE_CERTIFICATE: bytes(CERTIFICATE_SIZE)}
    device = DeviceMachine(DeviceOptions(records=records, fragment_limit=limit), random)
    provisioner = ProvisionerMachine(random)
    device.bearer_opened(0.0)
    provisioner.bearer_opened(0.0)
    effects, count = provisioner.read_record(RecordId.DEVICE_CERTIFICATE, 0.0), 0
    while sent := [each for each in effects if isinstance(each, SendPdu)]:
        count += 1
        answers = device.receive(sent[0].pdu, 0.0)
        effects = [
            more
            for answer in answers
            if isinstance(answer, SendPdu)
            for more in provisioner.receive(answer.pdu, 0.0)
        ]
    assert any(isinstance(each, RecordRead) and each.content for each in effects)
    return count


# A lost Link Open.


def _lost_open() -> Row:
    """Measure how much later the link opens when the first Link Open is lost."""
    later = max(_opened_at(seed, lose=1) - _opened_at(seed, lose=0) for seed in range(SEEDS))
    return _row(
        "a lost Link Open costs, at most",
        round(later, 3),
        "s simulated",
        bar=f"<= {LONGEST_LOSS:g}",
        ok=later <= LONGEST_LOSS,
    )


def _opened_at(seed: int, *, lose: int) -> float:
    sessions = _sessions(seed)
    left = lose

    def arrives(packet: Transmit) -> bool:
        nonlocal left
        is_open = packet.payload[generic.HEADER_SIZE :] == generic.link_open(DEVICE.bytes)
        left -= is_open
        return not is_open or left < 0

    opened: list[float] = []
    provisioner, device = sessions.ends(Way(Algorithm.HMAC))

    def note(_opened: LinkOpened, now: float) -> list[Effect]:
        opened.append(now)
        return []

    provisioner.leads = {LinkOpened: note}
    wire = Wire(provisioner, device, arrives)
    wire.open()
    wire.run(until=lambda: bool(opened))
    return opened[0]


# Memory.


def _memory() -> Row:
    """Measure what a Provisioner keeps for a link with as much of a record as it accepts."""
    sessions = _sessions()
    _hold(sessions)  # what is made only once is made now
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = [_hold(sessions) for _ in range(LINKS)]
    gc.collect()
    each = (tracemalloc.get_traced_memory()[0] - before) / len(kept)
    tracemalloc.stop()
    return _row(
        f"memory of an open link that has read a record of {RECORD >> 10} KiB",
        round(each / 1024, 1),
        "KiB",
        bar=f"<= {MOST_MEMORY >> 10}",
        ok=each <= MOST_MEMORY,
    )


def _hold(sessions: Sessions) -> Session:
    """Return the session of a Provisioner that has just read the largest record it accepts."""
    provisioner, device = sessions.ends(Way(Algorithm.HMAC, certificate=bytes(RECORD)))
    read: list[float] = []

    def note(_read: RecordRead, now: float) -> list[Effect]:
        read.append(now)
        return []

    provisioner.leads[RecordRead] = note
    wire = Wire(provisioner, device)
    wire.open()
    wire.run(until=lambda: bool(read))
    return provisioner.session
