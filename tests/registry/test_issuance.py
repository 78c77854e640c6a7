"""Issuing: ticks, certificates on record, and who owns a UUID and a key."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from tests.registry.registry_world import code_of, device, open_register

from meshwright.clock import ManualClock
from meshwright.core.errors import InputError, MeshwrightError
from meshwright.registry.entities import Issued, Prepared, Role
from meshwright.registry.errors import (
    AlreadyExistsError,
    ConflictError,
    ExhaustedError,
    NotFoundError,
)
from meshwright.registry.register import Register

MAC = bytes.fromhex("02005e000001")
ISSUER = bytes(range(20))


def spki(number: int) -> bytes:
    return sha256(b"key %d" % number).digest()


def prepared(number: int, *, key: int | None = None, serial: int | None = None) -> Prepared:
    return Prepared(
        ISSUER,
        1000 + number if serial is None else serial,
        device(number),
        spki(number if key is None else key),
        b"tbs %d" % number,
    )


def test_ticks_follow_the_clock_and_never_step_back(register: Register) -> None:
    assert register.lease_ticks(MAC, 1000, 10) == 1000
    assert register.lease_ticks(MAC, 5000, 1) == 5000
    assert register.lease_ticks(MAC, 200, 3) == 5001
    assert register.lease_ticks(MAC, 5003, 1) == 5004
    assert register.lease_ticks(bytes(6), 200, 1) == 200


def test_ticks_survive_a_restart(register: Register, path: Path) -> None:
    register.lease_ticks(MAC, 1000, 10)
    assert open_register(path).lease_ticks(MAC, 0, 1) == 1010


@pytest.mark.parametrize(("mac", "ticks", "count"), [(b"", 1, 1), (MAC, -1, 1), (MAC, 1, 0)])
def test_a_lease_that_makes_no_sense(
    register: Register, mac: bytes, ticks: int, count: int
) -> None:
    with pytest.raises(InputError):
        register.lease_ticks(mac, ticks, count)


def test_ticks_run_out_at_60_bits(register: Register) -> None:
    assert register.lease_ticks(MAC, (1 << 60) - 1, 1) == (1 << 60) - 1
    with pytest.raises(ExhaustedError) as refused:
        register.lease_ticks(MAC, 0, 1)
    assert code_of(refused) == "ticks-exhausted"


def test_workers_that_share_a_mac_never_share_a_tick(path: Path) -> None:
    registers = [open_register(path) for _ in range(4)]
    barrier = threading.Barrier(4)
    given: list[int] = []

    def work(register: Register) -> None:
        barrier.wait()
        for count in (1, 3, 7, 2, 5) * 4:
            first = register.lease_ticks(MAC, 100, count)
            given.extend(range(first, first + count))

    threads = [threading.Thread(target=work, args=(each,)) for each in registers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 4 * 4 * 18
    assert sorted(given) == list(range(100, 100 + len(given)))
    assert registers[0].verify_audit() == 80


def test_a_certificate_is_on_record_before_and_after_its_signature(
    register: Register, clock: ManualClock
) -> None:
    began = clock.now()
    item = prepared(1)
    register.record_prepared_many([item])
    (waiting,) = register.prepared_unissued()
    assert (waiting.serial, waiting.certificate, waiting.issued) == (1001, None, None)
    clock.advance(5)
    register.record_issued_many([Issued(ISSUER, 1001, b"certificate")])
    assert register.prepared_unissued() == []
    issuance = register.issuance(device(1))
    assert issuance is not None
    assert register.issuances() == [issuance]
    assert issuance == type(issuance)(
        ISSUER, 1001, device(1), spki(1), b"tbs 1", b"certificate", began, clock.now()
    )


def test_the_largest_serial_number_reads_back(register: Register) -> None:
    serial = (1 << 159) - 1
    register.record_prepared_many([prepared(1, serial=serial)])
    register.record_issued_many([Issued(ISSUER, serial, b"certificate")])
    issuance = register.issuance(device(1))
    assert issuance is not None
    assert issuance.serial == serial


@pytest.mark.parametrize("serial", [0, -1, 1 << 159, (1 << 160) - 1, 1 << 168])
def test_serial_numbers_that_no_certificate_may_have(register: Register, serial: int) -> None:
    with pytest.raises(InputError):
        register.record_prepared_many([prepared(1, serial=serial)])


def test_a_key_is_named_by_32_octets(register: Register) -> None:
    with pytest.raises(InputError):
        register.record_prepared_many([Prepared(ISSUER, 1, device(1), b"short", b"tbs")])


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (prepared(1, key=2, serial=7), "uuid-taken"),
        (prepared(2, key=1, serial=7), "key-taken"),
        (prepared(2, serial=1001), "serial-taken"),
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_what_belongs_to_one_device_for_ever(
    register: Register, second: Prepared, code: str, together: bool
) -> None:
    if not together:
        register.record_prepared_many([prepared(1)])
    group = [prepared(1), prepared(3), second] if together else [prepared(3), second]
    before = register.issuances()
    with pytest.raises(AlreadyExistsError) as refused:
        register.record_prepared_many(group)
    assert code_of(refused) == code
    assert register.issuances() == before
    register.verify_audit()


def test_a_device_may_have_several_certificates(register: Register) -> None:
    register.record_prepared_many([prepared(1), prepared(1, serial=5)])
    register.record_prepared_many([prepared(1, serial=3)])
    issuance = register.issuance(device(1))
    assert issuance is not None
    assert issuance.serial == 3
    assert [each.serial for each in register.issuances()] == [1001, 5, 3]


def test_two_issuers_may_use_one_serial_number(register: Register) -> None:
    register.record_prepared_many([Prepared(b"first", 1, device(1), spki(1), b"tbs")])
    register.record_prepared_many([Prepared(b"second", 1, device(1), spki(1), b"tbs")])
    register.record_issued_many([Issued(b"second", 1, b"certificate")])
    assert [each.certificate for each in register.issuances()] == [None, b"certificate"]


def test_recording_twice_changes_nothing_but_another_certificate_is_refused(
    register: Register,
) -> None:
    register.record_prepared_many([prepared(1)])
    register.record_issued_many([Issued(ISSUER, 1001, b"certificate")])
    lines = register.verify_audit()
    register.record_issued_many([Issued(ISSUER, 1001, b"certificate")])
    assert register.verify_audit() == lines
    with pytest.raises(ConflictError) as refused:
        register.record_issued_many([Issued(ISSUER, 1001, b"another")])
    assert code_of(refused) == "already-issued"


def test_only_what_was_prepared_is_issued(register: Register) -> None:
    register.record_prepared_many([prepared(1)])
    with pytest.raises(NotFoundError) as refused:
        register.record_issued_many([Issued(ISSUER, 1001, b"a"), Issued(ISSUER, 7, b"b")])
    assert code_of(refused) == "unknown-certificate"
    assert len(register.prepared_unissued()) == 1


def test_a_group_larger_than_one_statement(register: Register) -> None:
    group = [prepared(number) for number in range(1200)]
    register.record_prepared_many(group)
    register.record_issued_many(
        [Issued(item.issuer_id, item.serial, b"c %d" % item.serial) for item in group]
    )
    assert [each.certificate for each in register.issuances()] == [
        b"c %d" % item.serial for item in group
    ]
    register.record_prepared_many([])
    register.record_issued_many([])


def test_an_unknown_device_has_no_certificate(register: Register) -> None:
    assert register.issuance(device(1)) is None


def test_the_database_itself_keeps_a_key_to_one_device(register: Register, path: Path) -> None:
    register.record_prepared_many([prepared(1)])
    steal = "INSERT INTO devices SELECT zeroblob(16), spki_sha256, created FROM devices"
    again = (
        "INSERT INTO certificates (issuer_id, serial, uuid, tbs, prepared)"
        " SELECT issuer_id, serial, uuid, tbs, prepared FROM certificates"
    )
    back = "UPDATE tick_leases SET next_tick = 0"
    register.lease_ticks(MAC, 1000, 1)
    with closing(sqlite3.connect(path)) as connection:
        for statement in (steal, again, back):
            with pytest.raises(sqlite3.IntegrityError):
                connection.execute(statement)


def test_authorities_are_listed_by_role(register: Register) -> None:
    root = register.add_authority(Role.ROOT, "root", b"root certificate", "file:root.pem")
    batch = register.add_authority(Role.BATCH, "batch 1", b"batch certificate", "file:b1.pem")
    assert register.authorities() == [root, batch]
    assert register.authorities(Role.BATCH) == [batch]
    assert b"certificate" not in repr(root).encode()


@pytest.mark.parametrize(("name", "certificate"), [("root", b"other"), ("other", b"certificate")])
def test_an_authority_is_recorded_once(register: Register, name: str, certificate: bytes) -> None:
    register.add_authority(Role.ROOT, "root", b"certificate", "file:root.pem")
    with pytest.raises(AlreadyExistsError) as refused:
        register.add_authority(Role.ROOT, name, certificate, "file:root.pem")
    assert code_of(refused) == "authority-exists"


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\nb", "a\x00b", "\udcff"])
def test_names_can_be_shown(register: Register, name: str) -> None:
    with pytest.raises(MeshwrightError) as refused:
        register.add_authority(Role.ROOT, name, b"certificate", "file:root.pem")
    assert code_of(refused) == "bad-name"
