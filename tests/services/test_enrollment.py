"""The factory: a UUID for ever, one certificate for one key, and a line that can always go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from meshwright.clock import ManualClock
from meshwright.core.errors import InputError, TrustError
from meshwright.factory.labels import read_label
from meshwright.factory.line import Step
from meshwright.pki.validation import ChainValidator
from meshwright.randomness import SeededRandomness
from meshwright.registry.database import Database
from meshwright.registry.entities import Authority, Role
from meshwright.registry.errors import AlreadyExistsError
from meshwright.registry.keyring import Keyring
from meshwright.registry.register import Register
from meshwright.services.authority import AuthorityKeeper
from meshwright.services.enrollment import Enrollment
from meshwright.settings import Manufacturer
from meshwright.sim.flash import FlashFile
from meshwright.sim.line_device import VirtualLineDevice

START = datetime(2026, 5, 1, tzinfo=UTC)
VENDOR = Manufacturer("Acme", 0x0102, 0x0304)
PHRASE = "correct horse battery staple"
MAC = bytes.fromhex("0300c0ffee01")
BASE = "https://mesh.example/d"


class Plant:
    """A CA, a register and a line in a folder."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        (folder / "register.db").write_bytes(template.read_bytes())
        self.clock = ManualClock(START)
        self.randomness = SeededRandomness(8)
        self.open()

    def open(self) -> None:
        """Open everything as another process would."""
        database = Database.open(self.folder / "register.db")
        self.register = Register(database, Keyring(bytes(32)), self.clock, "line")
        self.keeper = self.authority_keeper(PHRASE)

    def authority_keeper(self, passphrase: str) -> AuthorityKeeper:
        return AuthorityKeeper(
            self.register,
            self.folder / "ca",
            lambda name: f"{passphrase} {name}",
            clock=self.clock,
            randomness=self.randomness,
        )

    def line(self, manufacturer: Manufacturer = VENDOR, **changes: Any) -> Enrollment:  # noqa: ANN401
        parts: dict[str, Any] = {
            "base_uri": BASE,
            "uuid_mac": MAC,
            "clock": self.clock,
            "randomness": self.randomness,
        }
        return Enrollment(self.register, self.keeper.open(manufacturer), **(parts | changes))

    def device(self, name: str) -> VirtualLineDevice:
        path = self.folder / f"{name}.json"
        flash = (
            FlashFile.open(path) if path.exists() else FlashFile.create(path, b"\xc0" + bytes(5))
        )
        return VirtualLineDevice(flash, self.randomness.stream("device", name))

    def enroll(self, name: str, line: Enrollment | None = None) -> UUID:
        record = (line or self.line()).enroll(self.device(name), self.folder / f"{name}.png")
        assert record.step is Step.LABELED
        return record.assignment.uuid


@pytest.fixture
def plant(tmp_path: Path, empty_register: Path) -> Plant:
    made = Plant(tmp_path, empty_register)
    made.keeper.create(VENDOR)
    return made


def test_a_device_leaves_the_line_with_everything(plant: Plant) -> None:
    uuid = plant.enroll("one")
    content = plant.device("one").flash.content
    assert (content.uuid, content.organization) == (uuid, "Acme")
    assert (content.company_id, content.product_id) == (0x0102, 0x0304)
    assert sorted(content.records) == [0, 1, 2]
    validator = ChainValidator(plant.keeper.trusted_roots())
    device = validator.validate(content.records[1], [content.records[2]], uuid=uuid, at=START)
    assert (device.identity.uuid, device.identity.company_id) == (uuid, 0x0102)
    assert read_label(plant.folder / "one.png").uuid == uuid
    [issuance] = plant.register.issuances()
    assert (issuance.uuid, issuance.certificate) == (uuid, content.records[1])


def test_uuids_are_unique_even_when_the_clock_steps_back_or_stands_still(plant: Plant) -> None:
    uuids = []
    for number in range(6):
        uuids.append(plant.enroll(f"device {number}"))
        plant.clock.advance([-3600.0, 0.0, 1e-7][number % 3])
    assert len({uuid.time for uuid in uuids}) == 6
    assert {(uuid.version, uuid.node.to_bytes(6, "big")) for uuid in uuids} == {(1, MAC)}


def test_two_workers_with_one_mac_never_give_the_same_uuid(plant: Plant) -> None:
    lines = [plant.line(), plant.line()]
    uuids = [plant.enroll(f"device {number}", lines[number % 2]) for number in range(6)]
    assert len(set(uuids)) == 6


@pytest.mark.parametrize("step", list(Step)[1:])
def test_a_line_that_stops_after_any_step_goes_on_with_the_same_device(
    plant: Plant, step: Step
) -> None:
    class StoppedError(Exception):
        pass

    def stop(done: Step) -> None:
        if done is step:
            raise StoppedError

    with pytest.raises(StoppedError):
        plant.line().enroll(plant.device("one"), plant.folder / "one.png", on_step=stop)
    before = plant.device("one").flash.content
    plant.open()
    uuid = plant.enroll("one")
    assert uuid == before.uuid
    after = plant.device("one").flash.content
    assert before.private_key in (None, after.private_key)
    assert len(plant.register.issuances()) == 1
    assert plant.register.prepared_unissued() == []
    assert before.records in ({}, after.records)


def test_a_certificate_that_was_prepared_and_never_signed_is_signed_once(plant: Plant) -> None:
    class DiedError(BaseException):
        pass

    class Dying(Register):
        def record_issued_many(self, _items: Any) -> None:  # noqa: ANN401 - as it is there
            raise DiedError

    dying = Dying(plant.register._desk.database, Keyring(bytes(32)), plant.clock, "line")
    line = Enrollment(
        dying,
        plant.keeper.open(VENDOR),
        base_uri=BASE,
        uuid_mac=MAC,
        clock=plant.clock,
        randomness=plant.randomness,
    )
    with pytest.raises(DiedError):
        line.enroll(plant.device("one"), plant.folder / "one.png")
    [prepared] = plant.register.prepared_unissued()
    plant.clock.advance(86_400)
    plant.enroll("one")
    [issued] = plant.register.issuances()
    assert (issued.serial, issued.tbs) == (prepared.serial, prepared.tbs)
    assert plant.device("one").flash.content.records[1] == issued.certificate


def test_a_uuid_belongs_to_one_key_for_ever(plant: Plant) -> None:
    plant.enroll("one")
    flash = plant.device("one").flash
    from dataclasses import replace

    flash.store(replace(flash.content, private_key=4711, records={}))
    (plant.folder / "one.png").unlink()
    with pytest.raises(AlreadyExistsError) as refused:
        plant.enroll("one")
    assert refused.value.code == "uuid-taken"
    assert plant.device("one").flash.content.records == {}


# The authority.


def test_a_ca_is_made_once_and_opened_again(plant: Plant) -> None:
    with pytest.raises(InputError) as refused:
        plant.keeper.create(VENDOR)
    assert refused.value.code == "authority-exists"
    before = plant.keeper.open(VENDOR)
    plant.open()
    after = plant.keeper.open(VENDOR)
    assert (before.root, before.intermediates) == (after.root, after.intermediates)
    assert before.authority.issuer_id == after.authority.issuer_id
    assert [each.role for each in plant.register.authorities()] == [Role.ROOT, Role.BATCH]


def test_a_ca_that_was_interrupted_goes_on_with_its_keys(
    tmp_path: Path, empty_register: Path
) -> None:
    class DiedError(BaseException):
        pass

    plant = Plant(tmp_path, empty_register)

    class Dying(Register):
        def add_authority(self, role: Role, *rest: Any) -> Authority:  # noqa: ANN401 - as there
            if role is Role.BATCH:
                raise DiedError
            return super().add_authority(role, *rest)

    database = plant.register._desk.database
    plant.register = Dying(database, Keyring(bytes(32)), plant.clock, "line")
    with pytest.raises(DiedError):
        plant.authority_keeper(PHRASE).create(VENDOR)
    keys = {path.name: path.read_bytes() for path in (tmp_path / "ca").iterdir()}
    assert set(keys) == {"root.key", "batch-1.key"}
    plant.open()
    with pytest.raises(InputError, match="ca create"):
        plant.keeper.open(VENDOR)
    opened = plant.keeper.create(VENDOR)
    assert {path.name: path.read_bytes() for path in (tmp_path / "ca").iterdir()} == keys
    assert plant.keeper.trusted_roots() == [opened.root]
    plant.enroll("one")


def test_without_a_ca_nobody_is_trusted(tmp_path: Path, empty_register: Path) -> None:
    plant = Plant(tmp_path, empty_register)
    with pytest.raises(TrustError) as refused:
        plant.keeper.trusted_roots()
    assert refused.value.code == "missing-root"
    with pytest.raises(InputError):
        plant.keeper.open(VENDOR)


def test_the_wrong_passphrase_opens_no_ca(plant: Plant) -> None:
    keeper = plant.authority_keeper("another passphrase altogether")
    with pytest.raises(TrustError) as refused:
        keeper.open(VENDOR)
    assert refused.value.code == "wrong-secret"


def test_a_ca_key_that_is_lost_is_not_made_anew_in_silence(plant: Plant) -> None:
    (plant.folder / "ca/batch-1.key").unlink()
    plant.open()
    with pytest.raises(TrustError) as refused:
        plant.keeper.open(VENDOR)
    assert refused.value.code == "missing-key"


@pytest.mark.parametrize("days", [0, -5, 10**9])
def test_a_lifetime_that_makes_no_sense_is_refused(plant: Plant, days: int) -> None:
    with pytest.raises(InputError) as refused:
        plant.keeper.open(Manufacturer(lifetime_days=days))
    assert refused.value.code == "bad-lifetime"


def test_certificates_end_when_they_shall(plant: Plant) -> None:
    plant.enroll("one", plant.line(Manufacturer("Acme", 0x0102, 0x0304, lifetime_days=30)))
    content = plant.device("one").flash.content
    validator = ChainValidator(plant.keeper.trusted_roots())

    def check(days: int) -> None:
        at = START + timedelta(days=days)
        chain = (content.records[1], [content.records[2]])
        validator.validate(*chain, uuid=content.uuid or UUID(int=0), at=at)

    check(29)
    with pytest.raises(TrustError) as refused:
        check(31)
    assert refused.value.code == "expired"
