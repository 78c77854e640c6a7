"""Datagram radios: what is lost, their files, and peers that know nothing of us."""

from __future__ import annotations

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import pytest
from tests.radio.contract import ONE, OTHER
from tests.radio.leaping import LeapingLoop
from tests.radio.recorder import Recorder
from tests.radio.waiting import until

from meshwright.core.discovery.ad import AdType, structure
from meshwright.core.errors import InputError, MachineError, MeshwrightError
from meshwright.radio.datagrams.radio import DatagramRadio, open_station

LOCALHOST = "127.0.0.1"


@pytest.fixture
def loop() -> Iterator[LeapingLoop]:
    with closing(LeapingLoop()) as loop:
        yield loop


@asynccontextmanager
async def opened(spec: str) -> AsyncIterator[DatagramRadio]:
    station = await open_station(spec)
    try:
        yield cast("DatagramRadio", station.radio)
    finally:
        await station.close()


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[socket.socket]:
    """Return a plain socket at `there`: a program that is not ours."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "there"))
        sock.settimeout(30)
        yield sock


def spec_in(folder: Path, options: str = "") -> str:
    return f"unix:{folder / 'here'},{folder / 'there'}{options}"


# What is in a datagram.


@pytest.mark.parametrize(("options", "octets"), [("", ONE), ("?length=no", ONE[1:])])
def test_one_structure_a_datagram(
    loop: LeapingLoop, tmp_path: Path, peer: socket.socket, options: str, octets: bytes
) -> None:
    async def main() -> None:
        async with opened(spec_in(tmp_path, options)) as radio:
            recorder = Recorder(radio)
            peer.sendto(octets, str(tmp_path / "here"))
            await until(lambda: recorder.reports)
            assert recorder.payloads == [ONE]
            radio.transmit(ONE)
            assert peer.recv(64) == octets
            await until(lambda: radio.ready)
            radio.transmit(structure(AdType.URI, b"one") + structure(AdType.PB_ADV, b"two"))
            left_out = len(ONE) - len(octets)
            assert peer.recv(64) == structure(AdType.URI, b"one")[left_out:]
            assert peer.recv(64) == structure(AdType.PB_ADV, b"two")[left_out:]

    loop.run_until_complete(main())


MALFORMED = [
    b"",
    b"\x00",
    b"\x01",
    b"\x02\x2a",
    ONE + b"\x00",
    ONE[:-1],
    ONE + ONE[:3],
    bytes([31, 0x2A]) + bytes(30),
    bytes(2000),
]


def test_what_is_malformed_is_dropped_and_counted(
    loop: LeapingLoop, tmp_path: Path, peer: socket.socket
) -> None:
    async def main() -> None:
        async with opened(spec_in(tmp_path)) as radio:
            recorder = Recorder(radio)
            for datagram in MALFORMED:
                peer.sendto(datagram, str(tmp_path / "here"))
            await until(lambda: radio.statistics.malformed == len(MALFORMED))
            peer.sendto(ONE, str(tmp_path / "here"))
            await until(lambda: recorder.reports)
            assert recorder.payloads == [ONE]
            assert (radio.statistics.heard, radio.statistics.malformed) == (1, len(MALFORMED))

    loop.run_until_complete(main())


# What is lost is lost.


def test_nobody_there_is_no_error(loop: LeapingLoop, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(spec_in(tmp_path)) as radio:
            recorder = Recorder(radio, ONE, ONE)
            await until(lambda: len(recorder.sent_at) == 2 and radio.ready)
            assert (radio.statistics.sent, radio.statistics.lost) == (0, 2)

    loop.run_until_complete(main())


def test_a_full_peer_loses_and_hears_again_when_it_has_read(
    loop: LeapingLoop, tmp_path: Path, peer: socket.socket
) -> None:
    async def main() -> None:
        async with opened(spec_in(tmp_path, "?pacing=0")) as radio:
            recorder = Recorder(radio)
            recorder.to_send = [ONE] * 5000
            await until(lambda: not recorder.to_send and radio.ready)
            assert len(recorder.sent_at) == 5000
            assert 0 < radio.statistics.sent < 5000
            assert radio.statistics.sent + radio.statistics.lost == 5000
            for _ in range(radio.statistics.sent):
                assert peer.recv(64) == ONE
            radio.transmit(OTHER)
            assert peer.recv(64) == OTHER

    loop.run_until_complete(main())


def test_a_peer_may_come_late_and_come_back(loop: LeapingLoop, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"

    async def main() -> None:
        async with opened(f"unix:{here},{there}") as radio:
            Recorder(radio, ONE)
            await until(lambda: radio.statistics.lost)
            for _ in range(2):
                async with opened(f"unix:{there},{here}") as other:
                    recorder = Recorder(other)
                    await until(lambda: radio.ready)
                    radio.transmit(ONE)
                    await until(partial(bool, recorder.reports))
            await until(lambda: radio.ready)
            radio.transmit(ONE)
            assert radio.statistics.lost == 2

    loop.run_until_complete(main())


def test_three_programs_share_an_air(loop: LeapingLoop, tmp_path: Path) -> None:
    async def main() -> None:
        names = [str(tmp_path / name) for name in "abc"]
        specs = ["unix:" + ",".join([name, *(n for n in names if n != name)]) for name in names]
        async with opened(specs[0]) as a, opened(specs[1]) as b, opened(specs[2]) as c:
            Recorder(a, ONE)
            hearers = Recorder(b), Recorder(c, OTHER)
            await until(lambda: hearers[0].payloads == [ONE, OTHER])
            assert hearers[1].payloads == [ONE]

    loop.run_until_complete(main())


def test_a_new_listener_is_not_told_of_the_packets_of_another(
    loop: LeapingLoop, tmp_path: Path
) -> None:
    async def main() -> None:
        async with opened(spec_in(tmp_path)) as radio:
            first = Recorder(radio)
            radio.transmit(ONE)
            second = Recorder(radio)
            await until(lambda: second.ready_at)
            assert first.sent_at == second.sent_at == []

    loop.run_until_complete(main())


# Socket files.


def refused(loop: LeapingLoop, spec: str) -> MeshwrightError:
    with pytest.raises((InputError, MachineError)) as caught:
        loop.run_until_complete(open_station(spec))
    return caught.value


def test_the_file_goes_when_the_radio_closes(loop: LeapingLoop, tmp_path: Path) -> None:
    async def main() -> None:
        station = await open_station(spec_in(tmp_path))
        assert (tmp_path / "here").is_socket()
        await station.close()
        assert not (tmp_path / "here").exists()
        await station.close()
        assert station.radio is not None
        assert not station.radio.ready

    loop.run_until_complete(main())


def test_a_file_that_nobody_answers_on_is_replaced(loop: LeapingLoop, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as killed:
        killed.bind(str(tmp_path / "here"))

    async def main() -> None:
        async with opened(spec_in(tmp_path)):
            assert (tmp_path / "here").is_socket()

    loop.run_until_complete(main())


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_socket_in_use_is_left_alone(
    loop: LeapingLoop, tmp_path: Path, kind: socket.SocketKind
) -> None:
    with socket.socket(socket.AF_UNIX, kind) as theirs:
        theirs.bind(str(tmp_path / "here"))
        if kind is socket.SOCK_STREAM:
            theirs.listen()
        assert refused(loop, spec_in(tmp_path)).code == "radio-in-use"
        assert (tmp_path / "here").is_socket()


def test_a_socket_that_talks_to_somebody_else_is_in_use(loop: LeapingLoop, tmp_path: Path) -> None:
    first, second = (socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2))
    with first, second:
        first.bind(str(tmp_path / "here"))
        second.bind(str(tmp_path / "second"))
        first.connect(str(tmp_path / "second"))
        assert refused(loop, spec_in(tmp_path)).code == "radio-in-use"


def test_no_other_file_is_ever_removed(loop: LeapingLoop, tmp_path: Path) -> None:
    (tmp_path / "here").write_text("precious")
    assert refused(loop, spec_in(tmp_path)).code == "radio-in-use"
    assert (tmp_path / "here").read_text() == "precious"


def test_somebody_elses_file_survives_our_closing(loop: LeapingLoop, tmp_path: Path) -> None:
    async def main() -> None:
        async with opened(spec_in(tmp_path)):
            (tmp_path / "here").unlink()
            (tmp_path / "here").write_text("theirs")
        assert (tmp_path / "here").read_text() == "theirs"

    loop.run_until_complete(main())


@pytest.mark.parametrize(
    "local", ["x" * 200, "nowhere/here", "\udbff"], ids=["too long", "no folder", "no text"]
)
def test_a_path_that_cannot_be(loop: LeapingLoop, tmp_path: Path, local: str) -> None:
    error = refused(loop, f"unix:{tmp_path}/{local},there")
    assert error.code == "radio-address"
    assert isinstance(error, InputError)


@pytest.mark.parametrize("remote", ["x" * 200, "\udbff"], ids=["too long", "no text"])
def test_a_remote_that_can_never_be(loop: LeapingLoop, tmp_path: Path, remote: str) -> None:
    assert refused(loop, f"unix:{tmp_path}/here,{tmp_path}/{remote}").code == "radio-address"
    assert not (tmp_path / "here").exists()


def test_a_system_without_unix_sockets(
    loop: LeapingLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(socket, "AF_UNIX")
    assert refused(loop, spec_in(tmp_path)).code == "radio-unsupported"


def test_a_folder_of_somebody_else(loop: LeapingLoop, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with as_nobody():
        assert refused(loop, spec_in(tmp_path)).code == "radio-permission"


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be a user that may not write everywhere."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.enable_socket
def test_a_port_in_use(loop: LeapingLoop) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as theirs:
        theirs.bind((LOCALHOST, 0))
        own = theirs.getsockname()[1]
        error = refused(loop, f"udp:{LOCALHOST}:{own},{LOCALHOST}:{own ^ 1}")
    assert error.code == "radio-in-use"


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "places",
    [
        "192.0.2.1:5000,127.0.0.1:5001",  # not an address of this machine (RFC 5737)
        "127.0.0.1:5000,[::1]:5001",
        "127.0.0.1:5000,a..b:5001",
    ],
)
def test_a_host_that_cannot_be(loop: LeapingLoop, places: str) -> None:
    assert refused(loop, f"udp:{places}").code == "radio-address"


def test_every_place_has_an_address_of_its_own(loop: LeapingLoop, tmp_path: Path) -> None:
    async def main() -> None:
        here, there = tmp_path / "here", tmp_path / "there"
        async with opened(f"unix:{here},{there}") as one, opened(f"unix:{there},{here}") as other:
            assert one.address != other.address
            assert {radio.address[0] >> 6 for radio in (one, other)} == {0b11}

    loop.run_until_complete(main())
