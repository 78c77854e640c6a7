"""The provisioning timer (5.4.4), asymmetric as it is, and what of it goes on the air."""

from __future__ import annotations

import pytest
from tests.core.provisioning.pair import CERTIFICATE, CERTIFIED, IN_BAND, Pair, closes, pdus
from tests.core.wire import Alone

from meshwright.core.bearers import generic
from meshwright.core.bearers.pb_adv import DeviceLink, ProvisionerLink
from meshwright.core.effects import CloseReason, LinkClosed
from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.device import DeviceMachine
from meshwright.core.provisioning.device_options import DeviceOptions
from meshwright.core.provisioning.events import AttentionChanged, SessionFailed
from meshwright.core.provisioning.provisioner import ProvisionerMachine
from meshwright.core.provisioning.records import RecordLimits
from meshwright.core.provisioning.session import Session
from meshwright.randomness import SeededRandomness

UUID = bytes(range(16))
LINK = b"\x01\x02\x03\x04"
FAILED = codec.encode(pdu.Failed(0x07))
TIMEOUT = [CloseReason.TIMEOUT]

# The Provisioner.


@pytest.mark.parametrize(
    "state", ["LISTING", "READING", "INVITED", "CONFIRMATION_SENT", "RANDOM_SENT", "DATA_SENT"]
)
def test_sixty_seconds_of_silence_end_the_session(state: str) -> None:
    pair = Pair().provisioner_at(state)
    machine = pair.provisioner
    assert machine.next_deadline() == 60.0
    assert machine.handle_deadline(59.999) == []
    effects = machine.handle_deadline(60.0)
    assert pdus(effects) == [FAILED]
    assert closes(effects) == TIMEOUT
    (failed,) = [effect for effect in effects if isinstance(effect, SessionFailed)]
    assert (failed.code, failed.error) == ("provisioning-timeout", None)
    assert machine.handle_deadline(1000.0) == []
    assert machine.next_deadline() is None


def test_the_timer_starts_with_the_first_pdu_and_not_with_the_bearer() -> None:
    machine = ProvisionerMachine(SeededRandomness(1).stream("provisioner"))
    machine.bearer_opened(0.0)
    assert machine.next_deadline() is None
    machine.invite(10.0)
    assert machine.next_deadline() == 70.0


def test_what_is_sent_and_what_is_received_restarts_the_timer() -> None:
    pair = Pair(policy=IN_BAND, public=None).provisioner_at("KEY_SENT")
    pair.provisioner.receive(pair.for_provisioner.popleft(), 50.0)
    assert pair.provisioner.next_deadline() == 110.0


def test_an_answer_that_asks_for_nothing_restarts_it_too() -> None:
    pair = Pair().provisioner_at("LISTING")
    pair.provisioner.receive(pair.for_provisioner.popleft(), 50.0)
    assert pair.provisioner.handle_deadline(109.9) == []
    assert closes(pair.provisioner.handle_deadline(110.0)) == TIMEOUT


def test_success_stops_the_timer() -> None:
    assert Pair().open().run().provisioner.next_deadline() is None


def reading(seconds: float) -> ProvisionerMachine:
    limits = RecordLimits(seconds=seconds, fragment_octets=10)
    machine = ProvisionerMachine(SeededRandomness(1).stream("provisioner"), limits=limits)
    machine.bearer_opened(0.0)
    machine.list_records(0.0)
    machine.receive(codec.encode(pdu.RecordsList(0, (1, 2))), 0.0)
    return machine


def fragment(record_id: int, offset: int) -> bytes:
    data = CERTIFICATE[offset : offset + 10]
    return codec.encode(pdu.RecordResponse(0, record_id, offset, len(CERTIFICATE), data))


def test_s12_a_device_that_drips_its_records_runs_out_of_time() -> None:
    machine = reading(120.0)
    machine.read_record(1, 0.0)
    for number in range(3):
        assert machine.handle_deadline(40.0 * number - 1.0) == []
        machine.receive(fragment(1, 10 * number), 39.0 * (number + 1))
    assert machine.handle_deadline(119.9) == []
    effects = machine.handle_deadline(120.0)
    assert pdus(effects) == []
    assert closes(effects) == [CloseReason.FAIL]
    (failed,) = [effect for effect in effects if isinstance(effect, SessionFailed)]
    assert failed.code == "records-too-slow"


def test_s12_all_records_share_the_time() -> None:
    machine = reading(120.0)
    for record_id, begin in ((1, 50.0), (2, 100.0)):
        machine.read_record(record_id, begin)
        for offset in range(0, len(CERTIFICATE), 10):
            machine.receive(fragment(record_id, offset), begin + offset / 10)
    machine.read_record(1, 110.0)
    assert closes(machine.handle_deadline(120.0)) == [CloseReason.FAIL]


def test_after_invite_no_time_for_records_runs() -> None:
    machine = reading(30.0)
    machine.invite(29.0, device_public=CERTIFIED.public)
    assert machine.next_deadline() == 89.0


# The device.


@pytest.mark.parametrize(
    "state",
    ["CAPABILITIES_SENT", "STARTED", "KEYS_DONE", "CONFIRMATION_SENT", "RANDOM_SENT"],
)
def test_a_device_closes_after_sixty_seconds_without_failed(state: str) -> None:
    pair = Pair().device_at(state)
    machine = pair.device
    assert machine.next_deadline() == 60.0
    assert machine.handle_deadline(59.999) == []
    effects = machine.handle_deadline(60.0)
    assert pdus(effects) == []
    assert closes(effects) == TIMEOUT
    attention = [effect for effect in effects if isinstance(effect, AttentionChanged)]
    assert attention == ([AttentionChanged(0)] if state == "CAPABILITIES_SENT" else [])
    assert machine.next_deadline() is None


def test_a_device_waits_for_its_first_pdu_without_a_timer() -> None:
    pair = Pair()
    pair.device.bearer_opened(0.0)
    assert pair.device.next_deadline() is None


def test_records_start_and_restart_the_timer() -> None:
    pair = Pair()
    pair.device.bearer_opened(0.0)
    pair.device.receive(b"\x0c", 10.0)
    assert pair.device.next_deadline() == 70.0
    pair.device.receive(b"\x0c", 69.0)
    assert pair.device.next_deadline() == 129.0


def test_a_failed_session_is_not_kept_alive_by_talking_on() -> None:
    pair = Pair()
    pair.device.bearer_opened(0.0)
    pair.device.receive(b"\x3f", 10.0)
    for when in (20.0, 40.0, 60.0):
        assert pdus(pair.device.receive(b"\x00\x00", when)) != []
    assert closes(pair.device.handle_deadline(70.0)) == TIMEOUT


def test_a_node_whose_link_is_not_closed_closes_it_itself() -> None:
    pair = Pair().open().run()
    assert pair.device.handle_deadline(59.9) == []
    effects = pair.device.handle_deadline(60.0)
    assert closes(effects) == [CloseReason.SUCCESS]
    assert pdus(effects) == []


# On the air.


def packets(number: int, octets: bytes) -> list[bytes]:
    return [LINK + bytes([number]) + segment for segment in generic.segment(octets)]


def close_packet(reason: int) -> bytes:
    return LINK + b"\0" + generic.link_close(reason)


def test_the_provisioners_failed_is_on_the_air_once_and_before_link_close() -> None:
    link = ProvisionerLink(UUID, LINK, lambda: 0.0)
    machine = ProvisionerMachine(SeededRandomness(1).stream("provisioner"))
    session = Session(link, machine)
    alone = Alone(session)
    alone.act(link.open(0.0))
    alone.run(0.1)
    alone.hear(LINK + b"\0" + generic.LINK_ACK)
    alone.act(session.carry_out(machine.list_records(alone.now), alone.now))
    alone.run(0.1)
    alone.hear(LINK + b"\0" + generic.ACK)
    alone.hear(*packets(0x80, codec.encode(pdu.RecordsList(0, (1,)))))
    alone.run(1.0)
    invited_at = alone.now
    alone.act(session.carry_out(machine.invite(alone.now), alone.now))
    alone.run(0.1)
    alone.hear(LINK + b"\1" + generic.ACK)
    assert alone.run(invited_at + 59.999 - alone.now) == []
    assert alone.run(10.0) == [*packets(0x02, FAILED), *[close_packet(1)] * 4]
    assert [type(event) for event in alone.told[-2:]] == [LinkClosed, SessionFailed]
    assert session.finished


def test_a_device_that_times_out_sends_link_close_only() -> None:
    machine = DeviceMachine(DeviceOptions(), SeededRandomness(1).stream("device"))
    session = Session(DeviceLink(UUID, lambda: 0.0), machine)
    alone = Alone(session)
    alone.hear(LINK + b"\0" + generic.link_open(UUID))
    alone.run(0.1)
    alone.hear(*packets(0x00, b"\x00\x00"))
    alone.run(0.03)
    alone.hear(LINK + b"\x80" + generic.ACK)
    alone.run(59.0)
    assert alone.run(10.0) == [close_packet(1)] * 4
    assert alone.events(LinkClosed) == [LinkClosed(CloseReason.TIMEOUT, by_peer=False)]
