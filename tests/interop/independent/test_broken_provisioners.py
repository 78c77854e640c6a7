"""Provisioners that break the protocol: our device answers each with the Error Code of 9.5.

Everything the device sends afterwards is compared octet by octet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.interop.independent import record_book
from tests.interop.independent.antenna import BEACON
from tests.interop.independent.cases import OOB_PAIR, Case
from tests.interop.independent.framing import ACK, Kind, cut
from tests.interop.independent.link import Link
from tests.interop.independent.meeting import DATA, OurDevice, our_device, run
from tests.interop.independent.peer_provisioner import PeerProvisioner, Wish
from tests.interop.independent.toolbox import PRIME

from meshwright import DeviceOptions, InputAction, KeyPair, OobKind, OutputAction, StaticOob
from meshwright.core.provisioning.fields import Algorithms

INVALID_PDU, INVALID_FORMAT, UNEXPECTED_PDU, CONFIRMATION_FAILED = 1, 2, 3, 4
DECRYPTION_FAILED, CANNOT_ASSIGN, INVALID_DATA = 6, 8, 9

ABLE = DeviceOptions(
    elements=2,
    key_pair=KeyPair(OOB_PAIR.scalar),
    records={1: b"record"},
    static_oob=StaticOob(OobKind.BINARY, bytes(range(32))),
    output_actions=(OutputAction.BLINK, OutputAction.NUMERIC),
    output_size=4,
    input_actions=(InputAction.PUSH, InputAction.NUMERIC),
    input_size=4,
)
BARE = DeviceOptions()
ONLY_HMAC = DeviceOptions(algorithms=Algorithms.HMAC)
ONLY_OOB = replace(ABLE, algorithms=Algorithms.HMAC, only_oob=True)

Making = Callable[[PeerProvisioner], bytes]


@dataclass(frozen=True)
class Row:
    """What is sent instead of `step`, and the Error Code that answers it."""

    step: str
    code: int
    bad: bytes | Making
    case: Case = Case()  # noqa: RUF009 - frozen
    options: DeviceOptions = BARE


def start(code: int, parameters: str, options: DeviceOptions = ABLE) -> Row:
    """Return a row with a Start of these parameters."""
    return Row("start", code, b"\x02" + bytes.fromhex(parameters), options=options)


def public_key(x: int, y: int) -> bytes:
    """Return a Public Key PDU."""
    return b"\x03" + x.to_bytes(32, "big") + y.to_bytes(32, "big")


def data(hexed: str) -> Making:
    """Return what makes a Data PDU: the last octets of the data are `hexed`."""
    tail = bytes.fromhex(hexed)

    def make(peer: PeerProvisioner) -> bytes:
        assert peer.keys is not None
        return b"\x07" + peer.keys.seal(DATA[: -len(tail)] + tail)

    return make


def bad_mic(peer: PeerProvisioner) -> bytes:
    good = data("0b0c")(peer)
    return good[:-1] + bytes([good[-1] ^ 1])


def other_random(peer: PeerProvisioner) -> bytes:
    return b"\x06" + bytes([peer.random[0] ^ 1]) + peer.random[1:]


CMAC = Case(algorithm=0)
OOB_KEY = Case(oob_key=True)
INPUT_CASE = Case(method=3, action=2, size=4)
X, Y = int.from_bytes(OOB_PAIR.public[:32], "big"), int.from_bytes(OOB_PAIR.public[32:], "big")


ROWS: dict[str, Row] = {
    # Types (Table 5.41).
    "type 0x0E first": Row("invite", INVALID_PDU, b"\x0e"),
    "type 0x3F first": Row("invite", INVALID_PDU, b"\x3f" + bytes(9)),
    "type 0x0E in the middle": Row("commit", INVALID_PDU, b"\x0e\x00"),
    "Records Get without records": Row("invite", INVALID_PDU, b"\x0c"),
    "Record Request without records": Row("invite", INVALID_PDU, bytes.fromhex("0a000100000039")),
    # Padding is Prohibited (5.4.1).
    "padding bit 6 on Invite": Row("invite", INVALID_FORMAT, b"\x40\x00"),
    "padding bit 7 on Start": Row("start", INVALID_FORMAT, bytes.fromhex("820100000000")),
    # Out of turn.
    "Start first": Row("invite", UNEXPECTED_PDU, bytes.fromhex("020100000000")),
    "Public Key first": Row("invite", UNEXPECTED_PDU, b"\x03" + OOB_PAIR.public),
    "Data first": Row("invite", UNEXPECTED_PDU, b"\x07" + bytes(33)),
    "Capabilities from a Provisioner": Row("invite", UNEXPECTED_PDU, b"\x01" + bytes(11)),
    "Input Complete from a Provisioner": Row("commit", UNEXPECTED_PDU, b"\x04"),
    "Complete from a Provisioner": Row("hand over", UNEXPECTED_PDU, b"\x08"),
    "Failed from a Provisioner": Row("start", UNEXPECTED_PDU, b"\x09\x07"),
    "Record Response from a Provisioner": Row(
        "invite", UNEXPECTED_PDU, b"\x0b" + bytes(7), options=ABLE
    ),
    "Records List from a Provisioner": Row(
        "invite", UNEXPECTED_PDU, b"\x0d" + bytes(2), options=ABLE
    ),
    "Records List without records": Row("invite", INVALID_PDU, b"\x0d" + bytes(2)),
    "Invite twice": Row("start", UNEXPECTED_PDU, b"\x00\x00"),
    "Records Get after Invite": Row("start", UNEXPECTED_PDU, b"\x0c", options=ABLE),
    "Record Request after Invite": Row(
        "start", UNEXPECTED_PDU, bytes.fromhex("0a000100000039"), options=ABLE
    ),
    "Public Key instead of Start": Row("start", UNEXPECTED_PDU, b"\x03" + OOB_PAIR.public),
    "Start twice": Row("exchange", UNEXPECTED_PDU, bytes.fromhex("020100000000")),
    "Confirmation before keys": Row("exchange", UNEXPECTED_PDU, b"\x05" + bytes(32)),
    "Public Key twice": Row("commit", UNEXPECTED_PDU, lambda peer: b"\x03" + peer.pair.public),
    "Random instead of Confirmation": Row(
        "commit", UNEXPECTED_PDU, lambda peer: b"\x06" + peer.random
    ),
    "Confirmation before Input Complete": Row(
        "authenticate", UNEXPECTED_PDU, b"\x05" + bytes(32), INPUT_CASE, ABLE
    ),
    "Confirmation twice": Row("prove", UNEXPECTED_PDU, lambda peer: b"\x05" + peer.confirmation),
    "Data instead of Random": Row("prove", UNEXPECTED_PDU, b"\x07" + bytes(33)),
    "Random twice": Row("hand over", UNEXPECTED_PDU, lambda peer: b"\x06" + peer.random),
    # Lengths.
    "Invite without parameter": Row("invite", INVALID_FORMAT, b"\x00"),
    "Invite with two": Row("invite", INVALID_FORMAT, b"\x00\x00\x00"),
    "Start too short": Row("start", INVALID_FORMAT, bytes.fromhex("0201000000")),
    "Start too long": Row("start", INVALID_FORMAT, bytes.fromhex("02010000000000")),
    "Public Key too short": Row("exchange", INVALID_FORMAT, b"\x03" + OOB_PAIR.public[:63]),
    "Public Key too long": Row("exchange", INVALID_FORMAT, b"\x03" + OOB_PAIR.public + b"\0"),
    "Confirmation of 16 octets under HMAC": Row("commit", INVALID_FORMAT, b"\x05" + bytes(16)),
    "Confirmation of 32 octets under CMAC": Row(
        "commit", INVALID_FORMAT, b"\x05" + bytes(32), CMAC
    ),
    "Confirmation of no octets": Row("commit", INVALID_FORMAT, b"\x05"),
    "Random of 16 octets under HMAC": Row("prove", INVALID_FORMAT, b"\x06" + bytes(16)),
    "Random of 32 octets under CMAC": Row("prove", INVALID_FORMAT, b"\x06" + bytes(32), CMAC),
    "Data too short": Row("hand over", INVALID_FORMAT, b"\x07" + bytes(32)),
    "Data too long": Row("hand over", INVALID_FORMAT, b"\x07" + bytes(34)),
    "Records Get with a parameter": Row("invite", INVALID_FORMAT, b"\x0c\x00", options=ABLE),
    "Record Request too short": Row(
        "invite", INVALID_FORMAT, bytes.fromhex("0a0001000000"), options=ABLE
    ),
    # Start (5.4.1.3).
    "algorithm RFU": start(INVALID_FORMAT, "0200000000"),
    "algorithm not offered": start(INVALID_FORMAT, "0000000000", ONLY_HMAC),
    "key type RFU": start(INVALID_FORMAT, "0102000000"),
    "key not offered": start(INVALID_FORMAT, "0101000000", BARE),
    "method Prohibited": start(INVALID_FORMAT, "0100040000"),
    "method 255": start(INVALID_FORMAT, "0100ff0000"),
    "static not offered": start(INVALID_FORMAT, "0100010000", BARE),
    "output not offered": start(INVALID_FORMAT, "0100020001", BARE),
    "input not offered": start(INVALID_FORMAT, "0100030001", BARE),
    "action with No OOB": start(INVALID_FORMAT, "0100000100"),
    "size with No OOB": start(INVALID_FORMAT, "0100000001"),
    "action with static": start(INVALID_FORMAT, "0100010100"),
    "size with static": start(INVALID_FORMAT, "0100010001"),
    "output size zero": start(INVALID_FORMAT, "0100020300"),
    "output size RFU": start(INVALID_FORMAT, "0100020309"),
    "output size beyond the offer": start(INVALID_FORMAT, "0100020305"),
    "output action RFU": start(INVALID_FORMAT, "0100020504"),
    "output action not offered": start(INVALID_FORMAT, "0100020104"),
    "input size zero": start(INVALID_FORMAT, "0100030200"),
    "input size beyond the offer": start(INVALID_FORMAT, "0100030205"),
    "input action RFU": start(INVALID_FORMAT, "0100030404"),
    "input action not offered": start(INVALID_FORMAT, "0100030304"),
    "No OOB with an only-OOB device": start(INVALID_FORMAT, "0100000000", ONLY_OOB),
    "CMAC with an only-OOB device": start(INVALID_FORMAT, "0000010000", ONLY_OOB),
    # Public keys (5.4.2.3, 5.4.3.1).
    "key off the curve": Row("exchange", INVALID_FORMAT, public_key(X, Y ^ 1)),
    "key of zeros": Row("exchange", INVALID_FORMAT, public_key(0, 0)),
    "key with X beyond p": Row("exchange", INVALID_FORMAT, public_key(PRIME, 1)),
    "key with Y of all ones": Row("exchange", INVALID_FORMAT, public_key(X, 2**256 - 1)),
    "the device's own key": Row("exchange", INVALID_FORMAT, public_key(X, Y), OOB_KEY, ABLE),
    "the device's own key, in band": Row(
        "exchange", INVALID_FORMAT, public_key(X, Y), Case(), ABLE
    ),
    # Proof and data.
    "another Random": Row("prove", CONFIRMATION_FAILED, other_random),
    "another Random under CMAC": Row("prove", CONFIRMATION_FAILED, other_random, CMAC),
    "the device's Confirmation as Random": Row(
        "prove", CONFIRMATION_FAILED, lambda peer: b"\x06" + peer.device_confirmation
    ),
    "Data with a wrong MIC": Row("hand over", DECRYPTION_FAILED, bad_mic),
    "Data of zeros": Row("hand over", DECRYPTION_FAILED, b"\x07" + bytes(33)),
    "no room for two elements": Row("hand over", CANNOT_ASSIGN, data("7fff"), options=ABLE),
    # Both 0x02 and 0x09 can be read out of 9.5; the last row there is about Data alone.
    "Flags RFU": Row("hand over", INVALID_DATA, data("04 00000000 0b0c")),
    "address zero": Row("hand over", CANNOT_ASSIGN, data("0000")),
    "a group address": Row("hand over", CANNOT_ASSIGN, data("c000")),
    "a virtual address": Row("hand over", CANNOT_ASSIGN, data("8000")),
    "NetKey Index of 13 bits": Row("hand over", INVALID_DATA, data("1000 00 00000000 0b0c")),
    # Records.
    "Fragment Maximum Size zero": Row(
        "invite", INVALID_FORMAT, record_book.request(1, 0, 0), options=ABLE
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_our_device_fails_the_session(tmp_path: Path, row: Row) -> None:
    async def main() -> None:
        async with our_device(tmp_path, row.options) as ours:
            link = await ours.open()
            wish = Wish(row.case.start, DATA, OOB_PAIR.public)
            peer = PeerProvisioner(link, wish, ours.dice, ours.person)
            await peer.until(row.step)
            await expect_failed(
                link, row.bad if isinstance(row.bad, bytes) else row.bad(peer), row.code
            )
            assert ("refused", row.code) in ours.told
            await is_dead(link)
            await link.close(2)
            await is_there_again(ours)

    run(main())


async def expect_failed(link: Link, bad: bytes, code: int) -> None:
    """Send `bad`; what comes is an Ack and Failed, and nothing else."""
    await asyncio.sleep(0.5)
    place = len(link.antenna.packets(link.link_id))
    number = await link.send(bad)
    failed = bytes([Kind.FAILED, code])
    assert await link.receive() == failed
    await asyncio.sleep(1.0)
    said = set(link.antenna.packets(link.link_id)[place:])
    (segment,) = cut(failed)
    assert said == {bytes([number]) + ACK, bytes([link.acknowledged[-1]]) + segment}


async def is_dead(link: Link) -> None:
    """Whatever follows a failure is unexpected (9.4)."""
    for pdu in (b"\x00\x00", b"\x09\x07", b"\x07" + bytes(33)):
        await expect_failed(link, pdu, UNEXPECTED_PDU)


async def is_there_again(ours: OurDevice) -> None:
    """Expect that it beacons, and can be provisioned."""
    await ours.antenna.hear(BEACON)
    assert not ours.device.is_provisioned
    assert ours.audit().complaints == []
    wish = Wish(Case().start, DATA)
    if ours.device.options.only_oob:
        return
    link = await ours.open()
    peer = PeerProvisioner(link, wish, ours.dice)
    device_key = await peer.provision()
    joined = ours.device.joined
    assert joined is not None
    assert joined.device_key == device_key
