"""The line against a device that makes real keys and requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from meshwright.core.errors import InputError, MachineError
from meshwright.factory.line import Assignment, Chain, Line, LineDevice, LineRecord, Step

ASSIGNMENT = Assignment(UUID("b09dc847-5408-40cc-9c54-0fe8c87429e7"), "Example", 0x0042, 7)
START = LineRecord(ASSIGNMENT)
CHAIN = Chain(b"device", (b"batch", b"vendor"), "https://mesh.example.com/oob")
STEPS = list(Step)


@dataclass
class StationDevice:
    """A device that breaks the connection before or after one of its commands."""

    fails: str = ""
    after: bool = False
    uuid: UUID | None = None
    vendor: tuple[str, int | None, int | None] | None = None
    key: ec.EllipticCurvePrivateKey | None = None
    stored: Chain | None = None
    commands: list[str] = field(default_factory=list)

    def identify(self) -> UUID | None:
        return self.uuid

    def assign_uuid(
        self, uuid: UUID, organization: str, company_id: int | None, product_id: int | None
    ) -> None:
        self._command("assign_uuid")
        self.uuid, self.vendor = uuid, (organization, company_id, product_id)
        self._done("assign_uuid")

    def generate_key(self) -> None:
        self._command("generate_key")
        self.key = ec.generate_private_key(ec.SECP256R1())
        self._done("generate_key")

    def certificate_request(self) -> bytes:
        self._command("certificate_request")
        assert self.key is not None
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, str(self.uuid))])
        request = x509.CertificateSigningRequestBuilder(name).sign(self.key, SHA256())
        self._done("certificate_request")
        return request.public_bytes(Encoding.DER)

    def store_chain(
        self, device_certificate: bytes, intermediates: tuple[bytes, ...], base_uri: str
    ) -> None:
        self._command("store_chain")
        self.stored = Chain(device_certificate, intermediates, base_uri)
        self._done("store_chain")

    def _command(self, name: str) -> None:
        self.commands.append(name)
        self._done(name, after=False)

    def _done(self, name: str, *, after: bool = True) -> None:
        if self.fails == name and self.after is after:
            self.fails = ""
            raise MachineError("the cable came off", code="station-lost")


class Office:
    """The other side of the line: certifies a request once, keeps records, prints labels."""

    def __init__(self) -> None:
        self.kept: list[LineRecord] = []
        self.certified: list[tuple[UUID, bytes]] = []
        self.labels: list[UUID] = []
        self.line = Line(certify=self._certify, label=self._label, keep=self.kept.append)

    def _certify(self, uuid: UUID, request: bytes) -> Chain:
        assert x509.load_der_x509_csr(request).is_signature_valid
        if (uuid, request) not in self.certified:
            self.certified.append((uuid, request))
        return CHAIN

    def _label(self, record: LineRecord) -> None:
        self.labels.append(record.assignment.uuid)


def test_a_device_goes_through_every_step_in_order() -> None:
    office, device = Office(), StationDevice()
    station: LineDevice = device
    record = office.line.finish(station, START)
    assert [kept.step for kept in office.kept] == STEPS[1:]
    assert record == office.kept[-1]
    assert device.commands == ["assign_uuid", "generate_key", "certificate_request", "store_chain"]
    assert (device.uuid, device.vendor) == (ASSIGNMENT.uuid, ("Example", 0x0042, 7))
    assert device.stored == record.chain == CHAIN
    assert office.labels == [ASSIGNMENT.uuid]


COMMANDS = ["assign_uuid", "generate_key", "certificate_request", "store_chain"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_line_that_lost_its_device_resumes(command: str, after: bool) -> None:
    office, device = Office(), StationDevice(fails=command, after=after)
    with pytest.raises(MachineError):
        office.line.finish(device, START)
    kept = office.kept[-1] if office.kept else START
    assert kept.step == STEPS[COMMANDS.index(command)]
    record = office.line.finish(device, kept)
    assert record.step is Step.LABELED
    assert [done.step for done in office.kept] == STEPS[1:]
    assert len(office.certified) == 1
    assert device.key is not None
    request = x509.load_der_x509_csr(office.certified[0][1])
    assert request.public_key() == device.key.public_key()


def test_a_record_that_was_not_kept_is_a_step_not_taken() -> None:
    device = StationDevice()

    def full_disk(record: LineRecord) -> None:
        raise OSError(28, f"no space for {record.step}")

    line = Line(certify=lambda *_: CHAIN, label=lambda _: None, keep=full_disk)
    with pytest.raises(OSError, match="uuid-assigned"):
        line.finish(device, START)
    assert Office().line.finish(device, START).step is Step.LABELED


def test_a_finished_device_is_left_alone() -> None:
    office, device = Office(), StationDevice()
    record = office.line.finish(device, START)
    commands, kept = list(device.commands), list(office.kept)
    assert office.line.finish(device, record) == office.line.advance(device, record) == record
    assert (device.commands, office.kept) == (commands, kept)


@pytest.mark.parametrize("step", STEPS[:-1])
def test_another_device_at_the_station_is_refused(step: Step) -> None:
    office, other = Office(), StationDevice(uuid=UUID(int=1))
    with pytest.raises(InputError) as error:
        office.line.finish(other, LineRecord(ASSIGNMENT, step))
    assert error.value.code == "wrong-device"
    assert other.commands == []
    assert office.kept == []


@pytest.mark.parametrize("step", STEPS[1:-1])
def test_a_blank_device_does_not_take_the_place_of_another(step: Step) -> None:
    with pytest.raises(InputError, match="blank"):
        Office().line.finish(StationDevice(), LineRecord(ASSIGNMENT, step))
