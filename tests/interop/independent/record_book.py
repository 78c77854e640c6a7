"""Provisioning records, to hand out and to read (5.4.2.6)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.interop.independent.framing import Kind
from tests.interop.independent.speech import ComplaintError, Line, hear

PRESENT, ABSENT, OUT_OF_BOUNDS = range(3)


def answer(request: bytes, records: Mapping[int, bytes], limit: int) -> bytes:
    """Return the Record Response to a Record Request, of at most `limit` octets of data."""
    number, offset, most = (int.from_bytes(request[at : at + 2], "big") for at in (1, 3, 5))
    head = request[1:5]
    if number not in records:
        return bytes([Kind.RECORD_RESPONSE, ABSENT]) + head + bytes(2)
    record = records[number]
    total = len(record).to_bytes(2, "big")
    if offset >= len(record):
        return bytes([Kind.RECORD_RESPONSE, OUT_OF_BOUNDS]) + head + total
    data = record[offset : offset + min(most, limit)]
    return bytes([Kind.RECORD_RESPONSE, PRESENT]) + head + total + data


def listing(records: Mapping[int, bytes], extensions: int = 0) -> bytes:
    """Return the Records List."""
    ids = b"".join(number.to_bytes(2, "big") for number in records)
    return bytes([Kind.RECORDS_LIST]) + extensions.to_bytes(2, "big") + ids


async def get_list(link: Line) -> list[int]:
    """Ask for the list."""
    await link.send(bytes([Kind.RECORDS_GET]))
    pdu = await link.receive()
    if pdu[0] != Kind.RECORDS_LIST or len(pdu) < 3 or len(pdu) % 2 == 0:
        raise ComplaintError(f"{pdu.hex()} is no Records List")
    return [int.from_bytes(pdu[at : at + 2], "big") for at in range(3, len(pdu), 2)]


def request(number: int, offset: int, most: int) -> bytes:
    """Return a Record Request."""
    numbers = (number, offset, most)
    return bytes([Kind.RECORD_REQUEST]) + b"".join(each.to_bytes(2, "big") for each in numbers)


async def read(link: Line, number: int, most: int) -> bytes:
    """Read one record in fragments of `most` octets."""
    record = b""
    while True:
        await link.send(request(number, len(record), most))
        pdu = await link.receive()
        head = bytes([Kind.RECORD_RESPONSE, PRESENT]) + request(number, len(record), most)[1:5]
        total, data = int.from_bytes(pdu[6:8], "big"), pdu[8:]
        if pdu[:6] != head or not 0 < len(data) <= most or len(record) + len(data) > total:
            raise ComplaintError(f"{pdu.hex()} does not answer for record {number}")
        record += data
        if len(record) == total:
            return record


async def read_all(link: Line, most: int) -> dict[int, bytes]:
    """Read whatever is listed."""
    return {number: await read(link, number, most) for number in await get_list(link)}


async def hear_absent(link: Line, number: int) -> None:
    """Ask for a record that is not there."""
    await link.send(request(number, 0, 57))
    said = await hear(link, Kind.RECORD_RESPONSE, 7)
    if said != bytes([ABSENT]) + request(number, 0, 0)[1:5] + bytes(2):
        raise ComplaintError(f"{said.hex()} is no answer for an absent record")
