"""Every algorithm, key and method in both roles, with records read in fragments of all sizes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tests.interop.independent import record_book
from tests.interop.independent.cases import CASES, OOB_PAIR, RECORDS, Case
from tests.interop.independent.link import Manners
from tests.interop.independent.meeting import (
    ADDRESS,
    DATA,
    NETWORK,
    ONE,
    Outcome,
    meet,
    our_device,
    peer_device,
    run,
)
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.peer_provisioner import PeerProvisioner, Wish
from tests.interop.independent.speech import Person

from meshwright import ProvisionerEvents
from meshwright.core.provisioning.records import RecordLimits

SIZES = (57, 58, 20, 200, 1461)
"""Octets asked for at once; one of each row is read with each."""
NUMBERED = list(zip(CASES, (SIZES[n % len(SIZES)] for n in range(len(CASES))), strict=True))


def named(value: object) -> str:
    """Return the id of a parameter."""
    return value.name if isinstance(value, Case) else str(value)


@pytest.mark.parametrize(("case", "fragment"), NUMBERED, ids=named)
def test_our_device(tmp_path: Path, case: Case, fragment: int) -> None:
    run(provision_our_device(tmp_path, case, fragment))


async def provision_our_device(
    folder: Path, case: Case, fragment: int, manners: Manners | None = None
) -> None:
    """Let the peer read all records of our device and make it a node."""
    async with our_device(folder, case.options, manners or Manners(), case.name) as ours:
        link = await ours.open()
        assert await record_book.read_all(link, fragment) == RECORDS
        await record_book.hear_absent(link, 0x0003)
        wish = Wish(case.start, DATA, OOB_PAIR.public, case.static, attention=3)
        peer = PeerProvisioner(link, wish, ours.dice, ours.person)
        device_key = await peer.provision()
        assert ours.told[0] == ("attention", 3)
        await link.close()
        await asyncio.sleep(2.0)
        joined = ours.device.joined
        assert joined is not None
        assert joined.device_key == device_key
        assert joined.data.encode() == DATA
        assert peer.capabilities[0] == 2
        assert ("attention", 0) in ours.told
        assert ours.audit().complaints == []
        assert not [each for each in ours.told if each[0] == "refused"]


@pytest.mark.parametrize(("case", "fragment"), NUMBERED, ids=named)
def test_our_provisioner(tmp_path: Path, case: Case, fragment: int) -> None:
    run(be_provisioned_by_ours(tmp_path, case, fragment))


async def be_provisioned_by_ours(
    folder: Path, case: Case, fragment: int, manners: Manners | None = None
) -> None:
    """Let our Provisioner read all records of the peer's device and make it a node."""
    ability = Ability(
        case.capabilities,
        OOB_PAIR if case.oob_key else None,
        case.static,
        RECORDS,
        fragment_limit=1461,
        oob_information=1 << 8,
    )
    async with peer_device(folder, ability, manners or Manners(), case.name) as (peer, station):
        outcome = await meet(
            peer,
            station,
            events=people(peer, case),
            limits=RecordLimits(fragment_octets=fragment),
            device_public=OOB_PAIR.public if case.oob_key else None,
            static_oob=case.static_oob,
            attention=3,
            records=tuple(RECORDS),
        )
        check_node(outcome, peer, case)


def people(peer: PeerDevice, case: Case) -> ProvisionerEvents:
    """Return events that choose the method of `case`, and a person between the two."""
    shown: asyncio.Queue[str] = asyncio.Queue()
    told: asyncio.Queue[str] = asyncio.Queue()

    async def show(value: str) -> None:
        shown.put_nowait(value)

    async def entry_needed(_uuid: UUID, _challenge: Any) -> str:  # noqa: ANN401 - not looked at
        return await shown.get()

    peer.person = Person(show, told.get)
    return ProvisionerEvents(
        capabilities=lambda *_: case.chosen,
        entry_needed=entry_needed,
        show=lambda _uuid, _challenge, value: told.put_nowait(value),
    )


def check_node(outcome: Outcome, peer: PeerDevice, case: Case) -> None:
    """Compare what both sides know in the end."""
    node = outcome.node
    assert node is not None, outcome.error
    assert peer.start == case.start
    assert (node.uuid, node.address, node.elements) == (ONE, ADDRESS, 2)
    assert node.device_key == peer.keys.device_key
    assert peer.data == DATA
    assert NETWORK.net_key == peer.data[:16]
    assert node.records == RECORDS
    assert peer.attention == 3
    assert outcome.reason == 0
    assert len(outcome.sent.closes) >= 4
    assert outcome.sent.complaints == []
