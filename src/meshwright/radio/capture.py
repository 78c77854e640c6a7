"""Capture files: what was heard, as packets that protocol analyzers dissect.

Classic pcap with microseconds, link type 256 (Bluetooth LE link layer with a pseudo-header). Radios
report advertising data only, so header, access address and CRC are made as the packet had them;
the channel is not known and said to be 37.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from meshwright.core.errors import InputError, StoreError

_MAGIC = 0xA1B2C3D4
_LINK_TYPE = 256
_SNAPSHOT = 65_535
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
_MICROSECONDS = 1_000_000  # in a second
_FILE_HEADER = struct.Struct("<IHHiIII")
_RECORD_HEADER = struct.Struct("<IIII")

# LINKTYPE_BLUETOOTH_LE_LL_WITH_PHDR: RF channel, signal, noise, offenses, access address, flags.
_PSEUDO_HEADER = struct.Struct("<BbbBIH")
_RF_CHANNEL_37 = 0
_DEWHITENED, _SIGNAL_VALID, _REFERENCE_VALID = 0x01, 0x02, 0x10
_FLAGS = _DEWHITENED | _REFERENCE_VALID  # that the CRC is right is for the reader to find out

_ACCESS_ADDRESS = 0x8E89BED6
_RANDOM_ADDRESS = 0x40
_CONNECTABLE, _NOT_CONNECTABLE = 0x00, 0x02  # ADV_IND, ADV_NONCONN_IND
_ACCESS_ADDRESS_SIZE, _PDU_HEADER, _ADDRESS_SIZE, _CRC_SIZE = 4, 2, 6, 3
_LONGEST_DATA = 255 - _ADDRESS_SIZE
_SMALLEST = _PSEUDO_HEADER.size + _ACCESS_ADDRESS_SIZE + _PDU_HEADER + _ADDRESS_SIZE + _CRC_SIZE


class CaptureError(StoreError):
    """The capture file cannot be written."""

    code = "capture-failed"


@dataclass(frozen=True, slots=True)
class CapturedPacket:
    """One advertisement: aware UTC time, advertising data, six octets of address, dBm."""

    time: datetime
    payload: bytes
    address: bytes | None = None
    rssi: int | None = None
    connectable: bool = False


def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = crc >> 1 ^ (0xDA6000 if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_CRC = _crc_table()


def link_layer_crc(pdu: bytes) -> bytes:
    """Return the CRC of an advertising PDU as sent (Core 5.3, volume 6, part B, 3.1.1)."""
    crc = 0xAAAAAA  # 0x555555, first bit sent lowest
    for octet in pdu:
        crc = crc >> 8 ^ _CRC[(crc ^ octet) & 0xFF]
    return crc.to_bytes(_CRC_SIZE, "little")


def link_layer_packet(packet: CapturedPacket) -> bytes:
    """Return pseudo-header and link layer packet; a lacking address is written as zeros."""
    data = packet.payload[:_LONGEST_DATA]
    kind = _CONNECTABLE if packet.connectable else _NOT_CONNECTABLE
    address = (packet.address or bytes(_ADDRESS_SIZE))[::-1]
    # Whether an address is public is not reported; of mesh radios it hardly ever is.
    pdu = bytes([kind | _RANDOM_ADDRESS, _ADDRESS_SIZE + len(data)]) + address + data
    return (
        _pseudo_header(packet.rssi)
        + _ACCESS_ADDRESS.to_bytes(_ACCESS_ADDRESS_SIZE, "little")
        + pdu
        + link_layer_crc(pdu)
    )


def _pseudo_header(rssi: int | None) -> bytes:
    flags = _FLAGS if rssi is None else _FLAGS | _SIGNAL_VALID
    signal = max(-128, min(127, rssi or 0))
    return _PSEUDO_HEADER.pack(_RF_CHANNEL_37, signal, 0, 0, _ACCESS_ADDRESS, flags)


class CaptureFile:
    """A capture file that is valid after every packet, whatever ends the process.

    A new file is made; an existing one is never overwritten, but a named pipe or a device is
    written to. Raises `InputError` (`file-exists`) and `CaptureError`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packets = 0
        self._file = _opened(path)
        self._is_regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        self._size = 0
        try:
            self._append(_FILE_HEADER.pack(_MAGIC, 2, 4, 0, 0, _SNAPSHOT, _LINK_TYPE))
        except (CaptureError, OSError):
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless twice."""
        self._file.close()

    def write(self, packet: CapturedPacket) -> None:
        """Append one packet; raises `CaptureError`, and the file then ends before it."""
        octets = link_layer_packet(packet)
        size = len(octets)
        original = size + max(0, len(packet.payload) - _LONGEST_DATA)
        since = packet.time - _EPOCH
        self._append(
            _RECORD_HEADER.pack(since // _SECOND, since.microseconds, size, original) + octets
        )
        self.packets += 1

    def _append(self, record: bytes) -> None:
        # One unbuffered write a record: a killed process leaves no half of one.
        try:
            written = self._file.write(record)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise _failed(self.path, error) from None
        if written != len(record):
            self._forget_part()
            raise CaptureError(f"{self.path} takes no more packets: free some space.")
        self._size += written

    def _forget_part(self) -> None:
        if self._is_regular:
            os.ftruncate(self._file.fileno(), self._size)


def _opened(path: Path) -> BinaryIO:
    try:
        fresh = not path.exists() or path.is_file()
        return path.open("xb" if fresh else "wb", buffering=0)
    except FileExistsError:
        raise InputError(
            f"{path} exists already and is never overwritten; choose another place.",
            code="file-exists",
        ) from None
    except OSError as error:
        raise _failed(path, error) from None


def _failed(path: Path, error: OSError) -> CaptureError:
    return CaptureError(f"{path} cannot be written: {error.strerror}; choose another place.")


def read_capture(path: Path) -> Iterator[CapturedPacket]:
    """Yield the advertisements of a capture file that was written here; others are left out.

    A last packet that is not whole is left out too. Raises `InputError` (`bad-capture`) for a file
    of another kind, and for one that cannot be read.
    """
    try:
        with path.open("rb") as stream:
            _check_header(path, stream.read(_FILE_HEADER.size))
            while len(head := stream.read(_RECORD_HEADER.size)) == _RECORD_HEADER.size:
                seconds, microseconds, size, _original = _RECORD_HEADER.unpack(head)
                if size > _SNAPSHOT or microseconds >= _MICROSECONDS:
                    raise _bad_capture(path, "it is damaged")
                time = _EPOCH + timedelta(seconds=seconds, microseconds=microseconds)
                packet = _advertisement(time, stream.read(size), size)
                if packet is not None:
                    yield packet
    except OSError as error:
        raise _bad_capture(path, error.strerror or "it cannot be read") from None


def _check_header(path: Path, head: bytes) -> None:
    if len(head) < _FILE_HEADER.size:
        raise _bad_capture(path, "it is none")
    magic, *_, link_type = _FILE_HEADER.unpack(head)
    if (magic, link_type) != (_MAGIC, _LINK_TYPE):
        raise _bad_capture(path, "its format is another")


def _bad_capture(path: Path, why: str) -> InputError:
    return InputError(
        f"{path} cannot be read as a capture: {why}; give a file that meshwright wrote.",
        code="bad-capture",
    )


def _advertisement(time: datetime, octets: bytes, size: int) -> CapturedPacket | None:
    """Return the advertisement in a link layer packet, None for anything else."""
    if len(octets) < size or size < _SMALLEST:
        return None
    _channel, signal, *_, flags = _PSEUDO_HEADER.unpack_from(octets)
    pdu = octets[_PSEUDO_HEADER.size + _ACCESS_ADDRESS_SIZE : -_CRC_SIZE]
    kind, data = pdu[0] & 0x0F, pdu[_PDU_HEADER + _ADDRESS_SIZE :]
    if kind not in (_CONNECTABLE, _NOT_CONNECTABLE):
        return None
    address = pdu[_PDU_HEADER : _PDU_HEADER + _ADDRESS_SIZE][::-1]
    return CapturedPacket(
        time,
        data,
        address if any(address) else None,
        signal if flags & _SIGNAL_VALID else None,
        connectable=kind == _CONNECTABLE,
    )
