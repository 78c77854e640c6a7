"""Capture files: whole at any moment, and read back as they were written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshwright.core.errors import InputError
from meshwright.radio.capture import (
    CapturedPacket,
    CaptureError,
    CaptureFile,
    link_layer_crc,
    read_capture,
)

NOON = datetime(2026, 1, 1, 12, 0, 0, 123456, tzinfo=UTC)
PACKET = CapturedPacket(NOON, b"\x02\x01\x06", b"\xc0\x01\x02\x03\x04\x05", -61)
HEADER = 24

PACKETS = st.builds(
    CapturedPacket,
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants them so
    st.binary(max_size=249),
    st.none() | st.binary(min_size=6, max_size=6).filter(any),
    st.none() | st.integers(-127, 20),
    st.booleans(),
)


def written(path: Path, *packets: CapturedPacket) -> Path:
    path.unlink(missing_ok=True)
    with CaptureFile(path) as file:
        for packet in packets:
            file.write(packet)
        assert file.packets == len(packets)
    return path


def test_the_octets_of_a_file(tmp_path: Path) -> None:
    """Checked by hand against the pcap and link-type descriptions, and by tshark elsewhere."""
    octets = written(tmp_path / "a.pcap", PACKET).read_bytes()
    assert octets[:HEADER].hex() == "d4c3b2a1020004000000000000000000ffff000000010000"
    assert octets[HEADER:].hex() == (
        "c0615669" "40e20100" "1c000000" "1c000000"  # 1767268800 s, 123456 us, 28 octets twice
        "00" "c3" "00" "00" "d6be898e" "1300"  # RF channel 0, -61 dBm, access address, flags
        "d6be898e" "4209" "05040302" "01c0" "020106"  # ADV_NONCONN_IND, random address
        + link_layer_crc(bytes.fromhex("4209050403020" + "1c0020106")).hex()
    )  # fmt: skip


def bitwise_crc(pdu: bytes) -> bytes:
    """Shift bit by bit through the register of Core 5.3, volume 6, part B, figure 3.4."""
    register = [0x555555 >> position & 1 for position in range(24)]
    for octet in pdu:
        for bit in range(8):
            feedback = register[23] ^ (octet >> bit & 1)
            register = [feedback, *register[:23]]
            for tap in (1, 3, 4, 6, 9, 10):
                register[tap] ^= feedback
    sent = register[::-1]  # position 23 leaves first
    return bytes(sum(sent[8 * i + bit] << bit for bit in range(8)) for i in range(3))


@given(st.binary(max_size=40))
def test_the_crc_is_that_of_the_register(pdu: bytes) -> None:
    assert link_layer_crc(pdu) == bitwise_crc(pdu)


@given(packets=st.lists(PACKETS, max_size=5))
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, packets: list[CapturedPacket]
) -> None:
    path = written(tmp_path_factory.getbasetemp() / "back.pcap", *packets)
    assert list(read_capture(path)) == packets


def test_too_long_a_payload_is_cut_and_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcap", CapturedPacket(NOON, bytes(300)), PACKET)
    first, second = read_capture(path)
    assert (len(first.payload), second) == (249, PACKET)
    head = path.read_bytes()[HEADER + 8 : HEADER + 16]
    assert int.from_bytes(head[4:], "little") - int.from_bytes(head[:4], "little") == 51


def test_every_packet_is_in_the_file_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    with CaptureFile(path) as file:
        for number in range(1, 4):
            file.write(PACKET)
            assert len(list(read_capture(path))) == number


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pcap", PACKET)
    with pytest.raises(InputError, match="never overwritten") as caught:
        CaptureFile(path)
    assert caught.value.code == "file-exists"
    assert list(read_capture(path)) == [PACKET]


@pytest.mark.parametrize("place", ["missing/a.pcap", "/dev/full"])
def test_a_file_that_cannot_be_written(place: str, tmp_path: Path) -> None:
    with pytest.raises(CaptureError) as caught:
        CaptureFile(tmp_path / place)
    assert caught.value.code == "capture-failed"


def test_a_named_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE)
    with CaptureFile(pipe) as file:
        file.write(PACKET)
    out, _ = reading.communicate(timeout=30)
    assert out == written(tmp_path / "a.pcap", PACKET).read_bytes()


ENDLESS = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from meshwright.radio.capture import CapturedPacket, CaptureFile
packet = CapturedPacket(datetime(2026, 1, 1, tzinfo=UTC), bytes(31))
with CaptureFile(Path(sys.argv[1])) as file:
    for number in range(10_000_000):
        file.write(packet)
        if number == 100:
            print("going", flush=True)
"""
RECORD = 16 + 10 + 4 + 2 + 6 + 31 + 3


def test_a_killed_process_leaves_whole_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"going\n"
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    size = path.stat().st_size
    assert (size - HEADER) % RECORD == 0
    assert len(list(read_capture(path))) == (size - HEADER) // RECORD > 100


LIMITED = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from meshwright.radio.capture import CapturedPacket, CaptureError, CaptureFile
packet = CapturedPacket(datetime(2026, 1, 1, tzinfo=UTC), bytes(31))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
with CaptureFile(Path(sys.argv[1])) as file:
    try:
        while True:
            file.write(packet)
    except CaptureError as error:
        print(file.packets, error.code)
"""


def test_a_full_disk_cuts_no_packet(tmp_path: Path) -> None:
    """The limit of the process stands for the disk: it falls into the middle of a record."""
    path = tmp_path / "a.pcap"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    whole = (1000 - HEADER) // RECORD
    assert (done.stdout, done.stderr) == (f"{whole} capture-failed\n", "")
    assert path.stat().st_size == HEADER + whole * RECORD
    assert len(list(read_capture(path))) == whole


# Reading.


def test_a_last_packet_that_is_not_whole_is_left_out(tmp_path: Path) -> None:
    octets = written(tmp_path / "a.pcap", PACKET, PACKET).read_bytes()
    path = tmp_path / "cut.pcap"
    for cut in range(1, (len(octets) - HEADER) // 2):
        path.write_bytes(octets[:-cut])
        assert list(read_capture(path)) == [PACKET]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"nonsense" * 10,
        bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"),  # Ethernet
        bytes.fromhex("a1b2c3d4000200040000000000000000000000ffff00000100"),
        bytes.fromhex("d4c3b2a1020004000000000000000000ffff000000010000") + b"\xff" * 16,
    ],
)
def test_another_file_is_refused(octets: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(octets)
    with pytest.raises(InputError) as caught:
        list(read_capture(path))
    assert caught.value.code == "bad-capture"


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file") as caught:
        list(read_capture(tmp_path / "a.pcap"))
    assert caught.value.code == "bad-capture"


@given(st.binary(max_size=300))
def test_any_records_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, records: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.pcap"
    path.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000000010000") + records)
    try:
        found = list(read_capture(path))
    except InputError as error:
        code = error.code
    else:
        code = "bad-capture"
        assert all(packet.time < NOON + timedelta(days=365 * 200) for packet in found)
    assert code == "bad-capture"
