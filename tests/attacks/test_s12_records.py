"""S12: a device that answers for its records as it likes, over both bearers.

Every lie against the reader alone: tests/core/provisioning/test_records.py; as seen by an owner:
tests/services/test_certificates.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fuzz.invariant import weight
from fuzz.scenarios import scenario
from tests.attacks.scene import LIMIT, Scene, Tap, Tapped

from meshwright.core.provisioning import codec, pdu
from meshwright.core.provisioning.events import RecordRead, RecordsListed
from meshwright.core.provisioning.fields import PduType
from meshwright.core.provisioning.records import RecordLimits

Response = pdu.RecordResponse
Lie = Callable[[Response], dict[str, int | bytes]]
LIES: dict[str, Lie] = {
    "length changes": lambda r: {"total_length": r.total_length + r.offset},
    "65535 octets": lambda _r: {"total_length": 65_535},
    "no data": lambda _r: {"data": b""},
    "empty record": lambda _r: {"data": b"", "total_length": 0},
    "data of an empty record": lambda _r: {"data": b"1", "total_length": 0},
    "overlapping": lambda r: {"offset": max(r.offset - 1, 0)},
    "a gap": lambda r: {"offset": r.offset + 1},
    "another record": lambda r: {"record_id": r.record_id + 1},
    "longer than it is": lambda r: {"data": r.data + bytes(300)},
    "disappears": lambda r: GONE | {"status": 1} if r.offset else {},
    "out of bounds": lambda r: GONE | {"status": 2} if r.offset else {},
    "a status of the future": lambda r: GONE | {"status": 3} if r.offset else {},
}
GONE: dict[str, int | bytes] = {"data": b"", "total_length": 0}


def lying(lie: Lie) -> Tap:
    def tap(_tapped: Tapped, octets: bytes) -> list[bytes]:
        if octets[0] != PduType.RECORD_RESPONSE:
            return [octets]
        response = codec.decode_as(Response, octets)
        return [codec.encode(replace(response, **lie(response)))]  # type: ignore[arg-type]

    return tap


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_s12_a_contradiction_ends_the_session(bearer: str, lie: Lie) -> None:
    scene = Scene(bearer, scenario("certified"), by_device=lying(lie)).play()
    scene.assert_refused("bad-record")
    assert not [read for read in scene.told_provisioner(RecordRead) if read.content]
    requests = [sent for sent in scene.left_tap.sent if sent[0] == PduType.RECORD_REQUEST]
    assert len(requests) <= 2, "it asked on after the first contradiction"


def test_s12_crumbs_take_too_many_requests(bearer: str) -> None:
    def tap(tapped: Tapped, octets: bytes) -> list[bytes]:
        if octets[0] != PduType.RECORD_RESPONSE:
            return [octets]
        asked = codec.decode_as(pdu.RecordRequest, tapped.of_type(PduType.RECORD_REQUEST))
        return [codec.encode(Response(0, 1, asked.offset, 8192, b"1"))]

    scene = Scene(bearer, scenario("certified"), by_device=tap).play()
    [code] = scene.failures
    assert code in ("bad-record", "records-too-slow")
    requests = [sent for sent in scene.left_tap.sent if sent[0] == PduType.RECORD_REQUEST]
    assert len(requests) <= RecordLimits().requests


def test_s12_slow_fragments_run_out_of_time(bearer: str) -> None:
    """Every fragment is right, and each comes just before its time is over."""
    scene = Scene(bearer, scenario("certified"), by_device=lambda _tapped, _octets: [])
    scene.start()
    scene.run(5.0)
    listed = codec.encode(pdu.RecordsList(0, (1,)))
    scene.say(listed, by_device=True)
    for offset in range(12):
        scene.run(25.0)
        if scene.failures:
            break
        scene.say(codec.encode(Response(0, 1, offset, 8192, b"1")), by_device=True)
    scene.run()
    assert scene.failures == ["records-too-slow"]
    assert scene.wire.now < LIMIT + 400
    scene.check_over()


LISTS = {
    "endless": tuple(range(700)),
    "duplicates": (1, 2) * 350,
    "reserved": tuple(range(0x20, 0x20 + 700)),
    "empty": (),
}


@pytest.mark.parametrize("ids", LISTS.values(), ids=LISTS)
def test_s12_any_list_is_short_once_it_was_read(bearer: str, ids: tuple[int, ...]) -> None:
    def tap(_tapped: Tapped, octets: bytes) -> list[bytes]:
        listed = codec.encode(pdu.RecordsList(0xFFFF, ids))
        return [listed if octets[0] == PduType.RECORDS_LIST else octets]

    scene = Scene(bearer, scenario("certified"), by_device=tap).play()
    [told] = scene.told_provisioner(RecordsListed)
    assert len(told.ids) == len(set(told.ids)) <= 19
    assert scene.succeeded  # the policy had the key already; a list alone is no reason to fail


def test_s12_an_answer_too_many_is_out_of_turn(bearer: str) -> None:
    def tap(_tapped: Tapped, octets: bytes) -> list[bytes]:
        return [octets] * (2 if octets[0] == PduType.RECORD_RESPONSE else 1)

    scene = Scene(bearer, scenario("certified"), by_device=tap).play()
    [code] = scene.failures
    assert code in ("bad-record", "unexpected-pdu")


def test_s12_the_longest_record_weighs_no_more_than_a_link_may(bearer: str) -> None:
    def tap(tapped: Tapped, octets: bytes) -> list[bytes]:
        if octets[0] != PduType.RECORD_RESPONSE:
            return [octets]
        asked = codec.decode_as(pdu.RecordRequest, tapped.of_type(PduType.RECORD_REQUEST))
        size = min(asked.maximum_size, 8192 - asked.offset - 1)
        return [codec.encode(Response(0, 1, asked.offset, 8192, bytes(size)))]

    scene = Scene(bearer, scenario("certified"), by_device=tap)
    scene.start().run(60.0)
    scene.left_tap.heard.clear()
    scene.left_tap.sent.clear()
    assert weight(scene.left) < 64 * 1024
    scene.run()
    scene.check_over()
