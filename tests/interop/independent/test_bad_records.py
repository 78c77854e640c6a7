"""Devices whose records contradict themselves: what our Provisioner makes of it (5.4.2.6, 11.5)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.interop.independent.cases import capabilities
from tests.interop.independent.framing import Kind
from tests.interop.independent.meeting import meet, peer_device, run
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.test_broken_devices import (
    FAIL,
    MALFORMED,
    UNEXPECTED,
    UNKNOWN,
    offer,
)

RECORD = bytes(range(100))


def response(status: int, number: int, offset: int, total: int, data: bytes = b"") -> bytes:
    """Return a Record Response."""
    numbers = b"".join(each.to_bytes(2, "big") for each in (number, offset, total))
    return b"\x0b" + bytes([status]) + numbers + data


RECORD_ROWS = {
    "another record": (response(0, 2, 0, 100, RECORD[:57]), "bad-record"),
    "another offset": (response(0, 1, 1, 100, RECORD[:57]), "bad-record"),
    "more than was asked for": (response(0, 1, 0, 100, RECORD[:58]), "bad-record"),
    "more than there is": (response(0, 1, 0, 10, RECORD[:11]), "bad-record"),
    "Success without data": (response(0, 1, 0, 100), "bad-record"),
    "nothing of nothing": (response(0, 1, 0, 0), "bad-record"),
    "a header without data": (response(0, 1, 0, 100)[:-1], MALFORMED),
    "an unknown type": (b"\x0e", UNKNOWN),
    "Capabilities": (offer(), UNEXPECTED),
    "a list": (b"\x0d\0\0", UNEXPECTED),
    "Failed": (b"\x09\x03", "refused-by-device"),
}


@pytest.mark.parametrize(("bad", "code"), RECORD_ROWS.values(), ids=RECORD_ROWS)
def test_bad_records(tmp_path: Path, bad: bytes, code: str) -> None:
    async def main() -> None:
        ability = Ability(capabilities(), records={1: RECORD, 2: b"x"}, oob_information=256)
        async with peer_device(tmp_path, ability) as (peer, station):
            peer.spoils = {Kind.RECORD_RESPONSE: lambda *_: [bad]}
            outcome = await meet(peer, station, records=(1,))
            assert outcome.error is not None
            assert outcome.error.code == code
            assert outcome.reason == FAIL
            assert outcome.sent.complaints == []
            assert all(pdu[0] != Kind.FAILED for pdu in outcome.sent.pdus.values())

    run(main())


@pytest.mark.parametrize("bad", [b"\x0d", b"\x0d\0", b"\x0d\0\0\0", b"\x0d\0\0\0\x01\x02"])
def test_bad_lists(tmp_path: Path, bad: bytes) -> None:
    async def main() -> None:
        async with peer_device(tmp_path, Ability(capabilities())) as (peer, station):
            peer.spoils = {Kind.RECORDS_LIST: lambda *_: [bad]}
            outcome = await meet(peer, station, records=(1,))
            assert outcome.error is not None
            assert outcome.error.code == MALFORMED
            assert outcome.reason == FAIL

    run(main())


@pytest.mark.parametrize("status", [1, 2, 3, 255])
def test_an_unsuccessful_request_does_not_fail_provisioning(tmp_path: Path, status: int) -> None:
    """Other requests go on, or Invite follows (5.4.2.6); RFU statuses are tolerated (9.4)."""

    async def main() -> None:
        ability = Ability(capabilities(), records={1: RECORD, 2: b"second"})
        async with peer_device(tmp_path, ability) as (peer, station):

            def refuse(_peer: PeerDevice, pdu: bytes) -> list[bytes]:
                number = int.from_bytes(pdu[2:4], "big")
                return [response(status, 1, 0, 0)] if number == 1 else [pdu]

            peer.spoils = {Kind.RECORD_RESPONSE: refuse}
            outcome = await meet(peer, station, records=(1, 2))
            assert outcome.node is not None, outcome.error
            assert outcome.node.records == {2: b"second"}
            assert outcome.sent.complaints == []

    run(main())
