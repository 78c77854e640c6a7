"""The published sessions, packet by packet, through the real machines of both roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from tests.core.provisioning.samples import load, octets_of, public_key, scripted
from tests.core.wire import Alone

from meshwright.core.bearers import generic
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.effects import CloseReason, LinkClosed, LinkOpened
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.data import ProvisioningData
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import (
    Authenticated,
    BecameNode,
    CapabilitiesReceived,
    Provisioned,
    RecordRead,
    RecordsListed,
)
from meshwright.core.provisioning.fields import Algorithm, Algorithms
from meshwright.core.provisioning.policy import AuthenticationPolicy
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.records import RecordLimits, RecordServer
from meshwright.core.provisioning.session import Session
from meshwright.randomness import RandomBytes

FROM_PROVISIONER = "provisioner_to_device"
FROM_DEVICE = "device_to_provisioner"


@dataclass(frozen=True)
class Transfer:
    """One published transaction."""

    name: str
    direction: str
    packets: list[bytes]
    ack: bytes

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Transfer:
        packets = [bytes.fromhex(packet) for packet in raw["packets"]]
        return cls(raw["name"], raw["direction"], packets, bytes.fromhex(raw["ack"]))


SESSION = load("provisioning_pb_adv_cmac")[0]
CRYPTO = octets_of(SESSION["crypto"])
TRANSFERS = [Transfer.of(raw) for raw in SESSION["transfers"]]
LINK_ID = bytes.fromhex(SESSION["link_id"])
UUID = bytes.fromhex(SESSION["uuid"])
LINK_OPEN, LINK_ACK, LINK_CLOSE = (
    bytes.fromhex(SESSION[name]) for name in ("link_open", "link_ack", "link_close")
)
DATA = ProvisioningData.decode(CRYPTO["provisioning_data"])
CMAC_ALLOWED = AuthenticationPolicy((Algorithm.CMAC, Algorithm.HMAC), require_oob_public_key=False)


def randomness_of(side: str) -> RandomBytes:
    return scripted(CRYPTO[f"{side}_private"], CRYPTO[f"random_{side}"])


class Replay:
    """Plays one side of a published session against ours and compares every packet."""

    def __init__(self, session: Session, own: str) -> None:
        self.session = session
        self.alone = Alone(session)
        self._own = own
        self._awaited: list[bytes] = []
        self._compared = 0

    def transfer(self, transfer: Transfer) -> None:
        """Play one transaction; what we send beside it is awaited in the next one."""
        if transfer.direction == self._own:
            self._awaited += transfer.packets
            self.settle()
            self.alone.hear(transfer.ack)
        else:
            self.alone.hear(*transfer.packets)
            self._awaited.append(transfer.ack)
            self.alone.run(0.03)

    def settle(self, *more: bytes) -> None:
        """Let our side send; that has to be what was published, every packet once."""
        self.alone.run(0.1)
        sent = [packet for _, packet in self.alone.sent[self._compared :]]
        self._compared = len(self.alone.sent)
        expected = [*self._awaited, *more]
        self._awaited = []
        assert sorted(sent) == sorted(expected)
        acks = [packet for packet in expected if packet[5] == generic.ACK[0]]
        assert [packet for packet in sent if packet not in acks] == [
            packet for packet in expected if packet not in acks
        ]


def test_the_provisioner_sends_the_published_packets() -> None:
    link = ProvisionerLink(UUID, LINK_ID, lambda: 0.0)
    machine = ProvisionerMachine(randomness_of("provisioner"))
    session = Session(link, machine)
    replay = Replay(session, FROM_PROVISIONER)
    alone = replay.alone
    alone.act(link.open(0.0))
    replay.settle(LINK_OPEN)
    alone.hear(LINK_ACK)
    assert alone.told == [LinkOpened(None)]
    alone.act(session.carry_out(machine.invite(alone.now, policy=CMAC_ALLOWED), alone.now))
    for transfer in TRANSFERS:
        if transfer.name == "Provisioning Data":
            alone.act(session.carry_out(machine.send_data(DATA, alone.now), alone.now))
        replay.transfer(transfer)
    replay.settle(*[LINK_CLOSE] * 4)
    assert alone.events(Authenticated) == [Authenticated(1, CRYPTO["device_key"])]
    assert len(alone.events(Provisioned)) == 1
    assert alone.events(LinkClosed) == [LinkClosed(CloseReason.SUCCESS, by_peer=False)]
    (capable,) = alone.events(CapabilitiesReceived)
    assert capable.choice.reason.startswith("CMAC with a public key sent in band and no OOB value")
    assert session.finished


def test_the_device_sends_the_published_packets() -> None:
    options = DeviceOptions(algorithms=Algorithms.CMAC)
    session = Session(
        DeviceLink(UUID, lambda: 0.0), DeviceMachine(options, randomness_of("device"))
    )
    replay = Replay(session, FROM_DEVICE)
    alone = replay.alone
    alone.hear(LINK_OPEN)
    replay.settle(LINK_ACK)
    for transfer in TRANSFERS:
        replay.transfer(transfer)
    assert alone.events(BecameNode) == [BecameNode(DATA, CRYPTO["device_key"])]
    alone.hear(LINK_CLOSE)
    assert alone.events(LinkClosed) == [LinkClosed(0, by_peer=True)]
    assert alone.run(200.0) == []


def test_published_public_keys_are_those_of_the_published_private_keys() -> None:
    first, *rest = TRANSFERS[3].packets
    sent = first[9:] + b"".join(packet[6:] for packet in rest)
    assert sent[1:] == public_key(CRYPTO, "provisioner")


# Records (8.13).

RECORDS = load("cbp_records")
OFFICIAL = [Transfer.of(raw) for raw in RECORDS if raw["section"] == "8.13"]
DERIVED = [raw for raw in RECORDS if raw.get("derived")]
RECORDS_LINK = bytes.fromhex(RECORDS[0]["link_id"])
ANSWER = codec.decode_as(pdu.RecordResponse, bytes.fromhex(RECORDS[3]["pdu"]))
CERTIFICATE = ANSWER.data + bytes(ANSWER.total_length - len(ANSWER.data))


def test_the_provisioner_reads_records_with_the_published_packets() -> None:
    link = ProvisionerLink(UUID, RECORDS_LINK, lambda: 0.0)
    machine = ProvisionerMachine(scripted(), limits=RecordLimits(fragment_octets=58))
    session = Session(link, machine)
    replay = Replay(session, FROM_PROVISIONER)
    alone = replay.alone
    alone.act(link.open(0.0))
    replay.settle(RECORDS_LINK + b"\0" + generic.link_open(UUID))
    alone.hear(RECORDS_LINK + b"\0\x07")
    get, listed, request, answer = OFFICIAL
    alone.act(session.carry_out(machine.list_records(alone.now), alone.now))
    replay.transfer(get)
    replay.transfer(listed)
    assert alone.events(RecordsListed) == [RecordsListed((1, 2))]
    alone.act(session.carry_out(machine.read_record(1, alone.now), alone.now))
    replay.transfer(request)
    replay.transfer(answer)
    following = codec.encode(pdu.RecordRequest(1, 58, 58))
    (packet,) = generic.segment(following)
    replay.settle(RECORDS_LINK + b"\x02" + packet)
    assert alone.events(RecordRead) == []


def test_the_device_serves_records_with_the_published_packets() -> None:
    options = DeviceOptions(records={1: CERTIFICATE, 2: b"batch"}, fragment_limit=58)
    session = Session(DeviceLink(UUID, lambda: 0.0), DeviceMachine(options, scripted()))
    replay = Replay(session, FROM_DEVICE)
    replay.alone.hear(RECORDS_LINK + b"\0" + generic.link_open(UUID))
    replay.settle(RECORDS_LINK + b"\0\x07")
    for transfer in OFFICIAL:
        replay.transfer(transfer)
    replay.settle()


@pytest.mark.parametrize("raw", RECORDS, ids=[raw["name"] for raw in RECORDS])
def test_published_segments(raw: dict[str, Any]) -> None:
    octets = bytes.fromhex(raw["pdu"])
    assert generic.frame_check(octets) == int(raw["fcs"], 16)
    header = bytes.fromhex(raw["link_id"] + raw["transaction"])
    transfer = Transfer.of(raw)
    assert [header + segment for segment in generic.segment(octets)] == transfer.packets
    assert transfer.ack == header + generic.ACK


def test_an_absent_record_is_answered_as_derived() -> None:
    request, answer = (bytes.fromhex(raw["pdu"]) for raw in DERIVED[:2])
    server = RecordServer({1: CERTIFICATE}, 58)
    served = server.respond(codec.decode_as(pdu.RecordRequest, request))
    assert codec.encode(served) == answer
