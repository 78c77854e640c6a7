"""One controller behind TCP HCI: examined, lost when its process dies, and never there."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.interop.bumble.processes import LIMIT, running
from tests.radio.contract import ONE
from tests.radio.recorder import Recorder
from tests.radio.waiting import until

from meshwright.core.errors import InputError, MachineError
from meshwright.radio.bumble.radio import examine, open_station

pytestmark = pytest.mark.enable_socket
LOCALHOST = "127.0.0.1"


def test_a_controller_is_examined() -> None:
    async def main() -> None:
        async with running("air", "extended") as air:
            (port,) = await air.line()
            facts = await examine(f"tcp-client:{LOCALHOST}:{port}?sets=2")
            again = await examine(f"tcp-client:{LOCALHOST}:{port}?sets=0")
            await air.end()
        assert (facts.sets, facts.sets_end, facts.identity.version) == (2, True, "5.0")
        assert again.sets == 0
        assert facts.address != again.address

    asyncio.run(main())


def test_the_owner_learns_that_the_process_has_died() -> None:
    async def main() -> None:
        async with running("air", "legacy") as air:
            (port,) = await air.line()
            station = await open_station(f"tcp-client:{LOCALHOST}:{port}")
            assert station.radio is not None
            assert station.lost is not None
            recorder = Recorder(station.radio, *[ONE] * 1000)
            await until(lambda: len(recorder.sent_at) > 2)
            air.process.kill()
            error = await asyncio.wait_for(station.lost, LIMIT)
            assert error.code == "radio-lost"
            assert not station.radio.ready
            await station.close()
            await station.close()

    asyncio.run(main())


def test_nobody_listens_there() -> None:
    with socket.socket() as free:
        free.bind((LOCALHOST, 0))
        spec = f"tcp-client:{LOCALHOST}:{free.getsockname()[1]}"
        with pytest.raises(MachineError) as caught:
            asyncio.run(open_station(spec))
    assert caught.value.code == "radio-not-found"
    assert spec in str(caught.value)


def test_a_host_without_a_port() -> None:
    with pytest.raises(InputError) as caught:
        asyncio.run(open_station("tcp-client:localhost"))
    assert caught.value.code == "bad-radio"


def test_somebody_who_is_no_controller() -> None:
    """What answers nonsense is as silent as nobody, and never ends in a traceback."""

    async def main() -> None:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(4)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(talk, LOCALHOST, 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(MachineError) as caught:
            await open_station(f"tcp-client:{LOCALHOST}:{port}")
        server.close()
        await server.wait_closed()
        assert caught.value.code in ("radio-lost", "radio-silent")

    asyncio.run(main())
