"""Devices that end a session early or fall silent: when and how our Provisioner ends it (9.3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.interop.independent.cases import OOB_PAIR, capabilities
from tests.interop.independent.framing import Kind
from tests.interop.independent.link import Manners
from tests.interop.independent.meeting import NETWORK, ONE, air, meet, peer_device, run
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.test_broken_devices import (
    FIRST,
    KEY,
    LAST,
    PROOF,
    SHOWN,
    TIMEOUT,
)

from meshwright import Provisioner, ProvisioningError, SystemRandomness


def test_failed_is_told_with_its_code(tmp_path: Path) -> None:
    async def main() -> None:
        async with peer_device(tmp_path, Ability(capabilities())) as (peer, station):
            peer.spoils = {FIRST: lambda *_: [b"\x09\x05"]}
            outcome = await meet(peer, station)
            assert outcome.error is not None
            assert outcome.error.error == 5

    run(main())


@pytest.mark.parametrize("kind", [FIRST, KEY, PROOF, SHOWN, LAST])
@pytest.mark.parametrize("reason", [0, 1, 2, 7])
def test_a_device_that_closes_the_link(tmp_path: Path, kind: Kind, reason: int) -> None:
    """Whatever its Reason (5.3.1.4.3): nothing is sent any more, and the code is link-lost."""

    async def main() -> None:
        async with peer_device(tmp_path, Ability(capabilities())) as (peer, station):

            def close(peer: PeerDevice, _pdu: bytes) -> list[bytes]:
                closing.append(asyncio.ensure_future(peer.link.close(reason)))
                return []

            closing: list[asyncio.Task[None]] = []
            peer.spoils = {kind: close}
            outcome = await meet(peer, station)
            assert outcome.error is not None
            assert outcome.error.code == "link-lost"
            assert outcome.error.may_be_node == (kind is LAST)
            assert outcome.sent.complaints == []
            assert outcome.sent.closes == []
            assert outcome.seconds < 10

    run(main())


@pytest.mark.parametrize("kind", [FIRST, KEY, PROOF, SHOWN, LAST])
def test_a_device_that_falls_silent(tmp_path: Path, kind: Kind) -> None:
    """After 60 s Failed, then Link Close for the reason Timeout (5.4.4)."""

    async def main() -> None:
        async with peer_device(tmp_path, Ability(capabilities())) as (peer, station):
            peer.spoils = {kind: lambda *_: []}
            outcome = await meet(peer, station)
            assert outcome.error is not None
            # After Invite the link timer has run as long, and it knows no Failed (5.2.1).
            tie = kind is FIRST
            assert outcome.error.code in ("provisioning-timeout", *["link-lost"] * tie)
            assert outcome.reason == TIMEOUT
            assert 59 < outcome.seconds < 70
            assert outcome.sent.complaints == []
            assert set(outcome.sent.closes) == {TIMEOUT}
            assert list(outcome.sent.pdus.values())[-1] in (b"\x09\x07", *[b"\0\0"] * tie)

    run(main())


def test_a_device_that_acknowledges_nothing(tmp_path: Path) -> None:
    """Invite is repeated for 30 s; then the link is closed, without Failed (5.3.3)."""

    async def main() -> None:
        manners = Manners(ack_after=1000.0)
        async with peer_device(tmp_path, Ability(capabilities()), manners) as (peer, station):
            peer.spoils = {FIRST: lambda *_: []}
            outcome = await meet(peer, station)
            assert outcome.error is not None
            assert outcome.error.code == "link-lost"
            assert outcome.reason == TIMEOUT
            assert 29 < outcome.seconds < 35
            assert outcome.sent.pdus == {0: b"\0\0"}
            assert outcome.sent.rounds[0] > 15
            assert outcome.sent.complaints == []

    run(main())


def test_nobody_answers_link_open(tmp_path: Path) -> None:
    """It is repeated for 60 s (5.3.2)."""

    async def main() -> None:
        async with air(tmp_path) as (station, antenna):
            randomness = SystemRandomness()
            async with Provisioner(station, NETWORK, randomness=randomness) as provisioner:
                with pytest.raises(ProvisioningError) as caught:
                    await provisioner.provision(ONE, device_public=OOB_PAIR.public)
            assert caught.value.code == "no-answer"
            opens = [heard for heard in antenna.heard if heard.data[5:] == b"\x03" + ONE.bytes]
            assert {heard.data[4] for heard in opens} == {0}
            assert len({heard.data[:4] for heard in opens}) == 1
            assert 55 < opens[-1].at - opens[0].at <= 60.0
            assert len(opens) > 30

    run(main())
