"""What every radio with GATT must do, whatever it is made of.

Derive from `GattContract`, give it clients and a server in range of one another, and run it. Every
wait is for an event; on asyncio `until` may run the loop until the condition holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

import pytest

from meshwright.core.discovery.service_data import MeshService
from meshwright.radio.errors import PayloadError, RadioBusyError
from meshwright.radio.gatt import (
    SMALLEST_MTU,
    GattClient,
    GattConnection,
    GattListener,
    GattServer,
    ServiceReport,
)

DEVICE = bytes(range(16)) + b"\x80\x01"
"""Service Data of 0x1827."""
NETWORK = b"\x00" + bytes(range(8))
"""Service Data of 0x1828."""
INTERVAL = 0.1


class GattEnd:
    """A listener that writes everything down and sends what is in `to_send` when it can."""

    def __init__(self, *to_send: bytes) -> None:
        self.to_send = list(to_send)
        self.connection: GattConnection | None = None
        self.mtus: list[int] = []
        self.values: list[bytes] = []
        self.reasons: list[str | None] = []
        self.calls = 0

    @property
    def is_open(self) -> bool:
        return bool(self.mtus) and not self.reasons

    @property
    def open_connection(self) -> GattConnection:
        assert self.connection is not None
        return self.connection

    def connected(self, mtu: int, now: float) -> None:
        self.calls += 1
        self.mtus.append(mtu)
        self.pump()
        del now

    def received(self, value: bytes, now: float) -> None:
        self.calls += 1
        self.values.append(value)
        del now

    def ready(self, now: float) -> None:
        self.calls += 1
        self.pump()
        del now

    def disconnected(self, now: float, reason: str | None) -> None:
        self.calls += 1
        self.reasons.append(reason)
        del now

    def pump(self) -> None:
        """Send as much as the connection takes."""
        while self.to_send and self.open_connection.ready:
            self.open_connection.send(self.to_send.pop(0))


class Desk:
    """What a server does with its clients: each gets an end of its own."""

    def __init__(self, *to_send: bytes) -> None:
        self.ends: list[GattEnd] = []
        self._to_send = to_send

    def accept(self, connection: GattConnection, now: float) -> GattListener:
        del now
        end = GattEnd(*self._to_send)
        end.connection = connection
        self.ends.append(end)
        return end


class GattContract(ABC):
    """The tests; an adapter says how to make radios and how time passes."""

    PATIENCE = 30.0
    """Seconds; far more than anything takes."""
    A_WHILE = 1.0
    """Seconds in which what must not happen would have happened."""

    @abstractmethod
    def client(self, number: int) -> GattClient:
        """Return client `number`, 1 or 2; asked again, the same one."""

    @abstractmethod
    def server(self) -> GattServer:
        """Return the one server; asked again, the same one."""

    @abstractmethod
    def nobody(self) -> ServiceReport:
        """Return a report of a server that is not there any more."""

    @abstractmethod
    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        """Let time pass until `condition` holds, but no longer; return whether it holds."""

    # Common steps.

    def wait(self, condition: Callable[[], object]) -> None:
        assert self.until(condition, self.PATIENCE)

    def serve(
        self, *to_send: bytes, service: MeshService = MeshService.PROVISIONING, data: bytes = DEVICE
    ) -> Desk:
        desk = Desk(*to_send)
        self.server().serve(service, lambda: data, desk.accept, interval=INTERVAL)
        return desk

    def find(
        self, service: MeshService = MeshService.PROVISIONING, number: int = 1
    ) -> ServiceReport:
        found: list[ServiceReport] = []
        self.client(number).watch(
            lambda report, _now: found.append(report) if report.service is service else None
        )
        self.wait(lambda: found)
        self.client(number).watch(None)
        return found[0]

    def connect(self, report: ServiceReport, *to_send: bytes, number: int = 1) -> GattEnd:
        end = GattEnd(*to_send)
        end.connection = self.client(number).connect(report, end)
        return end

    def pair(
        self, *, client: tuple[bytes, ...] = (), server: tuple[bytes, ...] = ()
    ) -> tuple[GattEnd, GattEnd]:
        """Return both ends of an open connection, and let them send."""
        desk = self.serve(*server)
        end = self.connect(self.find(), *client)
        self.wait(lambda: end.is_open and desk.ends and desk.ends[0].is_open)
        return end, desk.ends[0]

    # Finding.

    def test_a_server_is_found_by_its_service_and_data(self) -> None:
        self.serve()
        report = self.find()
        assert report.service is MeshService.PROVISIONING
        assert report.data == DEVICE
        assert report.address is None or len(report.address) == 6

    def test_the_proxy_service_is_found_too(self) -> None:
        self.serve(service=MeshService.PROXY, data=NETWORK)
        assert self.find(MeshService.PROXY).data == NETWORK

    def test_the_data_is_asked_for_again(self) -> None:
        seen: list[bytes] = []
        current = [DEVICE]
        self.server().serve(
            MeshService.PROVISIONING, lambda: current[0], Desk().accept, interval=INTERVAL
        )
        self.client(1).watch(lambda report, _now: seen.append(report.data))
        self.wait(lambda: DEVICE in seen)
        current[0] = DEVICE[::-1]
        self.wait(lambda: DEVICE[::-1] in seen)

    def test_nobody_is_told_who_does_not_watch(self) -> None:
        self.serve()
        self.find()
        seen: list[ServiceReport] = []
        self.client(1).watch(lambda report, _now: seen.append(report))
        self.client(1).watch(None)
        assert not self.until(lambda: seen, self.A_WHILE)

    def test_who_has_stopped_is_not_found(self) -> None:
        self.serve()
        self.find()
        self.server().stop()
        self.until(lambda: False, self.A_WHILE)  # what was on its way
        seen: list[ServiceReport] = []
        self.client(1).watch(lambda report, _now: seen.append(report))
        assert not self.until(lambda: seen, self.A_WHILE)

    # Connecting.

    def test_both_ends_agree_on_an_mtu(self) -> None:
        client, server = self.pair()
        assert client.mtus == server.mtus
        assert client.mtus[0] >= SMALLEST_MTU
        assert client.open_connection.mtu == server.open_connection.mtu == client.mtus[0]

    def test_a_connection_that_is_being_made_takes_nothing(self) -> None:
        self.serve()
        connection = self.connect(self.find()).open_connection
        assert connection.mtu == SMALLEST_MTU
        assert not connection.ready
        with pytest.raises(RadioBusyError):
            connection.send(b"early")

    def test_connecting_to_nobody_ends(self) -> None:
        end = self.connect(self.nobody())
        self.wait(lambda: end.reasons)
        assert end.mtus == []

    def test_a_connection_can_be_given_up_while_it_is_made(self) -> None:
        end = self.connect(self.nobody())
        end.open_connection.disconnect()
        end.open_connection.disconnect()
        assert end.calls == 0
        self.wait(lambda: end.reasons)
        assert not self.until(lambda: end.calls > 1, self.A_WHILE)

    def test_one_client_at_a_time(self) -> None:
        self.serve()
        report = self.find(number=2)
        first = self.connect(self.find())
        self.wait(lambda: first.is_open)
        second = self.connect(report, number=2)
        self.until(lambda: second.is_open, self.A_WHILE)
        assert not second.is_open
        assert first.is_open

    def test_nothing_is_advertised_while_a_client_is_connected(self) -> None:
        client, _ = self.pair()
        self.until(lambda: False, self.A_WHILE)  # what was on its way
        seen: list[ServiceReport] = []
        self.client(2).watch(lambda report, _now: seen.append(report))
        assert not self.until(lambda: seen, self.A_WHILE)
        client.open_connection.disconnect()
        self.wait(lambda: seen)

    def test_stopping_leaves_the_connection_open(self) -> None:
        client, server = self.pair()
        self.server().stop()
        self.until(lambda: False, self.A_WHILE)
        client.open_connection.send(b"still there")
        self.wait(lambda: server.values == [b"still there"])

    def test_a_second_connection_after_the_first(self) -> None:
        desk = self.serve()
        for number in (1, 2, 1):
            self.visit(desk, number)
        assert len(desk.ends) == 3

    def visit(self, desk: Desk, number: int) -> None:
        before = len(desk.ends)
        end = self.connect(self.find(number=number), b"hello", number=number)
        self.wait(lambda: len(desk.ends) > before and desk.ends[-1].values == [b"hello"])
        end.open_connection.disconnect()
        self.wait(lambda: desk.ends[-1].reasons and end.reasons)

    # Values.

    def test_values_arrive_whole_and_in_order(self) -> None:
        written = tuple(bytes([number]) * (1 + number % 20) for number in range(40))
        notified = tuple(bytes([number]) * (20 - number % 20) for number in range(40))
        client, server = self.pair(client=written, server=notified)
        self.wait(lambda: len(server.values) == len(client.values) == 40)
        assert tuple(server.values) == written
        assert tuple(client.values) == notified

    def test_the_longest_value_arrives(self) -> None:
        client, server = self.pair()
        longest = bytes(number % 256 for number in range(min(client.mtus[0] - 3, 512)))
        client.open_connection.send(longest)
        server.open_connection.send(longest)
        self.wait(lambda: server.values and client.values)
        assert server.values == client.values == [longest]

    @pytest.mark.parametrize("more", [0, 1])
    def test_a_value_of_the_wrong_size_is_refused(self, more: int) -> None:
        ends = self.pair()
        wrong = bytes(more * (min(ends[0].mtus[0] - 3, 512) + 1))
        for end in ends:
            with pytest.raises(PayloadError) as caught:
                end.open_connection.send(wrong)
            assert caught.value.code == "value-size"
            assert end.open_connection.ready
        assert not self.until(lambda: ends[0].values or ends[1].values, self.A_WHILE)

    def test_no_more_is_taken_than_can_be_sent(self) -> None:
        client, server = self.pair()
        sent = 0
        while client.open_connection.ready and sent < 100_000:
            client.open_connection.send(b"flood")
            sent += 1
        with pytest.raises(RadioBusyError) as caught:
            client.open_connection.send(b"flood")
        assert caught.value.code == "radio-busy"
        self.wait(lambda: client.open_connection.ready)
        self.wait(lambda: len(server.values) == sent)

    # Ending.

    @pytest.mark.parametrize("leaves", [0, 1])
    def test_what_was_sent_leaves_before_the_end(self, leaves: int) -> None:
        ends = self.pair()
        one, other = ends[leaves], ends[1 - leaves]
        one.open_connection.send(b"last word")
        one.open_connection.disconnect()
        self.wait(lambda: other.reasons and one.reasons)
        assert other.values == [b"last word"]

    @pytest.mark.parametrize("leaves", [0, 1])
    def test_both_ends_learn_once_of_a_disconnect(self, leaves: int) -> None:
        ends = self.pair()
        ends[leaves].open_connection.disconnect()
        ends[leaves].open_connection.disconnect()
        self.wait(lambda: ends[0].reasons and ends[1].reasons)
        self.until(lambda: False, self.A_WHILE)
        assert [len(end.reasons) for end in ends] == [1, 1]

    def test_a_connection_that_is_gone_takes_nothing(self) -> None:
        ends = self.pair()
        ends[0].open_connection.disconnect()
        self.wait(lambda: ends[0].reasons and ends[1].reasons)
        calls = ends[0].calls + ends[1].calls
        for end in ends:
            assert not end.open_connection.ready
            with pytest.raises(RadioBusyError):
                end.open_connection.send(b"late")
            end.open_connection.switch(MeshService.PROXY)
            end.open_connection.disconnect()
        assert not self.until(lambda: ends[0].calls + ends[1].calls > calls, self.A_WHILE)

    def test_nobody_is_called_back_within_a_call(self) -> None:
        end = GattEnd()
        desk = self.serve()
        assert desk.ends == []
        end.connection = self.client(1).connect(self.find(), end)
        assert end.calls == 0
        self.wait(lambda: end.is_open and desk.ends and desk.ends[0].is_open)
        connection, before = end.open_connection, end.calls
        connection.send(b"value")
        connection.switch(MeshService.PROXY)
        connection.disconnect()
        assert end.calls == before

    # Handing on.

    def test_an_open_connection_is_handed_on(self) -> None:
        client, server = self.pair()
        heir, other_heir = GattEnd(), GattEnd()
        for end, new in ((client, heir), (server, other_heir)):
            new.connection = end.open_connection
            end.open_connection.listen(new)
        heir.open_connection.send(b"in")
        other_heir.open_connection.send(b"out")
        self.wait(lambda: heir.values and other_heir.values)
        assert (other_heir.values, heir.values) == ([b"in"], [b"out"])
        heir.open_connection.disconnect()
        self.wait(lambda: heir.reasons and other_heir.reasons)
        assert client.values == server.values == []
        assert client.reasons == server.reasons == []

    def test_without_a_listener_nothing_breaks(self) -> None:
        client, server = self.pair()
        server.open_connection.listen(None)
        client.open_connection.send(b"to nobody")
        self.until(lambda: False, self.A_WHILE)
        server.open_connection.listen(server)
        client.open_connection.send(b"to somebody")
        self.wait(lambda: server.values)
        assert server.values == [b"to somebody"]

    @pytest.mark.parametrize("first", [0, 1])
    def test_a_connection_switches_to_the_proxy_service(self, first: int) -> None:
        ends = self.pair()
        ends[first].open_connection.switch(MeshService.PROXY)
        ends[1 - first].open_connection.switch(MeshService.PROXY)
        self.wait(lambda: all(len(end.mtus) == 2 for end in ends))
        ends[0].open_connection.send(b"\x00network")
        ends[1].open_connection.send(b"\x01beacon")
        self.wait(lambda: ends[0].values and ends[1].values)
        assert ends[1].values == [b"\x00network"]
        assert ends[0].values == [b"\x01beacon"]

    def test_a_client_cannot_switch_to_what_is_not_there(self) -> None:
        client, _ = self.pair()
        client.open_connection.switch(MeshService.PROXY)
        assert not client.open_connection.ready
        self.wait(lambda: client.reasons)
        assert len(client.mtus) == 1
