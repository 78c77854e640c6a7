"""Devices that break the protocol: our Provisioner closes the link at once, for the reason Fail.

It sends no Failed (9.4), no further PDU, and stores nothing; everything it sends after the mistake
is compared octet by octet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.interop.independent.cases import OOB_PAIR, Case, capabilities
from tests.interop.independent.framing import ACK, CLOSE, Kind
from tests.interop.independent.meeting import (
    Outcome,
    meet,
    peer_device,
    run,
)
from tests.interop.independent.peer_device import Ability, PeerDevice
from tests.interop.independent.test_matrix import people
from tests.interop.independent.toolbox import PRIME, Pair

SUCCESS, TIMEOUT, FAIL = range(3)
CMAC, OOB_KEY = Case(algorithm=0), Case(oob_key=True)
INPUT = Case(method=3, action=2, size=4)
X, Y = int.from_bytes(OOB_PAIR.public[:32], "big"), int.from_bytes(OOB_PAIR.public[32:], "big")

Bad = bytes | Callable[[PeerDevice], bytes]


@dataclass(frozen=True)
class Row:
    """What is sent instead of a PDU, and the code with which provisioning fails."""

    instead: Kind
    bad: Bad
    code: str
    case: Case = Case()  # noqa: RUF009 - frozen
    after: bool = False
    """Sent after the right PDU."""
    answers: int = 0
    """PDUs of ours that may follow all the same: answers to what was right, or seemed so."""


def offer(elements: int = 1, algorithms: int = 3, key: int = 0, oob: int = 0) -> bytes:
    """Return Capabilities."""
    offered = capabilities(elements=elements, algorithms=algorithms, key=key, oob=oob)
    return bytes([Kind.CAPABILITIES]) + offered


def public_key(x: int, y: int) -> bytes:
    """Return a Public Key PDU."""
    return b"\x03" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def agreed(peer: PeerDevice) -> bytes:
    """Return our Confirmation, as it should be."""
    return peer.agreement.confirmation(peer.random)


FIRST, KEY, PROOF, SHOWN = Kind.CAPABILITIES, Kind.PUBLIC_KEY, Kind.CONFIRMATION, Kind.RANDOM
LAST = Kind.COMPLETE
UNEXPECTED, MALFORMED, UNKNOWN = "unexpected-pdu", "malformed-pdu", "unknown-pdu"
PROHIBITED, NO_POINT = "prohibited-value", "invalid-public-key"
CONTRADICTORY = "contradictory-capabilities"

ROWS: dict[str, Row] = {
    # Types and padding (5.4.1).
    "type 0x0E": Row(FIRST, b"\x0e", UNKNOWN),
    "type 0x3F": Row(PROOF, b"\x3f" + bytes(9), UNKNOWN),
    "padding on Capabilities": Row(FIRST, b"\x41" + capabilities(), MALFORMED),
    "padding on Complete": Row(LAST, b"\x88", MALFORMED),
    # Capabilities (5.4.1.2).
    "no elements": Row(FIRST, offer(elements=0), PROHIBITED),
    "Capabilities too short": Row(FIRST, offer()[:-1], MALFORMED),
    "Capabilities too long": Row(FIRST, offer() + b"\0", MALFORMED),
    "no algorithm": Row(FIRST, offer(algorithms=0), "downgrade"),
    "RFU algorithms only": Row(FIRST, offer(algorithms=0xFFFC), "downgrade"),
    "only OOB with CMAC": Row(FIRST, offer(algorithms=3, oob=3), CONTRADICTORY),
    "only OOB without a method": Row(FIRST, offer(algorithms=2, oob=2), CONTRADICTORY),
    "known key not offered": Row(FIRST, offer(key=0), "downgrade", OOB_KEY),
    # Out of turn.
    "Capabilities twice": Row(FIRST, offer(), UNEXPECTED, after=True, answers=2),
    "Public Key instead of Capabilities": Row(FIRST, public_key(X, Y), UNEXPECTED),
    "Complete instead of Capabilities": Row(FIRST, b"\x08", UNEXPECTED),
    "Records List after Invite": Row(FIRST, b"\x0d\0\0", UNEXPECTED),
    "Invite from a device": Row(FIRST, b"\x00\x00", UNEXPECTED),
    "Start from a device": Row(FIRST, bytes.fromhex("020100000000"), UNEXPECTED),
    "Data from a device": Row(SHOWN, b"\x07" + bytes(33), UNEXPECTED),
    "Records Get from a device": Row(PROOF, b"\x0c", UNEXPECTED),
    "Record Request from a device": Row(PROOF, bytes.fromhex("0a000100000039"), UNEXPECTED),
    "Confirmation instead of Public Key": Row(KEY, b"\x05" + bytes(32), UNEXPECTED),
    "Public Key twice": Row(KEY, public_key(X, Y), UNEXPECTED, after=True, answers=2),
    "Public Key though it is known": Row(PROOF, public_key(X, Y), UNEXPECTED, OOB_KEY),
    "Input Complete without Input OOB": Row(PROOF, b"\x04", UNEXPECTED),
    "Confirmation instead of Input Complete": Row(
        Kind.INPUT_COMPLETE, b"\x05" + bytes(32), UNEXPECTED, INPUT
    ),
    "Input Complete twice": Row(
        Kind.INPUT_COMPLETE, b"\x04", UNEXPECTED, INPUT, after=True, answers=2
    ),
    "Random instead of Confirmation": Row(PROOF, lambda peer: b"\x06" + peer.random, UNEXPECTED),
    "Confirmation twice": Row(
        PROOF, lambda peer: b"\x05" + agreed(peer), UNEXPECTED, after=True, answers=2
    ),
    "Complete instead of Random": Row(SHOWN, b"\x08", UNEXPECTED),
    "Random instead of Complete": Row(LAST, lambda peer: b"\x06" + peer.random, UNEXPECTED),
    # Public keys (5.4.2.3, 5.4.3.1).
    "key off the curve": Row(KEY, public_key(X, Y ^ 1), NO_POINT),
    "key of zeros": Row(KEY, public_key(0, 0), NO_POINT),
    "key with X beyond p": Row(KEY, public_key(PRIME, 1), NO_POINT),
    "key with Y of all ones": Row(KEY, public_key(X, 2**256 - 1), NO_POINT),
    "our own key": Row(KEY, lambda peer: b"\x03" + peer.provisioner_public, "reflected-key"),
    "key too short": Row(KEY, public_key(X, Y)[:-1], MALFORMED),
    "key too long": Row(KEY, public_key(X, Y) + b"\0", MALFORMED),
    # Proof (5.4.2.4).
    "Confirmation of 16 octets under HMAC": Row(PROOF, b"\x05" + bytes(16), MALFORMED),
    "Confirmation of 32 octets under CMAC": Row(PROOF, b"\x05" + bytes(32), MALFORMED, CMAC),
    "our own Confirmation": Row(
        PROOF, lambda peer: b"\x05" + peer.provisioner_confirmation, "reflected-confirmation"
    ),
    "our own Confirmation under CMAC": Row(
        PROOF, lambda peer: b"\x05" + peer.provisioner_confirmation, "reflected-confirmation", CMAC
    ),
    "our own Random": Row(
        SHOWN, lambda peer: b"\x06" + peer.provisioner_random, "reflected-random"
    ),
    "another Random": Row(SHOWN, b"\x06" + bytes(32), "confirmation-failed"),
    "another Random under CMAC": Row(SHOWN, b"\x06" + bytes(16), "confirmation-failed", CMAC),
    "Random of 16 octets under HMAC": Row(SHOWN, b"\x06" + bytes(16), MALFORMED),
    "another Confirmation": Row(PROOF, b"\x05" + bytes(32), "confirmation-failed", answers=1),
    # The end.
    "Complete with a parameter": Row(LAST, b"\x08\0", MALFORMED),
    # Failed.
    "Failed too short": Row(FIRST, b"\x09", MALFORMED),
    "Failed too long": Row(FIRST, b"\x09\x01\x01", MALFORMED),
    "Failed with zero": Row(FIRST, b"\x09\x00", "refused-by-device"),
    **{
        f"Failed with {code:#04x}": Row(FIRST, bytes([9, code]), "refused-by-device")
        for code in (*range(1, 10), 0x0A, 0xFF)
    },
    "Failed instead of Public Key": Row(KEY, b"\x09\x02", "refused-by-device"),
    "Failed instead of Complete": Row(LAST, b"\x09\x06", "refused-by-device"),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_our_provisioner_closes_the_link(tmp_path: Path, row: Row) -> None:
    async def main() -> None:
        ability = Ability(row.case.capabilities, OOB_PAIR if row.case.oob_key else None)
        async with peer_device(tmp_path, ability) as (peer, station):
            mistakes = Mistakes(row)
            peer.spoils = {row.instead: mistakes}
            outcome = await meet(
                peer,
                station,
                events=people(peer, row.case),
                device_public=OOB_PAIR.public if row.case.oob_key else None,
            )
            assert outcome.error is not None
            assert outcome.error.code == row.code
            assert outcome.reason == FAIL
            check_silence(peer, outcome, mistakes)

    run(main())


class Mistakes:
    """Makes one, and remembers what was heard before."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.before = 0
        self.pdus: list[int] = []

    def __call__(self, peer: PeerDevice, pdu: bytes) -> list[bytes]:
        bad = self.row.bad
        made = bad if isinstance(bad, bytes) else bad(peer)
        self.before = len(peer.antenna.packets(peer.link.link_id))
        return [pdu, made] if self.row.after else [made]


def check_silence(peer: PeerDevice, outcome: Outcome, mistakes: Mistakes) -> None:
    """Expect Acks and Link Close, and no PDU that was not under way before."""
    sent = outcome.sent
    assert sent.complaints == []
    assert set(sent.closes) == {FAIL}
    assert len(sent.closes) >= 4
    assert all(pdu[0] != Kind.FAILED for pdu in sent.pdus.values())
    said = peer.antenna.packets(peer.link.link_id)
    first = said.index(bytes([0, CLOSE, FAIL]))
    acks = {bytes([number]) + ACK for number in peer.link.sent}
    assert set(said[first:]) - acks == {bytes([0, CLOSE, FAIL])}
    started = {packet[0] for packet in said[mistakes.before :] if packet[1] & 3 == 0}
    late = started - {packet[0] for packet in said[: mistakes.before]}
    assert len(late) <= mistakes.row.answers


def test_another_key_than_the_known_one(tmp_path: Path) -> None:
    """A device without the private key cannot prove that it holds it."""

    async def main() -> None:
        ability = Ability(OOB_KEY.capabilities, Pair(12345), checks=False)
        async with peer_device(tmp_path, ability) as (peer, station):
            outcome = await meet(peer, station, device_public=OOB_PAIR.public)
            assert outcome.error is not None
            assert outcome.error.code == "confirmation-failed"

    run(main())
